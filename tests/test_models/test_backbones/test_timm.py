"""Backbones of timm, through the wrappers of mmseg and mmpretrain."""

import pytest
import timm
import torch
from mmseg.registry import MODELS

from mmseg_cube.models import CubeBackbone
from mmseg_cube.models.backbones.projection import project_weight

RESNET = dict(model_name='resnet10t', stem_width=8, channels=(8, 16, 24, 32))
CONVNEXT = dict(
    model_name='convnext_atto', depths=(1, 1, 1, 1), dims=(8, 16, 24, 32)
)
EFFICIENTNET = dict(model_name='test_efficientnet')


@pytest.fixture(params=['TIMMBackbone', 'mmpretrain.TIMMBackbone'])
def wrapper(request):
    """Config of either wrapper, without weights from the network."""
    return dict(type=request.param, pretrained=False, features_only=True)


@pytest.mark.parametrize(
    'model, out_indices, options, layers',
    [
        (RESNET, (1, 2, 3, 4), dict(stages=3), 2),
        (RESNET, (2, 4), dict(stages=1), 4),
        (RESNET, (1, 2, 3, 4), dict(patterns='*.layer[34].*'), 4),
        (CONVNEXT, (0, 1, 2, 3), dict(stages=(1, 2), kernel_sizes=2), 2),
        (EFFICIENTNET, (0, 1, 2, 3, 4), dict(stages=(1, 2)), 2),
        (EFFICIENTNET, (1, 3), {}, 3),
    ],
)
def test_features(wrapper, model, out_indices, options, layers, replaced):
    cfg = dict(wrapper, **model, out_indices=out_indices)
    plain, cube = MODELS.build(cfg), CubeBackbone(cfg, options, {})
    assert len(replaced(cube)) == layers
    assert list(cube.cube_blocks) == [str(i) for i in range(len(out_indices))]
    x = torch.randn(2, 3, 64, 64)
    expected, found = plain(x), cube(x)
    assert type(found) is type(expected)
    assert [o.shape for o in found] == [o.shape for o in expected]


@pytest.mark.parametrize('features_only', [True, False])
def test_weights_that_come_with_it_are_projected(
    wrapper, features_only, tmp_path
):
    path = tmp_path / 'net.pth'
    plain = timm.create_model(**RESNET)
    torch.save(plain.state_dict(), path)
    # As from the network, or from a path; timm has no path for features.
    given = dict(pretrained=True, pretrained_cfg_overlay=dict(file=str(path)))
    if not features_only:  # of which mmseg's wrapper makes no map
        wrapper['type'] = 'mmpretrain.TIMMBackbone'
        given = dict(features_only=False, checkpoint_path=str(path))
    cfg = dict(wrapper, **RESNET) | given
    cube = CubeBackbone(cfg, dict(patterns='*.layer4.*'))
    cube.init_weights()
    layer = cube.timm_model.layer4[0].conv1
    weight = plain.layer4[0].conv1.weight
    assert layer.weight.equal(project_weight(weight, layer))
    kept = cube.timm_model.layer1[0].conv1.weight
    assert kept.equal(plain.layer1[0].conv1.weight)
    assert cube(torch.randn(2, 3, 64, 64))[-1].shape == (2, 32, 2, 2)
