"""Choosing where to compute."""

import textwrap

import torch

LONGEST_REASON = 300  # letters


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """Return a device that can be used; None takes a GPU if there is one.

    Raises:
        ValueError: If there is no such device.
    """
    if name is None:
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        # A tensor tells which GPU 'cuda' is; some functions want the index.
        return torch.empty(1, device=torch.device(name)).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'device {name} cannot be used; try cpu. {shorten(error)}'
        ) from error


def shorten(error: Exception) -> str:
    """Say what torch reports, without the pages of it."""
    return textwrap.shorten(str(error), LONGEST_REASON, placeholder=' ...')
