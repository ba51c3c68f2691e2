"""What every wrapped backbone keeps to, for each of the table."""

import copy
import pickle
import re

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmseg_cube.models import CubeBackbone
from mmseg_cube.models.backbones.projection import project_weight

CUBE_WORDS = ('cube_blocks.', '.router.', '.mask.')


def is_new(name):
    return any(word in name for word in CUBE_WORDS)


def test_plain_checkpoint_lacks_cube_parameters_only(name, twins, replaced):
    plain, cube = twins(name)
    names, cube_names = set(plain.state_dict()), set(cube.state_dict())
    assert names <= cube_names
    assert all(map(is_new, cube_names - names))
    result = cube.load_state_dict(plain.state_dict(), strict=False)
    assert not result.unexpected_keys
    # torch never misses the counters of norms.
    missing = {n for n in cube_names - names if 'num_batches' not in n}
    assert set(result.missing_keys) == missing
    state, layers = plain.state_dict(), replaced(cube)
    for key, value in cube.state_dict().items():
        if key in state and key.removesuffix('.weight') not in layers:
            assert value.equal(state[key]), key


def test_inserted_blocks_start_as_the_identity(name, table, twins, image):
    plain, cube = twins(name)
    if 'replace' in table[name]:
        cube = CubeBackbone(table[name]['backbone'], insert=dict(blocks=2))
    for network in (plain, cube):
        network.init_weights()
        network.eval()
    cube.load_state_dict(plain.state_dict(), strict=False)
    x = image()
    with torch.no_grad():
        expected, found = plain(x), cube(x)
    assert type(found) is type(expected)
    for one, two in zip(expected, found, strict=True):
        assert (one - two).abs().max() <= 1e-4 * one.abs().max()
        assert not one.equal(two)


def test_every_parameter_gets_a_gradient(name, twins, image):
    missing = []
    for network in twins(name):
        network.train()
        sum(out.square().sum() for out in network(image(2))).backward()
        pairs = network.named_parameters()
        missing.append({n for n, p in pairs if p.grad is None})
    assert missing[0] == missing[1]


def test_modes_and_frozen_stages(name, table, twins):
    freeze = table[name].get('freeze', {})
    plain, cube = twins(name, **freeze)
    for network in (plain, cube):
        network.init_weights()
        network.train()
    expected = {n: p.requires_grad for n, p in plain.named_parameters()}
    assert ('frozen_stages' in freeze) == (False in expected.values())
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
    dwconv_decay_mult=0.2,
    flat_decay_mult=0.3,
    custom_keys={
        'backbone': dict(lr_mult=0.1),
        'layer2': dict(lr_mult=0.3, decay_mult=0.0),
        'stages.1': dict(lr_mult=0.3),
        'cube_blocks': dict(lr_mult=1.0),
    },
)


def groups(backbone, constructor, paramwise):
    """Learning rate and weight decay of every parameter."""
    model = nn.ModuleDict(dict(backbone=backbone))
    cfg = dict(optimizer=OPTIMIZER, constructor=constructor)
    wrapper = build_optim_wrapper(model, dict(cfg, paramwise_cfg=paramwise))
    where = {id(p): n for n, p in backbone.named_parameters()}
    return {
        where[id(p)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }


# Constructor and options, and the backbones that it is made for.
DEFAULT = 'DefaultOptimWrapperConstructor', CUSTOM, None
DECAYED = [
    (
        'LearningRateDecayOptimizerConstructor',
        dict(decay_rate=0.5, decay_type=kind, num_layers=6),
        backbones,
    )
    for kind, backbones in (
        ('layer_wise', ['mmpretrain_convnext', 'beit']),
        ('stage_wise', ['mmpretrain_convnext']),
    )
]


def test_original_parameters_stay_in_their_groups(name, twins):
    plain, cube = twins(name)
    for constructor, paramwise, backbones in (DEFAULT, *DECAYED):
        if backbones and name not in backbones:
            continue
        expected = groups(plain, constructor, paramwise)
        found = groups(cube, constructor, paramwise)
        assert {n: g for n, g in found.items() if n in expected} == expected
        for key in filter(is_new, found):
            layer = re.split(r'\.(router|mask)\.', key)[0]
            if 'cube_blocks' in key:
                # New blocks learn as fast as a head.
                assert found[key][0] == 1.0
            else:
                # Parameters of a replaced layer follow its weight.
                assert found[key] == found[f'{layer}.weight']


# Each has a way of its own to initialise its weights.
@pytest.mark.parametrize(
    'name', ['resnet', 'mit', 'swin', 'beit', 'mmpretrain_convnext']
)
def test_pretrained_weights(name, table, twins, tmp_path):
    plain, _ = twins(name)
    for p in plain.parameters():
        nn.init.normal_(p)
    path = tmp_path / 'net.pth'
    torch.save(dict(state_dict=plain.state_dict()), path)
    init = dict(type='Pretrained', checkpoint=str(path))
    cfg = dict(table[name]['backbone'], init_cfg=init)
    cube = CubeBackbone(cfg, table[name].get('replace'), {})
    cube.init_weights()
    found = cube.state_dict()
    for key, value in plain.state_dict().items():
        if value.shape == found[key].shape:
            assert found[key].equal(value), key
        else:
            layer = cube.get_submodule(key.removesuffix('.weight'))
            expected = project_weight(value, layer)
            torch.testing.assert_close(found[key], expected)


def test_copies_are_backbones_of_its_class(name, twins, image):
    plain, cube = twins(name)
    assert isinstance(cube, type(plain))
    assert type(plain).__name__ in type(cube).__name__
    cube.eval()
    # A deep copy is made in the same way.
    twin = pickle.loads(pickle.dumps(cube))
    assert type(twin) is type(cube) is type(copy.deepcopy(cube))
    x = image()
    with torch.no_grad():
        for one, two in zip(cube(x), twin(x), strict=True):
            assert one.equal(two)
    # It is a copy.
    nn.init.constant_(next(twin.parameters()), 7)
    assert not next(cube.parameters()).eq(7).all()
