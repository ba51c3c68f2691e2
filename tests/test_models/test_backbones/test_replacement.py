import pytest
import torch
from torch import nn

from mmseg_cube.layers import CubeConv2d
from mmseg_cube.models import CubeBackbone
from mmseg_cube.models.backbones.projection import project_weight

DILATED = dict(strides=(1, 2, 1, 1), dilations=(1, 1, 1, 3))


@pytest.mark.parametrize(
    'name, changes, options, prefixes',
    [
        ('resnet', {}, dict(stages=(2, 3)), 'layer3 layer4'),
        ('resnet', {}, dict(stages=0), 'stem layer1'),
        ('resnet', {}, dict(patterns='layer2.*.conv2'), 'layer2'),
        ('resnet', {}, {}, 'stem layer1 layer2 layer3 layer4'),
        ('resnet', dict(frozen_stages=3), dict(stages=2), 'layer3'),
        ('resnet', dict(with_cp=True), dict(stages=1), 'layer2'),
        ('resnet', DILATED, dict(stages=3), 'layer4'),
        ('resnet', DILATED, dict(stages=1), 'layer2'),
        ('hrnet', {}, dict(stages=3), 'transition3 stage4'),
        ('mit', {}, dict(stages=2), 'layers'),
        ('unet', {}, dict(stages=2), 'encoder decoder'),
    ],
)
def test_stages_and_patterns_choose(
    name, changes, options, prefixes, table, replaced
):
    cfg = dict(table[name]['backbone'], **changes)
    found = replaced(CubeBackbone(cfg, options))
    assert {name.split('.')[0] for name in found} == set(prefixes.split())
    if name == 'hrnet':
        # Branches of all modules, and what only leads to the last output.
        assert 'stage4.0.branches.3.0.conv1' in found
        assert 'stage4.0.fuse_layers.3.0.0.0' in found
        assert 'stage4.0.branches.2.0.conv1' not in found
    elif options.get('patterns'):
        assert found == ['layer2.0.conv2', 'layer2.1.conv2']
    elif name == 'mit':
        assert found == ['layers.2.0.projection']


def test_other_kernels_and_wrapped_convolutions(table, replaced):
    convnext = table['mmpretrain_convnext']['backbone']
    cube = CubeBackbone(convnext, dict(kernel_sizes=2))
    assert replaced(cube) == [f'downsample_layers.{i}.1' for i in (1, 2, 3)]
    resnet = table['resnet']['backbone']
    wrapped = CubeBackbone(
        dict(resnet, conv_cfg=dict(type='Conv')), dict(stages=3)
    )
    assert len(replaced(wrapped)) == 4


def test_shared_layers_stay_shared_and_unused_ones_plain(toy, log):
    cube = CubeBackbone(dict(type=toy), {})
    kept = '2 unused, 1 with 3 channels'
    assert f'1 of 4 convolutions replaced; kept: {kept}' in log.text
    assert cube.body is cube.again
    assert type(cube.body) is CubeConv2d
    assert type(cube.unused) is nn.Conv2d
    assert type(cube.lost) is nn.Conv2d


def test_weights_that_a_backbone_comes_with_are_projected(toy):
    class Loaded(toy):
        # How mmseg's and mmpretrain's TIMMBackbone say so.
        is_init = True

    torch.manual_seed(0)
    plain = toy()
    torch.manual_seed(0)
    cube = CubeBackbone(dict(type=Loaded), {})
    expected = project_weight(plain.body.weight, cube.body)
    assert cube.body.weight.equal(expected)
    assert cube.body.bias.equal(plain.body.bias)
