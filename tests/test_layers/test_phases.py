import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS
from torch import nn

from mmseg_cube.layers import CubeConv2d, CubeKernelBlock
from mmseg_cube.layers.phases import alternate_phases, phase_pair
from mmseg_cube.ops import PHASES


def stack(*kernels):
    """Cube convolutions whose weights are all one."""
    layers = nn.Sequential(
        *(
            CubeConv2d(4, 4, 3, padding=1, bias=False, lattice_kernel_size=q)
            for q in kernels
        )
    )
    for conv in layers:
        nn.init.ones_(conv.weight)
    return layers.double()


def response(layers):
    """What an impulse in the middle turns into."""
    impulse = torch.zeros(1, 4, 9, 9, dtype=torch.float64)
    impulse[:, :, 4, 4] = 1
    return layers(impulse)


def is_centred(image):
    return image.equal(image.flip(-1)) and image.equal(image.flip(-2))


def test_alternating_stack_is_centred():
    layers = stack(3, 3)
    assert not is_centred(response(layers))
    assert alternate_phases(layers) == 2
    found = response(layers)
    assert is_centred(found)
    assert found[0, 0, 4, 3:6].tolist() == [10, 25, 10]


def test_centred_windows_do_not_take_a_turn():
    layers = stack(3, 4, 3)
    assert alternate_phases(layers) == 2
    assert [layers[i].phase for i in (0, 2)] == list(PHASES)
    assert is_centred(response(layers))
    assert alternate_phases(stack(4, 2)) == 0


def test_order_is_that_of_registration_in_any_module():
    cubes = [CubeKernelBlock(8) for _ in range(3)]
    model = nn.ModuleDict(
        dict(a=cubes[0], b=nn.Conv2d(8, 8, 3), c=nn.Sequential(*cubes[1:]))
    )
    assert alternate_phases(model) == 3
    expected = [PHASES[0], PHASES[1], PHASES[0]]
    assert [block.conv.phase for block in cubes] == expected
    # Once more changes nothing, and without Cube there is nothing to do.
    assert alternate_phases(model) == 3
    assert [block.conv.phase for block in cubes] == expected
    assert alternate_phases(nn.Conv2d(8, 8, 3)) == 0


def test_one_layer_is_set_as_if_built_with_the_phase():
    torch.manual_seed(0)
    layers = nn.Sequential(*(CubeConv2d(4, 4, 3, padding=1) for _ in '12'))
    alternate_phases(layers)
    built = CubeConv2d(4, 4, 3, padding=1, phase=layers[1].phase)
    built.load_state_dict(layers[1].state_dict())
    x = torch.randn(1, 4, 5, 6)
    assert torch.equal(layers[1](x), built(x))


def test_weights_are_interchangeable():
    plain, alternating = stack(3, 3), stack(3, 3)
    alternate_phases(alternating)
    result = alternating.load_state_dict(plain.state_dict())
    assert not result.missing_keys
    assert not result.unexpected_keys


@pytest.mark.parametrize('kind', [dict, ConfigDict])
def test_config_of_a_pair_is_split_and_kept(kind):
    given = kind(type='CubeConv2d', phase='alternate', router=dict())
    before = copy.deepcopy(given)
    pair = phase_pair(given)
    assert [cfg['phase'] for cfg in pair] == list(PHASES)
    assert all(cfg['router'] == {} for cfg in pair)
    assert given == before
    for other in (None, kind(type='Conv'), kind(type='CubeConv2d')):
        assert all(cfg is other for cfg in phase_pair(other))


def test_a_single_convolution_cannot_alternate():
    message = r"phase .*\('up_left', 'down_right'\).*'alternate'"
    with pytest.raises(ValueError, match=message):
        CubeConv2d(4, 4, 3, phase='alternate')
    cfg = dict(type='CubeConv2d', in_channels=4, out_channels=4, kernel_size=3)
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(cfg, phase='alternate'))
