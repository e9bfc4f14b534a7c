"""Training runs as durable workflows."""
