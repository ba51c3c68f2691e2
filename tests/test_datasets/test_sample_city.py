import cv2
import numpy as np
import pytest
import rasterio

from mmseg_cube.datasets.sample_city import (
    draw_scene,
    write_inria,
    write_wbd,
    write_whu,
)

FEW = {'train': 2, 'val': 1, 'test': 1}


@pytest.fixture(scope='module')
def scenes():
    """Pictures and masks of 24 scenes."""
    drawn = [draw_scene((11, i), size=128) for i in range(24)]
    return tuple(np.stack(part) for part in zip(*drawn, strict=True))


def test_scenes_are_pictures_and_masks(scenes):
    images, masks = scenes
    assert images.shape == (24, 128, 128, 3) and images.dtype == np.uint8
    assert masks.shape == (24, 128, 128) and masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 255}
    assert images.std(axis=(1, 2, 3)).min() > 10


def test_share_of_buildings(scenes):
    shares = (scenes[1] > 0).mean(axis=(1, 2))
    built = shares[shares > 0]
    assert 0.02 <= 1 - len(built) / len(shares) <= 0.3
    assert 0.10 < built.mean() < 0.40
    assert built.max() < 0.9


def test_roofs_differ_from_ground(scenes):
    differences = []
    for image, mask in zip(*scenes, strict=True):
        inner = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
        outer = cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0
        if inner.any() and outer.any():
            roof, ground = image[inner].mean(0), image[outer].mean(0)
            differences.append(np.abs(roof - ground).max())
    assert np.median(differences) > 8


@pytest.mark.parametrize('seed', [3, (3, 1, 4)])
def test_same_seed_same_bytes(seed):
    first, again = draw_scene(seed, 96), draw_scene(seed, 96)
    for a, b in zip(first, again, strict=True):
        assert a.tobytes() == b.tobytes()
    assert draw_scene((9, 9), 96)[0].tobytes() != first[0].tobytes()


@pytest.mark.parametrize(
    ('write', 'suffix'), [(write_whu, '.tif'), (write_wbd, '.png')]
)
def test_splits_on_disk(tmp_path, write, suffix):
    root = write(tmp_path / 'city', FEW, size=64)
    assert root == tmp_path / 'city'
    pictures = set()
    for split, count in FEW.items():
        names = {f'{number}{suffix}' for number in range(1, count + 1)}
        for kind, shape in (('image', (64, 64, 3)), ('label', (64, 64))):
            files = list((root / split / kind).iterdir())
            assert {path.name for path in files} == names
            for path in files:
                pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
                assert pixels.shape == shape
                if kind == 'label':
                    assert set(np.unique(pixels)) <= {0, 255}
                else:
                    pictures.add(pixels.tobytes())
    other = write(tmp_path / 'other', {'train': 1}, size=64, seed=1)
    path = other / 'train' / 'image' / f'1{suffix}'
    pictures.add(cv2.imread(str(path)).tobytes())
    assert len(pictures) == 5


def test_inria_on_disk(tmp_path):
    root = write_inria(
        tmp_path, 2, size=64, regions=('tyrol-w', 'chicago'), test_tiles=1
    )
    base = root / 'AerialImageDataset'
    names = {'tyrol-w1', 'tyrol-w2', 'chicago1', 'chicago2'}
    for folder in ('images', 'gt'):
        found = (base / 'train' / folder).iterdir()
        assert {path.name for path in found} == {f'{n}.tif' for n in names}
    assert {path.stem for path in (base / 'test' / 'images').iterdir()} == {
        *('bellingham1', 'bloomington1', 'innsbruck1', 'sfo1', 'tyrol-e1')
    }
    assert not (base / 'test' / 'gt').exists()
    edges = {}
    for name in names:
        with rasterio.open(base / f'train/images/{name}.tif') as image:
            assert image.count == 3
            zone = 32616 if 'chicago' in name else 32632
            assert image.crs.to_epsg() == zone
            assert (image.transform.a, image.transform.e) == (0.3, -0.3)
            edges[name] = image.bounds
        with rasterio.open(base / f'train/gt/{name}.tif') as truth:
            assert truth.count == 1
            assert truth.bounds == edges[name]
            assert set(np.unique(truth.read())) <= {0, 255}
    # Tiles of a region do not lie on top of each other.
    assert edges['tyrol-w1'].right == edges['tyrol-w2'].left


def test_interrupted_run_goes_on(tmp_path):
    write_whu(tmp_path, FEW, 64)
    kept, lost = (tmp_path / 'train' / 'image' / f'{n}.tif' for n in (1, 2))
    content = lost.read_bytes()
    lost.unlink()
    kept.write_bytes(b'as it was')
    write_whu(tmp_path, FEW, 64)
    assert lost.read_bytes() == content
    assert kept.read_bytes() == b'as it was'


def test_other_data_is_left_alone(tmp_path):
    real = tmp_path / 'train' / 'image' / '1.tif'
    real.parent.mkdir(parents=True)
    real.write_bytes(b'real')
    with pytest.raises(ValueError, match='other data'):
        write_whu(tmp_path, FEW, 64)
    assert real.read_bytes() == b'real'
    write_whu(tmp_path / 'city', {'train': 1}, 64)
    for write, seed in ((write_whu, 1), (write_wbd, 0)):
        with pytest.raises(ValueError, match='other data'):
            write(tmp_path / 'city', {'train': 1}, 64, seed)


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
