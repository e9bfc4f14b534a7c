"""Data of others: shapes of files, drafts of what they say, and the writer that brings them in."""
