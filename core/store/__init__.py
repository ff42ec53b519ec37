"""Where Wattbus keeps what it knows: tables, set-wise statements on SQLite and PostgreSQL."""
