"""Label schemas: the questions about a prompt and about each answer, as versions that an admin edits."""
