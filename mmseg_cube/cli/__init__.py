"""The command ``mmseg-cube``: one frame, and a module per sub-command."""

import sys

from mmseg_cube.cli.frame import main

__all__ = ['main', 'run_script']


def run_script(*words: str) -> None:
    """Stand for a command, with the words of the script behind its own."""
    sys.exit(main([*words, *sys.argv[1:]]))
