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
from mmengine.structures import PixelData
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


class Recorder(SegLocalVisualizer):
    """Keeps what it is asked to draw."""

    def add_datasample(self, name, image, data_sample, **kwargs):
        self.calls.append((name, image, kwargs['step']))


@pytest.fixture
def drawn(monkeypatch):
    recorder = Recorder()
    recorder.calls = []
    monkeypatch.setattr(Visualizer, 'get_current_instance', lambda: recorder)
    return recorder.calls


@pytest.fixture
def tile(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 30, 40), np.uint8)
    path, pixels = tmp_path / 'austin1.png', pixels.transpose(1, 2, 0)
    Image.fromarray(pixels).save(path)
    return path, pixels


def sample_of(path, size, **metainfo):
    labels = PixelData(data=torch.zeros(1, *size, dtype=torch.long))
    sample = SegDataSample(pred_sem_seg=labels)
    sample.set_metainfo(dict(img_path=str(path), **metainfo))
    return sample


def test_windows_are_drawn_over_their_part_of_the_raster(drawn, tile):
    path, pixels = tile
    windows = [(8, 4, 16, 16), (24, 4, 16, 16)]
    samples = [sample_of(path, (16, 16), window=w) for w in windows]
    WindowVisualizationHook().after_test_iter(RUNNER, 0, None, samples)
    assert drawn == []  # unless asked
    hook = WindowVisualizationHook(draw=True, interval=2)
    hook.after_test_iter(RUNNER, 0, None, samples)
    names, images, steps = zip(*drawn, strict=True)
    assert names == ('test_austin1_4_8', 'test_austin1_4_24')
    assert steps == (1, 2)
    np.testing.assert_array_equal(images[0], pixels[4:20, 8:24])
    np.testing.assert_array_equal(images[1], pixels[4:20, 24:40])
    # Validation draws the first of a batch now and then.
    drawn.clear()
    for batch in range(4):
        hook.after_val_iter(RUNNER, batch, None, samples)
    assert [step for _, _, step in drawn] == [0, 2]
    assert drawn[0][0] == 'val_austin1_4_8'


def test_whole_images_have_their_names(drawn, tile):
    path, pixels = tile
    sample = sample_of(path, (30, 40))
    hook = WindowVisualizationHook(draw=True, interval=1)
    for method in (hook.after_val_iter, hook.after_test_iter):
        method(RUNNER, 0, None, [sample])
        name, image, _ = drawn.pop()
        assert 'austin1' in name and not drawn
        np.testing.assert_array_equal(image, pixels)
