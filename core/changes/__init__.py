"""Changes in a customer's life: payment mode, meter, moving out and in, another holder."""
