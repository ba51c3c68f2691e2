import pytest

from mmseg_cube.analysis.ablation.variants import find_cubes, make_variant

CUBE = dict(type='CubeConv2d', scale=2, router=dict(method='sort'))
HEAD = dict(type='mmseg.UNetHead', widths=[8, 8, 8], conv_cfg=CUBE)
MODEL = dict(type='EncoderDecoder', backbone=dict(depth=1), decode_head=HEAD)
BARE = {**CUBE, 'router': None, 'mask': None}
SINKHORN = dict(method='sinkhorn')
FULL = {**BARE, 'router': SINKHORN, 'mask': {}}


def cubes(text, model=MODEL):
    return make_variant(model, text).decode_head.conv_cfg


@pytest.mark.parametrize(
    'text, expected',
    [
        ('reconstruction', BARE),
        ('router', {**BARE, 'router': SINKHORN}),
        ('mask', {**BARE, 'mask': {}}),
        ('full', FULL),
        ('config', CUBE),
        ('config+router=None', {**CUBE, 'router': None}),
        ('baseline', None),
        ('baseline+type=DCN+groups=2', dict(type='DCN', groups=2)),
        ('baseline+levels=1+type=DCN', [None, dict(type='DCN'), None]),
        ('reconstruction+router.method=random+router.seed=3',
         {**BARE, 'router': dict(method='random', seed=3)}),
        ('full+router.temperature=1e+1+mask.kernel_size=7',
         {**FULL, 'router': {**SINKHORN, 'temperature': 10.0},
          'mask': dict(kernel_size=7)}),
        ('reconstruction+lattice_kernel_size=(3,5)+form=folded',
         {**BARE, 'lattice_kernel_size': (3, 5), 'form': 'folded'}),
        # Levels, from the coarsest.
        ('reconstruction+levels=0,2', [BARE, None, BARE]),
        ('reconstruction+levels=1', [None, BARE, None]),
    ],
)  # fmt: skip
def test_notation(text, expected):
    before = repr(MODEL)
    assert cubes(text) == expected
    assert repr(MODEL) == before and HEAD['conv_cfg'] is CUBE


def test_levels_of_a_head_that_has_some_plain():
    head = {**HEAD, 'conv_cfg': [CUBE, CUBE, None]}
    model = {**MODEL, 'decode_head': head}
    assert cubes('baseline', model) == [None, None, None]
    assert cubes('config+levels=2', model) == [None, None, CUBE]
    # An option of one level, where they are listed.
    text = 'config+model.decode_head.conv_cfg.1.scale=3'
    assert cubes(text, model) == [CUBE, {**CUBE, 'scale': 3}, None]
    assert cubes('config', model) == [CUBE, CUBE, None]
    with pytest.raises(ValueError, match='conv_cfg.0 is an entry of'):
        cubes('config+model.decode_head.conv_cfg.0=None', model)


def test_the_rest_of_the_network():
    wider = 'model.decode_head.widths=[16,16]'
    model = make_variant(MODEL, f'baseline+{wider}')
    assert model.decode_head.widths == [16, 16]
    model.decode_head.widths = [8, 8, 8]
    assert model == make_variant(MODEL, 'baseline')
    text = f'config+{wider}+model.backbone.levels=a+levels=1'
    model = make_variant(MODEL, text)
    assert model.backbone == dict(depth=1, levels='a')
    # Levels are those of the changed network.
    assert model.decode_head.conv_cfg == [None, CUBE]
    text = 'config+model.backbone._delete_=True+model.backbone.type=Other'
    assert make_variant(MODEL, text).backbone == dict(type='Other')
    assert MODEL['backbone'] == dict(depth=1)


@pytest.mark.parametrize(
    'text, message',
    [
        ('cube', "no preset 'cube'; there are baseline, reconstruction"),
        ('full+scale', "'scale' is no KEY=VALUE"),
        ('full+scale=1,[2', 'Imbalanced brackets'),
        ('full+levels=low', "levels are numbers, .* of the 3 .*'low'"),
        ('baseline+scale=3', 'a baseline has no Cube kernels'),
        ('full+levels=0,3', r'numbers.* of the 3 .*\[0, 3\]'),
        ('full+levels=-1', 'numbers.* -1'),
        ('full+model.decode_head.widths.5=2', 'widths.5 is an entry of'),
        ('full+levels=0+model.decode_head.conv_cfg=None', 'of the 0 '),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        cubes(text)
    assert repr(text) in str(caught.value)
    with pytest.raises(ValueError, match='no Cube kernels to vary'):
        cubes(text, dict(type='EncoderDecoder', decode_head={}))


def test_all_ways_into_a_config():
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
    changed = make_variant(model, 'mask+phase=down_right')
    given = dict(router=None, mask={}, phase='down_right')
    backbone = changed.backbone
    assert backbone.replace == dict(scale=2, stages=(2, 3), **given)
    assert backbone.insert == dict(stages=3, **given)
    block, other = backbone.backbone.plugins
    assert block.cfg == {**plugin['cfg'], **given} and other == context
    assert changed.auxiliary_head[0].conv_cfg == {**CUBE, **given}
    # The place of a plugin or a wrapper can hold no other convolution.
    for text, conv in ('baseline', None), ('baseline+type=A', dict(type='A')):
        changed = make_variant(model, text)
        plain = dict(type='ResNet', init_cfg=dict(checkpoint='here'))
        assert changed.backbone == dict(plain, plugins=[context])
        assert changed.auxiliary_head[0].conv_cfg == conv
