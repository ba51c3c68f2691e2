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

from mmengine.config import Config

from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.words import not_found

NEXT = 'name work folders of mmseg-cube train and test'

# Suffixes of the names of scores in percent.
SCORES = ('IoU', 'F1', 'Precision', 'Recall', 'BoundaryIoU')
NAMES = dict(InriaDataset='Inria', WHUBuildingDataset='WHU', WBDDataset='WBD')
TRAINED, CONFIG = 'vis_data/scalars.json', 'vis_data/config.py'


@dataclass(frozen=True)
class Run:
    """One test of one trained network."""

    path: Path  # file of its scores
    name: str  # stem of its config
    protocol: str  # dataset, split and what else decides how it was scored
    data: str  # folder of the images, as the config names it
    seed: int | None  # of its training; None if it is unknown
    scores: dict[str, float]  # percent
    trained: Config  # of its training, or of the test if there is none
    tested: Config
    home: Path  # folder of the training, or else of the test


def find_runs(folders: Iterable[Path]) -> tuple[list[Run], dict[Path, str]]:
    """Find tests in folders at any depth, and why others do not count."""
    runs, skipped, homes = {}, {}, {}
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(not_found('folder', folder, NEXT))
        found = [path.parents[2] for path in sorted(folder.rglob(TRAINED))]
        homes |= {home.resolve(): home for home in found}
        for path in sorted(folder.rglob('*.json')):
            if path.stem != path.parent.name:
                continue
            try:
                runs[path.resolve()] = _read_run(path)
            except ValueError as error:
                skipped[path] = str(error)
    for run in runs.values():
        homes.pop(run.home.resolve(), None)
    reason = 'trained, but without scores of mmseg-cube test'
    return list(runs.values()), skipped | dict.fromkeys(homes.values(), reason)


def _read_run(path: Path) -> Run:
    scores, log = _read_scores(path), path.parent
    tiles = scores.pop('Tiles', None)  # of a split that is not complete
    part = [] if tiles is None else [f'only {tiles:g} tiles']
    if not (log / CONFIG).is_file():
        raise ValueError(f'has no {CONFIG} beside it')
    tested, views = _read_config(log / CONFIG)
    training = _find_training(log, tested)
    trained = _read_config(training / CONFIG)[0] if training else tested
    dataset = (tested.get('test_dataloader') or {}).get('dataset') or {}
    return Run(
        path,
        _find_name(training or log),
        ', '.join(_name_protocol(dataset) + part + views),
        str(dataset.get('data_root') or ''),
        _find_seed(training, trained),
        scores,
        trained,
        tested,
        (training or log).parent,
    )


def _name_protocol(dataset: dict) -> list[str]:
    """Say what a test was done on, and how."""
    if dataset.get('datasets'):  # of ConcatDataset
        parts = map(_name_protocol, dataset['datasets'])
        return [' + '.join(map(', '.join, parts))]
    kind = str(dataset.get('type', 'unknown dataset')).rpartition('.')[2]
    parts = [f'{NAMES.get(kind, kind)} {dataset.get("split", "")}'.strip()]
    if kind == 'InriaDataset':
        parts.append(dataset.get('protocol', 'full'))
    if regions := dataset.get('regions'):
        regions = [regions] if isinstance(regions, str) else regions
        parts.append(f'regions {" ".join(regions)}')
    if dataset.get('indices') is not None or dataset.get('ann_file'):
        parts.append('some of the images')
    return parts


def _read_scores(path: Path) -> dict[str, float]:
    try:
        content = dict(json.loads(path.read_text(encoding='utf-8')))
    except (ValueError, TypeError) as error:
        raise ValueError(f'is no file of scores ({error})') from error
    found = [key for key in content if key.endswith('/IoU')]
    if len(found) != 1:
        raise ValueError(
            f'has {len(found) or "no"} IoU of buildings; test with one '
            'BuildingMetric'
        )
    keys = {x: found[0].removesuffix('IoU') + x for x in (*SCORES, 'Tiles')}
    return {k: float(content[x]) for k, x in keys.items() if x in content}


def _find_training(log: Path, tested: Config) -> Path | None:
    """Find the log folder of the training of the network of a test."""
    checkpoint = tested.get('load_from')
    homes = [Path(checkpoint).parent] if checkpoint else []
    for home in [*homes, log.parent, log.parent.parent]:
        logs = [path.parents[1] for path in home.glob(f'*/{TRAINED}')]
        # Folders are named by the time at which they were made.
        logs = [x for x in logs if x.name <= log.name]
        logs = [x for x in logs if (x / CONFIG).exists()]
        if logs:
            return max(logs)
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
    for path in sorted(training.glob('*.log')) if training else []:
        text = path.read_text(encoding='utf-8', errors='replace')
        found = re.search(r'^ +seed: (\d+)\s*$', text, re.MULTILINE)
        if found:
            return int(found[1])
    return (trained.get('randomness') or {}).get('seed')


@lru_cache(maxsize=1024)
def _read_config(path: Path) -> tuple[Config, list[str]]:
    """Read a config and take the network out of test-time augmentation."""
    cfg = read_config(path)
    if cfg.model.type != 'SegTTAModel':
        views = (cfg.get('default_hooks') or {}).get('views')
        if not views:
            return cfg, []
        return cfg, [f'TTA {views["tta"]}'.removesuffix(' flips')]
    cfg.model = cfg.model.module
    return cfg, ['TTA']
