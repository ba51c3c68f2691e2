"""Callables timed in turns, their reports and charts."""
