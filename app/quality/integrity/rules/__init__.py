"""Pure rules of the integrity queue."""
