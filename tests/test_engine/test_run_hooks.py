import copy
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dist import utils as dist_utils
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import HOOKS
from mmengine.visualization import Visualizer
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer
from PIL import Image
from torch import nn

from mmseg_cube.engine import WindowVisualizationHook
from mmseg_cube.layers import CubeConv2d, CubeKernelBlock

RUNNER = SimpleNamespace(iter=0)
HOOK = dict(type='CubeSummaryHook')
NONE = 'Cube kernels: 0 of 0 convolutions'
ONE = 'Cube kernels: 1 of 2 convolutions; the others: 1 of 1 x 1'
LAST = torch.channels_last


def test_layout_changes_and_values_do_not(make_runner):
    runner = make_runner('run', dict(type='ChannelsLastHook'))
    cube = CubeConv2d(8, 8, 3, padding=1, mask=dict(kernel_size=3))
    runner.model.convs = nn.Sequential(cube, nn.Conv2d(8, 8, 3))
    before = copy.deepcopy(runner.model.state_dict())
    x = torch.randn(2, 8, 6, 6)
    expected = runner.model.convs(x)
    assert not expected.is_contiguous(memory_format=LAST)
    runner.call_hook('before_run')
    found = runner.model.convs(x)
    assert found.is_contiguous(memory_format=LAST)
    torch.testing.assert_close(found, expected)
    for name, value in runner.model.state_dict().items():
        assert torch.equal(value, before[name])
    # Training goes on as ever, and optimisers keep their parameters.
    runner.train()


@pytest.mark.usefixtures('process_group')
def test_each_network_is_said_once(make_runner, monkeypatch):
    runner = make_runner('run', HOOK)
    runner.train()
    # Runners do this again when they go on to test.
    runner.call_hook('before_run')
    runner.model.layers = nn.Sequential(CubeKernelBlock(8), nn.Conv2d(8, 8, 1))
    runner.model = MMDistributedDataParallel(runner.model)
    runner.call_hook('before_run')
    # Other processes say nothing.
    monkeypatch.setattr(dist_utils, 'get_rank', lambda group=None: 1)
    HOOKS.build(HOOK).before_run(runner)
    (log,) = Path(runner.log_dir).glob('*.log')
    text = log.read_text()
    assert re.findall('Cube kernels.*', text) == [NONE, ONE]
    assert text.index(NONE) < text.index('Iter(train)')


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn: name, image and step."""
    calls = []

    def record(self, name, image, data_sample, **kwargs):
        calls.append((name, image, kwargs['step']))

    visualizer = SegLocalVisualizer()
    monkeypatch.setattr(SegLocalVisualizer, 'add_datasample', record)
    monkeypatch.setattr(Visualizer, 'get_current_instance', lambda: visualizer)
    return calls


def test_draws_images_and_their_windows(drawn, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'austin1.png')
    meta = dict(img_path=f'{tmp_path}/austin1.png')
    windows = dict(window=(8, 4, 16, 20)), dict(window=(24, 4, 16, 20)), {}
    samples = [SegDataSample(metainfo=meta | window) for window in windows]
    WindowVisualizationHook().after_test_iter(RUNNER, 0, None, samples)
    assert drawn == []  # unless asked
    hook = WindowVisualizationHook(draw=True, interval=2)
    hook.after_test_iter(RUNNER, 0, None, samples)
    names, images, steps = zip(*drawn, strict=True)
    ends = '_4_8', '_4_24', '.png'
    assert names == tuple(f'test_austin1{end}' for end in ends)
    assert steps == (1, 2, 3)
    parts = pixels[4:24, 8:24], pixels[4:24, 24:40], pixels
    for image, part in zip(images, parts, strict=True):
        np.testing.assert_array_equal(image, part)
    # Validation draws the first of a batch now and then.
    drawn.clear()
    for batch in range(4):
        hook.after_val_iter(RUNNER, batch, None, samples)
    assert [step for _, _, step in drawn] == [0, 2]
    assert drawn[0][0] == 'val_austin1_4_8'
