"""The report on the routers of a checkpoint, from the command line."""

import json

import pytest
import torch
from mmengine.logging import MessageHub
from PIL import Image

from mmseg_cube.cli import main
from mmseg_cube.layers import learned_routers

NAME = 'decode_head.levels.0.conv2.conv.router'


@pytest.fixture(scope='module')
def weights(tiny_segmentor):
    """Weights with one router reversed."""
    model = tiny_segmentor()
    router = learned_routers(model)[NAME]
    size = router.group_size
    blocks = 2 * torch.eye(size).flip(0).expand_as(router.logits)
    router.logits.data.copy_(blocks)
    return model.state_dict()


@pytest.fixture
def report(tiny_config, tmp_path, capsys):
    """Run the command; return the routers of its JSON and what it said."""

    def run(checkpoint, *options):
        path, out = tmp_path / 'some.pth', tmp_path / 'out'
        torch.save(checkpoint, path)
        words = [tiny_config, path, '--out', out, *options]
        assert main(['router', *map(str, words)]) == 0
        assert Image.open(out / 'router_report.png').width > 400
        found = json.loads((out / 'router_report.json').read_text())
        assert len(found['routers']) == 8
        return found['routers'][NAME], capsys.readouterr().out

    return run


def test_bare_weights(report, weights):
    router, said = report(weights)
    assert router['order'] == list(range(router['channels']))[::-1]
    # As the config cools them.
    assert router['temperature'] == 0.001
    assert router['gap'] < 1e-6
    (row,) = (x for x in said.splitlines() if 'levels.0.conv2' in x)
    for text in ('sinkhorn', ' 1.000', '0.001', '0.000'):
        assert text in row


def test_the_temperature_of_the_training(report, weights):
    hub = MessageHub('router-report')
    hub.update_scalar('train/router_temperature', 4.0)
    hub.update_scalar('train/router_temperature', 0.5)
    content = dict(state_dict=weights, message_hub=hub.state_dict())
    router, _ = report(content)
    assert router['temperature'] == 0.5
    assert router['gap'] > 0.01
