"""The networks of an ablation, built and counted before any training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from mmseg_cube.analysis.ablation.plan import Run
from mmseg_cube.analysis.ablation.variants import BASELINE
from mmseg_cube.analysis.complexity.count import (
    Complexity,
    build_without_weights,
    complexity,
)
from mmseg_cube.layers import CubeConv2d, summarise

IMAGE_SIDE = 512  # for operations, where the config has no size


@dataclass(frozen=True)
class Built:
    """What is known of a network before it is trained.

    Attributes:
        size: Its parameters and operations.
        side: Height and width of the image of these operations, in pixels.
        summary: How many convolutions are Cubes.
        cubes: Number of these.
        layers: All layers, as text.
    """

    size: Complexity
    side: tuple[int, int]
    summary: str
    cubes: int
    layers: str


def build_variants(runs: Sequence[Run]) -> dict[str, Built]:
    """Build every variant once, without weights, and count it.

    Returns:
        What is known, by the text of the variant.

    Raises:
        ValueError: If one cannot be built, has no Cube kernels although it
            should, or is the same network as another.
    """
    built, folders = {}, {}
    for run in runs:
        text = run.variant.text
        if text in built:
            continue
        try:
            built[text] = look_at(run.cfg)
        except Exception as error:  # building raises all kinds
            raise ValueError(f'variant {text!r}: {error}') from error
        if not built[text].cubes and run.variant.preset != BASELINE:
            raise ValueError(
                f'variant {text!r} has no Cube convolution left. '
                f'{built[text].summary}'
            )
        folders[text] = run.variant.folder
    _check_distinct({text: known.layers for text, known in built.items()})
    _check_distinct(folders)
    return built


def look_at(cfg: Config) -> Built:
    """Build the network of a config and count it.

    Operations are those of one image of the size of the training crops.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = build_without_weights(cfg.model)
    preprocessor = cfg.model.get('data_preprocessor') or {}
    side = tuple(preprocessor.get('size') or (IMAGE_SIDE, IMAGE_SIDE))
    return Built(
        complexity(cfg.model, side),
        side,
        summarise(model),
        _count(model),
        repr(model),
    )


def _count(model: nn.Module) -> int:
    return sum(isinstance(module, CubeConv2d) for module in model.modules())


def _check_distinct(by_variant: Mapping[str, str]) -> None:
    """Check that no two variants have the same text."""
    first = {}
    for variant, text in by_variant.items():
        if first.setdefault(text, variant) != variant:
            raise ValueError(
                f'variants {first[text]!r} and {variant!r} are the same '
                'network; leave one of them out'
            )
