"""Entry for ``type='CubeBackbone'``: Cube kernels in any backbone."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.layers.conv_cfg import CUBE_ARGUMENTS
from mmseg_cube.layers.summary import describe_kept
from mmseg_cube.models.backbones.cube_mixin import CubeMixin, cube_class
from mmseg_cube.models.backbones.dry_run import dry_run
from mmseg_cube.models.backbones.insertion import BLOCK_OPTIONS, make_blocks
from mmseg_cube.models.backbones.replacement import replace_convolutions
from mmseg_cube.utils.words import quantity

LISTS = ('stages', 'patterns', 'kernel_sizes')
REPLACE_OPTIONS = (*LISTS, *CUBE_ARGUMENTS)
INSERT_OPTIONS = ('stages', 'blocks', *BLOCK_OPTIONS)


@MODELS.register_module()
def CubeBackbone(
    backbone: dict,
    replace: dict | None = None,
    insert: dict | None = None,
    init_cfg: dict | list[dict] | None = None,
    pretrained: str | None = None,
) -> nn.Module:
    """Build a backbone of any library with Cube kernels in it.

    What is returned is the backbone itself, an instance of its own class,
    with its own names of parameters: checkpoints, layer-wise learning rates,
    ``custom_keys`` and frozen stages are those of the plain one. New names
    are those of routers and masks in replaced layers, and
    ``cube_blocks.STAGE.NUMBER`` of inserted blocks. Stages are the places in
    the backbone's output, :func:`dry_run` says of which a convolution is.

    Args:
        backbone: Config of the backbone, of any scope.
        replace: Convolutions to replace, or None for none of them. Eligible
            are those without groups whose kernel and channels allow it.
            ``stages`` and ``patterns`` (shell patterns for names of modules,
            ``'layer3.*.conv2'``) narrow them down, ``kernel_sizes`` is
            ``(3,)`` unless given. To a plain weight that is loaded into a
            replaced layer the Cube weight is fitted. All else are options of
            :class:`CubeConv2d`.
        insert: Blocks to insert, or None for none: ``blocks`` (1) residual
            :class:`CubeKernelBlock` on the output of each of ``stages``
            (by default all whose channels allow it), which at first leave it
            as it is. All else goes to the blocks.
        init_cfg: Initialisation, as if given to the backbone.
        pretrained: Checkpoint, as if given to the backbone; mmseg's
            segmentors hand their own ``pretrained`` on by this name.

    Raises:
        ValueError: If there is nothing to do, an option is unknown, or a
            stage or a pattern selects nothing; the message lists what there
            is.

    Examples:
        >>> backbone = CubeBackbone(
        ...     dict(type='ResNetV1c', depth=50),
        ...     replace=dict(stages=(2, 3), router=dict()),
        ...     insert=dict(stages=3),
        ... )
    """
    if replace is None and insert is None:
        raise ValueError(
            'CubeBackbone has nothing to do: give replace=dict() for all '
            'eligible convolutions, insert=dict() for a block behind every '
            'stage, or both'
        )
    if not isinstance(backbone, Mapping):
        raise ValueError(
            'CubeBackbone takes the config of a backbone, such as '
            f"dict(type='ResNet', depth=50), not a {type(backbone).__name__}"
        )
    replacing, inserting = replace is not None, insert is not None
    replace = _read_options('replace', replace, REPLACE_OPTIONS)
    insert = _read_options('insert', insert, INSERT_OPTIONS)
    cfg = backbone.copy()
    for name, value in dict(init_cfg=init_cfg, pretrained=pretrained).items():
        if value is None:
            continue
        if cfg.get(name) is not None:
            raise ValueError(
                f'{name} is given to CubeBackbone and to the backbone in it; '
                'leave one of them out'
            )
        cfg[name] = value
    network = MODELS.build(cfg)
    if isinstance(network, CubeMixin):
        raise ValueError(
            'CubeBackbone takes a plain backbone, but got another '
            'CubeBackbone; put replace and insert into one'
        )
    run = dry_run(network, cfg.get('in_channels', 3), cfg.get('img_size'))
    blocks, left_out = nn.ModuleDict(), []
    if inserting:
        blocks, left_out = make_blocks(run, **insert)
    count, kept = 0, Counter()
    if replacing:
        # Backbones of timm come with their weights.
        loaded = getattr(network, 'is_init', False)
        count, kept = replace_convolutions(network, run, loaded, **replace)
    network.__class__ = cube_class(type(network))
    network.cube_blocks = blocks
    without = [run.describe_stage(stage) for stage in left_out]
    text = _summarise(blocks, without, count, kept)
    print_log(text, 'current', logging.INFO)
    return network


def _read_options(
    option: str, given: dict | None, allowed: Iterable[str]
) -> dict:
    """Copy of the options, with single values for lists made lists."""
    if not isinstance(given, Mapping | None):
        raise ValueError(
            f'{option} of CubeBackbone takes options, such as dict(stages=3), '
            f'not {given!r}'
        )
    options = dict(given or {})
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise ValueError(
            f'{option} of CubeBackbone has no option '
            f'{", ".join(map(repr, unknown))}; it has {", ".join(allowed)}'
        )
    for name in LISTS:
        if isinstance(options.get(name), (int, str)):
            options[name] = (options[name],)
    return options


def _summarise(
    blocks: nn.ModuleDict, without: list[str], count: int, kept: Counter
) -> str:
    parts = []
    if count:
        total = count + kept.total()
        parts.append(f'{count} of {total} convolutions replaced')
    if blocks:
        number = quantity(sum(map(len, blocks.values())), 'block')
        parts.append(f'{number} inserted behind {_stages(blocks)}')
    if without:
        parts.append(f'none fits behind {_stages(without)}')
    text = f'CubeBackbone: {", ".join(parts)}'
    return f'{text}; kept: {describe_kept(kept)}' if kept else text


def _stages(names: Collection[str]) -> str:
    return f'stage{"s" * (len(names) > 1)} {", ".join(names)}'
