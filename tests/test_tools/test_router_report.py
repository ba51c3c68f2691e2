"""The report on a checkpoint, called as a function."""

import json
from math import exp

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmseg_cube.layers.channel_router import STAY

CONFIG = """
default_scope = 'mmseg'
custom_imports = dict(imports=['mmseg_cube'], allow_failed_imports=False)
model = dict(
    type='UNetHead',
    in_channels=[8, 8],
    widths=[8, 8],
    norm_cfg=dict(type='BN'),
    conv_cfg=dict(type='CubeConv2d', router=dict(method='sinkhorn')),
)
"""
COOLING = """
custom_hooks = [dict(type='RouterTemperatureHook', start=2.0, end=0.1)]
"""
NAMES = [f'levels.{i}.conv{j}.conv.router' for i in (0, 1) for j in (1, 2)]
REVERSED = list(range(8))[::-1]


@pytest.fixture(scope='module')
def main(load_tool):
    return load_tool('analysis_tools/router_report').main


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG)
    return path


@pytest.fixture
def weights(config):
    """Weights with the second router of the first level reversed."""
    init_default_scope('mmseg')
    head = MODELS.build(Config.fromfile(config).model)
    router = head.levels[0].conv2.conv.router
    router.logits.data.copy_(2 * torch.eye(8).flip(0))
    return head.state_dict()


@pytest.fixture
def report(main, config, tmp_path, capsys):
    """Run the tool and return the routers of its JSON and what it said."""

    def run(checkpoint):
        path, out = tmp_path / 'some.pth', tmp_path / 'out'
        torch.save(checkpoint, path)
        assert main([str(config), str(path), '--out', str(out)]) == 0
        said = capsys.readouterr().out
        assert Image.open(out / 'router_report.png').width > 400
        assert len(list(out.iterdir())) == 2
        found = json.loads((out / 'router_report.json').read_text())
        return found['routers'], said

    return run


def test_help(main, capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    assert 'usage' in capsys.readouterr().out


def test_bare_weights(report, weights):
    routers, said = report(weights)
    assert list(routers) == NAMES
    learned, fresh = routers[NAMES[1]], routers[NAMES[0]]
    assert learned['order'] == REVERSED
    assert learned['moved'] == 1
    assert learned['distance'] == pytest.approx(32 / 21)
    assert fresh['order'] == list(range(16))
    assert fresh['moved'] == fresh['distance'] == 0
    assert learned['frozen_since'] is fresh['frozen_since'] is None
    # Each row of the relaxation has one logit among zeros.
    assert learned['temperature'] == 1
    for router, logit in ((learned, 2.0), (fresh, STAY)):
        others = router['block'] - 1
        gap = others / (others + exp(logit))
        assert router['gap'] == pytest.approx(gap, rel=1e-4)
    rows = [line for line in said.splitlines() if 'levels.' in line]
    assert len(rows) == 4
    for text in ('levels.0.conv2', '100.0 %', '1.524', '0.486', ' - '):
        assert text in rows[1]


def test_history_and_temperature_of_the_training(report, weights):
    hub = MessageHub('router-report')
    for temperature in (4.0, 0.5):
        hub.update_scalar('train/router_temperature', temperature)
    looks = dict(
        iteration=[0, 50, 100],
        moved=[0, 1, 1],
        distance=[0, 32 / 21, 32 / 21],
        changed=[0, 8, 0],
    )
    order = list(range(8))  # before an average of the weights
    kind = dict(method='sinkhorn', channels=8, block=8)
    record = dict(kind, order=order, looks=looks)
    hub.update_info('router_report', {NAMES[1]: record})
    routers, said = report(
        dict(
            state_dict=weights,
            message_hub=hub.state_dict(),
            meta=dict(iter=100),
        )
    )
    learned = routers[NAMES[1]]
    assert learned['looks'] == looks
    assert learned['frozen_since'] == 50
    assert learned['order'] == REVERSED
    assert learned['temperature'] == 0.5
    assert routers[NAMES[0]]['looks']['iteration'] == [100]
    row = next(line for line in said.splitlines() if 'levels.0.conv2' in line)
    assert ' 50 ' in row
    assert '1 of them had another order at the last look' in said


def test_temperature_of_the_config(report, config, weights):
    config.write_text(CONFIG + COOLING)
    routers, _ = report(dict(state_dict=weights))
    assert routers[NAMES[1]]['temperature'] == 0.1
    assert routers[NAMES[1]]['gap'] < 1e-6


def test_wrong_input_is_said(main, config, weights, tmp_path, capsys):
    out, path = tmp_path / 'out', tmp_path / 'some.pth'

    def said(*options):
        args = [str(config), str(path), '--out', str(out), *options]
        assert main(args) == 2
        assert not out.exists()
        return capsys.readouterr().err

    assert 'some.pth' in said()
    path.write_bytes(b'no weights')
    assert 'some.pth cannot be used' in said()
    torch.save({k: v for k, v in weights.items() if NAMES[2] not in k}, path)
    assert f'some.pth: no {NAMES[2]}.logits' in said()
    torch.save(weights, path)
    smaller = 'model.conv_cfg.router.group_size=4'
    assert 'size mismatch' in said('--cfg-options', smaller)
    fixed = 'model.conv_cfg.router.method=fixed'
    assert 'no channel router learns' in said('--cfg-options', fixed)
    config.unlink()
    assert 'config.py' in said()
