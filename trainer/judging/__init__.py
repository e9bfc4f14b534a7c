"""How good a reward model is, measured: pure functions on scores and ranks (numpy, never torch)."""
