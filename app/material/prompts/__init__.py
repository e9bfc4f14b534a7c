"""The prompt pool: its pages, and what a good prompt is."""
