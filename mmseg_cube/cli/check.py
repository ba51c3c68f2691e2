"""Say what is installed and whether it works, for reports of faults."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: there is nothing to choose."""


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 if a part does not work."""
    from mmseg_cube.check import main

    return main()
