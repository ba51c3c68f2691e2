"""Size of the networks of many configs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_cube.analysis.complexity.count import (
    Complexity,
    complexity_by_module,
    without_weights,
)
from mmseg_cube.analysis.complexity.twins import Comparison, baseline_of


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

    @property
    def is_twin(self) -> bool:
        """Whether this is the Cube twin of what it is compared with."""
        if self.baseline is None:
            return False
        plain = baseline_of(self.config)
        return plain is not None and plain.name == self.baseline.config.name


def read_config(path: str | Path) -> Config:
    """Read a config that has a network.

    Raises:
        ValueError: If it cannot be read, or has no ``model``.
    """
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is a program
        raise ValueError(f'{path} cannot be read: {error}') from error
    if 'model' not in cfg:
        raise ValueError(f'{path} has no model; name the config of a network')
    return cfg


class ConfigCounter:
    """Count the networks of configs; those that are the same only once."""

    def __init__(self) -> None:
        self.counted: dict[tuple, dict[str, Complexity]] = {}

    def __call__(
        self, cfg: Config, size: int | tuple[int, int]
    ) -> dict[str, Complexity]:
        """Count the network of a config by module.

        Args:
            cfg: Config with a network.
            size: Side of the square image, or its height and width.

        Returns:
            Sizes as of :func:`complexity_by_module`; the same dict for
            configs whose networks differ in nothing but their weights.

        Raises:
            ValueError: If the network cannot be built or counted.
        """
        height, width = (size, size) if isinstance(size, int) else size
        key = repr(without_weights(cfg.model)), height, width
        if key not in self.counted:
            init_default_scope(cfg.get('default_scope', 'mmseg'))
            try:
                counted = complexity_by_module(cfg.model, (height, width))
            except Exception as error:  # building raises all kinds
                raise ValueError(f'{cfg.filename}: {error}') from error
            self.counted[key] = counted
        return self.counted[key]


def count_all(comparisons: Sequence[Comparison], size: int) -> list[Sized]:
    """Count all networks for square images of a side in pixels.

    Raises:
        ValueError: If a config cannot be read, has no network, or one that
            does not take images of this size.
    """
    # All of them are read first: that finds most faults, and fast.
    cfgs = {c.config: read_config(c.config) for c in comparisons}
    stems = {path.stem for path in cfgs}
    count, sized = ConfigCounter(), {}
    for path, baseline in comparisons:
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
