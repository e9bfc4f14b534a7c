"""What labelers say together: one order of each task with its doubt, and how far each labeler can be relied upon."""
