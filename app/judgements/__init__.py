"""The one door to what people said: which annotations count, and for which purpose."""
