"""The Cube convolution and block against what they replace.

A convolution is compared with an ``nn.Conv2d`` of the same channels, kernel 3
and padding 1, in each of its forms and in the form that it chooses itself;
the block of router, mask, convolution, norm and activation with Conv-BN-ReLU.
For inference both blocks are deployed, so norms are folded on either side.

Before a candidate is timed, the results of all forms, and of a block and its
deployed form, are checked to be the same.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_cube.analysis.speed.comparison import (
    INFERENCE,
    MEMORY,
    STEP,
    TIME,
    Result,
    Setting,
    compare,
)
from mmseg_cube.analysis.speed.profile import by_operation
from mmseg_cube.layers import CubeConv2d, CubeKernelBlock, switch_to_deploy
from mmseg_cube.ops import AUTO, FORMS

CONV, CONV_BLOCK, BLOCK = 'nn.Conv2d', 'Conv-BN-ReLU', 'block'
CUBES = (*FORMS, AUTO)
REFERENCES = {**dict.fromkeys(CUBES, CONV), BLOCK: CONV_BLOCK}
PROFILED = (CONV, AUTO, CONV_BLOCK, BLOCK)
# The bars of this project are for a lattice kernel of BARRED, by device and
# type: with at least WIDE channels, and with fewer (None: no bar).
WIDE, BARRED = 128, 3
BARS = {
    ('cpu', torch.float32): {
        (AUTO, INFERENCE, TIME): (0.35, 0.45),
        (AUTO, STEP, TIME): (0.45, 0.60),
        (AUTO, STEP, MEMORY): (1.10, 1.10),
        (BLOCK, INFERENCE, TIME): (0.45, 0.70),
        (BLOCK, STEP, TIME): (0.60, 1.00),
        (BLOCK, STEP, MEMORY): (1.10, 1.10),
    },
    ('cuda', torch.bfloat16): {
        (AUTO, INFERENCE, TIME): (0.45, None),
        (AUTO, STEP, TIME): (0.65, None),
    },
}
# Relative; half precision sums over all positions in the weights' gradient.
TOLERANCES = {
    torch.float32: 1e-4,
    torch.float16: 2e-2,
    torch.bfloat16: 5e-2,
}
TF32_TOLERANCE = 1e-2

Candidate = Callable[[], list[Tensor]]


class DisagreementError(ValueError):
    """Candidates that must give the same result do not."""


def measure_operator(
    settings: Sequence[Setting],
    lattice_kernel_size: int = BARRED,
    repeats: int = 30,
    profiled: bool = False,
) -> tuple[list[Result], dict[str, dict[str, tuple[float, float]]]]:
    """Measure all candidates in several settings.

    Args:
        settings: The inputs.
        lattice_kernel_size: Kernel on the lattice.
        repeats: Rounds of timing.
        profiled: Also time the operations of inference.

    Returns:
        All results, and calls and seconds of operations by title.

    Raises:
        CubeRuleError: If a Cube convolution cannot have these channels.
        DisagreementError: If results differ that should be equal.
    """
    for setting in settings:  # before anything is measured
        CubeConv2d(setting.channels, setting.channels, 3, device='meta')
    results, profiles = [], {}
    for setting in settings:
        place = f'{setting.channels} x {setting.size}, {setting.layout}'
        print(f'{place} ...', file=sys.stderr)
        results += compare_operator(setting, lattice_kernel_size, repeats)
        if profiled:
            calls = inference_calls(setting, lattice_kernel_size)
            for name in PROFILED:
                profiles[f'{name}, {place}: inference'] = by_operation(
                    calls[name], setting.device
                )
    return results, profiles


def compare_operator(
    setting: Setting, lattice_kernel_size: int = BARRED, repeats: int = 30
) -> list[Result]:
    """Measure all candidates in one setting, in inference and training.

    Args:
        setting: The input.
        lattice_kernel_size: Kernel on the lattice.
        repeats: Rounds of timing.

    Raises:
        CubeRuleError: If a Cube convolution cannot have these channels.
        DisagreementError: If results differ that should be equal.
    """
    results = []
    for task, build in CALLS.items():
        calls = build(setting, lattice_kernel_size)
        bar = partial(bar_of, setting, lattice_kernel_size, task)
        results += compare(calls, task, setting, repeats, REFERENCES, bar)
    return results


def inference_calls(
    setting: Setting, lattice_kernel_size: int = BARRED
) -> dict[str, Candidate]:
    """Forward passes in evaluation mode, blocks deployed, by candidate."""
    input = setting.draw()
    calls = {}
    for name, module in build_modules(setting, lattice_kernel_size).items():
        module.eval()
        calls[name] = partial(_infer, module, input)
        if name in (BLOCK, CONV_BLOCK):
            plain = calls[name]()
            calls[name] = partial(_infer, switch_to_deploy(module), input)
            results = {name: plain, f'deployed {name}': calls[name]()}
            check_agreement(results, setting)
    check_agreement({name: calls[name]() for name in CUBES}, setting)
    return calls


def training_calls(
    setting: Setting, lattice_kernel_size: int = BARRED
) -> dict[str, Candidate]:
    """Forward and backward passes in training mode, by candidate.

    Each returns its output and the gradients of its input and parameters, and
    leaves none of them behind.
    """
    input, grad = setting.draw().requires_grad_(), setting.draw()
    calls = {
        name: partial(_step, module, input, grad)
        for name, module in build_modules(setting, lattice_kernel_size).items()
    }
    check_agreement({name: calls[name]() for name in CUBES}, setting)
    return calls


CALLS = {INFERENCE: inference_calls, STEP: training_calls}


def build_modules(
    setting: Setting, lattice_kernel_size: int
) -> dict[str, nn.Module]:
    """Build convolutions and blocks in training mode.

    All Cube convolutions have the same weights. Routers, masks and norms get
    arbitrary parameters, as in a trained network.
    """
    channels = setting.channels
    plain = dict(kernel_size=3, padding=1, bias=False)
    lattice = dict(lattice_kernel_size=lattice_kernel_size)
    modules = {CONV: nn.Conv2d(channels, channels, **plain)}
    for form in CUBES:
        modules[form] = CubeConv2d(
            channels, channels, form=form, **plain, **lattice
        )
        modules[form].load_state_dict(modules[CUBES[0]].state_dict())
    modules[CONV_BLOCK] = ConvModule(
        channels, channels, 3, padding=1, norm_cfg=dict(type='BN')
    )
    modules[BLOCK] = CubeKernelBlock(channels, **lattice)
    for module in modules.values():
        _disturb(module)
        setting.place(module)
    return modules


def bar_of(
    setting: Setting,
    lattice_kernel_size: int,
    task: str,
    name: str,
    measure: str,
) -> float | None:
    """Ratio that a candidate of this project must not exceed, if any."""
    if lattice_kernel_size != BARRED:
        return None
    bars = BARS.get((setting.device.type, setting.dtype), {})
    wide, narrow = bars.get((name, task, measure), (None, None))
    return wide if setting.channels >= WIDE else narrow


def check_agreement(
    results: Mapping[str, Sequence[Tensor]], setting: Setting
) -> None:
    """Check that candidates computed the same.

    Args:
        results: Tensors that each candidate computed, in one order.
        setting: The input; its type decides how much they may differ,
            relative to the largest value of the first candidate.

    Raises:
        DisagreementError: Naming the candidate and the difference.
    """
    tolerance = TOLERANCES[setting.dtype]
    rounds = setting.device.type == 'cuda' and setting.dtype == torch.float32
    if rounds and torch.backends.cudnn.allow_tf32:
        tolerance = TF32_TOLERANCE
    first, *others = results
    for name in others:
        pairs = zip(results[first], results[name], strict=True)
        for number, (expected, actual) in enumerate(pairs):
            largest = expected.double().abs().max()
            gap = (actual.double() - expected.double()).abs().max() / largest
            # Written so that NaN does not pass.
            if not gap <= tolerance:
                raise DisagreementError(
                    f'{name} and {first} differ by {gap:.1e} in tensor '
                    f'{number}, more than {tolerance:.0e}: no time of a '
                    'wrong result is of use, so nothing was timed'
                )


@torch.no_grad()
def _infer(module: nn.Module, input: Tensor) -> list[Tensor]:
    return [module(input)]


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
