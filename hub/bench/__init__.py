"""What `wattbus bench NAME` measures, one module per name, each with `run()`."""
