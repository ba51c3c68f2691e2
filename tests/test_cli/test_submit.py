"""``mmseg-cube submit``, called in this process with eight tiles."""

import shutil
import zipfile
from io import BytesIO

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.shutil import copy
from rasterio.transform import from_origin

from mmseg_cube.cli import main
from mmseg_cube.inference import Tiling, predict_raster, submission

STEMS = tuple(f'{name}{n}' for name in ('sfo', 'tyrol-e') for n in range(1, 5))
HEIGHT, WIDTH = 40, 50
PROFILE = dict(driver='GTiff', height=HEIGHT, width=WIDTH, dtype='uint8')
THRESHOLD = 0.39  # near the middle of what the network gives


@pytest.fixture(scope='module', autouse=True)
def few_tiles():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission, 'STEMS', STEMS)
        yield


@pytest.fixture(scope='module')
def data_root(tmp_path_factory, sample_city):
    """The test tiles, small ones."""
    root = tmp_path_factory.mktemp('inria') / 'AerialImageDataset'
    (root / 'test' / 'images').mkdir(parents=True)
    with rasterio.open(sample_city['whu'] / 'test/image/1.tif') as file:
        city = file.read()
    place = dict(crs='EPSG:32632', transform=from_origin(5e5, 5e6, 0.3, 0.3))
    for number, stem in enumerate(STEMS):
        path = root / 'test' / 'images' / f'{stem}.tif'
        with rasterio.open(path, 'w', count=3, **PROFILE, **place) as file:
            file.write(city[:, number * 20 :][:, :HEIGHT, :WIDTH])
    return root


@pytest.fixture(scope='module')
def submit(tiny_config, tiny_checkpoint, data_root):
    """Run the command on the tiny network and the tiles."""

    def run(out, *options, data_root=data_root):
        words = [tiny_config, tiny_checkpoint, '--out', out]
        words += ['--data-root', data_root, '--size', 32, '--device', 'cpu']
        words += ['--threshold', THRESHOLD, *options]
        return main(['submit', *map(str, words)])

    return run


@pytest.fixture(scope='module')
def archive(submit, tmp_path_factory):
    """A submission that went well."""
    out = tmp_path_factory.mktemp('out') / 'mine.zip'
    assert submit(out) == 0
    return out


def test_archive_equals_the_predictions(
    archive, tiny_network, data_root, tmp_path
):
    plain, packed = tmp_path / 'plain.tif', tmp_path / 'packed.tif'
    values = set()
    with zipfile.ZipFile(archive) as file:
        assert sorted(file.namelist()) == [f'{stem}.tif' for stem in STEMS]
        contents = {stem: file.read(f'{stem}.tif') for stem in STEMS[::4]}
    for stem, content in contents.items():
        image = data_root / 'test' / 'images' / f'{stem}.tif'
        expected = predict_raster(tiny_network, image, Tiling(32)) > THRESHOLD
        expected = np.uint8(expected)
        values |= set(np.unique(expected))
        with rasterio.open(image) as source:
            place = dict(crs=source.crs, transform=source.transform)
        # Other readers give the 0 and 255 that the organisers speak of.
        grey = np.asarray(Image.open(BytesIO(content)).convert('L'))
        np.testing.assert_array_equal(grey, 255 * expected)
        # The file is that of gdal_translate.
        with rasterio.open(plain, 'w', count=1, **PROFILE, **place) as file:
            file.write(255 * expected, 1)
        with rasterio.Env(GDAL_PAM_ENABLED=False):
            copy(plain, packed, driver='GTiff', compress='CCITTFAX4', nbits=1)
        assert packed.read_bytes() == content
    assert values == {0, 1}


def test_check(archive, data_root, tmp_path, capsys):
    def check(*words, code):
        assert main(['submit', '--check', *map(str, words)]) == code
        said = capsys.readouterr()
        return said.err or said.out

    said = check(archive, '--data-root', data_root, code=0)
    assert '8 tiles' in said and 'Buildings: sfo' in said
    said = check(archive, code=1)
    assert '8 faults' in said
    assert 'sfo3.tif: is 50 x 40 pixels, not 5000 x 5000' in said
    assert 'missing.zip' in check(tmp_path / 'missing.zip', code=2)


def test_a_bad_tile_does_not_stop_the_others(
    submit, archive, data_root, tmp_path, capsys
):
    root = shutil.copytree(data_root, tmp_path / 'data')
    tile, out = root / 'test/images/sfo2.tif', tmp_path / 'mine.zip'
    content = tile.read_bytes()
    tile.write_bytes(content[:999])
    assert submit(out, data_root=root) == 2
    said = capsys.readouterr()
    assert '7 masks' in said.out and f'  - {tile}: ' in said.err
    assert not out.exists()
    tile.write_bytes(content)
    (tmp_path / 'mine_tiles' / 'sfo1.tif').write_bytes(b'II*')
    (tmp_path / 'mine_tiles' / 'sfo3.tif').write_bytes(b'')
    assert submit(out, data_root=root) == 0
    assert ': 3 predicted, 5 there already' in capsys.readouterr().out
    with zipfile.ZipFile(out) as file, zipfile.ZipFile(archive) as first:
        for name in first.namelist():
            assert file.read(name) == first.read(name)
    shutil.copy(tile, tile.with_suffix('.png'))
    assert submit(out, data_root=root) == 2
    assert '(sfo2.png, sfo2.tif)' in capsys.readouterr().err


def test_all_or_nothing_is_warned_of(submit, tmp_path, capsys):
    out = tmp_path / 'mine.zip'
    assert submit(out, '--threshold', 1 - 1e-9) == 0
    said = capsys.readouterr().err
    assert 'Warning: sfo: 0.0 %, tyrol-e: 0.0 % building' in said
    assert main(['submit', '--check', str(out)]) == 1
    assert 'Warning' not in capsys.readouterr().err  # nothing is known


def test_wrong_input(submit, tmp_path, sample_city, capsys):
    def error(out, **kwargs):
        assert submit(tmp_path / out, **kwargs) == 2
        return capsys.readouterr().err

    assert 'must be a file that ends in .zip' in error('mine.tar')
    assert 'nowhere' in error('mine.zip', data_root=tmp_path / 'nowhere')
    images = tmp_path / 'AerialImageDataset' / 'test' / 'images'
    images.mkdir(parents=True)
    shutil.copy(sample_city['whu'] / 'test/image/1.tif', images / 'sfo1.tif')
    said = error('mine.zip', data_root=tmp_path)
    assert '7 of the 8 test tiles are missing' in said
    assert 'sfo2.tif' in said
    assert main(['submit', 'config.py']) == 2
    assert 'or --check FILE.zip' in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 1
