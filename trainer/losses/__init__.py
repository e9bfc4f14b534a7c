"""The trainer's mathematics: pure functions, each formula once. In every mask True counts."""
