"""The business: pure decisions on plain data, in the field's words. No I/O, clock or chance."""
