"""Damage is noticed, or other decoders read the file as ours does.

25 files of each of 12 encodings are broken here. To break more of them:
MMSEG_CUBE_FUZZ=1000 python -m pytest tests/test_datasets/test_damage.py
"""

import io
import os
import random
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.rasters import read_raster
from mmseg_cube.datasets.validity import read_valid

pytestmark = pytest.mark.usefixtures('quiet')
NUMBER = int(os.environ.get('MMSEG_CUBE_FUZZ', '25'))
NOISE = np.random.default_rng(0).normal(size=(3, 48, 64))
SMOOTH = np.stack([cv2.GaussianBlur(band, None, 2) for band in NOISE])
IMAGE = np.uint8(SMOOTH * 200 % 256)
MASK = np.uint8(SMOOTH[0] > 0)
PLANES = dict(interleave='band', tiled=True, blockxsize=16, blockysize=16)
ENCODINGS = {
    'raw': ('a.tif', IMAGE, {}),
    'packbits': ('a.tif', IMAGE & 128, dict(compress='packbits')),
    'lzw': ('a.tif', IMAGE, dict(compress='lzw', predictor=2)),
    'zstd': ('a.tif', IMAGE, dict(compress='zstd')),
    'jpeg in tiff': ('a.tif', IMAGE, dict(compress='jpeg')),
    'fax': ('a.tif', MASK, dict(compress='ccittfax4', nbits=1)),
    'jpeg': ('a.jpg', IMAGE, {}),
    'progressive': ('a.jpg', IMAGE, dict(progressive=True)),
    'deflate': ('a.tif', IMAGE, dict(compress='deflate')),
    'planes': ('a.tif', IMAGE, dict(compress='deflate', **PLANES)),
    'lerc': ('a.tif', IMAGE, dict(compress='lerc')),
    'png': ('a.png', IMAGE, {}),
}
WITH_CHECKSUMS = 'deflate', 'planes', 'lerc', 'png'


def pillow(content):
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def opencv(content):
    content = np.frombuffer(content, np.uint8)
    pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 2:
        return pixels[None] > 0  # it is white where we are 1
    return pixels[..., ::-1].transpose(2, 0, 1)


def damage(content, chance):
    """Cut, flip, clear, replace or leave out some bytes."""
    place = chance.randrange(len(content))
    size = chance.choice([1, 4, 50, 200])
    start, end = content[:place], content[place + size :]
    flipped = bytes([content[place] ^ 1 << chance.randrange(8)])
    zeros = bytes(len(content) - len(start) - len(end))
    noise = chance.randbytes(min(size, 8))
    ways = b'', end, flipped + content[place + 1 :], zeros + end, noise + end
    return start + chance.choice(ways)


@pytest.mark.parametrize('name', ENCODINGS)
def test_damage_is_noticed_or_seen_alike(tmp_path, write, name):
    file, values, options = ENCODINGS[name]
    content = Path(write(tmp_path / file, values, **options)).read_bytes()
    chance, refused = random.Random(0), 0
    expected = read_raster(content)
    for _ in range(NUMBER):
        broken = damage(content, chance)
        try:
            found = read_raster(broken)
        except RasterError:
            refused += 1
            continue
        if np.array_equal(found, expected):
            continue
        checked = name in WITH_CHECKSUMS
        assert not checked or found.shape != expected.shape
        others = []
        for decode in (pillow, opencv):
            with suppress(OSError, SyntaxError, ValueError, AttributeError):
                others.append(decode(broken))
        # GDAL's own JPEG overflows otherwise where numbers cannot be.
        most = 0.1 if name == 'jpeg in tiff' else 0
        assert any(
            other.shape == found.shape and (other != found).mean() <= most
            for other in others
        )
    assert refused > NUMBER / 5


def test_blocks_that_are_missing(tmp_path, write):
    # GDAL leaves out blocks of zeros, and reads them as such.
    path = write(tmp_path / 'a.tif', IMAGE * 0, sparse_ok=True)
    with pytest.raises(RasterError, match='no data for its block 0, 0'):
        read_raster(path)
    write(path, IMAGE * 0, sparse_ok=True, nodata=0)
    assert not read_raster(path).any() and not read_valid(path).any()
