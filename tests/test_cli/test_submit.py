"""``mmseg-cube submit``, called in this process."""

import itertools
import shutil
import zipfile
from io import BytesIO

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.shutil import copy
from rasterio.transform import from_origin

from mmseg_cube.cli import main
from mmseg_cube.inference import Tiling, predict_mask
from mmseg_cube.inference.inria_archive import STEMS
from mmseg_cube.inference.inria_folder import InriaFolder
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network, load_network

SIZE = 20  # of the tiles, in pixels
CONFIG = """
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[120.0] * 3, std=[60.0] * 3,
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNet', depth=18, base_channels=4, num_stages=1, strides=(1,),
        dilations=(1,), out_indices=(0,)),
    decode_head=dict(
        type='FCNHead', in_channels=4, channels=4, num_convs=1,
        num_classes=2),
    test_cfg=dict(mode='slide', crop_size=(16, 16), stride=(16, 16)))
"""


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """Config and checkpoint of a network that is quick on 180 tiles."""
    folder = tmp_path_factory.mktemp('network')
    (folder / 'small.py').write_text(CONFIG)
    torch.manual_seed(0)
    model = build_network(read_config(folder / 'small.py'))
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    torch.save(dict(state_dict=model.state_dict()), folder / 'small.pth')
    return folder / 'small.py', folder / 'small.pth'


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    """All 180 test tiles, small ones."""
    root = tmp_path_factory.mktemp('inria') / 'AerialImageDataset'
    folder = root / 'test' / 'images'
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    place = dict(crs='EPSG:32632', transform=from_origin(5e5, 5e6, 0.3, 0.3))
    for stem in STEMS:
        with rasterio.open(
            folder / f'{stem}.tif', 'w', driver='GTiff', count=3,
            height=SIZE, width=SIZE, dtype='uint8', **place,
        ) as file:  # fmt: skip
            file.write(rng.integers(0, 256, (3, SIZE, SIZE), np.uint8))
    return root


@pytest.fixture(scope='module')
def submit(network, data_root):
    """Run the command on the network and the tiles."""

    def run(out, *options, network=network, data_root=data_root):
        words = [*network, '--out', out, '--data-root', data_root]
        options = ['--stride', 12, '--device', 'cpu', *options]
        return main(['submit', *map(str, [*words, *options])])

    return run


@pytest.fixture(scope='module')
def archive(submit, tmp_path_factory):
    """A submission that went well."""
    out = tmp_path_factory.mktemp('out') / 'mine.zip'
    assert submit(out) == 0
    return out


def test_archive_equals_the_predictions(archive, network, data_root):
    model = load_network(read_config(network[0]), network[1])
    values = set()
    with zipfile.ZipFile(archive) as file:
        assert sorted(file.namelist()) == sorted(f'{s}.tif' for s in STEMS)
        for stem in STEMS[::60]:
            content = file.read(f'{stem}.tif')
            image = data_root / 'test' / 'images' / f'{stem}.tif'
            expected = predict_mask(model, image, tiling=Tiling(16, 12))
            with rasterio.MemoryFile(content).open() as tile:
                assert (tile.count, tile.dtypes[0]) == (1, 'uint8')
                np.testing.assert_array_equal(tile.read(1), expected)
                with rasterio.open(image) as source:
                    assert tile.crs == source.crs
                    assert tile.transform == source.transform
            # Other readers give the 0 and 255 that the organisers speak of.
            grey = np.asarray(Image.open(BytesIO(content)).convert('L'))
            np.testing.assert_array_equal(grey, 255 * expected)
            values |= set(np.unique(expected))
    assert values == {0, 1}


def test_file_is_that_of_gdal_translate(archive, tmp_path):
    with zipfile.ZipFile(archive) as file:
        content = file.read('sfo7.tif')
    with rasterio.MemoryFile(content).open() as tile:
        profile, mask = tile.profile, tile.read(1)
    plain, packed = tmp_path / 'plain.tif', tmp_path / 'packed.tif'
    with rasterio.open(
        plain, 'w', driver='GTiff', count=1, height=SIZE, width=SIZE,
        dtype='uint8', crs=profile['crs'], transform=profile['transform'],
    ) as file:  # fmt: skip
        file.write(255 * mask, 1)
    with rasterio.Env(GDAL_PAM_ENABLED=False):
        copy(plain, packed, driver='GTiff', compress='CCITTFAX4', nbits=1)
    assert packed.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 2


def test_check(archive, data_root, capsys):
    def check(path, *options):
        code = main(['submit', '--check', str(path), *map(str, options)])
        return code, capsys.readouterr()

    code, said = check(archive, '--data-root', data_root)
    assert code == 0
    assert '180 tiles' in said.out
    assert 'Buildings: bellingham' in said.out
    assert check(archive, '--tile-size', SIZE)[0] == 0
    code, said = check(archive)
    assert code == 1
    assert '180 faults' in said.err
    assert 'sfo3.tif: is 20 x 20 pixels, not 5000 x 5000' in said.err
    code, said = check(archive.with_name('missing.zip'))
    assert code == 2
    assert 'missing.zip' in said.err


def test_continues_after_ctrl_c(
    submit, archive, tmp_path, monkeypatch, capsys
):
    out, tiles = tmp_path / 'mine.zip', tmp_path / 'mine_tiles'
    shutil.copytree(archive.with_name(tiles.name), tiles)
    for stem in STEMS[:6]:
        (tiles / f'{stem}.tif').unlink()
    writes = itertools.count()
    write = InriaFolder.write

    def stop(self, mask, image):
        if next(writes) == 3:
            raise KeyboardInterrupt
        write(self, mask, image)

    monkeypatch.setattr(InriaFolder, 'write', stop)
    assert submit(out) == 130
    assert 'continues where it stopped' in capsys.readouterr().err
    assert not out.exists()
    (tiles / 'bellingham1.tif').write_bytes(b'II*')
    (tiles / 'bellingham2.tif').write_bytes(b'')
    assert submit(out) == 0
    assert '5 predicted, 175 there already' in capsys.readouterr().out
    with zipfile.ZipFile(out) as file, zipfile.ZipFile(archive) as first:
        for name in first.namelist():
            assert file.read(name) == first.read(name)


def test_other_settings_need_another_archive(submit, archive, capsys):
    before = archive.read_bytes()
    assert submit(archive, '--tta') == 2
    assert 'tta was False and is True now' in capsys.readouterr().err
    assert archive.read_bytes() == before


def test_wrong_input(submit, network, data_root, tmp_path, capsys):
    out = tmp_path / 'mine.zip'

    def error(*args, **kwargs):
        assert submit(*args, **kwargs) == 2
        return capsys.readouterr().err

    assert 'must end in .zip' in error(tmp_path / 'mine.tar')
    some = tmp_path / 'AerialImageDataset'
    (some / 'test' / 'images').mkdir(parents=True)
    image = 'test/images/bellingham1.tif'
    (some / image).write_bytes((data_root / image).read_bytes())
    said = error(out, data_root=some)
    assert '179 of the 180 test tiles are missing' in said
    assert 'bellingham2.tif' in said
    assert 'nowhere' in error(out, data_root=tmp_path / 'nowhere')
    options = '--cfg-options', 'model.decode_head.channels=8'
    assert 'is no checkpoint of' in error(out, *options)
    assert main(['submit', str(network[0])]) == 2
    assert 'or --check FILE.zip' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [some]
