"""Where studies find a function that has moved."""

from mmseg_cube.analysis.speed.rounds import describe_machine

__all__ = ['describe_machine']
