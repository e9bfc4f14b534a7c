"""Gold: researchers agree on a verdict for an item, to teach with and to measure others by."""
