"""A labeler's own page: progress, history, active time, skips and questions; nobody else's, and nobody else sees it."""
