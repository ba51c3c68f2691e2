"""Keeping libraries from talking over our own messages."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import MMLogger


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence what the decoders say besides raising.

    The setting belongs to the process: enter once around a pool of threads,
    never inside its workers.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


@contextmanager
def quiet_log() -> Iterator[None]:
    """Keep all but warnings out of mmengine's log, then restore it."""
    log = MMLogger.get_current_instance()
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
