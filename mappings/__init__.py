"""Data that integrators edit without code: tariffs, texts, menus, dialects. No Python here."""
