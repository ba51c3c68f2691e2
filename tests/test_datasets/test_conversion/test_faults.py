"""What goes wrong while converting, and that nothing done is lost."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from mmseg_cube.datasets import DatasetError
from mmseg_cube.datasets.conversion import convert_inria, output
from mmseg_cube.datasets.run_folder import only_run

PATCHES = 4  # of a tile of 256 x 256


def run(inria, out, **options):
    return convert_inria(inria, out, size=128, **{'workers': 1, **options})


@pytest.fixture
def stop(monkeypatch):
    """Let writing fail once so many images are in a folder."""

    def stop(out, room, error, write_whole=output.write_whole):
        def write(path, content):
            if len(list(out.glob('*/image/*'))) >= room:
                raise error
            write_whole(path, content)

        monkeypatch.setattr(output, 'write_whole', write)

    return stop


def test_bad_tiles_do_not_stop_the_rest_and_are_done_once_mended(
    inria, tmp_path, write
):
    train, out = inria / 'AerialImageDataset' / 'train', tmp_path / 'out'
    paths = 'images/austin6.tif', 'gt/austin7.tif', 'gt/austin3.tif'
    image, missing, narrow = (train / path for path in paths)
    good = {path: path.read_bytes() for path in (image, missing, narrow)}
    image.write_bytes(good[image][:5000])
    missing.unlink()
    write(narrow, np.full((256, 255), 255, np.uint8))
    said = (
        'gt/austin3.tif: mask is 255 x 256 pixels',
        'images/austin6.tif: cannot be read',
        'images/austin7.tif: image without a mask',
    )
    for workers in (1, 2):
        result = run(inria, out, workers=workers)
        for fault, words in zip(sorted(result.faults), said, strict=True):
            assert words in fault
        assert result.tiles == dict(val=4)
        assert not list(out.glob('*/*/austin6*'))
        assert not json.loads((out / output.MANIFEST).read_text())['complete']
    assert result.written == 0
    for path, content in good.items():
        path.write_bytes(content)
    assert run(inria, out).written == 3 * PATCHES
    manifest = json.loads((out / output.MANIFEST).read_text())
    assert manifest['complete'] is True
    assert manifest['counts'] == dict(
        train=dict(tiles=2, patches=2 * PATCHES),
        val=dict(tiles=5, patches=5 * PATCHES),
    )
    # Another run writes what is gone, and no more.
    stamps = {p: p.stat().st_mtime_ns for p in out.rglob('*.png')}
    gone = out / 'val' / 'label' / 'austin4_00000_00128.png'
    data = gone.read_bytes()
    gone.unlink()
    half = gone.with_name(f'.{gone.name}.123.part')  # of a run that was killed
    half.write_bytes(data[:9])
    with (out / output.JOURNAL).open('a') as file:
        file.write('{"tile": "val/aust')  # a line that was cut short
    assert run(inria, out).written == 1
    assert gone.read_bytes() == data
    now = {p: p.stat().st_mtime_ns for p in out.rglob('*.p*')}
    assert now.keys() == stamps.keys()
    image = gone.parents[1] / 'image' / gone.name
    assert {path for path in now if now[path] != stamps[path]} <= {gone, image}


@pytest.mark.parametrize(('workers', 'room'), [(1, 0), (2, 10)])
def test_full_disk(inria, tmp_path, stop, monkeypatch, workers, room):
    out = tmp_path / 'out'
    stop(out, room, OSError(errno.ENOSPC, 'No space left on device'))
    said = 'disk is full.*of 7 tiles are done(?s:.*)same command again to cont'
    with pytest.raises(DatasetError, match=said):
        run(inria, out, workers=workers)
    monkeypatch.undo()
    done = len(list(out.glob('*/image/*')))
    assert room <= done <= room + workers
    assert run(inria, out).written == 7 * PATCHES - done
    assert len(list(out.glob('*/*/*'))) == 2 * 7 * PATCHES


@pytest.mark.parametrize('killed', [False, True])
def test_files_that_changed_under_their_names(
    inria, tmp_path, patches, stop, monkeypatch, killed
):
    out, fresh = tmp_path / 'out', tmp_path / 'fresh'
    train = inria / 'AerialImageDataset' / 'train'

    def convert(target=out):
        return run(inria, target, protocol='buildformer')

    if killed:
        stop(out, PATCHES - 1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            convert()
        monkeypatch.undo()
    else:
        convert()
    # A mask without a building, of the same size; another image; an image
    # that is broken; a tile that is gone.
    masks = [train / 'gt' / f'austin{number}.tif' for number in range(1, 8)]
    images = [train / 'images' / mask.name for mask in masks]
    size = masks[0].stat().st_size
    with rasterio.open(masks[0], 'r+') as file:
        file.write(np.zeros_like(file.read()))
    os.truncate(masks[0], size)
    shutil.copy(images[2], images[1])
    images[3].write_bytes(images[3].read_bytes()[:3000])
    for path in (images[4], masks[4]):
        path.unlink()
    result = convert()
    (fault,) = result.faults
    assert 'austin4.tif: cannot be read' in fault
    assert result.written > 0
    convert(fresh)
    np.testing.assert_equal(patches(out), patches(fresh))
    assert convert().written == 0
    one, other = ((o / output.MANIFEST).read_bytes() for o in (out, fresh))
    assert one == other


def test_one_folder_holds_one_conversion(inria, tmp_path):
    def refused(out, said, **options):
        with pytest.raises(DatasetError, match=said):
            run(inria, out, **options)

    out, other = tmp_path / 'out', tmp_path / 'photos'
    run(inria, out)
    refused(out, 'protocol is .full. there and', protocol='buildformer')
    assert run(inria, out).written == 0
    with only_run(out), pytest.raises(ValueError, match='another run is wri'):
        run(inria, out)
    (out / output.MANIFEST).write_text('[]')
    refused(out, 'not readable as JSON')
    other.mkdir()
    (other / 'me.jpg').touch()
    refused(other, "holds 'me.jpg' and no")
    assert [path.name for path in other.iterdir()] == ['me.jpg']
    for out in (inria, inria / 'patches', tmp_path):
        refused(out, 'must not lie in each other')
    packed = Path(shutil.make_archive(tmp_path / 'raw', 'zip', inria))
    for source, said in (
        (packed, 'unpack an arch'),
        (inria / 'no', 'missing'),
    ):
        with pytest.raises(DatasetError, match=f'{source}.*(?s:.*){said}'):
            run(source, tmp_path / 'new')
    assert not (inria / 'patches').exists()
