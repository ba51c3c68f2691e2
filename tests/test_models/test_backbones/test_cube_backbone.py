import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

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
    ],
)
def test_wrong_options(table, replace, insert, message):
    with pytest.raises(ValueError, match=message):
        CubeBackbone(table['resnet']['backbone'], replace, insert)


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


# A config of somebody's network, and one that puts Cube kernels into it.
BASE = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='mmseg.SegDataPreProcessor', size=(64, 64)),
    backbone={backbone!r},
    decode_head=dict(
        type='UNetHead',
        in_channels=[8, 16, 24, 32],
        widths=[8, 8, 8],
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
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


def test_segmentor_from_a_child_config_trains(table, tmp_path):
    convnext = table['mmpretrain_convnext']['backbone']
    (tmp_path / 'base.py').write_text(BASE.format(backbone=convnext))
    (tmp_path / 'child.py').write_text(CHILD)
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(tmp_path / 'child.py').model)
    model.init_weights()
    optimizer = dict(optimizer=dict(type='SGD', lr=0.1))
    wrapper = build_optim_wrapper(model, optimizer)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    sample = SegDataSample(metainfo=dict(img_shape=(64, 64)))
    sample.gt_sem_seg = PixelData(data=torch.randint(0, 2, (1, 64, 64)))
    model.train()
    inputs = list(torch.randn(2, 3, 64, 64))
    data = dict(inputs=inputs, data_samples=[sample, sample])
    losses = model.train_step(data, wrapper)
    assert losses['loss'].isfinite()
    for name in (
        'backbone.downsample_layers.2.1.weight',
        'backbone.cube_blocks.2.0.gamma',
        'backbone.cube_blocks.3.0.gamma',
        'decode_head.conv_seg.weight',
    ):
        assert not model.get_parameter(name).equal(before[name]), name
