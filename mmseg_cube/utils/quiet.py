"""Keeping libraries from talking over our own messages."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from mmengine.logging import MMLogger

# OpenCV 5 moved these functions to a module of their own.
OPENCV_LOG = getattr(cv2.utils, 'logging', cv2)
SILENT, ERRORS, WARNINGS = 0, 2, 3  # OpenCV's log levels


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence what the decoders say besides raising.

    The settings belong to the process: enter once around a pool of threads,
    never inside its workers.
    """
    level = OPENCV_LOG.getLogLevel()
    OPENCV_LOG.setLogLevel(SILENT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        OPENCV_LOG.setLogLevel(level)


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


def mute_geotiff_tags() -> None:
    """Stop OpenCV from printing four warnings for every GeoTIFF it reads.

    They say that it does not know the tags of the georeference. A log level
    that the user has set stays.
    """
    if (
        'OPENCV_LOG_LEVEL' not in os.environ
        and OPENCV_LOG.getLogLevel() == WARNINGS
    ):
        OPENCV_LOG.setLogLevel(ERRORS)
