import copy

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_conv_layer
from mmengine.model import initialize
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from mmseg_cube.layers import CubeConv2d, SpatialMask
from mmseg_cube.ops import FORMS, convolve

FULL = dict(router=dict(method='sort'), mask=dict(kernel_size=3))
BARE = dict(router=None, mask=None)
BN = dict(type='BN')


@pytest.mark.parametrize('phase', ['up_left', 'down_right'])
def test_output_size_and_names_are_those_of_conv2d(shape, phase):
    cube = CubeConv2d(16, 8, phase=phase, **shape)
    own = ('scale', 'lattice_kernel_size', 'lattice_stride')
    plain = {name: arg for name, arg in shape.items() if name not in own}
    plain = nn.Conv2d(16, 8, **plain)
    for size in ((8, 8), (9, 13)):
        x = torch.randn(2, 16, *size)
        for given in (x, x[0], x[:0]):
            assert cube(given).shape == plain(given).shape
    assert list(cube.state_dict()) == list(plain.state_dict())
    for name in ('kernel_size', 'stride', 'padding', 'in_channels', 'groups'):
        assert getattr(cube, name) == getattr(plain, name)
    if not shape.keys() & set(own):
        assert 4 * cube.weight.numel() == plain.weight.numel()


OPTIONS = [
    *(dict(parts, form=form) for parts in ({}, BARE) for form in FORMS),
    *(dict(lattice_stride=1, form=form) for form in FORMS[:2]),
]


@pytest.mark.parametrize('mode', ['reflect', 'replicate', 'circular'])
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_padding_modes_pad_the_coarse_grid(
    mode, options, build, draw, results
):
    cube = build(padding_mode=mode, **options)
    bare = build(padding=0, **options)

    def padded(x):
        return bare(F.pad(x, (1, 1, 1, 1), mode))

    expected = results(padded, draw(), bare)
    torch.testing.assert_close(results(cube, draw()), expected)


@pytest.mark.parametrize('mode', ['zeros', 'reflect'])
def test_router_and_mask_come_before_the_convolution(mode, build):
    cube = build(8, padding_mode=mode, **FULL)
    x = torch.randn(2, 8, 6, 5)
    routed = x[:, cube.router.scores.argsort()]
    if mode == 'reflect':
        routed = F.pad(routed, (1, 1, 1, 1), mode)
    lattice = cube.mask(F.pixel_shuffle(routed, 2))
    cells = cube.prepare(x).cells()
    torch.testing.assert_close(F.pixel_shuffle(cells, 2), lattice)
    torch.testing.assert_close(convolve(cube.prepare(x)), cube(x))
    if mode == 'zeros':
        expected = F.conv2d(lattice, cube.weight, cube.bias, 2, 1)
        torch.testing.assert_close(cube(x), expected)


@pytest.mark.parametrize('method', ['sort', 'sinkhorn', 'fixed'])
def test_device_and_type_are_those_of_all_parts(method):
    factory = dict(device='meta', dtype=torch.float64)
    parts = dict(router=dict(method=method), mask=dict(kernel_size=1))
    cube = CubeConv2d(8, 4, 3, lattice_stride=1, **parts, **factory)
    for name, value in cube.state_dict().items():
        assert value.is_meta, name
        assert value.dtype == torch.float64 or name == 'router.order', name


def test_initialisation():
    torch.manual_seed(0)
    cube = CubeConv2d(256, 64, 3, mask=dict())
    plain = nn.Conv2d(256, 64, 3)
    # For its own fan-in; channels of a cell share their weights.
    bound = (256 // 4 * 9) ** -0.5
    shared = CubeConv2d(256, 64, 3, lattice_stride=1)
    for layer, outputs in ((cube, 64), (shared, 16)):
        assert layer.weight.shape == (outputs, 64, 3, 3)
        assert layer.bias.shape == (64,)
        for tensor in (layer.weight, layer.bias):
            assert 0.8 * bound < tensor.abs().max() <= bound
    # mmengine's initialisation leaves the mask alone. Kaiming's goes by output
    # channels; Xavier's by input channels as well, of which it has a quarter.
    before = copy.deepcopy(cube.mask.state_dict())
    for kind, spread in (('Kaiming', 1), ('Xavier', 1.58)):
        for layer in (cube, plain):
            layer.init_cfg = dict(type=kind, layer='Conv2d')
            initialize(layer, layer.init_cfg)
        ratio = cube.weight.std().item() / plain.weight.std().item()
        assert ratio == pytest.approx(spread, rel=0.1)
    for name, value in cube.mask.state_dict().items():
        assert torch.equal(before[name], value)


def test_mmcv_may_fold_a_norm_into_it():
    torch.manual_seed(0)
    cfgs = dict(conv_cfg=dict(type='CubeConv2d', **FULL), norm_cfg=BN)
    block = ConvModule(8, 4, 3, padding=1, **cfgs)
    x = torch.randn(4, 8, 6, 6)
    block(x)
    expected = block.eval()(x)
    block.turn_on_efficient_conv_bn_eval()
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize('scope', [None, 'mmseg', 'mmpretrain'])
def test_built_by_name_in_any_scope(scope):
    cfg = dict(type='CubeConv2d')
    with DefaultScope.overwrite_default_scope(scope):
        assert isinstance(build_conv_layer(cfg, 8, 4, 3), CubeConv2d)
        module = ConvModule(8, 4, 3, padding=1, conv_cfg=cfg)
        assert isinstance(module.conv, CubeConv2d)
    args = dict(in_channels=8, out_channels=4, kernel_size=3)
    assert isinstance(MODELS.build(cfg | args), CubeConv2d)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(scale=0), 'scale must be .* at least 1, but got 0'),
        (dict(scale='2'), "scale must be a whole .*'2'"),
        (dict(phase='left'), "phase must be one of .*up_left.*'left'"),
        (dict(lattice_stride=0), 'lattice_stride .* at least 1, but got 0'),
        (dict(lattice_stride=3), 'lattice_stride must divide scale=2.*got 3'),
        (dict(lattice_stride=1, form='parity'), "('lattice', 'folded').*par"),
        (dict(form='gemm'), "form must be one of .*'parity'.*'gemm'"),
        (dict(router=dict(method='x')), "method of a channel router.*'x'"),
        (dict(mask=dict(kernel_size=4)), 'odd number, but got 4'),
        (dict(mask=dict(kernel_size=-3)), 'odd number, but got -3'),
        (dict(mask=dict(kernel_size=3.0)), 'odd number, but got 3.0'),
        (dict(router=dict(temperature=0)), 'must be positive, but got 0'),
        (dict(router=dict(group_size=5)), 'its 8 channels, but got 5'),
        (
            dict(router=dict(method='fixed', riffle_groups=0)),
            'its 8 channels, but got 0',
        ),
        (dict(router=dict(group_size=4.0)), 'must be whole and .* got 4.0'),
        (dict(router=True), 'router must be a dict of its arg.*not True'),
        (dict(mask='x'), "mask must be a dict .*not 'x'"),
        (dict(stride=2.0), 'stride must be .* two of them, but got 2.0'),
        (dict(stride=(1, 0)), r'stride .* least 1, .* got \(1, 0'),
        (dict(padding=(1, 1.0)), r'padding must be a whole .* got \(1, 1.0'),
        (dict(padding=(1,)), r'padding .* two of them, but got \(1,'),
        (dict(padding=-1), 'padding .* at least 0, .* got -1'),
        (dict(dilation=-1), 'dilation .* at least 1, .* got -1'),
        (dict(groups=0), 'groups .* at least 1, but got 0'),
        (dict(lattice_kernel_size=[3] * 3), r'kernel_size .* \[3, 3, 3'),
    ],
)
def test_wrong_options_never_fall_back(options, message):
    with pytest.raises(ValueError, match=message):
        build_conv_layer(dict(type='CubeConv2d', **options), 8, 4, 3)


def test_repr_shows_what_differs():
    start = 'CubeConv2d(8, 4, kernel_size=(3, 3), stride=(1, 1), scale=2'
    assert repr(CubeConv2d(8, 4, 3)) == f'{start})'
    options = dict(phase='down_right', form='folded', lattice_kernel_size=4)
    assert repr(CubeConv2d(8, 4, 3, lattice_stride=1, **options)) == (
        f'{start}, lattice_kernel_size=(4, 4), lattice_stride=1, '
        "phase='down_right', form='folded')"
    )
    assert repr(SpatialMask(7)) == 'SpatialMask(kernel_size=7)'


@pytest.mark.parametrize('form', ['lattice', 'folded', 'parity', 'shared'])
@pytest.mark.parametrize(
    'options, size, least',
    [
        (dict(padding=1), (1, 4, 6, 6), 'H >= 1 and W >= 1'),
        (dict(padding=1, router={}), (1, 12, 6, 6), 'H >= 1 and W >= 1'),
        ({}, (8, 6), 'H >= 3 and W >= 3'),
        ({}, (1, 8, 6, 6, 6), 'H >= 3 and W >= 3'),
        (dict(padding=(0, 1), mask={}), (8, 2, 6), 'H >= 3 and W >= 1'),
        (dict(dilation=3, padding=2), (1, 8, 6, 2), 'H >= 3 and W >= 3'),
        (dict(padding=2), (1, 8, 0, 6), 'H >= 1'),
        (
            dict(padding=2, padding_mode='reflect'),
            (1, 8, 2, 6),
            'H >= 3 .*reflect',
        ),
        (dict(padding=2, padding_mode='circular'), (1, 8, 1, 6), 'H >= 2'),
    ],
)
def test_inputs_that_do_not_fit(form, options, size, least):
    kind = dict(lattice_stride=1) if form == 'shared' else dict(form=form)
    conv = CubeConv2d(8, 4, 3, **options, **kind)
    message = f'of 8 channels got an input of shape .*N, 8, H, W.* {least}'
    with pytest.raises(ValueError, match=message):
        conv(torch.randn(size))


def test_padding_and_dilation_may_be_changed_later():
    # As mmseg's MobileNetV3 does it.
    conv = CubeConv2d(8, 4, 3, padding=1)
    conv.dilation, conv.padding = (3, 3), (3, 3)
    expected = CubeConv2d(8, 4, 3, padding=3, dilation=3)
    expected.load_state_dict(conv.state_dict())
    image = torch.randn(1, 8, 9, 9)
    torch.testing.assert_close(conv(image), expected(image))


@pytest.mark.parametrize('size', [(1, 1), (7, 10)])
def test_fresh_mask_is_even_and_nearly_one(size):
    lattice = torch.randn(2, 3, *size)
    torch.testing.assert_close(SpatialMask()(lattice), 0.95 * lattice)
