"""Rows from files of any container: reading, names of fields, and what is laid down until it is written."""
