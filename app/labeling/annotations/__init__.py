"""Tasks, their assignments, drafts and submissions; the instruments: rating, flags, ranking, writing."""
