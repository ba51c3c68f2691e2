"""``mmseg-cube predict``, called in this process."""

import json
import os
import shutil
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.errors import RasterioIOError

from mmseg_cube.cli import main
from mmseg_cube.datasets.run_folder import only_run
from mmseg_cube.inference import Tiling, outputs, predict_raster, strips
from mmseg_cube.inference.prediction import read_shapes
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

THRESHOLD = 0.39  # near the middle of what the network gives
OPTIONS = ['--size', '64', '--device', 'cpu', '--threshold', THRESHOLD]


@pytest.fixture(scope='module')
def images(sample_city, tmp_path_factory):
    """Two images that are larger than a window, and small."""
    folder = tmp_path_factory.mktemp('images')
    for path in (sample_city['whu'] / 'test' / 'image').iterdir():
        with rasterio.open(path) as file:
            values = file.read()[:, :96, :80]
        Image.fromarray(values.transpose(1, 2, 0)).save(folder / path.name)
    return folder


@pytest.fixture
def predict(tiny_config, tiny_checkpoint, images, capsys):
    """Run the command on the tiny network; return what it says."""

    def run(
        out,
        *options,
        code=0,
        checkpoint=tiny_checkpoint,
        images=images,
        more=(),
    ):
        words = [tiny_config, checkpoint, images, *more, '--out', out]
        words += [*OPTIONS, *options]
        assert main(['predict', *map(str, words)]) == code
        said = capsys.readouterr()
        run.warned = said.err
        return said.err if code else said.out

    return run


def test_masks_equal_the_predictions(
    predict, tiny_network, images, tmp_path, monkeypatch
):
    tiling = Tiling(64, stride=48, tta='flips')
    out, threads = tmp_path / 'masks', []
    monkeypatch.setattr(torch, 'set_num_threads', threads.append)
    said = predict(out, '--tta', '--stride', 48, '--threads', 3)
    assert threads == [3]
    assert f'2 masks in {out}: 2 predicted' in said
    assert sorted(read(out)) == ['1.png', '2.png']
    for image in images.iterdir():
        mask = Image.open(out / f'{image.stem}.png')
        assert mask.mode == 'L'
        assert set(np.unique(mask)) == {0, 255}
        truth = predict_raster(tiny_network, image, tiling) > THRESHOLD
        np.testing.assert_array_equal(mask, 255 * truth)
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['config'] == 'cube-tiny.py'
    assert (manifest['tta'], manifest['stride']) == ('flips', 48)


@pytest.fixture
def copied(images, tmp_path):
    """Images that may be changed."""
    return Path(shutil.copytree(images, tmp_path / 'images'))


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def lengthen(image, mask):
    image.rename(image.with_stem('1' * 250))
    mask.unlink()


# What is done to the images and the masks, and how many are made again.
CHANGES = {
    'another image': (1, lambda i, o: shutil.copy(i / '2.tif', i / '1.tif')),
    'a mask beside it': (
        1,
        lambda i, o: Image.new('L', (80, 96)).save(i / '1.tif.msk', 'PNG'),
    ),
    'a long name': (1, lambda i, o: lengthen(i / '1.tif', o / '1.png')),
    'another name': (1, lambda i, o: (i / '1.tif').rename(i / '1.tiff')),
    'cut mask': (1, lambda i, o: cut(o / '1.png', -80)),
    'no mask': (1, lambda i, o: (o / '1.png').unlink()),
    'torn journal': (1, lambda i, o: cut(o / 'manifest.jsonl', -9)),
    'no journal': (2, lambda i, o: (o / 'manifest.jsonl').unlink()),
    'half': (0, lambda i, o: (o / '.1.png.99.part').write_bytes(b'half')),
}


@pytest.mark.parametrize('change', CHANGES)
def test_what_has_changed_is_made_again(
    predict, copied, tmp_path, change, monkeypatch
):
    out, (count, change) = tmp_path / 'masks', CHANGES[change]
    predict(out, images=copied)
    change(copied, out)
    # Of 13,400 x 13,400 pixels Pillow thinks that they are an attack.
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
    again = f': {count} predicted, {2 - count} there already'
    assert again in predict(out, '--batch', 'auto', images=copied)
    assert ': 0 predicted' in predict(out, images=copied)
    predict(tmp_path / 'fresh', images=copied)
    assert read(out) == read(tmp_path / 'fresh') and len(read(out)) == 2


def read(folder):
    """Return the masks of a folder; nothing but them must be there."""
    names = {path.name for path in folder.iterdir()}
    names -= {'.lock', 'manifest.json', 'manifest.jsonl'}
    paths = {name: folder / name for name in names}
    return {x: p.is_file() and p.read_bytes() for x, p in paths.items()}


# Others than in BAD, below.
FAULTS = {
    'text': lambda path: path.write_text('no image'),
    'cut': lambda path: cut(path, 9000),
    'link': lambda path: (path.unlink(), path.symlink_to('nothing')),
    'pipe': lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_one_bad_file_does_not_stop_the_rest(
    predict, copied, images, tmp_path, fault
):
    out = tmp_path / 'masks'
    if fault == 'text':  # no mask of the image before is left
        predict(out, images=copied)
    FAULTS[fault](copied / '1.tif')
    for _ in range(2):
        said = predict(out, images=copied, code=2)
        assert '1 of 2 images cannot be predicted:\n  - ' in said
        assert f'{copied}/1.tif: ' in said and 'Traceback' not in said
        assert list(read(out)) == ['2.png']
    shutil.rmtree(copied)
    shutil.copytree(images, copied)
    said = predict(out, images=copied)
    assert ': 1 predicted, 1 there already' in said


@pytest.mark.parametrize('end', ('full disk', 'killed'))
def test_continues(predict, tmp_path, monkeypatch, end):
    predict(tmp_path / 'whole')
    out, copy = tmp_path / 'masks', outputs.copy

    def fail(source, path, **options):
        if path.parent.name == '2':
            path.write_bytes(b'half')
            if end == 'full disk':
                raise RasterioIOError('Write failed')
            raise KeyboardInterrupt
        copy(source, path, **options)

    monkeypatch.setattr(outputs, 'copy', fail)
    full = Namespace(free=0)
    monkeypatch.setattr(strips.shutil, 'disk_usage', lambda _: full)
    said = predict(out, code=2 if end == 'full disk' else 130)
    if end == 'full disk':
        assert f'{out}/2.png: No space left on device. Make room' in said
    assert sorted(read(out)) == ['.parts', '1.png']
    monkeypatch.undo()
    assert ': 1 predicted, 1 there already' in predict(out)
    assert read(out) == read(tmp_path / 'whole')


def test_folders_that_are_in_use(predict, copied, tmp_path):
    out = tmp_path / 'masks'
    out.mkdir()
    with only_run(out):
        assert f'another run is writing to {out}' in predict(out, code=2)
    assert ': 2 predicted' in predict(out)
    assert 'holds the images' in predict(copied, images=copied, code=2)


@pytest.mark.parametrize('threshold', (1e-9, 1 - 1e-9))
def test_all_or_nothing_is_warned_of(predict, copied, tmp_path, threshold):
    Image.new('RGBA', (32, 32)).save(copied / 'without_data.png')
    out = tmp_path / 'masks'
    said = predict(out, '--float', '--threshold', threshold, images=copied)
    assert not np.any(Image.open(out / 'without_data.png'))
    share = '100.0 % ' if threshold < 0.5 else '0.0 % '
    assert f'there already, {share}building' in said
    assert 'Warning' in predict.warned and share in predict.warned


def test_settings_do_not_mix(predict, tiny_segmentor, tmp_path):
    out = tmp_path / 'masks'
    predict(out)
    model = tiny_segmentor()
    torch.nn.init.ones_(model.decode_head.conv_seg.bias)
    other = tmp_path / 'other.pth'
    torch.save(dict(state_dict=model.state_dict()), other)
    said = predict(out, checkpoint=other, code=2)
    assert 'was begun otherwise: network' in said
    said = predict(out, '--threshold', 0.4, code=2)
    assert 'threshold is 0.39 there and 0.4 now' in said
    (out / 'manifest.json').unlink()
    assert 'holds masks, but no manifest.json' in predict(out, code=2)
    (out / 'manifest.json').write_text('{')
    assert 'is not readable as JSON' in predict(out, code=2)


def test_the_threshold_of_the_val_set(predict, tmp_path):
    out, path = tmp_path / 'masks', tmp_path / 'curve.json'
    assert 'curve not found: ' in predict(out, '--threshold', path, code=2)
    best = dict(best=dict(threshold=0.3), no_best_because=None)
    path.write_text(json.dumps(dict(data=dict(split='val'), **best)))
    predict(out, '--threshold', path)
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['threshold'] == 0.3


def write(path, count=3, crs='EPSG:32645', dtype='uint8', **about):
    """Write a small raster of noise, which has a place."""
    about = dict(driver='GTiff', crs=crs, dtype=dtype, count=count) | about
    values = np.random.default_rng(0).integers(1, 200, (count, 70, 80))
    place = rasterio.Affine(0.5, 0, 4e5, 0, -0.5, 3e6)
    about.setdefault('transform', place)
    with rasterio.open(path, 'w', height=70, width=80, **about) as file:
        file.write(values.astype(dtype))
    return path


def test_ways_to_name_rasters(predict, tmp_path, monkeypatch):
    """Files, folders, patterns, lists; each gives what is asked for."""
    place = rasterio.Affine(0.5, 0, 4e5 + 40, 0, -0.5, 3e6)
    paths = [write(tmp_path / 'a.tif'), write(tmp_path / 'b.tif')]
    write(paths[1], transform=place)
    (tmp_path / 'list.txt').write_text('a.tif\n\n b.tif\n', 'utf-8-sig')
    ways = paths, [tmp_path], [f'{tmp_path}/?.tif'], [tmp_path / 'list.txt']
    for number, words in enumerate(ways):
        out = tmp_path / f'out{number}'
        predict(out, '--write', 'mask', images=words[0], more=words[1:])
        files = {path.name for path in out.glob('*.*') if path.suffix}
        ends = '_mask.tif', '_mask.qml', '.json'
        made = {f'{x}{end}' for x in 'ab' for end in ends}
        assert files == made | {'manifest.json', 'manifest.jsonl'}
    out = tmp_path / 'mosaic'
    predict(out, '--mosaic', images=paths[0], more=paths[1:])
    with rasterio.open(out / 'mosaic_probability.tif') as file:
        assert file.shape == (70, 160)
    # As torchrun tells its processes which they are.
    for rank in '01':
        monkeypatch.setenv('RANK', rank)
        monkeypatch.setenv('WORLD_SIZE', '2')
        out = tmp_path / 'shared'
        said = predict(out, '--strip', 20, images=paths[0])
    assert '1 mask' in said
    monkeypatch.undo()
    for shard in ('2/3', '1/3', '3/3'):
        out = tmp_path / 'shards'
        predict(out, '--strip', 20, '--shard', shard, images=paths[0])
    masks = {
        (tmp_path / name / 'a_mask.tif').read_bytes()
        for name in ('out0', 'shared', 'shards')
    }
    assert len(masks) == 1


# What makes the input, the options, and what is said.
BAD = {
    'empty': (lambda p: p.write_bytes(b''), '', 'is no TIFF, PNG or JPEG'),
    'palette': (
        lambda p: Image.new('P', (32, 32)).save(p),
        '',
        'a.tif: image has 1 band(s)',
    ),
    'no images': (lambda p: p.mkdir(), '', 'has no images'),
    'stride': (write, '--stride 65', 'stride must be from 1'),
    'threshold': (write, '--threshold 2', 'threshold must be'),
    'small windows': (write, '--size 7', 'networks see 32 pixels as one'),
    'large': (write, '--size 999', 'the largest side of an image is 80'),
    'two bands': (lambda p: write(p, 2), '', 'has 2 band(s)'),
    '16 bits': (lambda p: write(p, dtype='uint16'), '', 'Name scale='),
    'complex': (lambda p: write(p, dtype='complex64'), '', 'complex64'),
    'fifth band': (write, '--bands 1,2,5', 'bands=(1, 2, 5) are asked'),
    'four bands': (
        lambda p: write(p, 4),
        '--bands 1,2,3,4 --batch auto',
        '4 channels',
    ),
    'no CRS': (lambda p: write(p, crs=None), '--resolution 1', 'has no geore'),
    'no place': (
        lambda p: write(p, transform=rasterio.Affine.identity()),
        '--resolution 1',
        'has no georeference',
    ),
    'no degrees': (
        lambda p: write(p, crs=None),
        '--write coverage mask',
        'no coverage in degrees. Leave',
    ),
    'tiny pixels': (write, '--resolution 1e-9', 'larger --resolution'),
    'no pixels': (write, '--resolution -1', 'above 0'),
    'wrong scale': (write, '--scale 9,1', 'scale must be'),
    'no memory': (write, '--batch auto --memory nan', 'above 0 GiB, not nan'),
    'all memory': (write, '--batch auto --memory inf', 'GiB, not inf'),
    'batch given': (write, '--memory 4', '--memory goes with --batch auto'),
    'other batch': (write, '--batch most', "above 0, but got 'most'"),
    'wrong shard': (write, '--shard 3/2', 'such as 2/8'),
    'no output': (write, '--write shape', 'invalid choice'),
    'missing': (lambda p: None, '', 'is missing'),
    'no such': (lambda p: ['/no/*.tif'], '', 'no file is named like'),
    'no list': (
        lambda p: p.write_text('') or [p.rename(p.with_suffix('.txt'))],
        '',
        'no raster is named: give one',
    ),
    'own list': (
        lambda p: p.write_text('a.txt') and [p.rename(p.with_suffix('.txt'))],
        '',
        'a.txt names itself',
    ),
    'twins': (lambda p: [write(p), '/no/a.tif'], '', 'would all get the same'),
    'manifest': (lambda p: ['/no/manifest.tif'], '', 'manifest.json. Rename'),
    'preview': (lambda p: [write(p), '/no/a_preview.png'], '', ', a_preview.'),
    'no nodata': (write, '--nodata -9999', 'uint8 values, none of which can'),
    'address': (lambda p: ['http://localhost:1/a.tif'], '', 'be read'),
    'odd tile': (
        lambda p: [write(p), write(p.with_stem('b'), crs=None)],
        '--mosaic',
        'b.tif: is no part of a mosaic with',
    ),
}


@pytest.mark.parametrize('fault', BAD)
def test_bad_input_is_one_line(predict, tmp_path, fault):
    make, options, message = BAD[fault]
    path, out = tmp_path / 'a.tif', tmp_path / 'out'
    inputs = make(path)
    first, *more = inputs if isinstance(inputs, list) else [path]
    said = predict(out, *options.split(), images=first, more=more, code=2)
    *_, line = said.replace(str(tmp_path), '').strip().splitlines()
    assert line.startswith('mmseg-cube predict: error: ')
    assert message in line and len(line) < 340
    assert not out.exists()


def test_what_a_test_would_do_otherwise(tiny_config, images, tmp_path, capsys):
    options = {
        'model.decode_head.out_channels': 1,
        'test_dataloader.dataset.pipeline.0.type': 'LoadRasterWindow',
        'test_dataloader.dataset.pipeline.0.bands': '[3,2,1]',
        'test_dataloader.dataset.pipeline.1.type': 'Resize',
    }
    network = build_network(read_config(tiny_config, options))
    torch.save(network.state_dict(), file := tmp_path / 'single.pth')
    words = [tiny_config, file, images, '--out', tmp_path, '--size', 64]
    words += ['--cfg-options', *(f'{k}={v}' for k, v in options.items())]
    assert main(['predict', *map(str, words)]) == 0
    assert 'Warning: Resize of the test pipeline' in capsys.readouterr().err
    manifest = json.loads((tmp_path / 'manifest.json').read_text())
    assert manifest['bands'] == [3, 2, 1]
    assert manifest['threshold'] == network.decode_head.threshold == 0.3


def test_polygons_need_the_extra(predict, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, 'mmseg_cube.datasets.vectors', False)
    monkeypatch.setitem(sys.modules, 'pyogrio', None)
    said = predict(tmp_path / 'out', '--write', 'polygons', code=2)
    assert 'pip install "mmsegmentation-cube[cities]"' in said
    assert not (tmp_path / 'out').exists()


def test_a_crs_that_is_nowhere_is_no_fault(tmp_path, capsys):
    path = write(tmp_path / 'a.tif', crs='LOCAL_CS["x",UNIT["m",1]]')
    assert read_shapes({'a': [path]}, meant=0.3) == ({'a': (70, 80)}, [])
    assert 'a.tif has corners that are no places' in capsys.readouterr().err


def test_nothing_but_nodata(predict, tmp_path):
    path, out = tmp_path / 'a.tif', tmp_path / 'out'
    write(path)
    with rasterio.open(path, 'r+') as file:
        file.write(np.zeros((3, 70, 80), np.uint8))
    assert '0.0 % building' in predict(out, '--nodata', 0, images=path)
    assert predict.warned.endswith(f'Note: no pixel in {out} has data.\n')
    assert 'Warning' not in predict.warned
    with rasterio.open(out / 'a_mask.tif') as file:
        assert (file.read() == 255).all()
