"""Size of a network: parameters and floating point operations.

Operations are those that ``torch.utils.flop_counter`` sees in one forward
pass: convolutions and matrix products, two per multiplication and addition.
"""

from dataclasses import dataclass

import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Complexity:
    """Size of one network.

    Attributes:
        parameters: Number of parameters.
        flops: Floating point operations of one image.
    """

    parameters: int
    flops: int

    def saving(self, baseline: 'Complexity') -> tuple[float, float]:
        """Parameters and operations saved against a baseline, in percent."""
        return (
            100 * (1 - self.parameters / baseline.parameters),
            100 * (1 - self.flops / baseline.flops),
        )


def complexity(model_cfg: ConfigDict, size: int = 512) -> Complexity:
    """Count a segmentor, without weights and without computing anything.

    Args:
        model_cfg: ``model`` of a config.
        size: Side of the square input, in pixels.

    Returns:
        Its parameters and the operations of one ``size`` x ``size`` image.
    """
    model = MODELS.build(model_cfg).to('meta')
    # mmpretrain's ConvNeXt.train returns nothing, so no chaining.
    model.eval()
    image = torch.empty(1, 3, size, size, device='meta')
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image, mode='tensor')
    return Complexity(
        sum(p.numel() for p in model.parameters()), counter.get_total_flops()
    )
