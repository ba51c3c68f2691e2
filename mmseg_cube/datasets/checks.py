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
from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from platformdirs import user_cache_dir

from mmseg_cube.datasets import contract, masks
from mmseg_cube.datasets.bands import RGB
from mmseg_cube.datasets.decision import NO_BUILDING, decide
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.meaning import MaskMeaning
from mmseg_cube.datasets.rasters import stamp
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.utils.whole_files import write_text_whole
from mmseg_cube.utils.words import listing

if TYPE_CHECKING:
    from mmseg_cube.datasets.building import BuildingDataset

MAX_THREADS = 16  # a 5000 x 5000 tile needs about 150 MB while it is checked
PATIENCE = 2.0  # seconds without a bar of progress
RULES = 5  # raise it when a check becomes stricter: old facts then lapse

Facts = Mapping[str, Sequence[int]]  # by kind, such as the size of an image


class FileFacts:
    """What was learnt from files that passed a check, kept between runs.

    Each dataset, known by its folder, has a memory of its own. A file counts
    as unchanged while its byte count and modification time stay. The memory
    is a convenience: what cannot be read or written is forgotten without a
    word.
    """

    def __init__(self, root: Path) -> None:
        key = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:20]
        self.path = cache_folder() / f'{key}.json'
        self._known = self._load()

    def recall(
        self, kind: str, path: str, learn: Callable[[str], Facts]
    ) -> tuple[int, ...]:
        """Return what is known of a file; else learn it, and maybe more."""
        name, *now = stamp(os.path.abspath(path))  # noqa: PTH100, lexical
        entry = self._known.get(f'{kind}:{name}', [])
        if entry[:2] != now:
            self._known |= {
                f'{each}:{name}': [*now, *values]
                for each, values in learn(path).items()
            }
            entry = self._known[f'{kind}:{name}']
        return tuple(entry[2:])

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


def check_files(sample: dict, facts: FileFacts) -> Sequence[int] | None:
    """Decode an image and its mask and hold them to the contract.

    Returned is what was learnt of the mask, as :func:`masks.learn_mask` has
    it; None without a mask.
    """
    path, mask_path = sample['img_path'], sample.get('seg_map_path')
    kind, channels = 'image', sample.get('channels', RGB)
    if channels != RGB:
        kind += f' by {channels}'
    with errors_of(path):
        shape = facts.recall(
            kind,
            path,
            lambda file: {kind: contract.check_image(file, channels)},
        )
    mask = check_mask(sample, facts)
    if mask is not None:
        with errors_of(mask_path):
            contract.refuse_mismatch(shape, mask[:2])
    return mask


def check_mask(sample: dict, facts: FileFacts) -> Sequence[int] | None:
    """Decode the mask alone."""
    path = sample.get('seg_map_path')
    if path is None:
        return None
    with errors_of(path):
        return facts.recall(
            'mask', path, lambda file: dict(mask=masks.learn_mask(file))
        )


def inspect_samples(
    dataset: BaseDataset,
    samples: Sequence[dict],
    inspect: Callable[[dict, FileFacts], Any],
    doing: str,
) -> tuple[list, dict[int, str]]:
    """Look into the files of samples, several at a time.

    ``inspect`` takes a sample and the facts of earlier runs, and raises an
    error that names the file at fault; ``doing`` says what is done, should it
    take long. Returned is what it returns for each sample, None at a fault,
    and the faults by the sample's place.
    """
    root = dataset.data_root or dataset.data_prefix['img_path']
    facts, found, faults = FileFacts(Path(root)), {}, {}

    def attempt(index: int) -> None:
        sample = samples[index]
        try:
            with contract.errors_of_pair(
                sample['img_path'],
                sample.get('seg_map_path'),
                channels=sample.get('channels', RGB),
            ):
                found[index] = inspect(sample, facts)
        except (ValueError, OSError) as error:
            faults[index] = str(error)

    places = range(len(samples))
    threads = min(cpu_count(), MAX_THREADS)
    patience = PATIENCE if is_main_process() else float('inf')
    title = f'{type(dataset).__name__}: {doing}'
    try:
        for _ in work_through(attempt, places, title, threads, patience):
            pass
    finally:
        facts.save()  # what passed need not be read again
    return [found.get(place) for place in places], faults


def refuse_faults(
    dataset: BaseDataset, faults: Mapping[int, str], count: int, hint: str = ''
) -> None:
    """Raise a DatasetError if some of so many samples have faults."""
    if faults:
        lines = [faults[index] for index in sorted(faults)]
        raise DatasetError(
            f'{type(dataset).__name__}: {len(lines)} of {count} samples '
            f'cannot be used:\n{listing(lines)}\nNext: repair these files or '
            f'take image and mask out of their folders.{hint}'
        )


def settle_meaning(
    dataset: 'BuildingDataset',
    samples: Sequence[Mapping],
    learnt: Sequence[Sequence[int] | None],
    faults: Mapping[int, str],
) -> MaskMeaning | None:
    """Decide what the masks mean, and refuse what was found at fault.

    ``learnt`` is what was learnt of each sample's mask, ``faults`` what is
    wrong with samples, by their place. Doubts raise a DatasetError; they are
    only logged for a dataset that does not verify.
    """
    paths = [sample.get('seg_map_path') for sample in samples]
    known = {
        path: masks.values_of(facts)
        for path, facts in zip(paths, learnt, strict=True)
        if facts is not None
    }
    meaning, unclear, findings = decide(known, *dataset.declared)
    faults = dict(faults) | {
        place: f'{path}: {unclear[path]}'
        for place, path in enumerate(paths)
        if path in unclear
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
    # Not an error: another data set beside it may have some.
    if known and not built and 'train' in dataset.split:
        place = Path(next(iter(known))).parent
        print_log(f'{place}: {NO_BUILDING}', 'current', logging.WARNING)
    return meaning if known else None
