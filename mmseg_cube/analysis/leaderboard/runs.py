"""Finding tested networks in work folders of mmseg's train and test tools.

The test tool leaves its scores in ``TIME/TIME.json`` and its config in
``TIME/vis_data/config.py``; the train tool leaves ``TIME/vis_data/
scalars.json``, and the seed in ``TIME/TIME.log``.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from mmseg_cube.utils.configs import read_config

# Suffixes of the names of scores in percent.
SCORES = ('IoU', 'F1', 'Precision', 'Recall', 'BoundaryIoU')
NAMES = dict(InriaDataset='Inria', WHUBuildingDataset='WHU', WBDDataset='WBD')
TRAINED, CONFIG = 'vis_data/scalars.json', 'vis_data/config.py'


@dataclass(frozen=True)
class Run:
    """One test of one trained network.

    Attributes:
        path: File of its scores.
        name: Stem of its config.
        protocol: Dataset, split and what else decides how it was scored.
        data: Folder of the images, as the config names it.
        seed: Seed of its training; None if it is unknown.
        scores: Percent by name of the score.
        trained: Config of its training, or of the test if there is none.
        tested: Config of the test.
        home: Folder of the training, or else of the test.
    """

    path: Path
    name: str
    protocol: str
    data: str
    seed: int | None
    scores: dict[str, float]
    trained: Config
    tested: Config
    home: Path


class Skipped(NamedTuple):
    """A folder or file that does not count, and why."""

    path: Path
    reason: str


def find_runs(folders: Iterable[Path]) -> tuple[list[Run], list[Skipped]]:
    """Find the tests, and what was not tested, in folders at any depth.

    Args:
        folders: Work folders, or folders of such.

    Returns:
        Runs, and what was skipped.

    Raises:
        FileNotFoundError: If a folder does not exist.
    """
    runs, skipped, homes = [], [], {}
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f'there is no folder {folder}')
        for path in sorted(folder.rglob(TRAINED)):
            homes.setdefault(path.parents[2].resolve(), path.parents[2])
        for path in sorted(folder.rglob('*.json')):
            if path.stem != path.parent.name:
                continue
            try:
                runs.append(_read_run(path))
            except ValueError as error:
                skipped.append(Skipped(path, str(error)))
    runs = list({run.path.resolve(): run for run in runs}.values())
    tested = {run.home.resolve() for run in runs}
    for key, home in homes.items():
        if key not in tested:
            reason = 'trained, but without scores of mmseg-cube test'
            skipped.append(Skipped(home, reason))
    return runs, skipped


def name_protocol(cfg: Config) -> str:
    """Say what the config of a test tests on, and how."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    kind = str(dataset.get('type', 'unknown dataset')).rpartition('.')[2]
    parts = [f'{NAMES.get(kind, kind)} {dataset.get("split", "")}'.strip()]
    if kind == 'InriaDataset':
        parts.append(dataset.get('protocol', 'full'))
    if dataset.get('regions'):
        parts.append(f'regions {" ".join(dataset["regions"])}')
    if dataset.get('indices') is not None or dataset.get('ann_file'):
        parts.append('some of the images')
    if cfg.model.type == 'SegTTAModel':
        parts.append('TTA')
    return ', '.join(parts)


def _read_run(path: Path) -> Run:
    scores, log = _read_scores(path), path.parent
    if not (log / CONFIG).is_file():
        raise ValueError(f'has no {CONFIG} beside it')
    tested = _read_config(log / CONFIG)
    training = _find_training(log, tested)
    trained = tested if training is None else _read_config(training / CONFIG)
    dataset = (tested.get('test_dataloader') or {}).get('dataset') or {}
    return Run(
        path,
        _find_name(log if training is None else training),
        name_protocol(tested),
        str(dataset.get('data_root') or ''),
        _find_seed(training, trained),
        scores,
        trained,
        tested,
        (training or log).parent,
    )


def _read_scores(path: Path) -> dict[str, float]:
    try:
        content = dict(json.loads(path.read_text(encoding='utf-8')))
    except (ValueError, TypeError) as error:
        raise ValueError(f'is no file of scores ({error})') from error
    prefixes = [key[: -len('IoU')] for key in content if key.endswith('/IoU')]
    if len(prefixes) != 1:
        raise ValueError(
            'has no IoU of buildings; test with BuildingMetric'
            if not prefixes
            else f'has {len(prefixes)} IoUs; test with one BuildingMetric'
        )
    return {
        name: float(content[prefixes[0] + name])
        for name in SCORES
        if prefixes[0] + name in content
    }


def _find_training(log: Path, tested: Config) -> Path | None:
    """Find the log folder of the training of the network of a test."""
    homes = [log.parent, log.parent.parent]
    checkpoint = tested.get('load_from')
    if checkpoint and Path(checkpoint).parent.is_dir():
        homes.insert(0, Path(checkpoint).parent)
    for home in homes:
        # Folders are named by the time at which they were made.
        logs = sorted(
            path.parent.parent
            for path in home.glob(f'*/{TRAINED}')
            if path.parents[1].name <= log.name
            and (path.parents[1] / CONFIG).is_file()
        )
        if logs:
            return logs[-1]
    return None


def _find_name(log: Path) -> str:
    """Stem of the config that a run was started with."""
    copies = sorted(log.parent.glob('*.py'))
    if len(copies) > 1:
        text = (log / CONFIG).read_text(encoding='utf-8')
        copies = [c for c in copies if c.read_text(encoding='utf-8') == text]
    return copies[0].stem if len(copies) == 1 else log.parent.name


def _find_seed(training: Path | None, trained: Config) -> int | None:
    """Seed that the log names; it is drawn where the config has none."""
    if training is not None:
        for path in sorted(training.glob('*.log')):
            with path.open(encoding='utf-8', errors='replace') as lines:
                for line in lines:
                    found = re.fullmatch(r'\s+seed: (\d+)\s*', line)
                    if found:
                        return int(found[1])
    return (trained.get('randomness') or {}).get('seed')


@lru_cache(maxsize=1024)
def _read_config(path: Path) -> Config:
    return read_config(path)
