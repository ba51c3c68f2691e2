import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from torch import nn

from mmseg_cube.models import CubeBackbone
from mmseg_cube.models.backbones.projection import project_weight

HEAD = dict(
    type='FCNHead', in_channels=64, channels=8, in_index=3, num_classes=2
)


@pytest.mark.parametrize('loader', ['torch', 'mmengine'])
def test_plain_weights_of_replaced_layers(loader, table, tmp_path, log):
    backbone = table['resnet']['backbone']
    options = dict(stages=3)
    cube_cfg = dict(type='CubeBackbone', backbone=backbone, replace=options)
    plain, cube, other = (
        MODELS.build(
            dict(type='EncoderDecoder', backbone=cfg, decode_head=HEAD)
        )
        for cfg in copy.deepcopy([backbone, cube_cfg, cube_cfg])
    )
    layer = cube.backbone.layer4[0].conv2
    state = plain.state_dict()
    given = state['backbone.layer4.0.conv2.weight'].clone()
    if loader == 'torch':
        cube.load_state_dict(state)
    else:
        torch.save(state, tmp_path / 'net.pth')
        load_checkpoint(cube, str(tmp_path / 'net.pth'), strict=True)
    lines = [m for m in log.messages if 'of 4 plain convolutions' in m]
    assert len(lines) == 1
    assert layer.weight.equal(project_weight(given, layer))
    assert 'projected' in lines[0]
    # What was given is left alone, and Cube weights are loaded as they are.
    assert state['backbone.layer4.0.conv2.weight'].equal(given)
    nn.init.normal_(layer.weight)
    log.clear()
    other.load_state_dict(cube.state_dict())
    assert other.backbone.layer4[0].conv2.weight.equal(layer.weight)
    assert not any('plain convolutions' in m for m in log.messages)


@pytest.mark.parametrize('dtype', [torch.float16, torch.float64])
def test_any_type_and_layers_in_two_places(dtype, toy):
    plain, cube = toy().to(dtype), CubeBackbone(dict(type=toy), {})
    cube.load_state_dict(plain.state_dict(), assign=True)
    assert {p.dtype for p in cube.parameters()} == {dtype}
    expected = project_weight(plain.body.weight.double(), cube.body)
    torch.testing.assert_close(cube.body.weight, expected.to(dtype))


@pytest.mark.parametrize('method', ['sinkhorn', 'sort', 'random', 'none'])
def test_routers_without_values_count_as_they_begin(method, toy):
    cfg = dict(type=toy), dict(router=dict(method=method))
    with torch.device('meta'):
        meta = CubeBackbone(*cfg)
    plain, cube = toy(), CubeBackbone(*cfg)
    for each in (meta, cube):
        each.load_state_dict(plain.state_dict(), strict=False, assign=True)
    assert meta.body.weight.equal(cube.body.weight)


@pytest.mark.parametrize('given_to', ['backbone', 'wrapper', 'segmentor'])
def test_weights_of_a_whole_segmentor(given_to, table, twins, tmp_path):
    plain, _ = twins('resnet')
    path, state = str(tmp_path / 'net.pth'), plain.state_dict()
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    inner = table['resnet']['backbone']
    cfg = dict(type='CubeBackbone', backbone=inner, insert={})
    whole = dict(type='EncoderDecoder', backbone=cfg, decode_head=HEAD)
    if given_to == 'segmentor':
        # Which hands it on by this name.
        whole['pretrained'] = path
    else:
        (inner if given_to == 'backbone' else cfg)['init_cfg'] = init
        state = dict(state_dict={f'backbone.{k}': v for k, v in state.items()})
    torch.save(state, path)
    cube = MODELS.build(Config(whole)._cfg_dict).backbone
    cube.init_weights()
    weight = plain.layer1[0].conv1.weight
    assert cube.layer1[0].conv1.weight.equal(weight)


def test_symbolic_tracing(twins, image):
    _, cube = twins('resnet')
    found = torch.fx.symbolic_trace(cube.eval())(image())
    for one, two in zip(found, cube(image()), strict=True):
        torch.testing.assert_close(one, two)
