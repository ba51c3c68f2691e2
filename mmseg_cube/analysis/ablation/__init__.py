"""Variants of a Cube network, trained and compared at equal schedule."""
