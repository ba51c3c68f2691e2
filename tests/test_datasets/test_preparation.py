"""Tiles of one ground resolution from what people have."""

import json

import cv2
import numpy as np

from mmseg_cube.datasets import BuildingDataset
from mmseg_cube.datasets.preparation import Aim, prepare


def shares(source, target):
    """Share of each source pixel in each target pixel, along one axis."""
    edges = np.arange(target + 1) * source / target
    inside = np.clip(edges[:, None] - np.arange(source), 0, 1)
    return np.diff(inside, axis=0) * target / source


def read(root):
    """Pixels of all tiles, by split, folder and stem."""
    return {
        (path.parts[-3], path.parts[-2], path.stem): cv2.imread(str(path), -1)
        for path in root.glob('*/*/*.*')
    }


def test_splits_are_kept_and_pixels_are_means(tmp_path, make_splits):
    raw = make_splits(tmp_path / 'raw', shape=(64, 47))
    aim = Aim(ground=0.138, resolution=0.3)
    check = prepare([raw], tmp_path / 'out', aim)
    assert check['fine'] and check['written'] == 9
    tiles, sources = read(tmp_path / 'out'), read(raw)
    assert tiles.keys() == sources.keys()
    rows, columns = shares(64, 29), shares(47, 22)
    for place, pixels in sources.items():
        means = np.einsum('ai,ij...,bj->ab...', rows, pixels, columns)
        if 'label' in place:
            means = 255.0 * (means >= 127.5 - 1e-4)
        assert np.abs(tiles[place] - means).max() <= 0.5001
    assert len(BuildingDataset('train', tmp_path / 'out')) == 3
    manifest = json.loads((tmp_path / 'out/conversion.json').read_text())
    assert manifest['complete'] and manifest['resolution'] == 0.3
