"""The command line, one module per verb; `hub.__main__` mounts them by name."""
