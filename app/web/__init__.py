"""What every page needs and no room owns."""
