"""Cube convolution and block, and what they replace, ready to be measured.

Before a candidate is handed out, the results of all forms, and of a block
and its deployed form, are checked to be the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_cube.analysis.benchmark.rounds import check_agreement
from mmseg_cube.layers import CubeConv2d, CubeKernelBlock, switch_to_deploy
from mmseg_cube.ops import AUTO, FORMS

CONV, CONV_BLOCK = 'nn.Conv2d', 'Conv-BN-ReLU'
BLOCK = 'block'
CUBES = (*FORMS, AUTO)
# What each candidate is compared with.
REFERENCES = {**dict.fromkeys(CUBES, CONV), BLOCK: CONV_BLOCK}
LAYOUTS = dict(
    contiguous=torch.contiguous_format, channels_last=torch.channels_last
)
# Relative; half precision sums over all positions in the weights' gradient.
TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
TF32_TOLERANCE = 1e-2

Candidate = Callable[[], Tensor | list[Tensor]]


@dataclass(frozen=True)
class Setting:
    """One input of shape (batch, channels, size, size)."""

    channels: int
    size: int
    batch: int = 2
    dtype: torch.dtype = torch.float32
    layout: str = 'contiguous'
    device: torch.device = torch.device('cpu')
    lattice_kernel_size: int = 3

    def draw(self) -> Tensor:
        """Draw an input, or a gradient of the output."""
        shape = (self.batch, self.channels, self.size, self.size)
        return self.place(torch.randn(shape))

    def place(self, it: Tensor | nn.Module) -> Tensor | nn.Module:
        """Bring a tensor or a module to the device, type and layout."""
        memory_format = LAYOUTS[self.layout]
        return it.to(self.device, self.dtype, memory_format=memory_format)

    @property
    def tolerance(self) -> float:
        """Largest relative difference between results that should be equal."""
        rounds = self.device.type == 'cuda' and self.dtype == torch.float32
        if rounds and torch.backends.cudnn.allow_tf32:
            return TF32_TOLERANCE
        return TOLERANCES[self.dtype]


def build_modules(setting: Setting) -> dict[str, nn.Module]:
    """Build convolutions and blocks in training mode.

    All Cube convolutions have the same weights. Routers, masks and norms get
    arbitrary parameters, as in a trained network.

    Raises:
        CubeRuleError: If a Cube convolution cannot have these channels.
    """
    channels = setting.channels
    plain = dict(kernel_size=3, padding=1, bias=False)
    modules = {CONV: nn.Conv2d(channels, channels, **plain)}
    lattice = dict(lattice_kernel_size=setting.lattice_kernel_size)
    for form in CUBES:
        options = dict(form=form, **plain, **lattice)
        modules[form] = CubeConv2d(channels, channels, **options)
        modules[form].load_state_dict(modules[CUBES[0]].state_dict())
    modules[CONV_BLOCK] = ConvModule(
        channels, channels, 3, padding=1, norm_cfg=dict(type='BN')
    )
    modules[BLOCK] = CubeKernelBlock(channels, **lattice)
    for module in modules.values():
        _disturb(module)
        setting.place(module)
    return modules


def inference_calls(setting: Setting) -> dict[str, Candidate]:
    """Forward passes in evaluation mode, blocks deployed.

    Returns:
        Candidates by name; each returns its output.

    Raises:
        DisagreementError: If results differ that should be equal.
    """
    input = setting.draw()
    calls = {}
    for name, module in build_modules(setting).items():
        module.eval()
        calls[name] = torch.no_grad()(partial(module, input))
        if name in (BLOCK, CONV_BLOCK):
            deployed = switch_to_deploy(module)
            plain = calls[name]()
            calls[name] = torch.no_grad()(partial(deployed, input))
            results = {name: [plain], f'deployed {name}': [calls[name]()]}
            check_agreement(results, setting.tolerance)
    results = {name: [calls[name]()] for name in CUBES}
    check_agreement(results, setting.tolerance)
    return calls


def training_calls(setting: Setting) -> dict[str, Candidate]:
    """Forward and backward passes in training mode.

    Returns:
        Candidates by name; each returns its output and the gradients of its
        input and parameters, and leaves none of them behind.

    Raises:
        DisagreementError: If results differ that should be equal.
    """
    input, grad = setting.draw().requires_grad_(), setting.draw()
    calls = {
        name: partial(_step, module, input, grad)
        for name, module in build_modules(setting).items()
    }
    results = {name: calls[name]() for name in CUBES}
    check_agreement(results, setting.tolerance)
    return calls


def _step(module: nn.Module, input: Tensor, grad: Tensor) -> list[Tensor]:
    output = module(input)
    output.backward(grad)
    leaves = [input, *module.parameters()]
    results = [output.detach(), *(leaf.grad for leaf in leaves)]
    for leaf in leaves:
        leaf.grad = None
    return results


@torch.no_grad()
def _disturb(module: nn.Module) -> None:
    # Fresh ones are an identity, a constant, and a no-op.
    for name, parameter in module.named_parameters():
        if 'router' in name or 'mask' in name:
            parameter.normal_(std=0.1)
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
