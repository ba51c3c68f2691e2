"""Networks and rasters of which the right prediction is known."""

import numpy as np
import pytest
import rasterio
import torch
from mmseg.models import BaseSegmentor
from torch import nn

MEAN, STD = [10.0, 120.0, 200.0], [20.0, 60.0, 90.0]


class PixelSegmentor(BaseSegmentor):
    """Looks at one pixel at a time, and notes what it was shown."""

    def __init__(self, classes=2, **preprocessor):
        super().__init__(
            data_preprocessor=dict(
                type='mmseg.SegDataPreProcessor',
                mean=MEAN,
                std=STD,
                bgr_to_rgb=True,
                **preprocessor,
            )
        )
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, classes, 1)
        self.shapes = []

    def encode_decode(self, inputs, batch_img_metas):
        self.shapes.append(tuple(inputs.shape))
        return self.layer(inputs)

    def direct(self, rgb):
        """Probability of an RGB image (3, H, W), in double precision."""
        shape = 3, 1, 1
        x = torch.from_numpy(rgb.astype(np.float64))
        x -= torch.tensor(MEAN, dtype=torch.float64).view(shape)
        x /= torch.tensor(STD, dtype=torch.float64).view(shape)
        weight = self.layer.weight.detach().double().flatten(1)
        logits = torch.einsum('dc,chw->dhw', weight, x)
        logits += self.layer.bias.detach().double().view(-1, 1, 1)
        if len(logits) == 1:
            return logits.sigmoid()[0].numpy()
        return logits.softmax(0)[1].numpy()

    extract_feat = loss = predict = _forward = None


@pytest.fixture
def pixelwise():
    return PixelSegmentor


@pytest.fixture
def write_raster(tmp_path):
    """Write random bytes as a GeoTIFF; return its path and its values."""

    def write(height, width, bands=3, dtype=np.uint8, name='image.tif'):
        values = np.random.default_rng(height * width).integers(
            0, 256, (bands, height, width), dtype
        )
        profile = dict(
            driver='GTiff',
            count=bands,
            height=height,
            width=width,
            dtype=values.dtype,
        )
        with rasterio.open(tmp_path / name, 'w', **profile) as file:
            file.write(values)
        return tmp_path / name, values

    return write
