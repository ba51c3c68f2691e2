"""Size of a network: parameters, operations and activations.

Operations are those that ``torch.utils.flop_counter`` sees in one forward
pass: convolutions and matrix products, two per multiplication and addition.
Activations are the elements of their outputs (Radosavovic et al., "Designing
Network Design Spaces", CVPR 2020). The parameters of auxiliary heads count,
though only training runs them.

All of it is counted on the meta device: a CPU would take attention in one
fused step, which the counter does not know.
"""

from dataclasses import dataclass

import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from mmseg_cube.analysis.complexity.counters import count_modules
from mmseg_cube.utils.configs import without_weights
from mmseg_cube.utils.networks import to_eval


@dataclass(frozen=True)
class Complexity:
    """Size of one network, or of a part of it.

    Attributes:
        parameters: Number of parameters.
        flops: Floating point operations of one image.
        activations: Output elements of convolutions and matrix products, of
            one image.
    """

    parameters: int
    flops: int
    activations: int = 0

    def saved(self, baseline: 'Complexity', key: str) -> float:
        """Percent of an attribute that is saved against a baseline."""
        return 100 * (1 - getattr(self, key) / getattr(baseline, key))


def complexity(
    model_cfg: ConfigDict, size: int | tuple[int, int] = 512
) -> Complexity:
    """Count a whole segmentor; see :func:`complexity_by_module`."""
    return complexity_by_module(model_cfg, size)['']


def complexity_by_module(
    model_cfg: ConfigDict, size: int | tuple[int, int] = 512
) -> dict[str, Complexity]:
    """Count a segmentor and every module in it; nothing is computed.

    Args:
        model_cfg: ``model`` of a config.
        size: Side of the square input, or its height and width, in pixels.

    Returns:
        Sizes by name of the module, what is in it included, outer modules
        first; ``''`` is the whole network.

    Raises:
        ValueError: If the network does not take images of this size.
    """
    height, width = (size, size) if isinstance(size, int) else size
    model = MODELS.build(ConfigDict(without_weights(model_cfg)))
    model = to_eval(model.to('meta'))
    image = torch.empty(1, 3, height, width, device='meta')
    try:
        counted = count_modules(model, image, mode='tensor')
    except Exception as error:  # networks raise whatever they like
        cause = f'{type(error).__name__}: {error}'.rstrip('.')
        raise ValueError(
            f'no image of {height} x {width} passes through the network '
            f'({cause}). Try another size, such as a multiple of 32; networks '
            'that decide by the values of an image cannot be counted'
        ) from error
    return {name: Complexity(*numbers) for name, numbers in counted.items()}
