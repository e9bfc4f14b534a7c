"""Whether the labels can be relied on: agreement between people, and what they say together."""
