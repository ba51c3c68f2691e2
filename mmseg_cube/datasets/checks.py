"""The checks that a dataset passes before the first image is trained on."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import cpu_count
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from platformdirs import user_cache_dir

from mmseg_cube.datasets import contract, masks
from mmseg_cube.datasets.bands import RGB, Channels
from mmseg_cube.datasets.decision import NO_BUILDING
from mmseg_cube.datasets.errors import DatasetError, FileError, errors_of
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.datasets.split_meanings import decide_splits
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.validity import state_of
from mmseg_cube.utils.whole_files import write_text_whole
from mmseg_cube.utils.words import listing

if TYPE_CHECKING:
    from mmseg_cube.datasets.building import BuildingDataset

MAX_THREADS = 16  # a 5000 x 5000 tile needs about 150 MB while it is checked
PATIENCE = 2.0  # seconds without a bar of progress
RULES = 9  # raise it when a check becomes stricter: old facts then lapse

Name = str | Path


class FileFacts:
    """What was learnt from files that passed a check, kept between runs.

    Each dataset, known by its folder, has a memory of its own. A file counts
    as unchanged while byte counts and modification times stay. The memory
    is a convenience: what cannot be read or written is forgotten without a
    word.
    """

    def __init__(self, root: Path) -> None:
        key = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:20]
        self.path = cache_folder() / f'{key}.json'
        self._known = self._load()

    def recall(
        self, kind: str, path: Name, learn: Callable[[Name], Sequence]
    ) -> list:
        """Return what is known of a file, a kind of numbers; else learn it."""
        name = os.path.abspath(path)  # noqa: PTH100, lexical
        state = state_of(name)
        now = [len(state), *state]  # files beside it come and go
        key = f'{kind}:{name}'
        entry = self._known.get(key, [])
        if entry[: len(now)] != now:
            entry = self._known[key] = [*now, *learn(path)]
        return entry[len(now) :]

    def save(self) -> None:
        """Add what is new to the memory on disk."""
        stored = self._load()
        files = stored | self._known  # others may have saved meanwhile
        with contextlib.suppress(OSError):
            if files != stored:
                content = json.dumps(dict(rules=RULES, files=files))
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_text_whole(self.path, content)

    def _load(self) -> dict[str, list]:
        try:
            content = json.loads(self.path.read_text())
            return content['files'] if content['rules'] == RULES else {}
        except (OSError, ValueError, TypeError, KeyError):
            return {}


def cache_folder() -> Path:
    """Return the user's folder for facts about files."""
    return Path(user_cache_dir('mmseg_cube', appauthor=False)) / 'files'


def check_files(
    facts: FileFacts, image: Name, mask: Name | None, channels: Channels = RGB
) -> tuple[Sequence[int], Sequence[int] | None]:
    """Decode an image and its mask and hold them to the contract.

    Returned is what :func:`contract.check_image` and :func:`masks.learn_mask`
    return, None for a mask that is None.
    """
    kind = 'image' if channels == RGB else f'image by {channels}'
    with errors_of(image):
        seen = facts.recall(
            kind, image, lambda file: contract.check_image(file, channels)
        )
    if mask is None:
        return seen, None
    learnt = check_mask(facts, mask)
    with errors_of(mask):
        contract.refuse_mismatch(seen[:2], learnt[:2])
    return seen, learnt


def check_mask(facts: FileFacts, mask: Name) -> Sequence[int]:
    """Decode a mask alone, as :func:`check_files`."""
    with errors_of(mask):
        return facts.recall('mask', mask, masks.learn_mask)


def inspect_tiles(
    inspect: Callable[[Tile, FileFacts], Any],
    tiles: Sequence[Tile],
    root: Path,
    title: str,
    channels: Channels = RGB,
    workers: int | None = None,
    patience: float = 0.0,
) -> tuple[dict[Tile, Any], dict[Tile, str]]:
    """Look into the files of a dataset's tiles, several at a time.

    ``inspect`` takes a tile and the facts of earlier runs, and raises an
    error that names the file at fault. Returned is what it returned, and
    what is wrong with other tiles.
    """
    facts = FileFacts(root)

    def attempt(tile: Tile) -> Any:
        image, mask = tile[2:]
        try:
            return inspect(tile, facts)
        except ValueError as error:
            if mask is None or not contract.are_swapped(image, mask, channels):
                raise
            raise FileError(
                f'{image}: image and mask look swapped: the image holds a '
                'building mask. Exchange the folders of images and masks, or '
                'the paths in data_prefix.'
            ) from error

    found, faults = {}, {}
    try:
        for tile, result, fault in work_through(
            attempt, tiles, title, workers, patience
        ):
            (faults if fault else found)[tile] = fault or result
    finally:
        facts.save()  # what passed need not be read again
    return found, faults


def inspect_samples(
    dataset: 'BuildingDataset',
    samples: Sequence[dict],
    inspect: Callable[[Tile, FileFacts], Any],
    doing: str,
) -> tuple[dict[Tile, Any], dict[Tile, str]]:
    """Look into the files of samples, as :func:`inspect_tiles`.

    ``doing`` says what is done, should it take long.
    """
    tiles = []
    for sample in samples:
        image, mask = Path(sample['img_path']), sample.get('seg_map_path')
        mask = mask and Path(mask)
        tiles.append(Tile(dataset.split, image.stem, image, mask))
    return inspect_tiles(
        inspect,
        tiles,
        Path(dataset.data_root or dataset.data_prefix['img_path']),
        f'{type(dataset).__name__}: {doing}',
        dataset.channels,
        min(cpu_count(), MAX_THREADS),
        PATIENCE if is_main_process() else float('inf'),
    )


def refuse_faults(
    dataset: 'BuildingDataset',
    faults: Mapping[Tile, str],
    count: int,
    hint: str = '',
) -> None:
    """Raise a DatasetError if some of so many samples have faults."""
    if faults:
        raise DatasetError(
            f'{type(dataset).__name__}: {len(faults)} of {count} samples '
            f'cannot be used:\n{listing([*faults.values()])}\nNext: repair '
            f'these files or take image and mask out of their folders.{hint}'
        )


def settle_meaning(
    dataset: 'BuildingDataset',
    learnt: Mapping[Tile, Sequence[int] | None],
    faults: Mapping[Tile, str],
) -> MaskMeaning | None:
    """Decide what the masks mean, and refuse what was found at fault.

    ``learnt`` is what was learnt of each tile's mask, ``faults`` what is
    wrong with other tiles. Doubts raise a DatasetError; they are only logged
    for a dataset that does not verify.
    """
    known = {tile: mask for tile, mask in learnt.items() if mask}
    meanings, unclear, findings = decide_splits(known, dataset.declared)
    if dataset.verify:
        hint, count = ' verify=False skips this check.', len(learnt | faults)
        refuse_faults(dataset, faults | unclear, count, hint)
    if not known:
        return None
    meaning, place = meanings[dataset.split], next(iter(known)).mask.parent
    if findings:
        text = (
            f'{type(dataset).__name__}: what the masks in {place} mean is not '
            f'clear:\n{listing(findings)}\nNext: set the option in the '
            'dataset, or correct the masks.'
        )
        if dataset.verify:
            raise DatasetError(text)
        print_log(text, 'current', logging.WARNING)
    values = chain(*map(masks.values_of, known.values()))
    built = any(x.pixels and meaning.label_of(x) == 1 for x in values)
    # Not an error: another dataset beside it may have some.
    if not built and 'train' in dataset.split:
        print_log(f'{place}: {NO_BUILDING}', 'current', logging.WARNING)
    return meaning
