"""Security modules and keys outside this process: how they are declared, opened and asked."""
