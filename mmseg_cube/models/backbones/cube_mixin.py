"""What a backbone with Cube kernels does beyond its own class."""

import logging
from functools import cache, wraps

from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.models.backbones.dry_run import to_stages
from mmseg_cube.models.backbones.projection import project_weight


class CubeMixin:
    """Mixed into the class of a backbone, in front of it."""

    cube_blocks: nn.ModuleDict  # by the stage whose output they change

    def train(self, mode: bool = True) -> nn.Module:
        """Set the mode of the backbone and of the inserted blocks."""
        super().train(mode)
        # norm_eval and frozen stages keep statistics that were learned
        # before; those of the inserted norms are not.
        self.cube_blocks.train(mode)
        return self

    def _load_from_state_dict(
        self, state_dict: dict, prefix: str, *args
    ) -> None:
        """Make weights of plain convolutions fit before they are loaded."""
        count = 0
        # Layers in two places have a weight under each of both names.
        for name, layer in self.named_modules(remove_duplicate=False):
            key = f'{prefix}{name}.weight'
            if not isinstance(layer, CubeConv2d) or key not in state_dict:
                continue
            plain = (layer.out_channels, layer.in_channels, *layer.kernel_size)
            given, own = state_dict[key], layer.weight.shape
            # A replaced layer has no groups.
            if layer.groups == 1 and given.shape == plain != own:
                count += 1
                state_dict[key] = project_weight(given, layer)
        if count:
            text = f'the weights of {count} plain convolutions were projected '
            text += 'to Cube weights'
            print_log(f'CubeBackbone: {text}', 'current', logging.INFO)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def __reduce__(self) -> tuple:
        # The class is made at run time, so pickle gets that of the backbone.
        return _restore, (type(self).__bases__[1],), self.__dict__


@cache
def cube_class(base: type[nn.Module]) -> type[nn.Module]:
    """Class of a backbone with Cube kernels: ``ResNet`` to ``CubeResNet``."""

    # With the signature of the backbone, by which tools go.
    @wraps(base.forward)
    def forward(self, *args, **kwargs) -> Tensor | tuple | list:
        output = base.forward(self, *args, **kwargs)
        if not self.cube_blocks:
            return output
        stages = list(to_stages(output))
        for stage, blocks in self.cube_blocks.items():
            stages[int(stage)] = blocks(stages[int(stage)])
        if isinstance(output, Tensor):
            return stages[0]
        return stages if isinstance(output, list) else tuple(stages)

    members = dict(__module__=__name__, __doc__=base.__doc__, forward=forward)
    return type(base)(f'Cube{base.__name__}', (CubeMixin, base), members)


def _restore(base: type[nn.Module]) -> nn.Module:
    kind = cube_class(base)
    return kind.__new__(kind)
