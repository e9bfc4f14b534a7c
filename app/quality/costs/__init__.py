"""What labels cost: active time by kind of work, comparisons per hour, and what a budget buys at a wage."""
