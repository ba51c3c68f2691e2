"""Cube convolutions in place of the plain ones of a network."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.layers.fold import substitute
from mmseg_cube.layers.summary import (
    ALREADY,
    NOT_CHOSEN,
    OTHER_KIND,
    describe_kept,
    find_obstacle,
)
from mmseg_cube.models.backbones.dry_run import DryRun
from mmseg_cube.models.backbones.projection import project_weight
from mmseg_cube.ops.rules import describe_kernel
from mmseg_cube.utils.words import choose, name_some

# Arguments of a convolution that its attributes keep.
COPIED = ('in_channels', 'out_channels', 'kernel_size', 'stride', 'padding')
COPIED += ('dilation', 'groups', 'padding_mode')


def replace_convolutions(
    backbone: nn.Module,
    run: DryRun,
    project: bool = False,
    stages: Sequence[int] | None = None,
    patterns: Sequence[str] | None = None,
    kernel_sizes: Sequence[int] = (3,),
    **cube,
) -> tuple[int, Counter]:
    """Replace the chosen convolutions of a backbone in place.

    Names of parameters stay. The options are those of ``CubeBackbone``;
    ``project`` says whether the weights that are there are projected.

    Returns:
        Number of replaced convolutions, and of kept ones by reason.

    Raises:
        ValueError: If a stage, a pattern or a kernel size selects nothing.
    """
    if not kernel_sizes or min(kernel_sizes) < 2:
        raise ValueError(
            'replace.kernel_sizes must be numbers of at least 2, but got '
            f'{tuple(kernel_sizes)}'
        )
    obstacles = {
        name: _find_obstacle(module, name in run.stage_of, kernel_sizes, cube)
        for name, module in backbone.named_modules()
        if isinstance(module, nn.Conv2d)
    }
    chosen = _choose(obstacles, run, stages, patterns)
    convs = [backbone.get_submodule(name) for name in chosen]
    new = {conv: make_cube(conv, project, **cube) for conv in convs}
    substitute(backbone, new)
    kept = Counter()
    for name, obstacle in obstacles.items():
        if name not in chosen:
            reason = obstacle or NOT_CHOSEN
            kept[reason] += 1
            # For the summary of the whole network.
            backbone.get_submodule(name).cube_obstacle = reason
    return len(new), kept


def make_cube(conv: nn.Conv2d, project: bool = False, **cube) -> CubeConv2d:
    """Make the Cube convolution that takes the place of a plain one.

    That has no groups. Its weight is projected, and its bias taken over, where
    asked for. The layer learns, or does not, as the given one.
    """
    same = {name: getattr(conv, name) for name in COPIED}
    factory = dict(device=conv.weight.device, dtype=conv.weight.dtype)
    has_bias = conv.bias is not None
    layer = CubeConv2d(**same, bias=has_bias, **factory, **cube)
    if project:
        with torch.no_grad():
            layer.weight.copy_(project_weight(conv.weight, layer))
            if has_bias:
                layer.bias.copy_(conv.bias)
    layer.requires_grad_(conv.weight.requires_grad)
    return layer.train(conv.training)


def _find_obstacle(
    conv: nn.Conv2d, runs: bool, kernel_sizes: Sequence[int], cube: dict
) -> str | None:
    """Why a convolution has to stay what it is, None if it need not."""
    obstacle = find_obstacle(conv, **cube)
    if obstacle in (ALREADY, OTHER_KIND):
        return obstacle
    if not runs:
        return 'unused'
    height, width = conv.kernel_size
    if height != width or height not in kernel_sizes:
        return describe_kernel(conv.kernel_size)
    # Plain weights of groups cannot be projected.
    return 'grouped' if conv.groups > 1 else obstacle


def _choose(
    obstacles: dict[str, str | None],
    run: DryRun,
    stages: Sequence[int] | None,
    patterns: Sequence[str] | None,
) -> list[str]:
    """Names of the chosen convolutions; everything named must be there."""
    eligible = [name for name in run.stage_of if obstacles[name] is None]
    known = f'eligible convolutions: {name_some(eligible)}; {run.describe()}'
    if not eligible:
        reasons = Counter(obstacles.values())
        raise ValueError(
            f'none of {len(obstacles)} convolutions of the backbone is '
            f'eligible: {describe_kept(reasons)}; insert=dict() instead '
            f'puts blocks behind its stages; {run.describe()}'
        )
    chosen = eligible
    if stages is not None:
        for stage in stages:
            run.check_stage('replace.stages', stage)
            if stage not in (run.stage_of[name] for name in eligible):
                raise ValueError(
                    f'replace.stages names stage {stage}, which has no '
                    f'eligible convolution; {known}'
                )
        chosen = [name for name in chosen if run.stage_of[name] in stages]
    what = 'eligible convolution of the chosen stages'
    chosen = choose(chosen, patterns, what)
    if not chosen:
        raise ValueError(f'replace chooses nothing; {known}')
    return chosen
