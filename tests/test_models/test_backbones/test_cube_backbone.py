import copy

import pytest

from mmseg_cube.layers import summarise
from mmseg_cube.models import CubeBackbone


def test_options_reach_the_layers_and_are_left_alone(table, replaced):
    given = (
        table['resnet']['backbone'],
        dict(stages=3, phase='down_right', router=dict(method='sort')),
        dict(stages=3, blocks=2, mask=None, scale=1),
    )
    before = copy.deepcopy(given)
    cube = CubeBackbone(*given)
    assert given == before
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


WRONG = {
    'replace': {
        r"replace .*no option 'stage'; it has .*router, mask": dict(stage=3),
        "phase .*'sideways'": dict(phase='sideways'),
        r'stage 4, .*0 \(8 channels\).* 3 \(64 channels\)': dict(stages=4),
        r"'stages\.\*' matches no.* are 18: stem\.3, .* and 13 more": dict(
            patterns='stages.*'
        ),
        "'layer1.' .*chosen stages": dict(stages=3, patterns='layer1*'),
        'stage 0, which has no eligible': dict(
            stages=0, scale=4, lattice_kernel_size=4
        ),
        'chooses nothing': dict(stages=()),
        r'at least 2, but got \(1,\)': dict(kernel_sizes=1),
    },
    'insert': {
        "insert .*no option 'size'; it has stages": dict(size=1),
        "phase .*'sideways'": dict(phase='sideways'),
        'insert.stages names stage -1': dict(stages=-1),
        r'names stage 4, .* 3 \(64 channels\)': dict(stages=4),
        'insert.stages chooses nothing; stages: 0': dict(stages=()),
        'insert.blocks must be at least 1, but got 0': dict(blocks=0),
    },
}


@pytest.mark.parametrize(
    'part, message', [(part, text) for part in WRONG for text in WRONG[part]]
)
def test_wrong_options(table, part, message):
    given = {part: WRONG[part][message]}
    with pytest.raises(ValueError, match=message):
        CubeBackbone(table['resnet']['backbone'], **given)


def test_nothing_is_eligible(table):
    backbone = dict(type='mmpretrain.ConvNeXt', arch='atto')
    message = 'none of 16 .* is eligible: 12 of 7 x 7, 3 of 2 x 2, 1 of 4 x 4'
    with pytest.raises(ValueError, match=rf'{message}; insert=dict\(\) inst'):
        CubeBackbone(backbone, {})
    # As DeepLab has it.
    dilated = dict(depth=50, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))
    with pytest.raises(ValueError, match='stage 3, which has no eligible'):
        CubeBackbone(table['resnet']['backbone'] | dilated, dict(stages=3))


def test_nothing_to_do_and_what_is_given_twice(table):
    resnet = table['resnet']['backbone']
    with pytest.raises(ValueError, match='nothing to do: give replace'):
        CubeBackbone(resnet)
    with pytest.raises(ValueError, match='takes the config .* not a str'):
        CubeBackbone('ResNet', {})
    inner = dict(type='CubeBackbone', backbone=resnet, insert={})
    with pytest.raises(ValueError, match='another CubeBackbone'):
        CubeBackbone(inner, {})
    init = dict(type='Pretrained', checkpoint='net.pth')
    with pytest.raises(ValueError, match='init_cfg is given to CubeBackbone'):
        CubeBackbone(dict(resnet, init_cfg=init), {}, init_cfg=init)
