import copy
import importlib.util
import pickle
from functools import cache

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.models import CubeBackbone
from mmseg_cube.models.backbones.projection import project_weight
from mmseg_cube.ops import fold_weight


def stage_of_hrnet(branches, block='BASIC'):
    channels = (32,) if block == 'BOTTLENECK' else (8, 16, 32, 64)[:branches]
    return dict(
        num_modules=1,
        num_branches=branches,
        block=block,
        num_blocks=(1,) * branches,
        num_channels=channels,
    )


RESNET = dict(type='ResNetV1c', depth=18, base_channels=8, stem_channels=8)
HRNET = dict(
    type='HRNet',
    extra=dict(
        stage1=stage_of_hrnet(1, 'BOTTLENECK'),
        **{f'stage{i}': stage_of_hrnet(i) for i in (2, 3, 4)},
    ),
)
CONVNEXT = dict(
    type='mmpretrain.ConvNeXt',
    arch=dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32]),
    out_indices=[0, 1, 2, 3],
    gap_before_final_norm=False,
)
MIT = dict(
    type='MixVisionTransformer',
    embed_dims=8,
    num_heads=[1, 2, 2, 2],
    num_layers=[1, 1, 1, 1],
)
SWIN = dict(
    type='SwinTransformer',
    embed_dims=8,
    depths=(1, 1, 1, 1),
    num_heads=(1, 2, 2, 2),
    window_size=4,
)
MOBILENET = dict(
    type='MobileNetV2', widen_factor=0.25, out_indices=(1, 2, 4, 6)
)
REPLACE = dict(stages=(1, 3), router=dict(), mask=dict())
# Backbone, its Cube kernels, and how it is asked to freeze.
TABLE = {
    'resnet': (RESNET, REPLACE, dict(frozen_stages=2, norm_eval=True)),
    'hrnet': (HRNET, dict(stages=(1, 3)), dict(norm_eval=True)),
    'convnext': (CONVNEXT, None, dict(frozen_stages=2)),
    'mit': (MIT, REPLACE, {}),
    'swin': (SWIN, None, dict(frozen_stages=2)),
    'mobilenet': (MOBILENET, None, dict(frozen_stages=2, norm_eval=True)),
}
EVERY = pytest.mark.parametrize('name', TABLE)
CUBE_WORDS = ('cube_blocks.', '.router.', '.mask.')


@cache
def build(name, **options):
    cfg, replace, _ = TABLE[name]
    cfg = dict(cfg, **options)
    torch.manual_seed(0)
    return MODELS.build(cfg), CubeBackbone(cfg, replace, dict(stages=(1, 3)))


def twins(name, **options):
    """Plain backbone and the same with Cube kernels."""
    return copy.deepcopy(build(name, **options))


def is_new(name):
    return any(word in name for word in CUBE_WORDS)


def replaced(backbone):
    return [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, CubeConv2d) and 'cube_blocks' not in name
    ]


def image(batch=1):
    return torch.randn(batch, 3, 32, 32)


def total(outputs):
    return sum(output.square().sum() for output in outputs)


@pytest.fixture
def log(caplog):
    """Lines that mmengine's logger writes."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@EVERY
def test_plain_checkpoint_lacks_cube_parameters_only(name, tmp_path):
    plain, cube = twins(name)
    names, cube_names = set(plain.state_dict()), set(cube.state_dict())
    assert names <= cube_names
    assert all(map(is_new, cube_names - names))
    result = cube.load_state_dict(plain.state_dict(), strict=False)
    assert not result.unexpected_keys
    # torch never misses the counters of norms.
    missing = {n for n in cube_names - names if 'num_batches' not in n}
    assert set(result.missing_keys) == missing
    state = plain.state_dict()
    for key, value in cube.state_dict().items():
        if key in state and key.removesuffix('.weight') not in replaced(cube):
            assert value.equal(state[key]), key


@EVERY
def test_inserted_blocks_start_as_the_identity(name):
    plain, _ = twins(name)
    cube = CubeBackbone(TABLE[name][0], insert=dict(blocks=2))
    cube.load_state_dict(plain.state_dict(), strict=False)
    # As they come, before any training, so in both modes.
    for network in (plain, cube):
        network.eval()
    x = image()
    with torch.no_grad():
        expected, found = plain(x), cube(x)
    assert type(found) is type(expected)
    for one, two in zip(expected, found, strict=True):
        assert (one - two).abs().max() <= 1e-4 * one.abs().max()
        assert not one.equal(two)


@EVERY
def test_every_parameter_gets_a_gradient(name):
    _, cube = twins(name)
    cube.train()
    total(cube(image(2))).backward()
    missing = [n for n, p in cube.named_parameters() if p.grad is None]
    assert not missing


@EVERY
def test_modes_and_frozen_stages(name):
    plain, cube = twins(name, **TABLE[name][2])
    for network in (plain, cube):
        network.init_weights()
        network.train()
    expected = {n: p.requires_grad for n, p in plain.named_parameters()}
    found = {n: p.requires_grad for n, p in cube.named_parameters()}
    for key, learns in found.items():
        owner = key.split('.router.')[0].split('.mask.')[0]
        if 'cube_blocks' in key:
            assert learns
        else:
            assert learns == expected.get(key, expected.get(f'{owner}.weight'))
    modes = {n: m.training for n, m in plain.named_modules()}
    for key, module in cube.named_modules():
        if key in modes:
            assert module.training == modes[key], key
    # norm_eval and frozen stages do not reach the new blocks.
    assert all(m.training for m in cube.cube_blocks.modules())
    assert cube.eval() is cube
    assert not any(m.training for m in cube.modules())
    assert cube.train() is cube


OPTIMIZER = dict(type='AdamW', lr=1.0, weight_decay=0.5)
CUSTOM = dict(
    norm_decay_mult=0.0,
    bias_decay_mult=0.0,
    custom_keys={
        'backbone': dict(lr_mult=0.1),
        'layer2': dict(lr_mult=0.3, decay_mult=0.0),
        'stages.1': dict(lr_mult=0.3),
        'cube_blocks': dict(lr_mult=1.0),
    },
)
LAYER_WISE = dict(decay_rate=0.5, decay_type='layer_wise', num_layers=6)


def groups(backbone, constructor, paramwise):
    """Learning rate and weight decay of every parameter."""
    model = nn.ModuleDict(dict(backbone=backbone))
    with DefaultScope.overwrite_default_scope('mmseg'):
        wrapper = build_optim_wrapper(
            model,
            dict(
                optimizer=OPTIMIZER,
                constructor=constructor,
                paramwise_cfg=paramwise,
            ),
        )
    where = {id(p): n for n, p in backbone.named_parameters()}
    return {
        where[id(p)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }


@pytest.mark.parametrize(
    'name, constructor, paramwise',
    [
        *((name, 'DefaultOptimWrapperConstructor', CUSTOM) for name in TABLE),
        ('convnext', 'LearningRateDecayOptimizerConstructor', LAYER_WISE),
        (
            'convnext',
            'LearningRateDecayOptimizerConstructor',
            dict(LAYER_WISE, decay_type='stage_wise'),
        ),
    ],
)
def test_original_parameters_stay_in_their_groups(
    name, constructor, paramwise
):
    plain, cube = twins(name)
    expected = groups(plain, constructor, paramwise)
    found = groups(cube, constructor, paramwise)
    assert {n: g for n, g in found.items() if n in expected} == expected
    # New blocks learn as fast as a head.
    blocks = [n for n in found if 'cube_blocks' in n]
    assert blocks
    assert {found[n][0] for n in blocks} == {1.0}


def test_parameters_of_a_replaced_layer_follow_its_weight():
    _, cube = twins('resnet')
    found = groups(cube, 'DefaultOptimWrapperConstructor', CUSTOM)
    own = [n for n in found if n.startswith('layer2.0.conv1.')]
    assert len(own) == 4
    assert len({found[n] for n in own}) == 1


@pytest.mark.parametrize(
    'name, where',
    [*((name, 'backbone') for name in TABLE), ('resnet', 'wrapper')],
)
def test_pretrained_weights(name, where, tmp_path):
    plain, _ = twins(name)
    for p in plain.parameters():
        nn.init.normal_(p)
    path = tmp_path / 'net.pth'
    state = {f'backbone.{k}': v for k, v in plain.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    init = dict(type='Pretrained', checkpoint=str(path), prefix='backbone.')
    cfg, replace, _ = TABLE[name]
    insert = dict(stages=3)
    if where == 'backbone':
        cube = CubeBackbone(dict(cfg, init_cfg=init), replace, insert)
    else:
        cube = CubeBackbone(cfg, replace, insert, init_cfg=init)
    cube.init_weights()
    found = cube.state_dict()
    for key, value in plain.state_dict().items():
        if value.shape == found[key].shape:
            assert found[key].equal(value), key
        else:
            layer = cube.get_submodule(key.removesuffix('.weight'))
            expected = project_weight(value, layer)
            torch.testing.assert_close(found[key], expected)


@pytest.mark.parametrize('loader', ['torch', 'mmengine'])
@pytest.mark.parametrize('projection', ['project', 'init'])
def test_plain_weights_of_replaced_layers(projection, loader, tmp_path, log):
    head = dict(HEAD, in_channels=[8, 16, 32, 64])
    cfg = dict(type='EncoderDecoder', backbone=RESNET, decode_head=head)
    cube_cfg = dict(
        type='CubeBackbone',
        backbone=RESNET,
        replace=dict(stages=3, projection=projection),
    )
    plain, cube = MODELS.build(cfg), MODELS.build(dict(cfg, backbone=cube_cfg))
    layer = cube.backbone.layer4[0].conv2
    before = layer.weight.detach().clone()
    state = plain.state_dict()
    given = state['backbone.layer4.0.conv2.weight'].clone()
    if loader == 'torch':
        cube.load_state_dict(state)
    else:
        torch.save(state, tmp_path / 'net.pth')
        load_checkpoint(cube, str(tmp_path / 'net.pth'), strict=True)
    lines = [m for m in log.messages if 'of 4 plain convolutions' in m]
    assert len(lines) == 1
    if projection == 'project':
        assert layer.weight.equal(project_weight(given, layer))
        assert 'projected' in lines[0]
    else:
        assert layer.weight.equal(before)
        assert 'left out' in lines[0]
    # What was given is left alone, and Cube weights are loaded as they are.
    assert state['backbone.layer4.0.conv2.weight'].equal(given)
    nn.init.normal_(layer.weight)
    other = MODELS.build(dict(cfg, backbone=cube_cfg))
    log.clear()
    other.load_state_dict(cube.state_dict())
    assert other.backbone.layer4[0].conv2.weight.equal(layer.weight)
    assert not any('plain convolutions' in m for m in log.messages)


def plain_twin(cube):
    """Plain convolution with the kernel that a Cube convolution has."""
    plain = nn.Conv2d(
        cube.in_channels,
        cube.out_channels,
        cube.kernel_size,
        cube.stride,
        cube.padding,
        bias=False,
    )
    x = torch.zeros(1, cube.in_channels, 12, 12, requires_grad=True)
    # What one output site reads; everything outside must be nothing.
    rows = [s * 3 - p for s, p in zip(cube.stride, cube.padding, strict=True)]
    for d, y in enumerate(cube(x)[0, :, 3, 3]):
        (grad,) = torch.autograd.grad(y, x, retain_graph=True)
        kernel = grad[0, :, rows[0] :, rows[1] :][..., :3, :3]
        assert kernel.count_nonzero() == grad.count_nonzero()
        with torch.no_grad():
            plain.weight[d] = kernel
    return plain


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(phase='down_right'),
        dict(stride=2),
        dict(lattice_kernel_size=4),
        dict(padding=0),
        dict(router=dict(method='random', seed=1)),
    ],
)
def test_kernels_that_a_cube_can_have_are_kept(options):
    torch.manual_seed(0)
    options = dict(dict(padding=1), **options)
    cube = CubeConv2d(8, 4, 3, bias=False, **options)
    plain = plain_twin(cube)
    x = torch.randn(2, 8, 12, 12)
    torch.testing.assert_close(plain(x), cube(x))
    found = project_weight(plain.weight, cube)
    torch.testing.assert_close(found, cube.weight.detach())


def test_projection_is_closer_on_smooth_features_than_the_bare_taps():
    torch.manual_seed(0)
    plain = nn.Conv2d(16, 8, 3, padding=1, bias=False)
    cube = CubeConv2d(16, 8, 3, padding=1, bias=False)
    x = nn.functional.avg_pool2d(torch.randn(4, 16, 34, 34), 3, 1)
    # The bare taps: the gradient of a sum over the folded kernel's entries
    # in its two by two cells, which are the first ones of the window.
    weight = cube.weight.detach().clone().requires_grad_()
    folded = fold_weight(weight, cube.geometry)
    cells = plain.weight.detach()[..., :2, :2]
    (bare,) = torch.autograd.grad((folded * cells).sum(), weight)
    errors = []
    for value in (bare, project_weight(plain.weight, cube)):
        with torch.no_grad():
            cube.weight.copy_(value)
            errors.append((cube(x) - plain(x)).square().mean())
    assert errors[1] < 0.7 * errors[0]


@EVERY
def test_copies_compute_the_same(name):
    _, cube = twins(name)
    cube.eval()
    x = image()
    with torch.no_grad():
        expected = cube(x)
        for twin in (copy.deepcopy(cube), pickle.loads(pickle.dumps(cube))):
            assert type(twin) is type(cube)
            for one, two in zip(expected, twin(x), strict=True):
                assert one.equal(two)
            # It is a copy.
            nn.init.zeros_(next(twin.parameters()))
            assert next(cube.parameters()).any()


@EVERY
def test_it_is_still_a_backbone_of_its_class(name):
    plain, cube = twins(name)
    assert isinstance(cube, type(plain))
    assert type(plain).__name__ in type(cube).__name__
    assert type(cube) is type(twins(name)[1])


@pytest.mark.parametrize('name', ['hrnet', 'swin'])
def test_checkpointed_blocks(name):
    _, cube = twins(name)
    _, saving = twins(name, with_cp=True)
    saving.load_state_dict(cube.state_dict())
    assert replaced(saving) == replaced(cube)
    x = image(2).requires_grad_()
    for network in (cube, saving):
        # Batch norms would count checkpointed passes twice.
        network.eval()
        total(network(x)).backward()
    for (n, one), two in zip(
        cube.named_parameters(), saving.parameters(), strict=True
    ):
        torch.testing.assert_close(one.grad, two.grad, msg=n)


DILATED = dict(RESNET, strides=(1, 2, 1, 1), dilations=(1, 1, 1, 3))


@pytest.mark.parametrize(
    'cfg, options, prefixes',
    [
        (RESNET, dict(stages=(2, 3)), {'layer3', 'layer4'}),
        (RESNET, dict(stages=0), {'stem', 'layer1'}),
        (RESNET, dict(patterns='layer2.*.conv2'), {'layer2'}),
        (RESNET, {}, {'stem', 'layer1', 'layer2', 'layer3', 'layer4'}),
        (dict(RESNET, frozen_stages=3), dict(stages=2), {'layer3'}),
        (dict(RESNET, with_cp=True), dict(stages=1), {'layer2'}),
        (DILATED, dict(stages=3), {'layer4'}),
        (DILATED, dict(stages=1), {'layer2'}),
        (HRNET, dict(stages=3), {'transition3', 'stage4'}),
        (MIT, dict(stages=2), {'layers'}),
        (
            dict(type='mmpretrain.VGG', depth=11, out_indices=(1, 2)),
            dict(stages=1),
            {'features'},
        ),
    ],
)
def test_stages_and_patterns_choose(cfg, options, prefixes):
    cube = CubeBackbone(cfg, options)
    found = replaced(cube)
    assert {name.split('.')[0] for name in found} == prefixes
    if cfg is HRNET:
        # Branches of all modules, and what only leads to the last output.
        assert 'stage4.0.branches.3.0.conv1' in found
        assert 'stage4.0.fuse_layers.3.0.0.0' in found
        assert 'stage4.0.branches.2.0.conv1' not in found
    elif options.get('patterns'):
        assert found == ['layer2.0.conv2', 'layer2.1.conv2']
    elif cfg is MIT:
        assert found == ['layers.2.0.projection']
    elif cfg['type'] == 'mmpretrain.VGG':
        assert found == ['features.4.conv', 'features.5.conv']


def test_options_reach_the_layers():
    cube = CubeBackbone(
        RESNET,
        dict(stages=3, phase='alternate', router=dict(method='sort')),
        dict(stages=3, blocks=2, phase='alternate', mask=None, scale=1),
    )
    phases = [cube.get_submodule(name).phase for name in replaced(cube)]
    assert phases == ['up_left', 'down_right'] * 2
    assert cube.layer4[0].conv1.router.method == 'sort'
    assert [b.conv.mask for b in cube.cube_blocks['3']] == [None] * 2
    assert [b.conv.scale for b in cube.cube_blocks['3']] == [1, 1]
    blocks = CubeBackbone(RESNET, insert=dict(blocks=3, phase='alternate'))
    for stack in blocks.cube_blocks.values():
        phases = [block.conv.phase for block in stack]
        assert phases == ['up_left', 'down_right', 'up_left']


def test_other_kernels_and_wrapped_convolutions():
    cube = CubeBackbone(CONVNEXT, dict(kernel_sizes=2))
    assert replaced(cube) == [f'downsample_layers.{i}.1' for i in (1, 2, 3)]
    wrapped = CubeBackbone(
        dict(RESNET, conv_cfg=dict(type='Conv')), dict(stages=3)
    )
    assert len(replaced(wrapped)) == 4


class Toy(nn.Module):
    """Returns what it is told to; one convolution has two places."""

    def __init__(self, kind, in_channels=3):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, 8, 3, 2, 1)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.again = self.body
        self.unused = nn.Conv2d(8, 8, 3)
        self.kind = kind

    def forward(self, x):
        x = self.again(self.body(self.stem(x)))
        if self.kind == 'training' and self.training:
            return x, x
        kinds = dict(list=[x], dict=dict(x=x), vector=(x.mean((2, 3)),))
        return kinds.get(self.kind, x)


def test_single_maps_lists_and_shared_layers():
    for kind in ('tensor', 'list'):
        cube = CubeBackbone(dict(type=Toy, kind=kind), {}, {})
        assert cube.body is cube.again
        assert type(cube.body) is CubeConv2d
        assert type(cube.unused) is nn.Conv2d
        found = cube(image())
        assert isinstance(found, list) == (kind == 'list')
    four = dict(type=Toy, kind='tensor', in_channels=4)
    assert type(CubeBackbone(four, {}).stem) is CubeConv2d


def test_weights_that_a_backbone_comes_with_are_projected():
    class Loaded(Toy):
        # How mmseg's and mmpretrain's TIMMBackbone say so.
        is_init = True

    torch.manual_seed(0)
    plain = Toy('tensor')
    torch.manual_seed(0)
    cube = CubeBackbone(dict(type=Loaded, kind='tensor'), {})
    expected = project_weight(plain.body.weight, cube.body)
    assert cube.body.weight.equal(expected)
    assert cube.body.bias.equal(plain.body.bias)


@pytest.mark.skipif(
    importlib.util.find_spec('timm') is None, reason='timm is not installed'
)
def test_timm():
    cfg = dict(type='TIMMBackbone', model_name='resnet18', pretrained=False)
    cube = CubeBackbone(cfg, dict(patterns='*layer4*'), {})
    assert len(replaced(cube)) == 4


def test_summary(log):
    CubeBackbone(RESNET, dict(stages=(2, 3)), dict(stages=3))
    assert (
        'CubeBackbone: 8 of 22 convolutions replaced, 1 block inserted behind '
        'stage 3; kept: 10 not chosen, 3 of 1 x 1, 1 with 3 channels'
    ) in log.messages
    log.clear()
    CubeBackbone(CONVNEXT, insert=dict(stages=(0, 2), blocks=2))
    text = 'CubeBackbone: 4 blocks inserted behind stages 0, 2'
    assert text in log.messages


@pytest.mark.parametrize(
    'cfg, replace, insert, message',
    [
        (RESNET, None, None, 'nothing to do: give replace'),
        (
            RESNET,
            dict(stage=3),
            None,
            r"replace .*no option 'stage'; it has stages, .*router, mask",
        ),
        (RESNET, None, dict(size=1), "insert .*no option 'size'; it has st"),
        (RESNET, dict(projection='fit'), None, r"'project', 'init'.*'fit'"),
        (
            RESNET,
            dict(stages=4),
            None,
            r'names stage 4, .*0 \(8 channels\).* 3 \(64 channels\)',
        ),
        (RESNET, None, dict(stages=-1), 'insert.stages names stage -1'),
        (RESNET, None, dict(blocks=0), 'insert.blocks .*at least 1.*got 0'),
        (
            RESNET,
            dict(patterns='stages.*'),
            None,
            r"'stages\.\*' .*matches no.*: stem\.3, .*layer1.* and 10 more",
        ),
        (
            RESNET,
            dict(stages=3, patterns='layer1*'),
            None,
            "'layer1.' .*chosen stages",
        ),
        (MIT, dict(stages=0), None, r'stage 0, which has no eligible'),
        (RESNET, dict(stages=()), None, 'chooses nothing'),
        (RESNET, dict(kernel_sizes=1), None, r'at least 2, but got \(1,\)'),
        (
            CONVNEXT,
            {},
            None,
            'none of 9 .* is eligible: 5 of 7 x 7, 3 of 2 x 2, 1 of 4 x 4',
        ),
        (
            dict(RESNET, base_channels=2, stem_channels=4),
            None,
            {},
            r'behind stage 0: .*divisible.*got 2; .*1 \(4 channels\)',
        ),
        (dict(type=Toy, kind='dict'), {}, None, 'Toy failed.*returns dict'),
        (
            dict(type=Toy, kind='vector'),
            None,
            {},
            r'no feature map .*0 \(no feature map\)',
        ),
        (dict(type=Toy, kind='training'), None, {}, 'in training .* 2; use'),
        (
            dict(type='CubeBackbone', backbone=RESNET, insert={}),
            {},
            None,
            'another CubeBackbone',
        ),
        (RESNET, dict(phase='sideways'), None, "phase .*'sideways'"),
    ],
)
def test_wrong_options(cfg, replace, insert, message):
    with pytest.raises(ValueError, match=message):
        CubeBackbone(cfg, replace, insert)


def test_initialisation_is_given_once():
    init = dict(type='Pretrained', checkpoint='net.pth')
    with pytest.raises(ValueError, match='init_cfg is given to CubeBackbone'):
        CubeBackbone(dict(RESNET, init_cfg=init), {}, init_cfg=init)


def test_wrapped_backbone_is_left_alone_by_the_dry_run():
    plain, cube = twins('resnet', norm_eval=True, frozen_stages=1)
    for (key, one), two in zip(
        plain.named_buffers(), cube.buffers(), strict=False
    ):
        assert one.equal(two), key
    assert cube.training
    assert cube.norm_eval
    given = copy.deepcopy(RESNET)
    options = dict(stages=3, router={}), dict(stages=3)
    before = copy.deepcopy(options)
    CubeBackbone(given, *options)
    assert given == RESNET
    assert options == before


HEAD = dict(
    type='UNetHead',
    in_channels=[8, 16, 24, 32],
    widths=[8, 8, 8],
    norm_cfg=dict(type='BN'),
    loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
)
BASE = f"""
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(64, 64)),
    backbone={CONVNEXT!r},
    decode_head={HEAD!r},
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
"""
CHILD = """
_base_ = './base.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='CubeBackbone',
        backbone=_base_.model.backbone,
        replace=dict(stages=(1, 2), kernel_sizes=2),
        insert=dict(stages=(2, 3)),
    )
)
"""


def test_segmentor_from_a_child_config_trains(tmp_path):
    (tmp_path / 'base.py').write_text(BASE)
    (tmp_path / 'child.py').write_text(CHILD)
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(tmp_path / 'child.py').model)
    model.init_weights()
    wrapper = build_optim_wrapper(
        model, dict(optimizer=dict(type='SGD', lr=0.1))
    )
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(img_shape=(64, 64)))
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 2, (1, 64, 64)))
        samples.append(sample)
    model.train()
    data = dict(inputs=list(torch.randn(2, 3, 64, 64)), data_samples=samples)
    losses = model.train_step(data, wrapper)
    assert losses['loss'].isfinite()
    for name in (
        'backbone.downsample_layers.2.1.weight',
        'backbone.cube_blocks.2.0.gamma',
        'backbone.cube_blocks.3.0.gamma',
        'decode_head.conv_seg.weight',
    ):
        assert not model.get_parameter(name).equal(before[name]), name


def test_pretrained_of_a_segmentor_reaches_the_backbone(tmp_path):
    plain = MODELS.build(RESNET)
    torch.save(plain.state_dict(), tmp_path / 'net.pth')
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            pretrained=str(tmp_path / 'net.pth'),
            backbone=Config(
                dict(type='CubeBackbone', backbone=RESNET, insert={})
            )._cfg_dict,
            decode_head=dict(HEAD, in_channels=[8, 16, 32, 64]),
        )
    )
    model.backbone.init_weights()
    assert model.backbone.layer1[0].conv1.weight.equal(
        plain.layer1[0].conv1.weight
    )
