"""The command ``mmseg-cube``: one frame, and a module per sub-command."""

from mmseg_cube.cli.frame import main

__all__ = ['main']
