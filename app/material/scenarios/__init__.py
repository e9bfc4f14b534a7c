"""The library of scenarios from which labelers write prompts."""
