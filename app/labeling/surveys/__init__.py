"""A voluntary, anonymous survey of how labelers find their work: rounds, the form, and what may be told of it."""
