"""Alternating the lean of Cube windows, so that a stack stays centred.

A window of three taps on a lattice of scale 2 leans half a lattice pixel to
one side, and stacked layers add up. Two that lean opposite ways cancel.
"""

from torch import nn

from mmseg_cube.layers.cube_conv2d import CubeConv2d
from mmseg_cube.ops import PHASES

ALTERNATE = 'alternate'


def phase_pair(conv_cfg: dict | None) -> tuple[dict | None, dict | None]:
    """Split the ``conv_cfg`` of a pair of convolutions into one for each.

    Args:
        conv_cfg: Convolution of the pair; left as it is.

    Returns:
        With ``phase='alternate'`` copies in which the first convolution leans
        up and left and the second one down and right, else twice
        ``conv_cfg`` itself.
    """
    if conv_cfg is None or conv_cfg.get('phase') != ALTERNATE:
        return conv_cfg, conv_cfg
    return tuple(dict(conv_cfg, phase=phase) for phase in PHASES)


def alternate_phases(module: nn.Module) -> int:
    """Let the Cube convolutions of a module lean opposite ways in turn.

    The order is that of registration, the first one leans up and left. Those
    that are centred on their cells anyway (an even kernel on a lattice of
    scale 2) are left out, or their neighbours would lean the same way. The
    phase is no part of a state dict: whoever loads the weights into a new
    network calls this again.

    Args:
        module: Any module, before its first forward pass.

    Returns:
        Number of convolutions whose phase was set.
    """
    leaning = [
        conv
        for conv in module.modules()
        if isinstance(conv, CubeConv2d) and _leans(conv)
    ]
    for i, conv in enumerate(leaning):
        conv.phase = PHASES[i % len(PHASES)]
    return len(leaning)


def _leans(conv: CubeConv2d) -> bool:
    """Tell whether a window cannot be centred along one of its axes."""
    return any(
        (conv.scale * (d * (k - 1) + 1) - d * (q - 1) - 1) % 2
        for d, k, q in zip(
            conv.dilation,
            conv.kernel_size,
            conv.lattice_kernel_size,
            strict=True,
        )
    )
