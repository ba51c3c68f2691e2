"""The checks that a dataset passes before the first image is trained on."""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import cpu_count
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from platformdirs import user_cache_dir

from mmseg_cube.datasets import contract, masks
from mmseg_cube.datasets.bands import RGB, Channels
from mmseg_cube.datasets.decision import NO_BUILDING, decide
from mmseg_cube.datasets.errors import DatasetError, FileError, errors_of
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.validity import state_of
from mmseg_cube.utils.whole_files import write_text_whole
from mmseg_cube.utils.words import listing

if TYPE_CHECKING:
    from mmseg_cube.datasets.building import BuildingDataset

MAX_THREADS = 16  # a 5000 x 5000 tile needs about 150 MB while it is checked
PATIENCE = 2.0  # seconds without a bar of progress
RULES = 8  # raise it when a check becomes stricter: old facts then lapse

Name = str | Path
Pair = tuple[Name, Name | None]  # an image and its mask, if it has one


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
        self, kind: str, path: Name, learn: Callable[[Name], Sequence[int]]
    ) -> tuple[int, ...]:
        """Return what is known of a file, a kind of numbers; else learn it."""
        name = os.path.abspath(path)  # noqa: PTH100, lexical
        state = state_of(name)
        now = [len(state), *state]  # files beside it come and go
        key = f'{kind}:{name}'
        entry = self._known.get(key, [])
        if entry[: len(now)] != now:
            entry = self._known[key] = [*now, *learn(path)]
        return tuple(entry[len(now) :])

    def save(self) -> None:
        """Add what is new to the memory on disk."""
        stored = self._load()
        files = stored | self._known  # others may have saved meanwhile
        with contextlib.suppress(OSError):
            if files != stored:
                content = json.dumps(dict(rules=RULES, files=files))
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_text_whole(self.path, content)

    def _load(self) -> dict[str, list[int]]:
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


def inspect_pairs(
    inspect: Callable[[Any], Any],
    pairs: Mapping[Any, Pair],
    facts: FileFacts,
    title: str,
    channels: Channels = RGB,
    workers: int | None = None,
    patience: float = 0.0,
) -> tuple[dict, dict]:
    """Look into images and their masks, several at a time.

    ``pairs`` has them by what ``inspect`` takes, which raises an error that
    names the file at fault. Returned is what it returned by the same keys,
    and what is wrong with others.
    """

    def attempt(key: Any) -> Any:
        image, mask = pairs[key]
        try:
            return inspect(key)
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
        for key, result, fault in work_through(
            attempt, [*pairs], title, workers, patience
        ):
            (faults if fault else found)[key] = fault or result
    finally:
        facts.save()  # what passed need not be read again
    return tuple(
        {key: some[key] for key in pairs if key in some}
        for some in (found, faults)
    )


def inspect_samples(
    dataset: 'BuildingDataset',
    samples: Sequence[dict],
    inspect: Callable[[dict, FileFacts], Any],
    doing: str,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Look into the files of samples, as :func:`inspect_pairs`.

    ``inspect`` takes a sample and the facts of earlier runs; ``doing`` says
    what is done, should it take long. Results and faults are by image.
    """
    root = dataset.data_root or dataset.data_prefix['img_path']
    facts = FileFacts(Path(root))
    by_image = {sample['img_path']: sample for sample in samples}
    return inspect_pairs(
        lambda image: inspect(by_image[image], facts),
        {image: (image, _mask_of(x)) for image, x in by_image.items()},
        facts,
        f'{type(dataset).__name__}: {doing}',
        dataset.channels,
        min(cpu_count(), MAX_THREADS),
        PATIENCE if is_main_process() else float('inf'),
    )


def refuse_faults(
    dataset: 'BuildingDataset',
    faults: Mapping[str, str],
    count: int,
    hint: str = '',
) -> None:
    """Raise a DatasetError if some of so many samples have faults."""
    if faults:
        raise DatasetError(
            f'{type(dataset).__name__}: {len(faults)} of {count} samples '
            f'cannot be used:\n{listing([*faults.values()])}\nNext: repair '
            'these files or '
            f'take image and mask out of their folders.{hint}'
        )


def settle_meaning(
    dataset: 'BuildingDataset',
    samples: Sequence[Mapping],
    learnt: Mapping[str, Sequence[int] | None],
    faults: Mapping[str, str],
) -> MaskMeaning | None:
    """Decide what the masks mean, and refuse what was found at fault.

    ``learnt`` is what was learnt of each sample's mask, ``faults`` what is
    wrong with samples, by their image. Doubts raise a DatasetError; they are
    only logged for a dataset that does not verify.
    """
    paths = {sample['img_path']: _mask_of(sample) for sample in samples}
    known = {
        paths[image]: masks.values_of(facts)
        for image, facts in learnt.items()
        if facts is not None
    }
    meaning, unclear, findings = decide(known, *dataset.declared)
    faults = faults | {
        image: f'{mask}: {unclear[mask]}'
        for image, mask in paths.items()
        if mask in unclear
    }
    if dataset.verify:
        hint = ' verify=False skips this check.'
        refuse_faults(dataset, faults, len(samples), hint)
    if findings:
        text = (
            f'{type(dataset).__name__}: what the masks in '
            f'{Path(next(iter(known))).parent} mean is not clear:\n'
            f'{listing(findings)}\nNext: set the option in the dataset, or '
            'correct the masks.'
        )
        if dataset.verify:
            raise DatasetError(text)
        print_log(text, 'current', logging.WARNING)
    values = [x for each in known.values() for x in each if x.pixels]
    built = any(meaning.label_of(x) == 1 for x in values)
    # Not an error: another dataset beside it may have some.
    if known and not built and 'train' in dataset.split:
        place = Path(next(iter(known))).parent
        print_log(f'{place}: {NO_BUILDING}', 'current', logging.WARNING)
    return meaning if known else None


def _mask_of(sample: Mapping) -> str | None:
    return sample.get('seg_map_path')
