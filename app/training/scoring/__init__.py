"""Scores for any prompt and answers by a chosen reward model: by page, by file, by API, by command."""
