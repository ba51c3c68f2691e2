"""What a backbone returns, and which convolutions lead to it."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from mmseg_cube.ops.geometry import to_pair

# Side of the dummy image in pixels: with the usual strides of 4 to 32 every
# stage has a size of its own.
IMAGE_SIZE = 64
# What networks that take images of one size only are usually made for.
USUAL_SIZES = (224, 256, 384)
# Names by which modules say that they save memory in the backward pass.
CHECKPOINTING = ('with_cp', 'use_checkpoint', 'grad_checkpointing')


@dataclass(frozen=True)
class DryRun:
    """One forward pass of a backbone."""

    # Channels of each stage, None where it is no feature map.
    channels: list[int | None]
    in_training: list[int | None]
    # Of each convolution that leads to an output, in the order of execution.
    stage_of: dict[str, int]

    def describe(self) -> str:
        """Stages with their channels, for messages."""
        stages = map(self.describe_stage, range(len(self.channels)))
        return f'stages: {", ".join(stages)}'

    def describe_stage(self, stage: int) -> str:
        """One stage, such as ``'0 (64 channels)'``."""
        channels = self.channels[stage]
        what = 'no feature map' if channels is None else f'{channels} channels'
        return f'{stage} ({what})'

    def check_stage(self, option: str, stage: int) -> None:
        """Raise a ``ValueError`` if there is no such stage."""
        if stage not in range(len(self.channels)):
            raise ValueError(
                f'{option} names stage {stage!r}, which the backbone does '
                f'not return; {self.describe()}'
            )


def to_stages(output: Tensor | tuple | list) -> tuple | list:
    """Stages that a backbone returns, also where it is a single one."""
    return (output,) if isinstance(output, Tensor) else output


def dry_run(
    backbone: nn.Module,
    in_channels: int = 3,
    size: int | Sequence[int] | None = None,
) -> DryRun:
    """Run a copy of a backbone over a black image.

    The stage of a convolution is the first output that depends on it and has
    its height and width, or else the first that depends on it. That is what
    people mean by a stage where blocks follow each other, also if dilation
    keeps their size, and where branches of several sizes run side by side.

    Args:
        backbone: Any backbone; stays as it is.
        in_channels: Channels of the image.
        size: Side, or height and width, of the image that it is made for,
            for one that takes no small image.

    Raises:
        ValueError: If the backbone cannot run, or returns neither a feature
            map nor a tuple or list.
    """
    probe, sizes = _make_probe(backbone)
    sides = (IMAGE_SIZE, *(USUAL_SIZES if size is None else (size,)))
    shapes = [(in_channels, *to_pair(side)) for side in sides]
    for shape in shapes:
        sizes.clear()
        try:
            return _run(probe, sizes, shape)
        except Exception as error:
            failure = error
    tried = ' and '.join(' x '.join(map(str, shape)) for shape in shapes)
    raise ValueError(
        f'{type(backbone).__name__} failed on black images of {tried}, with '
        f'which CubeBackbone finds its stages: {failure}. in_channels and '
        'img_size of the wrapped backbone say which image it takes'
    ) from failure


def _make_probe(
    backbone: nn.Module,
) -> tuple[nn.Module, dict[str, torch.Size]]:
    """Copy of a backbone, and where its convolutions note their sizes."""
    probe, sizes = copy.deepcopy(backbone), {}
    # Not chained: mmpretrain's ConvNeXt.train returns nothing.
    probe.eval()
    # After that, because train() and eval() freeze stages.
    probe.requires_grad_(True)

    def note(name: str, module: nn.Module, args: tuple, out: Tensor) -> None:
        sizes[name] = out.shape[2:]

    for name, module in probe.named_modules():
        # A checkpointed block hides what is in it.
        for option in CHECKPOINTING:
            if hasattr(module, option):
                setattr(module, option, False)
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(partial(note, name))
    return probe, sizes


def _run(
    probe: nn.Module, sizes: dict[str, torch.Size], shape: tuple[int, ...]
) -> DryRun:
    probe.training = False
    image = next(probe.parameters()).new_zeros(1, *shape)
    # The graph is walked and never run backwards, so it need not keep what
    # it would need for that: gigabytes where the image is large.
    forget = saved_tensors_hooks(lambda _: None, lambda _: None)
    with torch.enable_grad(), forget:
        outputs = _call(probe, image)
    stage_of = {}
    reached = [set(_parameters_of(output)) for output in outputs]
    for name, size in sizes.items():
        own = set(map(id, probe.get_submodule(name).parameters()))
        later = [i for i, found in enumerate(reached) if own & found]
        alike = [i for i in later if _size(outputs[i], image) == size]
        if later:
            stage_of[name] = (alike + later)[0]
    # Some return more in training. Their layers stay in evaluation mode:
    # norms cannot train on a single image this small.
    probe.training = True
    with torch.no_grad():
        in_training = _call(probe, image)
    channels, others = (
        [o.shape[1] if _size(o, image) else None for o in found]
        for found in (outputs, in_training)
    )
    return DryRun(channels, others, stage_of)


def _call(backbone: nn.Module, image: Tensor) -> tuple | list:
    outputs = to_stages(backbone(image))
    if not isinstance(outputs, (tuple, list)) or not outputs:
        raise TypeError(
            f'it returns {type(outputs).__name__}, not a feature map or a '
            'tuple or list of them'
        )
    return outputs


def _size(output: Tensor | tuple | list, image: Tensor) -> torch.Size | None:
    """Height and width of a map (N, C, H, W); None if it is not one."""
    if not isinstance(output, Tensor) or output.dim() != 4:
        return None
    (h, w), (height, width) = output.shape[2:], image.shape[2:]
    # A map has the proportions of the image, but for rounding. What timm's
    # Swin returns, (N, H, W, C), has not.
    is_map = abs(h * width - w * height) <= height + width
    return output.shape[2:] if is_map else None


def _parameters_of(output: Tensor | tuple | list) -> Iterator[int]:
    """Identities of the parameters that a backward pass would reach."""
    if isinstance(output, (tuple, list)):
        for part in output:
            yield from _parameters_of(part)
    if not isinstance(output, Tensor):
        return
    open_nodes, seen = [output.grad_fn], {None}
    while open_nodes:
        node = open_nodes.pop()
        if node not in seen:
            seen.add(node)
            # Leaves of the graph accumulate gradients.
            if hasattr(node, 'variable'):
                yield id(node.variable)
            open_nodes.extend(n for n, _ in node.next_functions)
