"""Demonstrations that may not be a person's own work: evidence gathered for a person who decides, never a verdict."""
