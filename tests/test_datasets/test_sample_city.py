import cv2
import numpy as np
import pytest
import rasterio

from mmseg_cube.datasets.inria_tiles import TEST_REGIONS
from mmseg_cube.datasets.sample_city import (
    draw_scene,
    write_inria,
    write_wbd,
    write_whu,
)

FEW = {'train': 2, 'val': 1, 'test': 1}


def test_scenes_are_pictures_of_roofs_that_differ_from_the_ground():
    shares, differences = [], []
    for number in range(24):
        image, mask = draw_scene((11, number), size=128)
        assert (image.shape, mask.shape) == ((128, 128, 3), (128, 128))
        assert image.dtype == mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {0, 255}
        assert image.std() > 10
        shares.append((mask > 0).mean())
        inner = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
        outer = cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0
        if inner.any() and outer.any():
            roof, ground = image[inner].mean(0), image[outer].mean(0)
            differences.append(np.abs(roof - ground).max())
    assert np.median(differences) > 8
    built = [share for share in shares if share > 0]
    assert 0.02 <= 1 - len(built) / len(shares) <= 0.3
    assert 0.10 < np.mean(built) < 0.40
    assert max(built) < 0.9


@pytest.mark.parametrize('seed', [3, (3, 1, 4)])
def test_same_seed_same_bytes(seed):
    first = draw_scene(seed, 96)
    np.testing.assert_equal(first, draw_scene(seed, 96))
    assert draw_scene((9, 9), 96)[0].tobytes() != first[0].tobytes()


def test_inria_on_disk(tmp_path):
    regions = ('tyrol-w', 'chicago')
    root = write_inria(tmp_path, 2, size=64, regions=regions, test_tiles=1)
    base = root / 'AerialImageDataset'
    others = {f'{region}1' for region in TEST_REGIONS}
    assert {p.stem for p in (base / 'test' / 'images').iterdir()} == others
    assert not (base / 'test' / 'gt').exists()
    edges = {}
    for path in (base / 'train' / 'gt').iterdir():
        image = rasterio.open(base / 'train' / 'images' / path.name)
        zone = 32616 if 'chicago' in path.name else 32632
        assert (image.count, image.crs.to_epsg()) == (3, zone)
        assert (image.transform.a, image.transform.e) == (0.3, -0.3)
        edges[path.stem] = image.bounds
        truth = rasterio.open(path)
        assert (truth.count, truth.bounds) == (1, image.bounds)
    assert len(edges) == 4
    # Tiles of a region do not lie on top of each other.
    assert edges['tyrol-w1'].right == edges['tyrol-w2'].left


def test_goes_on_where_it_stopped_and_leaves_other_data_alone(tmp_path):
    write_whu(tmp_path, FEW, 64)
    kept, lost = (tmp_path / 'train' / 'image' / f'{n}.tif' for n in (1, 2))
    content = lost.read_bytes()
    lost.unlink()
    kept.write_bytes(b'as it was')
    write_whu(tmp_path, FEW, 64)
    assert lost.read_bytes() == content
    for write, seed in ((write_whu, 1), (write_wbd, 0)):
        with pytest.raises(ValueError, match='other data'):
            write(tmp_path, FEW, 64, seed)
    (tmp_path / '.sample_city.json').unlink()
    with pytest.raises(ValueError, match='other data'):
        write_whu(tmp_path, FEW, 64)
    assert kept.read_bytes() == b'as it was'


@pytest.mark.parametrize(
    ('write', 'options', 'word'),
    [
        (write_whu, {'size': 32}, '32'),
        (write_wbd, {'size': 5001}, '5001'),
        (write_whu, {'counts': {'train': -1}}, '-1'),
        (write_whu, {'counts': {'extra': 1}}, 'extra'),
        (write_whu, {'seed': -1}, 'seed'),
        (write_inria, {'regions': ('atlantis',)}, 'atlantis'),
        (write_inria, {'tiles_per_region': -2}, '-2'),
        (write_inria, {'test_tiles': -1}, '-1'),
    ],
)
def test_writers_reject(tmp_path, write, options, word):
    with pytest.raises(ValueError, match=word):
        write(tmp_path / 'city', **options)
    assert not (tmp_path / 'city').exists()
