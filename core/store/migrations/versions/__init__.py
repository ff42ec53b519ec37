"""One line of migrations for both engines; a test sees that it has one head."""
