"""ISO 8583 terminals and switches. See README.md beside this."""
