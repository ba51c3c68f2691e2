"""The report on the routers of a checkpoint, from the command line."""

import json

import torch
from PIL import Image

from mmseg_cube.cli import main
from mmseg_cube.layers import learned_routers

NAME = 'decode_head.levels.0.conv2'


def test_a_reversed_order(tiny_config, tiny_segmentor, tmp_path, capsys):
    model = tiny_segmentor()
    router = learned_routers(model)[f'{NAME}.conv.router']
    size = router.group_size
    blocks = 2 * torch.eye(size).flip(0).expand_as(router.logits)
    router.logits.data.copy_(blocks)
    path, out = tmp_path / 'some.pth', tmp_path / 'out'
    torch.save(model.state_dict(), path)
    words = [tiny_config, path, '--out', out]
    assert main(['router', *map(str, words)]) == 0
    assert Image.open(out / 'router_report.png').width > 400
    found = json.loads((out / 'router_report.json').read_text())['routers']
    assert len(found) == 8
    order = found[NAME]['order']
    assert order == list(range(router.channels))[::-1]
    said = capsys.readouterr().out.splitlines()
    (row,) = (line for line in said if NAME in line)
    assert 'sinkhorn' in row and ' 1.000' in row
