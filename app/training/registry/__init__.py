"""Model versions and their parents."""
