"""Campaigns: making them, changing them, how far they are, and how their labelers are calibrated."""
