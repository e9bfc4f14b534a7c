"""Frozen training sets and exports."""
