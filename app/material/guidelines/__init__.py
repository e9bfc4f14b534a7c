"""Versioned instructions for labelers, who has read them, and the questions that are left."""
