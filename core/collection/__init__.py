"""Collection: what customers owe, the money that pays it, and what is agreed about it."""
