"""Networks as they are deployed: norms folded, orders fixed, layers plain."""

import copy
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise

import torch
from mmcv.cnn import Conv2d as WrappedConv2d
from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

from mmseg_cube.layers.channel_router import ChannelRouter
from mmseg_cube.layers.cube_conv2d import CubeConv2d, is_hooked
from mmseg_cube.layers.cube_kernel_block import CubeKernelBlock
from mmseg_cube.ops import FEW_CHANNELS

# Their output is linear in their weights. Of other subclasses that is not
# known: mmcv's ConvAWS2d, for one, standardises the weights it is given.
LINEAR = (nn.Conv2d, WrappedConv2d, CubeConv2d)
# Others do more: timm's BatchNormAct2d applies an activation as well.
NORM_ONLY = (_BatchNorm.forward, nn.SyncBatchNorm.forward)
# Those of modules that call others in turn, or are not called themselves.
CHAINS = ConvModule, CubeKernelBlock, nn.Sequential, nn.Module
CHAINS = tuple(kind.forward for kind in CHAINS)
# No channel sees another one, and none has a weight of its own.
POINTWISE = nn.Identity, nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Dropout


def switch_to_deploy(
    model: nn.Module, plain: bool | None = None, few: int = FEW_CHANNELS
) -> nn.Module:
    """Make a copy of a network that computes the same with less work.

    Batch norms are folded into the convolutions in front of them, learned
    orders of channels become fixed ones, and Cube convolutions without a mask
    become plain ones where that is better. Left alone are norms that are not
    known to follow a convolution directly, and layers whose weights are
    computed, or that are hooked.

    Args:
        model: Network, or a single layer; stays as it is.
        plain: Whether Cube convolutions without a mask become plain ones,
            with more operations, but of a kind for which every exporter and
            runtime is tuned; by default where the lattice has few channels.
        few: Channels of the lattice below which they are few. The default is
            that of PyTorch; formats of export have their own.

    Returns:
        The copy, in evaluation mode, with a state dict of its own.
    """
    # What pruning and the like have computed is no leaf, which torch refuses
    # to copy; their hooks compute it again.
    known = (t for m in model.modules() for t in vars(m).values())
    computed = (t for t in known if isinstance(t, torch.Tensor) and t.grad_fn)
    model = copy.deepcopy(model, {id(t): t.detach() for t in computed})
    # Not chained: mmpretrain's ConvNeXt.train returns nothing.
    model.eval()
    places = Counter(
        id(module) for _, module in model.named_modules(remove_duplicate=False)
    )
    for parent in model.modules():
        if hasattr(parent, 'with_cp'):  # which no trace could follow
            parent.with_cp = False
        for conv, norm in _find_pairs(parent):
            # A shared layer may have another partner at its other place.
            once = places[id(conv)] == places[id(norm)] == 1
            if once and _is_foldable(conv, norm):
                _fold(conv, norm)
                # Wherever it is called from, it does nothing now.
                norm.__class__ = nn.Identity
                norm._parameters.clear()
                norm._buffers.clear()
                if isinstance(parent, ConvModule):
                    parent.with_norm = False
    cubes = [m for m in model.modules() if isinstance(m, CubeConv2d)]
    _fold_orders(model, places)
    new = {m: m.switch_to_deploy(plain, few) for m in cubes if _is_free(m)}
    inner = {cube.router for cube in cubes}
    for module in model.modules():
        alone = isinstance(module, ChannelRouter) and module not in inner
        if alone and not _is_seen(module):
            new[module] = module.switch_to_deploy() or nn.Identity()
    model = substitute(model, new)
    model.eval()
    return model


def _find_pairs(parent: nn.Module) -> Iterator[tuple[nn.Module, ...]]:
    """Layers, and the norms that are known to follow them directly.

    That is known from a ConvModule, from a Sequential, and elsewhere from a
    trace. Neither names nor the order of registration say anything.
    """
    forward = type(parent).forward
    if forward is nn.Sequential.forward:
        yield from pairwise(parent._modules.values())
    elif forward not in CHAINS:
        norms = (m for m in parent.children() if isinstance(m, _BatchNorm))
        yield from ((_find_producer(m, parent), m) for m in norms)
    elif isinstance(parent, ConvModule):
        steps = dict(conv=parent.conv, norm=parent.norm)
        yield from pairwise(map(steps.get, parent.order))


def _is_foldable(conv: nn.Module | None, norm: nn.Module | None) -> bool:
    return (
        type(conv) in LINEAR
        and isinstance(norm, _BatchNorm)
        and type(norm).forward in NORM_ONLY
        and norm.running_mean is not None
        and not _is_seen(norm)
        and _is_free(conv)
        # Outputs that share a kernel have norms of their own.
        and norm.num_features == len(conv.weight)
    )


def _is_seen(module: nn.Module) -> bool:
    """Whether a hook, or a forward of its own, sees what goes through it."""
    return is_hooked(module) or 'forward' in vars(module)


def _is_free(conv: nn.Module) -> bool:
    """Whether weights are not computed, as under spectral norm, nor hooked."""
    hooked = any(map(_is_seen, conv.modules()))
    return 'weight' in conv._parameters and not hooked


@torch.no_grad()
def _fold(conv: nn.Conv2d, norm: _BatchNorm) -> None:
    """Scale and shift the output of a convolution as its norm would."""
    learns, given = conv.weight.requires_grad, conv.weight
    wide = torch.promote_types(given.dtype, torch.float32)
    weights = (
        tensor if tensor is None else tensor.to(wide)
        for tensor in (given, conv.bias, norm.running_mean, norm.running_var)
    )
    fused = fuse_conv_bn_weights(*weights, norm.eps, norm.weight, norm.bias)
    conv.weight, conv.bias = (
        nn.Parameter(tensor.to(given), requires_grad=learns)
        for tensor in fused
    )


class _Chains(torch.fx.Tracer):
    """Follows features through chains of layers, and into nothing else."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return type(module).forward not in CHAINS or _is_seen(module)


@torch.no_grad()
def _fold_orders(model: nn.Module, places: Counter[int]) -> None:
    """Fold orders into the layers in front of them."""
    names = dict(model.named_modules())
    for name, cube in names.items():
        known = isinstance(cube, CubeConv2d) and cube.router is not None
        if not known or _is_seen(cube.router):
            continue
        path, order = name.split('.')[:-1], cube.router.permutation()
        near = [names['.'.join(path[:n])] for n in range(len(path), -1, -1)]
        root = next((m for m in near if type(m).forward not in CHAINS), model)
        conv = _find_producer(cube, root, POINTWISE)
        once = places[id(conv)] == places[id(cube)] == 1
        # Outputs that share a kernel cannot be put into any order.
        if once and conv.groups == 1 and len(conv.weight) == len(order):
            cube.router = None
            for key, value in list(conv.named_parameters(recurse=False)):
                ordered = nn.Parameter(value[order], value.requires_grad)
                setattr(conv, key, ordered)


def _find_producer(
    layer: nn.Module, root: nn.Module, between: Collection[type] = ()
) -> nn.Module | None:
    """Convolution whose outputs one layer alone gets, as ``root`` calls them.

    Only layers of the kinds ``between`` are between them. None where that is
    not known for sure.
    """
    try:
        # Of a copy: some keep what they compute. Weights that are read are
        # as good as a call.
        nodes = _Chains().trace(copy.copy(root)).nodes
        names = {n: n.target for n in nodes if n.op == 'call_module'}
        reads = (n for n in nodes if n.op == 'get_attr')
        names |= {n: n.target.rpartition('.')[0] for n in reads}
        calls = {n: root.get_submodule(name) for n, name in names.items()}
        # A hook is not to see channels in another order.
        calls = {k: v for k, v in calls.items() if not _is_seen(v)}
        (step,) = (node for node, module in calls.items() if module is layer)
        (step,) = step.args
        while type(calls.get(step)) in between and len(step.users) == 1:
            (step,) = step.args
    except Exception:  # some compute with values, and in all kinds of ways
        return None
    conv = calls.get(step)
    if type(conv) not in LINEAR or step.op != 'call_module':
        return None
    once = len(step.users) == list(calls.values()).count(conv) == 1
    own = 'forward' in vars(root)  # of an instance
    return conv if once and _is_free(conv) and not own else None


def substitute(
    model: nn.Module, new: Mapping[nn.Module, nn.Module]
) -> nn.Module:
    """Put layers where others are, those that are shared in all places."""
    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if child in new:
                parent._modules[name] = new[child]
    return new.get(model, model)
