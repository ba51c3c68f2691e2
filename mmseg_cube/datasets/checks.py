"""The checks that a dataset passes before the first image is trained on."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from mmengine.dist import is_main_process
from rich.progress import Progress

from .errors import DatasetError, RasterError, listing
from .masks import read_building_mask
from .quiet import quiet_libraries
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
    verified = VerifiedFiles(root)
    with quiet_libraries():
        faults = _check_all(samples, verified, f'{owner}: checking files')
    verified.save()
    if faults:
        raise DatasetError(
            f'{owner}: {len(faults)} of {len(samples)} samples cannot be '
            f'used:\n{listing(faults)}\nNext: repair these files or take '
            'image and mask out of their folders. verify=False skips this '
            'check.'
        )


def _check_all(
    samples: Sequence[dict], verified: VerifiedFiles, title: str
) -> list[str]:
    pool = ThreadPoolExecutor(min(_cores(), MAX_THREADS))
    try:
        jobs = [pool.submit(_check, each, verified) for each in samples]
        _watch(jobs, title)
        return [job.result() for job in jobs if job.result()]
    finally:
        # After Ctrl-C the files still waiting must not be read.
        pool.shutdown(cancel_futures=True)


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
        return f'{path}: {error}'
    if image == mask:
        return ''
    return (
        f'{mask_path}: mask is {mask[1]} x {mask[0]} pixels, its image is '
        f'{image[1]} x {image[0]}. Cut both from the same extent.'
    )


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
