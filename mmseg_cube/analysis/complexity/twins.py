"""Configs and what they are compared with.

A config ``cube-NAME.py`` is the Cube twin of the baseline ``NAME.py`` in the
same folder, and ``cube-full-NAME.py`` the one with router and mask.
"""

import re
from collections.abc import Iterable
from pathlib import Path

CUBE = re.compile('cube-(full-)?')
# Folders that configs only inherit from.
BASE_FOLDER = '_base_'
# What follows the network in a config's name: GPUs x images, schedule, data.
SCHEDULE = re.compile(r'_\d+xb\d+.*')


def is_cube(config: Path) -> bool:
    """Tell by its name whether a config is that of a Cube twin."""
    return CUBE.match(config.name) is not None


def find_configs(paths: Iterable[str | Path]) -> list[Path]:
    """List configs, and all that are in folders.

    Args:
        paths: Configs, and folders with configs in them at any depth.

    Returns:
        Configs in the order given, each once; those of a folder by name,
        twins behind their baseline.

    Raises:
        ValueError: If one does not exist, or a folder has no configs.
    """
    found = {}
    for path in map(Path, paths):
        configs = _in_folder(path) if path.is_dir() else [path]
        if not configs:
            raise ValueError(f'{path} has no configs in it')
        for config in configs:
            if not config.is_file():
                raise ValueError(f'there is no config {config}')
            found.setdefault(config.resolve(), config)
    return list(found.values())


def compare(
    configs: Iterable[Path], against: Path | None = None
) -> dict[Path, Path | None]:
    """Find what each config is compared with.

    Args:
        configs: Configs.
        against: Baseline of all; None puts every Cube twin behind its own,
            which is added if it is missing.

    Returns:
        Baselines by config, in order; None for a baseline.

    Raises:
        ValueError: If there is no baseline, or nothing to compare with one.
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
    baseline = config
    if is_cube(config):
        baseline = config.with_name(CUBE.sub('', config.name, count=1))
    if not baseline.is_file():
        raise ValueError(
            f'{config} has no baseline: there is no {baseline.name} beside '
            'it. Name what to compare it with by --against'
        )
    return baseline


def _in_folder(folder: Path) -> list[Path]:
    found = [
        path
        for path in folder.rglob('*.py')
        if BASE_FOLDER not in path.relative_to(folder).parts
    ]
    return sorted(found, key=_place)


def _place(config: Path) -> tuple[Path, str, int]:
    name = config.name
    return config.parent, CUBE.sub('', name, count=1), len(name)
