"""What goes wrong while converting, and that nothing done is lost."""

import errno
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio

from mmseg_cube.datasets import DatasetError
from mmseg_cube.datasets.conversion import convert_inria, convert_whu, output
from mmseg_cube.datasets.run_folder import only_run

PATCHES = 4  # of a tile of 256 x 256


def run(inria, out, **options):
    return convert_inria(inria, out, size=128, **{'workers': 1, **options})


def files(out):
    return sorted(p.relative_to(out) for p in out.glob('*/*/*'))


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
        assert not any('austin6' in str(path) for path in files(out))
        assert not json.loads((out / output.MANIFEST).read_text())['complete']
    assert result.written == 0
    for path, content in good.items():
        path.write_bytes(content)
    result = run(inria, out)
    assert not result.faults
    assert result.written == 3 * PATCHES
    manifest = json.loads((out / output.MANIFEST).read_text())
    assert manifest['complete'] is True
    assert manifest['counts'] == dict(
        train=dict(tiles=2, patches=2 * PATCHES),
        val=dict(tiles=5, patches=5 * PATCHES),
    )


def test_swapped_images_and_masks(tmp_path, make_splits):
    raw = make_splits(tmp_path / 'raw', folders=('label', 'image'))
    result = convert_whu(raw, tmp_path / 'out', workers=1)
    assert len(result.faults) == 9
    assert all('look swapped' in fault for fault in result.faults)
    assert not files(tmp_path / 'out')


@pytest.mark.parametrize(('workers', 'room'), [(1, 0), (2, 10)])
def test_full_disk(inria, tmp_path, monkeypatch, workers, room):
    out = tmp_path / 'out'
    write_whole = output.write_whole

    def full(path, write):
        # The disk fills up within the third tile.
        if len(list(out.glob('*/image/*'))) >= room:
            raise OSError(errno.ENOSPC, 'No space left on device', str(path))
        write_whole(path, write)

    with monkeypatch.context() as patch:
        patch.setattr(output, 'write_whole', full)
        with pytest.raises(DatasetError, match='disk is full') as caught:
            run(inria, out, workers=workers)
    assert 'of 7 tiles are done' in str(caught.value)
    assert 'run the same command again to continue' in str(caught.value)
    done = len(list(out.glob('*/image/*')))
    assert room <= done <= room + workers
    assert run(inria, out).written == 7 * PATCHES - done
    assert len(files(out)) == 2 * 7 * PATCHES


def test_second_run_does_nothing_and_repairs_what_is_gone(inria, tmp_path):
    out = tmp_path / 'out'
    assert run(inria, out).written == 7 * PATCHES
    stamps = {p: p.stat().st_mtime_ns for p in out.rglob('*.png')}
    assert run(inria, out).written == 0
    assert stamps == {p: p.stat().st_mtime_ns for p in out.rglob('*.png')}
    gone = out / 'val' / 'label' / 'austin4_00000_00128.png'
    data = gone.read_bytes()
    gone.unlink()
    half = gone.with_name(f'.{gone.name}.123.part')  # of a run that was killed
    half.write_bytes(data[:9])
    with (out / output.JOURNAL).open('a') as file:
        file.write('{"tile": "val/aust')  # a line that was cut short
    assert run(inria, out).written == 1
    assert gone.read_bytes() == data
    assert not half.exists()


@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('killed', [False, True])
def test_files_that_changed_under_their_names(
    inria, tmp_path, patches, packed, killed, monkeypatch
):
    out, train = tmp_path / 'out', inria / 'AerialImageDataset' / 'train'

    def convert(target=out, **options):
        raw = inria
        if packed:
            raw = Path(shutil.make_archive(tmp_path / 'raw', 'zip', inria))
        return run(raw, target, protocol='buildformer', **options)

    def stop(path, write, whole=output.write_whole):
        if len(list(out.glob('*/image/*'))) == PATCHES - 1 and killed:
            raise KeyboardInterrupt
        whole(path, write)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(output, 'write_whole', stop)
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
    assert ['austin4.tif: cannot be read' in f for f in result.faults] == [
        True
    ]
    assert result.written > 0
    convert(tmp_path / 'fresh')
    np.testing.assert_equal(patches(out), patches(tmp_path / 'fresh'))
    assert convert().written == 0
    manifests = [
        (o / output.MANIFEST).read_bytes() for o in (out, tmp_path / 'fresh')
    ]
    assert manifests[0] == manifests[1]


def test_one_folder_holds_one_conversion(inria, tmp_path):
    def refused(out, said, **options):
        with pytest.raises(DatasetError, match=said):
            run(inria, out, **options)

    out = tmp_path / 'out'
    run(inria, out)
    refused(out, 'protocol is .full. there and', protocol='buildformer')
    refused(out, 'stride is 128 there and 32 now', stride=32)
    refused(out, 'format is .png. there and .tif.', image_format='tif')
    assert run(inria, out, stride=128).written == 0
    with only_run(out), pytest.raises(ValueError, match='another run is wri'):
        run(inria, out)
    (out / output.MANIFEST).write_text('[]')
    refused(out, 'not readable as JSON')
    other = tmp_path / 'photos'
    other.mkdir()
    (other / 'me.jpg').write_bytes(b'')
    refused(other, "holds 'me.jpg' and no")
    assert [path.name for path in other.iterdir()] == ['me.jpg']
    for out in (inria, inria / 'patches', tmp_path):
        refused(out, 'must not lie in each other')
    assert not (inria / 'patches').exists()
