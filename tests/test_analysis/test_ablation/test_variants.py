from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_cube.analysis.ablation.cubes import find_cubes, without_cubes
from mmseg_cube.analysis.ablation.notation import parse_variant
from mmseg_cube.analysis.complexity.count import build_without_weights

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'
CUBE = dict(type='CubeConv2d', scale=2, router=dict(method='sort'))
HEAD = dict(type='mmseg.UNetHead', widths=[8, 8, 8], conv_cfg=CUBE)
MODEL = dict(type='EncoderDecoder', backbone=dict(depth=1), decode_head=HEAD)


def cubes(text, model=MODEL):
    return parse_variant(text).of(model).decode_head.conv_cfg


@pytest.mark.parametrize(
    'text, expected',
    [
        ('reconstruction', dict(router=None, mask=None)),
        ('router', dict(router=dict(method='sinkhorn'), mask=None)),
        ('mask', dict(router=None, mask={})),
        ('full', dict(router=dict(method='sinkhorn'), mask={})),
        ('config', dict(router=dict(method='sort'))),
        ('config+router=None', dict(router=None)),
        (
            'reconstruction+router.method=random+router.seed=3',
            dict(router=dict(method='random', seed=3), mask=None),
        ),
        (
            'full+router.temperature=1e+1+mask.kernel_size=7',
            dict(
                router=dict(method='sinkhorn', temperature=10.0),
                mask=dict(kernel_size=7),
            ),
        ),
        (
            'reconstruction+lattice_kernel_size=(3,5)+phase=down_right',
            dict(
                router=None,
                mask=None,
                lattice_kernel_size=(3, 5),
                phase='down_right',
            ),
        ),
    ],
)
def test_options(text, expected):
    assert cubes(text) == {**CUBE, **expected}


def test_the_config_is_left_as_it_is():
    cubes('full+router.group_size=4+levels=1+mask.levels=1')
    assert dict(type='CubeConv2d', scale=2, router=dict(method='sort')) == CUBE
    assert HEAD['conv_cfg'] is CUBE
    assert cubes('full')['router'] == dict(method='sinkhorn')


def test_levels():
    cube = {**CUBE, 'router': None, 'mask': None}
    assert cubes('reconstruction+levels=0,2') == [cube, None, cube]
    assert cubes('reconstruction+levels=1') == [None, cube, None]
    first, second, third = cubes('full+mask.levels=0,1+router.levels=1')
    assert first['mask'] == second['mask'] == {} and third['mask'] is None
    assert first['router'] is third['router'] is None
    assert second['router'] == dict(method='sinkhorn')


def test_options_of_some_levels():
    cube = {**CUBE, 'router': None, 'mask': None}
    text = 'reconstruction+lattice_kernel_size@0,2=4'
    wide = {**cube, 'lattice_kernel_size': 4}
    assert cubes(text) == [wide, cube, wide]
    both = 'mask+levels=0,1+mask.kernel_size@1=7+mask.kernel_size=3'
    first, second, third = cubes(both)
    assert first['mask'] == dict(kernel_size=3)
    assert second['mask'] == dict(kernel_size=7) and third is None


def test_levels_of_a_head_that_had_some_plain():
    head = {**HEAD, 'conv_cfg': [CUBE, CUBE, None]}
    model = {**MODEL, 'decode_head': head}
    assert cubes('baseline', model) == [None, None, None]
    assert cubes('config', model) == [CUBE, CUBE, None]
    assert cubes('config+levels=2', model) == [None, None, CUBE]


def test_levels_by_default_widths():
    head = {key: HEAD[key] for key in ('type', 'conv_cfg')}
    levels = cubes('config+levels=4', {**MODEL, 'decode_head': head})
    assert levels == [None] * 4 + [CUBE]


def test_the_rest_of_the_network():
    wider = 'model.decode_head.widths=[16,16]'
    for preset in ('baseline', 'full'):
        model = parse_variant(f'{preset}+{wider}').of(MODEL)
        assert model.decode_head.widths == [16, 16]
        usual = parse_variant(preset).of(MODEL)
        assert usual.decode_head.widths == [8, 8, 8]
        model.decode_head.widths = usual.decode_head.widths
        assert model == usual
    text = f'config+{wider}+model.backbone.levels=a+scale@1=3'
    model = parse_variant(text).of(MODEL)
    assert model.backbone == dict(depth=1, levels='a')
    # Levels are those of the changed network.
    assert model.decode_head.conv_cfg == [CUBE, {**CUBE, 'scale': 3}]
    text = 'config+model.backbone._delete_=True+model.backbone.type=Other'
    assert parse_variant(text).of(MODEL).backbone == dict(type='Other')
    assert MODEL['backbone'] == dict(depth=1)


@pytest.mark.parametrize(
    'text, message',
    [
        ('full+levels=3', r'no level 3; .*levels 0 \(coarsest\) to 2'),
        ('full+mask.levels=-1', 'no level -1'),
        ('full+scale@3=2', 'no level 3'),
        ('full+model.decode_head.widths.5=2', 'widths.*5'),
        ('full+levels=0+scale@1=2', 'level 1 has no Cube kernels'),
        ('router+mask.levels=0', 'level 0 has no mask to keep'),
        ('full+levels=0+router.levels=1', 'level 1 has no router to keep'),
    ],
)
def test_levels_that_do_not_fit(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        cubes(text)
    assert repr(text) in str(caught.value)


def test_models_that_do_not_fit():
    plain = {**MODEL, 'decode_head': dict(type='UNetHead')}
    with pytest.raises(ValueError, match='no Cube kernels to vary'):
        parse_variant('full').of(plain)
    other = {**MODEL, 'decode_head': dict(type='FCNHead', conv_cfg=CUBE)}
    with pytest.raises(ValueError, match='no UNetHead with Cube kernels'):
        parse_variant('full+levels=0').of(other)


def test_folders():
    assert parse_variant('full').folder == 'full'
    text = 'reconstruction+lattice_kernel_size=(3, 5)+phase=down_right'
    assert parse_variant('full+scale@1,2=3').folder == 'full+scale@1,2=3'
    wider = parse_variant('baseline+model.decode_head.widths=[160,80]').folder
    assert wider == 'baseline+model.decode_head.widths=_160,80_'
    name = parse_variant(text).folder
    assert name == 'reconstruction+lattice_kernel_size=_3,_5_+phase=down_right'


def test_all_ways_in():
    plugin = dict(cfg=dict(type='CubeKernelBlock', residual=True), stages=1)
    context = dict(cfg=dict(type='ContextBlock'), stages=1)
    model = dict(
        backbone=dict(
            type='mmseg.CubeBackbone',
            backbone=dict(type='ResNet', plugins=[plugin, context]),
            replace=dict(scale=2, stages=(2, 3)),
            insert=dict(stages=3),
            init_cfg=dict(checkpoint='here'),
            pretrained=None,
        ),
        auxiliary_head=[dict(type='FCNHead', conv_cfg=CUBE)],
    )
    assert len(find_cubes(model)) == 4
    changed = parse_variant('mask+phase=down_right').of(model)
    given = dict(router=None, mask={}, phase='down_right')
    backbone = changed.backbone
    assert backbone.replace == dict(scale=2, stages=(2, 3), **given)
    assert backbone.insert == dict(stages=3, **given)
    block, other = backbone.backbone.plugins
    assert block.cfg == {**plugin['cfg'], **given}
    assert other == context
    assert changed.auxiliary_head[0].conv_cfg == {**CUBE, **given}
    assert without_cubes(model) == dict(
        backbone=dict(
            type='ResNet',
            plugins=[context],
            init_cfg=dict(checkpoint='here'),
        ),
        auxiliary_head=[dict(type='FCNHead', conv_cfg=None)],
    )


@pytest.mark.parametrize(
    'name',
    [
        'segformer/{}segformer_mit-b2_1xb8-80k_whu-512x512.py',
        'unet/{}unet-s5-d16_fcn_1xb8-80k_whu-512x512.py',
    ],
)
def test_baseline_is_the_twin(name):
    init_default_scope('mmseg')
    cube, plain = (
        Config.fromfile(CONFIGS / name.format(prefix)).model
        for prefix in ('cube-', '')
    )
    baseline = parse_variant('baseline').of(cube)
    assert find_cubes(cube) and not find_cubes(baseline)
    expected = repr(build_without_weights(plain))
    assert repr(build_without_weights(baseline)) == expected
    assert repr(build_without_weights(cube)) != expected
