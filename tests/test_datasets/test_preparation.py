"""Tiles of one ground resolution from what people have."""

import json
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from rasterio import Affine
from rasterio.warp import transform

from mmseg_cube.cli import main
from mmseg_cube.datasets import DatasetError
from mmseg_cube.datasets.bands import RGB
from mmseg_cube.datasets.preparation import Aim, prepare
from mmseg_cube.datasets.preparation.places import split_by_place
from mmseg_cube.datasets.preparation.resampled import Resampled, open_resampled
from mmseg_cube.datasets.tiles import Tile

UTM = 'EPSG:32633'
CORNER = Affine(0.3, 0, 500_000, 0, -0.3, 5_000_000)


@pytest.fixture
def geotiff(tmp_path, write, quiet):
    """Write bands (n, H, W) at a place; random RGB of a size by default."""

    def geotiff(name, bands, crs=UTM, transform=CORNER, **options):
        if isinstance(bands, tuple):
            rng = np.random.default_rng(0)
            bands = rng.integers(0, 256, (3, *bands), np.uint8)
        options |= dict(crs=crs, transform=transform)
        return Path(write(tmp_path / name, bands, **options))

    return geotiff


@pytest.fixture
def footprints(tmp_path):
    """Write boxes, given in metres from the corner, as a vector file."""
    shapely = pytest.importorskip('shapely')
    pyogrio = pytest.importorskip('pyogrio')

    def footprints(name, *boxes, court=None, crs=UTM):
        def move(points):
            metres = points * (1, -1) + (CORNER.c, CORNER.f)
            return np.column_stack(transform(UTM, crs or UTM, *metres.T))

        shapes = np.array([shapely.box(*each) for each in boxes])
        if court:
            shapes[0] -= shapely.box(*court)
        shapes = shapely.to_wkb(shapely.transform(shapes, move))
        options = dict(crs=crs, geometry_type='Polygon')
        pyogrio.raw.write(tmp_path / name, shapes, [], [], **options)
        return tmp_path / name

    return footprints


def read(root):
    """Pixels of all tiles, by split, folder and stem."""
    return {
        (path.parts[-3], path.parts[-2], path.stem): cv2.imread(str(path), -1)
        for path in root.glob('*/*/*.*')
    }


@pytest.mark.parametrize(
    ('ground', 'size', 'hows'),
    [(0.138, (22, 29), (cv2.INTER_AREA, cv2.INTER_AREA)),
     (0.3, (47, 64), (cv2.INTER_NEAREST, cv2.INTER_NEAREST)),
     (0.305, (47, 64), (cv2.INTER_NEAREST, cv2.INTER_NEAREST)),  # close
     (0.6, (94, 128), (cv2.INTER_LINEAR, cv2.INTER_NEAREST))],
)  # fmt: skip
def test_pixels_of_kept_splits(tmp_path, make_splits, ground, size, hows):
    """Area-weighted means where they shrink, one half of masks counts."""
    raw = make_splits(tmp_path / 'raw', shape=(64, 47))
    check = prepare([raw], tmp_path / 'out', Aim(ground=ground))
    assert check['fine'] and check['written'] == 9
    tiles, sources = read(tmp_path / 'out'), read(raw)
    assert tiles.keys() == sources.keys()
    for place, source in sources.items():
        labels = 'label' in place
        how = hows[labels]
        expected = cv2.resize(source.astype(float), size, interpolation=how)
        expected = 255 * (expected >= 127.4) if labels else expected
        assert np.abs(tiles[place] - expected).max() <= 0.6
    manifest = json.loads((tmp_path / 'out/conversion.json').read_text())
    assert manifest['complete'] and manifest['ground'] == ground
    counts = dict.fromkeys(('train', 'val', 'test'), dict(tiles=3, patches=3))
    assert manifest['counts'] == counts and check['left_out'] == 0


@pytest.mark.parametrize(
    ('crs', 'place', 'pixel'),
    [
        (UTM, Affine(0.3, 0, 500_000, 0, -0.2, 5e6), (0.2, 0.3)),
        ('EPSG:3857', Affine(1, 0, 1e6, 0, -1, 8_399_738), (0.5, 0.5)),
        ('EPSG:4326', Affine(1e-5, 0, 10, 0, -1e-5, 60), (1.114, 0.558)),
        ('EPSG:2263', Affine(1, 0, 987e3, 0, -1, 2e5), (0.3048, 0.3048)),
        (UTM, CORNER @ Affine.rotation(30), (0.3, 0.3)),
    ],
)
def test_true_metres(geotiff, crs, place, pixel):
    """Web Mercator at 60 degrees, degrees there, and American feet."""
    image = geotiff('a.tif', (200, 200), crs, place)
    shape = open_resampled(image, RGB, 0.2, None).shape
    np.testing.assert_allclose(shape, 1000 * np.array(pixel), rtol=5e-3)


@pytest.mark.parametrize(
    ('name', 'crs'),
    [('a.geojson', 'EPSG:4326'), ('a.gpkg', UTM), ('a.fgb', 'EPSG:3857'),
     ('a.shp', 'EPSG:32632')],
)  # fmt: skip
def test_footprints(tmp_path, geotiff, footprints, name, crs):
    """A block with a court, and a shed that covers no middle of a pixel."""
    block, shed, court = (3, 6, 18, 24), (0.2, 0.2, 0.4, 0.4), (9, 12, 12, 18)
    vectors = footprints(name, block, shed, court=court, crs=crs)
    image, out = geotiff('a.tif', (100, 100)), tmp_path / 'out'
    prepare([image, vectors], out, Aim(val=0, test=0))
    expected = np.zeros((100, 100), np.uint8)
    expected[20:80, 10:60] = 255
    expected[40:60, 30:40] = 0
    np.testing.assert_equal(read(out)['train', 'label', 'a'], expected)


def test_tiles_with_too_little_data(tmp_path, geotiff):
    """Of 3 x 3 tiles the first and the last hold less than a quarter."""
    bands = np.full((4, 90, 90), 7, np.uint8)
    bands[3, :40, 9:40] = 0
    image = geotiff('a.tif', bands, photometric='RGB', alpha='YES')
    mask = np.zeros((1, 90, 90), np.uint8)
    mask[:, 50:] = 1
    mask[:, 60:70] = 2
    aim = Aim(40, val=0, test=0, ignore_values=2)
    out = tmp_path / 'out'
    check = prepare([image, geotiff('b.tif', mask)], out, aim)
    assert check['left_out'] == 2 and check['splits']['train']['tiles'] == 7
    tile = read(out)['train', 'label', 'a_00040_00080']
    expected = np.full((40, 40), 128)
    expected[:, :10] = 255
    expected[:10, :10], expected[20:30, :10] = 0, 128
    np.testing.assert_equal(tile, expected)


def test_splits_are_blocks_of_neighbours(geotiff):
    """Also across files: two images meet in the middle of a block."""
    pieces = {}
    for name in 'ab':
        place = CORNER @ Affine.translation(160 * (name == 'b'), 0)
        path = geotiff(f'{name}.tif', (320, 160), transform=place)
        view = Resampled(path, RGB, (320, 160), (320, 160))
        for window in view.windows(16):
            block = window.y // 64, (window.x + 160 * (name == 'b')) // 64
            pieces[Tile('', f'{name}{window}', path, block)] = view, window
    shares, found = dict(train=0.7, val=0.2, test=0.1), []
    for seed in (0, 0, 1):
        splits = split_by_place(pieces, 16 * 0.3, shares, seed)
        blocks = {(tile.mask, split) for tile, split in splits.items()}
        counts = Counter(split for _, split in blocks)
        assert counts == dict(train=18, val=4, test=3)
        found.append(blocks)
    assert found[0] == found[1] != found[2]


def test_images_without_a_place_stay_whole(tmp_path, make_splits):
    raw, out = make_splits(tmp_path / 'raw') / 'train', tmp_path / 'out'
    prepare([raw / 'image', raw / 'label'], out, Aim(8, ground=0.3))
    tiles = [place for place in read(out) if 'label' in place]
    assert len(tiles) == 27
    homes = {(stem.split('_')[0], split) for split, _, stem in tiles}
    assert len(homes) == 3 == len({split for _, split in homes})


def test_continued_by_the_same_settings(tmp_path, geotiff, footprints):
    vectors = footprints('b.shp', (0, 0, 33, 44))
    sources, aim = [geotiff('a.tif', (300, 300)), vectors], Aim(32, 0.4)
    out = tmp_path / 'out'
    assert prepare(sources, out, aim)['written'] == 49
    assert (out / 'contact_sheet.png').is_file()
    tiles = read(out)
    for path in list(out.glob('*/image/*'))[:9]:
        path.unlink()
    assert prepare(sources, out, aim)['written'] == 9
    np.testing.assert_equal(read(out), tiles)
    place = vectors.with_suffix('.prj')
    place.write_text(place.read_text().replace('500000.0', '500001.0'))
    assert prepare(sources, out, aim)['written'] == 49
    with pytest.raises(DatasetError, match='size is 32 there and 64 now'):
        prepare(sources, out, Aim(64, 0.4))


@pytest.fixture
def raw(tmp_path, geotiff, footprints, write, make_splits):
    """Files of one place, good ones and others."""
    pairs = make_splits(tmp_path / 'pairs', [''])
    few = shutil.copytree(pairs / 'label', pairs / 'few')
    (few / '2.png').unlink()
    (tmp_path / 'empty').mkdir()
    make_splits(tmp_path / 'tree', ['train', 'test'])
    (tmp_path / 'tree' / 'val' / 'image').mkdir(parents=True)
    image = geotiff('one.tif', (32, 32))
    for name, values in (('mask', [0, 1]), ('grey', [0, 7])):
        geotiff(f'{name}.tif', np.tile(np.uint8(values), (1, 32, 16)))
    geotiff('narrow.tif', np.zeros((1, 32, 30), np.uint8))
    geotiff('four.tif', np.zeros((4, 32, 32), np.uint16))
    (tmp_path / 'torn.tif').write_bytes(image.read_bytes()[:2000])
    write(tmp_path / 'plain.png', np.zeros((3, 32, 32), np.uint8))
    geotiff('nowhere.tif', (32, 32), transform=None)
    footprints('no_crs.shp', (0, 0, 9, 9), crs=None)
    footprints('far.gpkg', (90, 0, 99, 9))
    (tmp_path / 'torn.gpkg').write_text('torn')
    return tmp_path


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ('nowhere', 'source not found: nowhere'),
        ('empty', 'no images of this dataset in empty'),
        ('tree --ground 0.3', 'tree/val: split without images'),
        ('one.tif', 'no images with masks or footprints in one'),
        ('pairs/image pairs/few', '2.png: image without a mask'),
        ('pairs/image pairs/label', '10.png: has no georeference, so its'),
        ('nowhere.tif mask.tif', 'nowhere.tif: has no georeference, so its'),
        ('one.tif mask.tif', "of 1 tiles with data none is left for split '"),
        ('one.tif mask.tif --val 1', 'val must be 0 or more, under 1'),
        ('one.tif mask.tif --resolution 30', '0.3001 m, too far from'),
        ('one.tif narrow.tif', 'mask is 30 x 32 pixels, its image is 32 x 32'),
        ('one.tif grey.tif', 'grey.tif: mask holds the values 0, 7'),
        ('four.tif mask.tif', 'image has 4 band(s) of uint16'),
        ('four.tif mask.tif --bands 1,2', 'bands must be three, for RGB'),
        ('torn.tif mask.tif', 'torn.tif: cannot be read'),
        ('plain.png far.gpkg', 'has no georeference, so footprints have no'),
        ('one.tif far.gpkg', 'of far.gpkg have [500090.0, 4999991.0,'),
        ('one.tif no_crs.shp', 'no_crs.shp: '),
        ('one.tif torn.gpkg', 'torn.gpkg: '),
    ],
)
def test_bad_input(raw, capsys, monkeypatch, words, said):
    """One message names what is wrong, and nothing is written."""
    monkeypatch.chdir(raw)
    assert main(['prepare', *words.split(), 'out']) == 2
    err = capsys.readouterr().err
    assert err.count('error: ') == 1 and said in err, err
    assert not list(raw.glob('out/*'))
