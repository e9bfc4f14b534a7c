"""Answers and their provenance; blinding and shuffling."""
