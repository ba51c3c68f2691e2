from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import torch
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmseg_cube.engine import WindowVisualizationHook

RUNNER = SimpleNamespace(iter=0)


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
    path = tmp_path / 'austin1.tif'
    with rasterio.open(
        path, 'w', driver='GTiff', count=3, height=30, width=40, dtype='uint8'
    ) as file:
        file.write(pixels)
    return path, pixels.transpose(1, 2, 0)


def sample_of(path, size, **metainfo):
    labels = PixelData(data=torch.zeros(1, *size, dtype=torch.long))
    sample = SegDataSample(pred_sem_seg=labels)
    sample.set_metainfo(dict(img_path=str(path), **metainfo))
    return sample


def test_window_is_drawn_over_its_part_of_the_raster(drawn, tile):
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


@pytest.mark.parametrize('when', ['after_val_iter', 'after_test_iter'])
def test_whole_images_are_left_to_mmseg(drawn, tile, when):
    path, pixels = tile
    sample = sample_of(path, (30, 40))
    hook = WindowVisualizationHook(draw=True, interval=1)
    getattr(hook, when)(RUNNER, 0, None, [sample])
    ((name, image, _),) = drawn
    assert 'austin1' in name
    np.testing.assert_array_equal(image, pixels)
