"""The checks that a dataset passes before the first image is trained on."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from joblib import cpu_count
from mmengine.dist import is_main_process

from mmseg_cube.datasets.contract import (
    check_image,
    find_swap,
    read_mask,
    refuse_mismatch,
)
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.file_facts import Facts, FileFacts
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.utils.words import listing

MAX_THREADS = 16  # a 5000 x 5000 tile needs about 150 MB while it is checked
PATIENCE = 2.0  # seconds without a bar of progress


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
    hint = ' verify=False skips this check.'
    inspect_samples(owner, samples, root, _check, 'checking files', hint)


def inspect_samples(
    owner: str,
    samples: Sequence[dict],
    root: Path,
    inspect: Callable[[dict, FileFacts], Any],
    doing: str,
    hint: str = '',
) -> list:
    """Look into the files of samples, several at a time.

    Args:
        owner: Name of the dataset class, for the error text.
        samples: Dicts with ``img_path`` and, if labelled, ``seg_map_path``.
        root: Folder of the dataset.
        inspect: Takes a sample and the facts of earlier runs, which are kept
            for later ones. Raises an error that names the file at fault.
        doing: Says what is done, should it take long.
        hint: What else may be done about faults.

    Returns:
        What ``inspect`` returned, in the order of the samples.

    Raises:
        DatasetError: If files are bad; one error names the first of them.
    """
    facts = FileFacts(root)

    def attempt(index: int) -> tuple[int, Any, str]:
        sample = samples[index]
        path, mask_path = sample['img_path'], sample.get('seg_map_path')
        try:
            return index, inspect(sample, facts), ''
        except (ValueError, OSError) as error:
            swap = find_swap(path, mask_path)
            return index, None, f'{path}: {swap}' if swap else str(error)

    threads = min(cpu_count(), MAX_THREADS)
    patience = PATIENCE if is_main_process() else float('inf')
    try:
        results = sorted(
            work_through(
                attempt,
                range(len(samples)),
                f'{owner}: {doing}',
                threads,
                patience,
            ),
            key=itemgetter(0),
        )
    finally:
        facts.save()  # what passed need not be read again
    faults = [fault for _, _, fault in results if fault]
    if faults:
        raise DatasetError(
            f'{owner}: {len(faults)} of {len(samples)} samples cannot be '
            f'used:\n{listing(faults)}\nNext: repair these files or take '
            f'image and mask out of their folders.{hint}'
        )
    return [found for _, found, _ in results]


def learn_mask(path: str) -> Facts:
    """Decode a mask; return its height and width as facts."""
    return dict(mask=read_mask(path).shape)


def _check(sample: dict, facts: FileFacts) -> None:
    path, mask_path = sample['img_path'], sample.get('seg_map_path')
    with errors_of(path):
        image = facts.recall('image', path, _learn_image)
    if mask_path is not None:
        with errors_of(mask_path):
            refuse_mismatch(image, facts.recall('mask', mask_path, learn_mask))


def _learn_image(path: str) -> Facts:
    return dict(image=check_image(path))
