"""Size of the networks of many configs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_cube.analysis.complexity.count import (
    Complexity,
    complexity_by_module,
)
from mmseg_cube.utils.configs import read_config, without_weights


@dataclass(frozen=True)
class Sized:
    """A network with its size.

    Attributes:
        name: Stem of its config, or its path where stems repeat.
        config: Path of its config.
        modules: Size of every module by name, ``''`` the whole.
        baseline: What it is compared with, if anything.
    """

    name: str
    config: Path
    modules: Mapping[str, Complexity]
    baseline: 'Sized | None' = None


class ConfigCounter:
    """Count the networks of configs; those that are the same only once."""

    def __init__(self) -> None:
        self.counted: dict[tuple, dict[str, Complexity]] = {}

    def __call__(
        self, cfg: Config, size: int | tuple[int, int]
    ) -> dict[str, Complexity]:
        """Count as :func:`complexity_by_module`; faults name the config.

        The result is the same dict for configs whose networks differ in
        nothing but their weights.
        """
        height, width = (size, size) if isinstance(size, int) else size
        key = repr(without_weights(cfg.model)), height, width
        if key not in self.counted:
            init_default_scope(cfg.get('default_scope') or 'mmseg')
            try:
                counted = complexity_by_module(cfg.model, (height, width))
            except Exception as error:  # building raises all kinds
                raise ValueError(f'{cfg.filename}: {error}') from error
            self.counted[key] = counted
        return self.counted[key]


def count_all(
    comparisons: Mapping[Path, Path | None], size: int
) -> list[Sized]:
    """Count the networks of configs.

    Args:
        comparisons: Baselines by config, a baseline before its twins.
        size: Side of the square image, in pixels.
    """
    # All of them are read first: that finds most faults, and fast.
    cfgs = {path: read_config(path) for path in comparisons}
    stems = {path.stem for path in cfgs}
    count, sized = ConfigCounter(), {}
    for path, baseline in comparisons.items():
        name = path.stem if len(stems) == len(cfgs) else path.as_posix()
        modules = count(cfgs[path], size)
        sized[path] = Sized(name, path, modules, sized.get(baseline))
    return list(sized.values())


def distinct(networks: Sequence[Sized]) -> list[Sized]:
    """Leave out what others are compared with, and networks seen before."""
    baselines = {id(network.baseline) for network in networks}
    kept = {}
    for network in networks:
        if id(network) not in baselines:
            sides = [network, network.baseline]
            key = tuple(id(side and side.modules) for side in sides)
            kept.setdefault(key, network)
    return list(kept.values())
