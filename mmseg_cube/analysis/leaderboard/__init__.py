"""Finished runs in rows, beside published scores."""
