"""Size of the networks of many configs, and of what they are compared with.

A config ``cube-NAME.py`` is the Cube twin of the baseline ``NAME.py`` in the
same folder, and ``cube-full-NAME.py`` the one with router and mask.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmseg_cube.analysis.complexity.count import Complexity, count_network
from mmseg_cube.utils.configs import NEXT, read_config
from mmseg_cube.utils.words import not_found

CUBE = re.compile('^cube-(full-)?')
# Folders that configs only inherit from.
BASE_FOLDER = '_base_'


@dataclass(frozen=True)
class Sized:
    """A network with its size."""

    name: str  # stem of its config, or its path where stems repeat
    cfg: Config
    size: Complexity
    baseline: 'Sized | None' = None  # what it is compared with

    @property
    def path(self) -> Path:
        """Path of its config."""
        return Path(self.cfg.filename)

    def saved(self, key: str) -> float | None:
        """Percent of its size that is saved; None without a baseline."""
        if self.baseline is None:
            return None
        before = getattr(self.baseline.size, key)
        return 100 * (1 - getattr(self.size, key) / before)


def count_all(
    comparisons: Mapping[Path, Path | None], size: int
) -> list[Sized]:
    """Count the networks of configs, as :func:`compare` returns them."""
    # All of them are read first: that finds most faults, and fast.
    cfgs = {path: read_config(path) for path in comparisons}
    stems = {path.stem for path in cfgs}
    sized = {}
    for path, baseline in comparisons.items():
        name = path.stem if len(stems) == len(cfgs) else path.as_posix()
        counted = count_network(cfgs[path], size)
        sized[path] = Sized(name, cfgs[path], counted, sized.get(baseline))
    return list(sized.values())


def distinct(networks: Iterable[Sized]) -> list[Sized]:
    """Leave out networks that have been seen, against the same baseline."""
    found = {}
    for network in networks:
        before = network.baseline and network.baseline.size
        found.setdefault((id(network.size), id(before)), network)
    return list(found.values())


def is_cube(config: Path) -> bool:
    """Tell by its name whether a config is that of a Cube twin."""
    return CUBE.match(config.name) is not None


def find_configs(paths: Iterable[str | Path]) -> list[Path]:
    """List configs, each once, and all that are in folders at any depth.

    Those of a folder are in the order of their names, twins behind their
    baseline.
    """
    found = {}
    for path in map(Path, paths):
        for config in _in_folder(path) if path.is_dir() else [path]:
            if not config.is_file():
                raise ValueError(not_found('config', config, NEXT))
            found.setdefault(config.resolve(), config)
    return list(found.values())


def compare(
    configs: Iterable[Path], against: Path | None = None
) -> dict[Path, Path | None]:
    """Find what each config is compared with: nothing, for a baseline.

    Without a baseline of all, every Cube twin stands behind its own, which
    is added if it is missing.
    """
    pairs = {}
    for config in configs:
        baseline = against or _baseline_of(config)
        pair = pairs.setdefault(baseline, {baseline: None})
        if config.resolve() != baseline.resolve():
            pair[config] = baseline
    if against and len(pairs.get(against, ())) < 2:
        raise ValueError(
            f'there is nothing to compare {against} with; name other configs'
        )
    return {c: pair[c] for pair in pairs.values() for c in pair}


def _baseline_of(config: Path) -> Path:
    """Return the baseline of a Cube twin; others are their own."""
    baseline = config.with_name(CUBE.sub('', config.name))
    if not baseline.is_file():
        raise ValueError(
            f'{config} has no baseline: there is no {baseline.name} beside '
            'it. Name what to compare it with by --against'
        )
    return baseline


def _in_folder(folder: Path) -> list[Path]:
    if BASE_FOLDER in folder.resolve().parts:
        raise ValueError(
            f'{folder} holds the parts that configs are made of; name '
            'configs, or a folder of them such as configs/unet'
        )
    found = {
        (path.parent, CUBE.sub('', path.name), len(path.name)): path
        for path in folder.rglob('*.py')
        if BASE_FOLDER not in path.relative_to(folder).parts
    }
    if not found:
        raise ValueError(f'{folder} has no configs in it')
    return [found[place] for place in sorted(found)]
