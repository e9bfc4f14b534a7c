"""What labelers say together: one order of each task, how sure it is, and how far each labeler can be relied upon."""
