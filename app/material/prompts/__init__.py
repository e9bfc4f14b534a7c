"""The prompt pool: importers, corpora, the pool page."""
