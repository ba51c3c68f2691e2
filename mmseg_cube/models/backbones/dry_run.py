"""What a backbone returns, and which convolutions lead to it."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Side of the dummy image in pixels: with the usual strides of 4 to 32 every
# stage has a size of its own.
IMAGE_SIZE = 64


@dataclass(frozen=True)
class DryRun:
    """One forward pass of a backbone.

    Attributes:
        channels: Channels of each stage, None where it is no feature map.
        in_training: The same in training mode.
        stage_of: Stage of each convolution that ran, by name, in the order
            of execution; None for one that no stage depends on.
    """

    channels: list[int | None]
    in_training: list[int | None]
    stage_of: dict[str, int | None]

    def describe(self) -> str:
        """Stages with their channels, for messages."""
        return 'stages: ' + ', '.join(
            f'{i} ({"no feature map" if c is None else f"{c} channels"})'
            for i, c in enumerate(self.channels)
        )

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
    size: int | Sequence[int] = IMAGE_SIZE,
) -> DryRun:
    """Run a copy of a backbone over a black image.

    The stage of a convolution is the first output that depends on it and has
    its height and width, or else the first that depends on it. That is what
    people mean by a stage where blocks follow each other, also if dilation
    keeps their size, and where branches of several sizes run side by side.

    Args:
        backbone: Any backbone; stays as it is.
        in_channels: Channels of the image.
        size: Side of the image, or its height and width, in pixels.

    Raises:
        ValueError: If the backbone cannot run, or returns neither a feature
            map nor a tuple or list.
    """
    probe = copy.deepcopy(backbone)
    # Not chained: mmpretrain's ConvNeXt.train returns nothing.
    probe.eval()
    # After that, because train() and eval() freeze stages.
    probe.requires_grad_(True)
    sizes = {}
    for name, module in probe.named_modules():
        # A checkpointed block hides what is in it.
        if hasattr(module, 'with_cp'):
            module.with_cp = False
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda _, __, out, name=name: sizes.update(
                    {name: out.shape[2:]}
                )
            )
    weight = next(probe.parameters())
    height, width = (size, size) if isinstance(size, int) else size
    image = weight.new_zeros(1, in_channels, height, width)
    try:
        with torch.enable_grad():
            maps = _run(probe, image)
        # Some return more in training. Their layers stay in evaluation mode:
        # norms cannot train on a single image this small.
        stage_of = _find_stages(probe, maps, sizes)
        probe.training = True
        with torch.no_grad():
            in_training = _run(probe, image)
    except Exception as error:
        raise ValueError(
            f'{type(backbone).__name__} failed on a black image of '
            f'{in_channels} x {height} x {width}, with which CubeBackbone '
            f'finds its stages: {error}. in_channels and img_size of the '
            'wrapped backbone say which image it takes'
        ) from error
    return DryRun(_channels(maps), _channels(in_training), stage_of)


def _run(backbone: nn.Module, image: Tensor) -> list[Tensor | None]:
    """Outputs of a backbone, None in place of what is no feature map."""
    stages = to_stages(backbone(image))
    if not isinstance(stages, (tuple, list)) or not stages:
        raise TypeError(
            f'it returns {type(stages).__name__}, not a feature map or a '
            'tuple or list of them'
        )
    return [
        stage if isinstance(stage, Tensor) and stage.dim() == 4 else None
        for stage in stages
    ]


def _channels(maps: list[Tensor | None]) -> list[int | None]:
    return [None if image is None else image.shape[1] for image in maps]


def _find_stages(
    backbone: nn.Module,
    maps: list[Tensor | None],
    sizes: dict[str, torch.Size],
) -> dict[str, int | None]:
    """Stage of each convolution, given the size of its output."""
    reached = [set() if m is None else set(_parameters_of(m)) for m in maps]
    stage_of = {}
    for name, size in sizes.items():
        own = {id(p) for p in backbone.get_submodule(name).parameters()}
        later = [i for i, found in enumerate(reached) if own & found]
        alike = [i for i in later if maps[i].shape[2:] == size]
        stage_of[name] = next(iter(alike + later), None)
    return stage_of


def _parameters_of(output: Tensor) -> Iterator[int]:
    """Identities of the parameters that an output was computed from."""
    open_nodes, seen = [output.grad_fn], {None}
    while open_nodes:
        node = open_nodes.pop()
        if node in seen:
            continue
        seen.add(node)
        # Leaves of the graph accumulate gradients.
        if hasattr(node, 'variable'):
            yield id(node.variable)
        open_nodes.extend(following for following, _ in node.next_functions)
