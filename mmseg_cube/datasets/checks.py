"""The checks that a dataset passes before the first image is trained on."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from rich.progress import Progress

from mmseg_cube.utils.quiet import quiet_libraries

from .building_windows import find_swap, mismatch
from .errors import DatasetError, RasterError, listing
from .masks import read_building_mask
from .rasters import check_image
from .verified import VerifiedFiles

MAX_THREADS = 16  # a 5000 x 5000 tile needs about 150 MB while it is checked
PATIENCE = 2.0  # seconds without a progress bar


def check_samples(owner: str, samples: Sequence[dict], root: Path) -> None:
    """Decode every image and mask once and hold them to the contract.

    Files that passed before and have not changed since are not read again.

    Args:
        owner: Name of the dataset class, for the error text.
        samples: Dicts with ``img_path`` and, if labelled, ``seg_map_path``.
        root: Folder of the dataset.

    Raises:
        DatasetError: If files are bad; one error names the first of them.
    """
    title = f'{owner}: checking files'
    faults = inspect_samples(samples, root, _check, title)
    refuse(
        owner,
        [fault for fault in faults if fault],
        len(samples),
        'verify=False skips this check.',
    )


def inspect_samples(
    samples: Sequence[dict],
    root: Path,
    inspect: Callable[[dict, VerifiedFiles], Any],
    title: str,
) -> list:
    """Look into the files of samples, several at a time.

    Args:
        samples: Dicts with ``img_path`` and, if labelled, ``seg_map_path``.
        root: Folder of the dataset.
        inspect: Takes a sample and the memory of earlier runs, which is kept
            for later ones.
        title: Says what is done, should it take long.

    Returns:
        What ``inspect`` returned, in the order of the samples.
    """
    verified = VerifiedFiles(root)
    pool = ThreadPoolExecutor(min(_cores(), MAX_THREADS))
    with quiet_libraries():
        try:
            jobs = [pool.submit(inspect, each, verified) for each in samples]
            _watch(jobs, title)
            return [job.result() for job in jobs]
        finally:
            # After Ctrl-C the files still waiting must not be read, and
            # those that were need not be read again.
            pool.shutdown(cancel_futures=True)
            verified.save()


def refuse(
    owner: str, faults: Sequence[str], count: int, hint: str = ''
) -> None:
    """Raise one error for all faults of a dataset, if there are any.

    Args:
        owner: Name of the dataset class.
        faults: One line of text per fault.
        count: Number of samples.
        hint: What else may be done about it.

    Raises:
        DatasetError: Naming the first of them.
    """
    if faults:
        raise DatasetError(
            f'{owner}: {len(faults)} of {count} samples cannot be '
            f'used:\n{listing(faults)}\nNext: repair these files or take '
            f'image and mask out of their folders. {hint}'.rstrip()
        )


def _check(sample: dict, verified: VerifiedFiles) -> str:
    """Check one image and its mask; return the fault, empty if none."""
    path = sample['img_path']
    mask_path = sample.get('seg_map_path')
    try:
        image = _shape('image', path, verified)
        if mask_path is None:
            return ''
        path = mask_path
        mask = _shape('mask', path, verified)
    except RasterError as error:
        swap = mask_path and find_swap(sample['img_path'], mask_path)
        return f'{path}: {swap or error}'
    return mismatch(mask_path, image, mask)


def _shape(kind: str, path: str, verified: VerifiedFiles) -> tuple[int, int]:
    try:
        shape = verified.recall(kind, path)
        if shape is None:
            stamp = verified.stamp(path)
            shape = (
                check_image(path)
                if kind == 'image'
                else read_building_mask(path, path).shape
            )
            verified.remember(kind, path, stamp, shape)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RasterError(
            f'cannot be opened ({reason})', 'Check the link and its rights.'
        ) from error
    return shape


def _watch(jobs: Sequence[Future], title: str) -> None:
    """Wait for all jobs; show a bar when that takes long."""
    waiting = as_completed(jobs)
    deadline = time.monotonic() + PATIENCE
    done = 0
    for _ in waiting:
        done += 1
        if time.monotonic() > deadline:
            break
    if done == len(jobs):
        return
    with Progress(transient=True, disable=not is_main_process()) as bar:
        task = bar.add_task(title, total=len(jobs), completed=done)
        for _ in waiting:
            bar.advance(task)


def _cores() -> int:
    # The cores this process may use, which a cluster often limits.
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
