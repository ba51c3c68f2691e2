"""What goes wrong while converting, and that nothing done is lost."""

import errno
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmseg_cube.datasets import DatasetError
from mmseg_cube.datasets.conversion import convert_inria, convert_whu, output

PATCHES = 4  # of a tile of 256 x 256


def run(inria, out, **options):
    return convert_inria(inria, out, size=128, **{'workers': 1, **options})


def files(out):
    return sorted(p.relative_to(out) for p in out.glob('*/*/*'))


def test_bad_tiles_do_not_stop_the_rest_and_are_done_once_mended(
    inria, tmp_path, write
):
    train, out = inria / 'AerialImageDataset' / 'train', tmp_path / 'out'
    noise = np.random.default_rng(0).integers(1, 200, (256, 256), np.uint8)
    image, mask = train / 'images' / 'austin6.tif', train / 'gt/austin7.tif'
    whole, drawn = image.read_bytes(), mask.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    mask.unlink()
    write(train / 'images' / 'austin2.tif', noise)
    write(train / 'gt' / 'austin3.tif', noise)
    write(train / 'gt' / 'austin4.tif', np.ones((256, 255), np.uint8))
    for workers in (1, 2):
        result = run(inria, out, workers=workers)
        for fault, said in zip(
            sorted(result.faults),
            (
                'gt/austin3.tif: mask holds the values 1, 2',
                'gt/austin4.tif: mask is 255 x 256 pixels',
                'images/austin2.tif: image has 1 band(s) of uint8',
                'images/austin6.tif: cannot be read',
                'images/austin7.tif: image without a mask',
            ),
            strict=True,
        ):
            assert said in fault
        assert result.tiles == dict(val=2)
        assert not any('austin6' in str(path) for path in files(out))
        assert not json.loads((out / output.MANIFEST).read_text())['complete']
    assert result.written == 0
    image.write_bytes(whole)
    mask.write_bytes(drawn)
    for number in (2, 3, 4):
        (train / 'images' / f'austin{number}.tif').unlink()
        (train / 'gt' / f'austin{number}.tif').unlink()
    result = run(inria, out)
    assert not result.faults
    assert result.written == 2 * PATCHES
    manifest = json.loads((out / output.MANIFEST).read_text())
    assert manifest['complete'] is True
    each = dict(tiles=2, patches=2 * PATCHES)
    assert manifest['counts'] == dict(train=each, val=each)


@pytest.mark.parametrize('bands', [1, 3])
def test_swapped_images_and_masks(tmp_path, make_splits, bands):
    raw = make_splits(
        tmp_path / 'raw',
        folders=('label', 'image'),
        encode=lambda mask: np.stack([mask * 255] * bands),
    )
    result = convert_whu(raw, tmp_path / 'out', workers=1)
    assert len(result.faults) == 9
    assert all('look swapped' in fault for fault in result.faults)
    assert not files(tmp_path / 'out')


def test_damaged_member_of_an_archive(tmp_path, make_splits):
    raw = make_splits(tmp_path / 'raw')
    archive = Path(shutil.make_archive(raw, 'zip', raw))
    with zipfile.ZipFile(archive) as packed:
        info = packed.getinfo('val/image/9.png')
    data = bytearray(archive.read_bytes())
    # Behind the local header of 30 bytes and the name.
    middle = info.header_offset + 30 + len(info.filename)
    middle += info.compress_size // 2
    data[middle : middle + 20] = bytes(20)
    archive.write_bytes(data)
    result = convert_whu(archive, tmp_path / 'out', workers=1)
    assert len(result.faults) == 1
    assert 'val/image/9.png: cannot be unpacked' in result.faults[0]
    assert result.tiles == dict(train=3, val=2, test=3)


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
    with output.FileLock(out / output.LOCK):
        refused(out, 'another conversion is writing')
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
