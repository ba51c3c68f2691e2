"""Time and memory of the operator and of whole networks, side by side."""
