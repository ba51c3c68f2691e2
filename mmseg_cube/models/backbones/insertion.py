"""Residual Cube Kernel blocks behind the stages of a network."""

import inspect
from collections.abc import Sequence

from torch import nn

from mmseg_cube.layers import CubeKernelBlock
from mmseg_cube.models.backbones.dry_run import DryRun
from mmseg_cube.ops import CubeRuleError

# These follow from the stage.
GIVEN = ('in_channels', 'out_channels', 'stride', 'padding', 'residual')
BLOCK_OPTIONS = tuple(
    name
    for name in inspect.signature(CubeKernelBlock).parameters
    if name not in GIVEN
)


def make_blocks(
    run: DryRun,
    stages: Sequence[int] | None = None,
    blocks: int = 1,
    **options,
) -> tuple[nn.ModuleDict, list[int]]:
    """Make the blocks that follow the chosen stages.

    Fresh blocks leave their input as it is. ``stages`` are by default all
    behind which a block fits; ``options`` go to :class:`CubeKernelBlock`.
    Returned are blocks by stage, and the stages behind which none fits.

    Raises:
        ValueError: If no block fits behind a chosen stage or behind any, or
            if the stages are others in training.
    """
    if blocks < 1:
        raise ValueError(f'insert.blocks must be at least 1, but got {blocks}')
    if run.in_training != run.channels:
        raise ValueError(
            'insert needs a backbone whose stages are the same in training '
            'and in evaluation, but in training this one returns '
            f'{len(run.in_training)}; use replace. In evaluation it has '
            f'{run.describe()}'
        )
    if stages is not None and not stages:
        raise ValueError(f'insert.stages chooses nothing; {run.describe()}')
    stacks, left_out = nn.ModuleDict(), {}
    for stage in range(len(run.channels)) if stages is None else stages:
        run.check_stage('insert.stages', stage)
        channels = run.channels[stage]
        try:
            if channels is None:
                raise CubeRuleError('its output is no feature map')
            stack = [
                CubeKernelBlock(channels, residual=True, **options)
                for _ in range(blocks)
            ]
            stacks[str(stage)] = nn.Sequential(*stack)
        except CubeRuleError as error:
            left_out[stage] = error
    if left_out and (stages is not None or not stacks):
        stage, error = next(iter(left_out.items()))
        raise ValueError(
            f'no Cube block fits behind stage {stage}: {error}; '
            f'{run.describe()}'
        ) from error
    return stacks, list(left_out)
