"""The demo: a small world made from the documentation that every Python carries, and people to live in it."""
