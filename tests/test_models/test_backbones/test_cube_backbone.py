import copy

import pytest

from mmseg_cube.layers import summarise
from mmseg_cube.models import CubeBackbone


def test_options_reach_the_layers(table, replaced):
    cube = CubeBackbone(
        table['resnet']['backbone'],
        dict(stages=3, phase='down_right', router=dict(method='sort')),
        dict(stages=3, blocks=2, mask=None, scale=1),
    )
    phases = {cube.get_submodule(name).phase for name in replaced(cube)}
    assert phases == {'down_right'}
    assert cube.layer4[0].conv1.router.method == 'sort'
    assert [b.conv.mask for b in cube.cube_blocks['3']] == [None] * 2
    assert [b.conv.scale for b in cube.cube_blocks['3']] == [1, 1]


def test_summary(table, log):
    resnet = table['resnet']['backbone']
    cube = CubeBackbone(resnet, dict(stages=(2, 3)), dict(stages=3))
    kept = '10 not chosen, 3 of 1 x 1, 1 with 3 channels'
    assert (
        'CubeBackbone: 8 of 22 convolutions replaced, 1 block inserted behind '
        f'stage 3; kept: {kept}'
    ) in log.messages
    # It is the same where the network is looked at later.
    assert summarise(cube).endswith(f'the others: {kept}')
    log.clear()
    convnext = table['mmpretrain_convnext']['backbone']
    CubeBackbone(convnext, insert=dict(stages=(0, 2), blocks=2))
    text = 'CubeBackbone: 4 blocks inserted behind stages 0, 2'
    assert text in log.messages


@pytest.mark.parametrize(
    'replace, insert, message',
    [
        (None, None, 'nothing to do: give replace'),
        (
            dict(stage=3),
            None,
            r"replace .*no option 'stage'; it has stages, .*router, mask",
        ),
        (None, dict(size=1), "insert .*no option 'size'; it has stages"),
        (dict(projection='fit'), None, r"'project', 'init'.*'fit'"),
        (dict(phase='sideways'), None, "phase .*'sideways'"),
        (None, dict(phase='sideways'), "phase .*'sideways'"),
        (
            dict(stages=4),
            None,
            r'names stage 4, .*0 \(8 channels\).* 3 \(64 channels\)',
        ),
        (
            dict(patterns='stages.*'),
            None,
            r"'stages\.\*' matches no.* are 18: stem\.3, .* and 13 more",
        ),
        (
            dict(stages=3, patterns='layer1*'),
            None,
            "'layer1.' .*chosen stages",
        ),
        (
            dict(stages=0, scale=4, lattice_kernel_size=4),
            None,
            'stage 0, which has no eligible',
        ),
        (dict(stages=()), None, 'chooses nothing'),
        (dict(kernel_sizes=1), None, r'at least 2, but got \(1,\)'),
        (None, dict(stages=-1), 'insert.stages names stage -1'),
        (None, dict(stages=4), r'names stage 4, .* 3 \(64 channels\)'),
        (None, dict(stages=()), 'insert.stages chooses nothing; stages: 0'),
        (None, dict(blocks=0), 'insert.blocks must be at least 1, but got 0'),
    ],
)
def test_wrong_options(table, replace, insert, message):
    with pytest.raises(ValueError, match=message):
        CubeBackbone(table['resnet']['backbone'], replace, insert)


@pytest.mark.parametrize(
    'kind, options, message',
    [
        (
            'mmpretrain.ConvNeXt',
            dict(arch='atto'),
            'none of 16 .* is eligible: 12 of 7 x 7, 3 of 2 x 2, 1 of 4 x 4',
        ),
        (
            'ResNeXt',
            dict(depth=50, groups=2, base_width=4),
            'none of 53 .* is eligible: 36 of 1 x 1, 16 grouped',
        ),
        (
            'mmpretrain.EfficientNet',
            dict(arch='b0'),
            'none of 81 .* is eligible: 49 of another kind, 32 of 1 x 1',
        ),
    ],
)
def test_nothing_is_eligible(kind, options, message):
    with pytest.raises(ValueError, match=message):
        CubeBackbone(dict(type=kind, **options), {})


def test_it_takes_no_other_cube_backbone(table):
    inner = dict(
        type='CubeBackbone', backbone=table['resnet']['backbone'], insert={}
    )
    with pytest.raises(ValueError, match='another CubeBackbone'):
        CubeBackbone(inner, {})


def test_images_may_have_other_channels(toy, replaced):
    cube = CubeBackbone(dict(type=toy, in_channels=4), {})
    assert replaced(cube) == ['stem', 'body']


def test_initialisation_is_given_once(table):
    init = dict(type='Pretrained', checkpoint='net.pth')
    cfg = dict(table['resnet']['backbone'], init_cfg=init)
    with pytest.raises(ValueError, match='init_cfg is given to CubeBackbone'):
        CubeBackbone(cfg, {}, init_cfg=init)


def test_what_is_given_is_left_alone(table):
    given = table['resnet']['backbone']
    options = dict(stages=3, router={}), dict(stages=3)
    before = copy.deepcopy((given, options))
    CubeBackbone(given, *options)
    assert (given, options) == before
