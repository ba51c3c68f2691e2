"""Where commands find a check that has moved."""

from mmseg_cube.cli.arguments import positive

__all__ = ['positive']
