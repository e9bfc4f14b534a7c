"""How good the judgements are. Each room looks at them in its own way, and none leans on another."""
