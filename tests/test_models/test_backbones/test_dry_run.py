import pytest
import torch
from torch.utils.checkpoint import checkpoint

from mmseg_cube.models import CubeBackbone
from mmseg_cube.models.backbones.dry_run import dry_run


@pytest.mark.parametrize(
    'kind, channels, inserted',
    [
        ('tensor', [8], ['0']),
        ('list', [8], ['0']),
        ('vector', [None], r'stage 0: .*no feature map; .*0 \(no feature'),
        ('nested', [None], 'stage 0: .*no feature map'),
        ('channels_last', [8, None], ['0']),
        ('training', [8], 'in training this one returns 2; use replace'),
    ],
)
def test_kinds_of_outputs(kind, channels, inserted, toy, image, log):
    run, cfg = dry_run(toy(kind)), dict(type=toy, kind=kind)
    assert run.channels == channels
    assert run.in_training == channels * (2 if kind == 'training' else 1)
    # Neither that which never runs nor that whose result is dropped.
    assert run.stage_of == dict(stem=0, body=0)
    if isinstance(inserted, str):
        with pytest.raises(ValueError, match=inserted):
            CubeBackbone(cfg, insert={})
        return
    cube = CubeBackbone(cfg, insert={})
    assert list(cube.cube_blocks) == inserted
    assert isinstance(cube(image()), list) == (kind == 'list')
    said = 'none fits behind stage 1 (no feature map)'
    assert (said in log.text) == (None in channels)


def test_sizes_and_outputs_that_it_takes(toy):
    assert dry_run(toy('large')).channels == [8]
    assert dry_run(toy('wide'), size=(48, 80)).channels == [8]
    assert dry_run(toy(in_channels=4), 4).channels == [8]
    assert CubeBackbone(dict(type=toy, in_channels=4), {})
    with pytest.raises(ValueError, match='Toy failed .*: not 48 x 80'):
        dry_run(toy('wide'))
    message = '3 x 64 x 64 and 3 x 48 x 48, .*: too small. in_channels and'
    with pytest.raises(ValueError, match=message):
        dry_run(toy('large'), size=48)
    with pytest.raises(ValueError, match='Toy failed .*it returns dict, not'):
        dry_run(toy('dict'))


def test_size_that_the_config_names(table):
    cfg = table['beit']['backbone']
    # 224, which it is if nothing is said, and one that is not usual.
    for given in ({}, dict(img_size=48), dict(img_size=[48, 40])):
        cfg.pop('img_size', None)
        cube = CubeBackbone(dict(cfg, **given), insert={})
        assert list(cube.cube_blocks) == ['0', '1']


def test_checkpointed_parts_are_seen(toy):
    class Saving(toy):
        use_checkpoint = True

        def forward(self, x):
            if self.use_checkpoint:
                return checkpoint(super().forward, x, use_reentrant=True)
            return super().forward(x)

    network = Saving()
    assert dry_run(network).stage_of == dict(stem=0, body=0)
    assert network.use_checkpoint


def test_the_backbone_stays_as_it_is(twins):
    plain, _ = twins('resnet', norm_eval=True, frozen_stages=1)
    plain.train()
    before = {k: v.clone() for k, v in plain.state_dict().items()}
    learning = [p.requires_grad for p in plain.parameters()]
    modes = [m.training for m in plain.modules()]
    dry_run(plain)
    after = dict(plain.state_dict())
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert [p.requires_grad for p in plain.parameters()] == learning
    assert [m.training for m in plain.modules()] == modes
    assert not any(m._forward_hooks for m in plain.modules())
