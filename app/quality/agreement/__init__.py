"""How far people agree: read from the database, reported on a page, as CSV and JSON, and kept while it holds."""
