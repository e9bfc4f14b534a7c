"""Generators: servers that answer in place of a model of ours."""
