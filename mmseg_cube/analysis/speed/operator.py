"""The Cube convolution and block against what they replace.

A convolution is compared with an ``nn.Conv2d`` of the same channels, kernel 3
and padding 1, in each of its forms and in the form that it chooses itself;
the block of router, mask, convolution, norm and activation with Conv-BN-ReLU.
For inference both blocks are deployed, so norms are folded on either side.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_cube.analysis.speed.comparison import Setting
from mmseg_cube.layers import CubeConv2d, CubeKernelBlock, switch_to_deploy
from mmseg_cube.ops import AUTO, FORMS, forms_of

INFERENCE, STEP = 'inference', 'forward + backward'
CONV, CONV_BLOCK, BLOCK = 'nn.Conv2d', 'Conv-BN-ReLU', 'block'
# Largest difference of results that should be equal, relative to the largest
# value. In half precision the weights' gradient sums over all positions.
TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
TF32_TOLERANCE = 1e-2


class Operator:
    """Convolutions and blocks, as something to be measured."""

    tasks, one_image, counts_memory = (INFERENCE, STEP), (), True

    def __init__(
        self,
        lattice_kernel_size: int = 3,
        lattice_stride: int | None = None,
        channels: Sequence[int] = (),
    ) -> None:
        self.facts = dict(lattice_kernel_size=lattice_kernel_size)
        if lattice_stride is not None:
            self.facts['lattice_stride'] = lattice_stride
        forms = FORMS
        for number in channels:  # refused at once, with a CubeRuleError
            layer = CubeConv2d(number, number, 3, device='meta', **self.facts)
            forms = forms_of(layer.geometry)
        self.cubes = (*forms, AUTO)
        self.references = dict.fromkeys(self.cubes, CONV)
        self.references[BLOCK] = CONV_BLOCK

    def build(
        self, task: str, setting: Setting
    ) -> dict[str, Callable[[], list[Tensor]]]:
        """Build candidates, checked to compute the same in all forms."""
        channels, calls = setting.channels, {}
        plain = dict(kernel_size=3, padding=1, bias=False)
        modules = {CONV: nn.Conv2d(channels, channels, **plain)}
        for form in self.cubes:
            options = dict(form=form, **plain, **self.facts)
            modules[form] = CubeConv2d(channels, channels, **options)
            modules[form].load_state_dict(modules[self.cubes[0]].state_dict())
        modules[CONV_BLOCK] = ConvModule(
            channels, channels, 3, padding=1, norm_cfg=dict(type='BN')
        )
        modules[BLOCK] = CubeKernelBlock(channels, **self.facts)
        input = setting.draw().requires_grad_(task == STEP)
        grad = setting.draw()
        for name, module in modules.items():
            _disturb(module)
            setting.place(module)
            if task == STEP:
                calls[name] = partial(_step, module, input, grad)
                continue
            calls[name] = partial(_infer, module.eval(), input)
            if name in (BLOCK, CONV_BLOCK):
                results = {name: calls[name]()}
                calls[name] = partial(_infer, switch_to_deploy(module), input)
                results[f'deployed {name}'] = calls[name]()
                check_agreement(results, setting)
        check_agreement({name: calls[name]() for name in self.cubes}, setting)
        return calls

    def operations(self, setting: Setting) -> dict:
        """None: they follow from the form."""
        return {}


def check_agreement(
    results: Mapping[str, Sequence[Tensor]], setting: Setting
) -> None:
    """Refuse, with a ValueError, candidates with different results."""
    tolerance = TOLERANCES[setting.dtype]
    if setting.device.type == 'cuda' and torch.backends.cudnn.allow_tf32:
        tolerance = max(tolerance, TF32_TOLERANCE)
    first, *others = results
    for name in others:
        for pair in zip(results[first], results[name], strict=True):
            expected, actual = (tensor.double() for tensor in pair)
            gap = (actual - expected).abs().max() / expected.abs().max()
            # Written so that NaN does not pass.
            if not gap <= tolerance:
                raise ValueError(
                    f'{name} and {first} differ by {gap:.1e}, more than '
                    f'{tolerance:.0e}: no time of a wrong result is of use, '
                    'so nothing was timed'
                )


@torch.no_grad()
def _infer(module: nn.Module, input: Tensor) -> list[Tensor]:
    return [module(input)]


def _step(module: nn.Module, input: Tensor, grad: Tensor) -> list[Tensor]:
    """Return the output and the gradients of the input and parameters."""
    output, leaves = module(input), [input, *module.parameters()]
    return [output.detach(), *torch.autograd.grad(output, leaves, grad)]


@torch.no_grad()
def _disturb(module: nn.Module) -> None:
    # Fresh routers, masks and norms do nothing, unlike trained ones.
    for name, parameter in module.named_parameters():
        if 'router' in name or 'mask' in name:
            parameter.normal_(std=0.1)
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
