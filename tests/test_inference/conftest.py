"""Networks and rasters of which the right prediction is known."""

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from mmseg.models import BaseSegmentor
from PIL import Image
from torch import nn

MEAN, STD = [10.0, 120.0, 200.0], [20.0, 60.0, 90.0]


class PixelSegmentor(BaseSegmentor):
    """Looks at one pixel at a time, and notes what it was shown."""

    def __init__(self, classes=2, side=1):
        super().__init__(
            data_preprocessor=dict(
                type='mmseg.SegDataPreProcessor',
                mean=MEAN,
                std=STD,
                bgr_to_rgb=True,
            )
        )
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, classes, side, padding=side // 2)
        self.shapes = []

    def encode_decode(self, inputs, batch_img_metas):
        self.shapes.append(tuple(inputs.shape))
        return self.layer(inputs)

    def direct(self, rgb):
        """Probability of an RGB image (3, H, W), in double precision."""
        x = (rgb.transpose(1, 2, 0) - np.array(MEAN)) / STD
        weight = self.layer.weight.detach().double().flatten(1)
        logits = torch.from_numpy(x) @ weight.T + self.layer.bias.detach()
        if logits.shape[2] == 1:
            return logits.sigmoid()[..., 0].numpy()
        return logits.softmax(2)[..., 1].numpy()

    extract_feat = loss = predict = _forward = None


@pytest.fixture
def pixelwise():
    return PixelSegmentor


@pytest.fixture(scope='session')
def write():
    """Write bands (n, H, W) as a TIFF with a mask, or none, and a place."""

    def write(path, values, valid=None, **about):
        values = np.asarray(values)
        count, height, width = values.shape
        about = dict(crs='EPSG:32645', dtype=values.dtype) | about
        about.setdefault('transform', Affine(0.5, 0, 4e5, 0, -0.5, 3e6))
        about.update(count=count, height=height, width=width)
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, 'w', driver='GTiff', **about) as file,
        ):
            file.write(values)
            if valid is not None:
                file.write_mask(valid)
        return path

    return write


@pytest.fixture
def write_raster(tmp_path):
    """Write random bytes as a TIFF; return its path and its values."""

    def write(height, width):
        rng = np.random.default_rng(height * width)
        path = tmp_path / 'image.tif'
        values = rng.integers(0, 256, (3, height, width), np.uint8)
        Image.fromarray(values.transpose(1, 2, 0)).save(path)
        return path, values

    return write
