"""The one door to what people said: what counts for which purpose (``rules``), as SQL (``queries``), as arrays."""
