"""The checks that a dataset passes before the first image is trained on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from joblib import cpu_count
from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process

from mmseg_cube.datasets import contract
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.file_facts import Facts, FileFacts
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.utils.words import listing

MAX_THREADS = 16  # a 5000 x 5000 tile needs about 150 MB while it is checked
PATIENCE = 2.0  # seconds without a bar of progress


def check_samples(dataset: BaseDataset, samples: Sequence[dict]) -> None:
    """Decode every image and mask once and hold them to the contract.

    Files that passed before and have not changed since are not read again.
    Arguments and errors are those of :func:`inspect_samples`.
    """
    hint = ' verify=False skips this check.'
    inspect_samples(dataset, samples, _check, 'checking files', hint)


def inspect_samples(
    dataset: BaseDataset,
    samples: Sequence[dict],
    inspect: Callable[[dict, FileFacts], Any],
    doing: str,
    hint: str = '',
) -> list:
    """Look into the files of samples, several at a time.

    Args:
        dataset: Dataset that the samples belong to.
        samples: Dicts with ``img_path`` and, if labelled, ``seg_map_path``.
        inspect: Takes a sample and the facts of earlier runs, which are kept
            for later ones. Raises an error that names the file at fault.
        doing: Says what is done, should it take long.
        hint: What else may be done about faults.

    Returns:
        What ``inspect`` returned, in the order of the samples.

    Raises:
        DatasetError: If files are bad; one error names the first of them.
    """
    owner = type(dataset).__name__
    root = dataset.data_root or Path(samples[0]['img_path']).parent
    facts, found, faults = FileFacts(Path(root)), {}, {}

    def attempt(index: int) -> None:
        sample = samples[index]
        try:
            found[index] = inspect(sample, facts)
        except (ValueError, OSError) as error:
            path = sample['img_path']
            swap = contract.find_swap(path, sample.get('seg_map_path'))
            faults[index] = f'{path}: {swap}' if swap else str(error)

    threads = min(cpu_count(), MAX_THREADS)
    patience = PATIENCE if is_main_process() else float('inf')
    work = range(len(samples)), f'{owner}: {doing}', threads, patience
    try:
        for _ in work_through(attempt, *work):
            pass
    finally:
        facts.save()  # what passed need not be read again
    if faults:
        lines = [faults[index] for index in sorted(faults)]
        raise DatasetError(
            f'{owner}: {len(lines)} of {len(samples)} samples cannot be '
            f'used:\n{listing(lines)}\nNext: repair these files or take '
            f'image and mask out of their folders.{hint}'
        )
    return [found[index] for index in sorted(found)]


def _check(sample: dict, facts: FileFacts) -> None:
    path, mask_path = sample['img_path'], sample.get('seg_map_path')
    with errors_of(path):
        shape = facts.recall('image', path, _learn_image)
    if mask_path is not None:
        with errors_of(mask_path):
            mask = facts.recall('mask', mask_path, _learn_mask)
            contract.refuse_mismatch(shape, mask)


def _learn_image(path: str) -> Facts:
    return dict(image=contract.check_image(path))


def _learn_mask(path: str) -> Facts:
    return dict(mask=contract.read_mask(path).shape)
