"""Residual Cube Kernel blocks behind the stages of a network."""

import inspect
from collections.abc import Sequence

from torch import nn

from mmseg_cube.layers import CubeKernelBlock, alternate_phases
from mmseg_cube.layers.phases import ALTERNATE
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
) -> nn.ModuleDict:
    """Make the blocks that follow the chosen stages.

    Args:
        run: What is known of the stages.
        stages: Chosen stages; all by default.
        blocks: Blocks per stage.
        **options: Options of :class:`CubeKernelBlock`; with
            ``phase='alternate'`` the blocks of a stage lean opposite ways.

    Returns:
        A sequence of blocks for each stage, by its number. Fresh blocks
        leave their input as it is.

    Raises:
        ValueError: If a stage does not exist, has channels that do not fill
            whole lattice cells, or is another one in training.
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
    alternate = options.get('phase') == ALTERNATE
    if alternate:
        options = {k: v for k, v in options.items() if k != 'phase'}
    stacks = nn.ModuleDict()
    for stage in range(len(run.channels)) if stages is None else stages:
        run.check_stage('insert.stages', stage)
        channels = run.channels[stage]
        if channels is None:
            raise ValueError(
                f'insert.stages names stage {stage}, whose output is no '
                f'feature map (N, C, H, W); {run.describe()}'
            )
        try:
            stacks[str(stage)] = nn.Sequential(
                *(
                    CubeKernelBlock(channels, residual=True, **options)
                    for _ in range(blocks)
                )
            )
        except CubeRuleError as error:
            raise ValueError(
                f'no Cube block fits behind stage {stage}: {error}; '
                f'{run.describe()}'
            ) from error
        if alternate:
            alternate_phases(stacks[str(stage)])
    return stacks
