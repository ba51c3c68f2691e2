"""How variants are written: ``PRESET+KEY=VALUE+...``.

Keys are options of ``CubeConv2d``, with a dot those of its router and mask:
``reconstruction+router.method=sort``, ``full+mask.kernel_size=7``. For a
``UNetHead``, ``levels=0,1`` are the levels, coarsest first, that have Cube
kernels, and ``router.levels`` and ``mask.levels`` those of them that keep
the router or the mask. Any other of these keys can be set on some levels
only: ``reconstruction+lattice_kernel_size@2,3=4``.

Keys that begin with ``model.`` set anything else of the network, also of the
baseline: ``baseline+model.decode_head.widths=[160,80,40,20]``.
"""

import inspect
import re

from mmengine.config import DictAction

from mmseg_cube.analysis.ablation.variants import (
    BASELINE,
    LEVELS,
    PARTS,
    PRESETS,
    Variant,
)
from mmseg_cube.layers import ChannelRouter, SpatialMask
from mmseg_cube.layers.conv_cfg import CUBE_ARGUMENTS

MODEL = 'model.'
AT = '@'  # before the levels on which a key is set
NESTED = {
    part: [
        name
        for name in inspect.signature(layer).parameters
        if name not in ('channels', 'device', 'dtype')
    ]
    for part, layer in zip(PARTS, (ChannelRouter, SpatialMask), strict=True)
}
KEYS = [
    *CUBE_ARGUMENTS,
    LEVELS,
    *(f'{part}.{key}' for part, keys in NESTED.items() for key in keys),
    *(f'{part}.{LEVELS}' for part in NESTED),
]
# A plus sign inside a number starts no new part.
JOINT = re.compile(r'\+(?=[A-Za-z_])')


def parse_variant(text: str) -> Variant:
    """Read a variant.

    Raises:
        ValueError: Naming the preset, key or value that cannot be read, and
            what there is.
    """
    preset, *parts = JOINT.split(text)
    if preset not in PRESETS:
        raise ValueError(
            f'variant {text!r}: there is no preset {preset!r}; there are '
            f'{", ".join(PRESETS)}'
        )
    given, options, on_levels, model = [], {}, [], {}
    for part in parts:
        where, equals, value = part.partition('=')
        key, at, levels = where.partition(AT)
        of_model = key.startswith(MODEL)
        if not equals or not (of_model or key in KEYS):
            raise ValueError(
                f'variant {text!r}: {part!r} is none of {"=, ".join(KEYS)}=, '
                f'{MODEL}KEY='
            )
        if where in given:
            raise ValueError(f'variant {text!r}: {where} is given twice')
        chosen = _read_levels(levels) if at else []
        if at and (of_model or key.endswith(LEVELS) or not chosen):
            raise ValueError(
                f'variant {text!r}: {part!r} sets no option on levels. Write '
                'KEY@LEVELS=VALUE, such as lattice_kernel_size@0,1=4'
            )
        given.append(where)
        if of_model:
            model[key] = DictAction._parse_iterable(value)
            continue
        read = _read_value(text, key, value)
        if at:
            on_levels.append((key, chosen, read))
        else:
            options[key] = read
    of_cubes = [key for key in given if key not in model]
    if preset == BASELINE and of_cubes:
        raise ValueError(
            f'variant {text!r}: a baseline has no Cube kernels, so no '
            f'{of_cubes[0]}'
        )
    return Variant(text, preset, options, on_levels, model)


def _read_value(text: str, key: str, value: str) -> object:
    """Read the value of an option of Cube kernels."""
    read = DictAction._parse_iterable(value)
    if key.endswith(LEVELS):
        read = _read_levels(value)
        if not read:
            raise ValueError(
                f'variant {text!r}: {key} must be numbers, such as 0,1, but '
                f'got {value!r}'
            )
    elif key in NESTED and read is not None:
        raise ValueError(
            f'variant {text!r}: {key} can only be None; give its options, '
            f'such as {key}.{NESTED[key][0]}=...'
        )
    return read


def _read_levels(text: str) -> list[int]:
    """Read numbers with commas between them; none if it is not that."""
    read = DictAction._parse_iterable(text)
    read = list(read) if isinstance(read, list | tuple) else [read]
    return read if all(type(i) is int for i in read) else []
