"""Configs and what they are compared with.

A config ``cube-NAME.py`` is the Cube twin of the baseline ``NAME.py`` in the
same folder, and ``cube-full-NAME.py`` the one with router and mask.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

PREFIX, FULL = 'cube-', 'full-'
# Folders of parts that configs inherit from.
PARTS = '_base_'


class Comparison(NamedTuple):
    """A config and the baseline it is compared with; None for a baseline."""

    config: Path
    baseline: Path | None = None


def find_configs(paths: Iterable[str | Path]) -> list[Path]:
    """List configs, and all that are in folders.

    Args:
        paths: Configs, and folders with configs in them at any depth.

    Returns:
        Configs in the order given, each once; those of a folder by name.

    Raises:
        ValueError: If one does not exist, or a folder has no configs.
    """
    found = {}
    for path in map(Path, paths):
        configs = sorted(_in_folder(path)) if path.is_dir() else [path]
        if not configs:
            raise ValueError(f'{path} has no configs in it')
        for config in configs:
            if not config.is_file():
                raise ValueError(f'there is no config {config}')
            found.setdefault(config.resolve(), config)
    return list(found.values())


def pair_twins(configs: Iterable[Path]) -> list[Comparison]:
    """Put every Cube twin behind its baseline.

    A baseline that is not among the configs is added; one without a Cube
    twin stands alone.

    Raises:
        ValueError: If a Cube config has no baseline.
    """
    pairs = {}
    for config in configs:
        baseline = baseline_of(config) or config
        if not baseline.is_file():
            raise ValueError(
                f'{config} has no baseline: there is no {baseline.name} '
                'beside it. Name what to compare it with by --against'
            )
        pair = pairs.setdefault(baseline.resolve(), [Comparison(baseline)])
        if config != baseline:
            pair.append(Comparison(config, pair[0].config))
    return [comparison for pair in pairs.values() for comparison in pair]


def compare_with(baseline: Path, configs: Sequence[Path]) -> list[Comparison]:
    """Put a baseline in front of all others.

    Raises:
        ValueError: If there are no others.
    """
    others = [c for c in configs if c.resolve() != baseline.resolve()]
    if not others:
        raise ValueError(
            f'there is nothing to compare {baseline} with; name other configs'
        )
    return [Comparison(baseline), *(Comparison(c, baseline) for c in others)]


def baseline_of(config: Path) -> Path | None:
    """Where the baseline of a Cube config should be; None for others."""
    if not config.name.startswith(PREFIX):
        return None
    name = config.name.removeprefix(PREFIX).removeprefix(FULL)
    return config.with_name(name)


def _in_folder(folder: Path) -> Iterable[Path]:
    return (
        path
        for path in folder.rglob('*.py')
        if PARTS not in path.relative_to(folder).parts
    )
