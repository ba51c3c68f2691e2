"""Time and memory of whole networks against a baseline."""
