"""Correlation of the gradients of channels: capture, statistics, report."""
