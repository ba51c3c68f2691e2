"""What goes wrong while converting, and that nothing done is lost."""

import errno
import json
import zipfile

import numpy as np
import pytest

from mmseg_cube.datasets import DatasetError
from mmseg_cube.datasets.conversion import (
    convert_inria,
    convert_whu,
    output,
)

PATCHES = 4  # of a tile of 256 x 256


def train(inria):
    return inria / 'AerialImageDataset' / 'train'


def run(inria, out, **options):
    return convert_inria(inria, out, size=128, **{'workers': 1, **options})


def manifest(out):
    return json.loads((out / output.MANIFEST).read_text())


def files(out):
    return sorted(p.relative_to(out) for p in out.glob('*/*/*'))


def test_bad_tiles_do_not_stop_the_rest(inria, tmp_path, write):
    noise = np.random.default_rng(0).integers(1, 200, (3, 256, 256))
    write(train(inria) / 'images' / 'austin2.tif', noise[:1].astype(np.uint8))
    write(train(inria) / 'gt' / 'austin3.tif', noise[0].astype(np.uint8))
    write(train(inria) / 'gt' / 'austin6.tif', np.ones((256, 255), np.uint8))
    result = run(inria, tmp_path / 'out')
    assert len(result.faults) == 3
    said = sorted(result.faults)
    assert 'train/gt/austin3.tif: mask holds the values 1, 2' in said[0]
    assert 'train/gt/austin6.tif: mask is 255 x 256 pixels' in said[1]
    assert 'train/images/austin2.tif: image has 1 band(s) of uint8' in said[2]
    assert result.tiles == dict(train=1, val=3)


def test_truncated_and_missing_tiles_then_repaired(inria, tmp_path):
    image = train(inria) / 'images' / 'austin6.tif'
    mask = train(inria) / 'gt' / 'austin2.tif'
    whole, drawn = image.read_bytes(), mask.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    mask.unlink()
    out = tmp_path / 'out'
    for workers in (1, 2):
        result = run(inria, out, workers=workers)
        assert len(result.faults) == 2
        assert 'austin2.tif: image without a mask' in result.faults[0]
        assert 'austin6.tif: cannot be read' in result.faults[1]
        assert result.tiles == dict(train=1, val=4)
        assert not any('austin6' in str(path) for path in files(out))
        assert manifest(out)['complete'] is False
    assert result.written == 0
    image.write_bytes(whole)
    mask.write_bytes(drawn)
    result = run(inria, out)
    assert not result.faults
    assert result.written == 2 * PATCHES
    assert result.tiles == dict(train=2, val=5)
    assert manifest(out)['complete'] is True
    assert manifest(out)['counts']['val'] == dict(tiles=5, patches=20)


def test_swapped_images_and_masks(tmp_path, make_splits):
    for count, encode in (
        (9, lambda mask: mask * 255),
        (9, lambda mask: np.stack([mask * 255] * 3)),
    ):
        raw = tmp_path / 'raw'
        make_splits(raw, folders=('label', 'image'), encode=encode)
        result = convert_whu(raw, tmp_path / 'out', workers=1)
        assert len(result.faults) == count
        assert all('look swapped' in fault for fault in result.faults)
        assert not files(tmp_path / 'out')


def test_damaged_member_of_an_archive(tmp_path, make_splits, pack):
    archive = pack(make_splits(tmp_path / 'raw'), tmp_path / 'raw.zip')
    with zipfile.ZipFile(archive) as packed:
        info = packed.getinfo('raw/val/image/9.png')
    data = bytearray(archive.read_bytes())
    # Behind the local header of 30 bytes and the name.
    middle = info.header_offset + 30 + len(info.filename)
    middle += info.compress_size // 2
    data[middle : middle + 20] = bytes(20)
    archive.write_bytes(data)
    result = convert_whu(archive, tmp_path / 'out', workers=1)
    assert len(result.faults) == 1
    assert 'val/image/9.png' in result.faults[0]
    assert 'cannot be unpacked' in result.faults[0]
    assert result.tiles == dict(train=3, val=2, test=3)


@pytest.mark.parametrize(('workers', 'room'), [(1, 0), (1, 10), (2, 10)])
def test_full_disk(inria, tmp_path, monkeypatch, workers, room):
    out = tmp_path / 'out'
    run(inria, tmp_path / 'all')
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
    text = str(caught.value)
    assert 'of 7 tiles are done' in text
    assert 'run the same command again to continue' in text
    done = len(list(out.glob('*/image/*')))
    assert room <= done <= room + workers
    assert run(inria, out).written == 7 * PATCHES - done
    assert files(out) == files(tmp_path / 'all')


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
    out = tmp_path / 'out'
    run(inria, out)
    for options, said in (
        (dict(protocol='buildformer'), 'protocol is .full. there and'),
        (dict(stride=32), 'stride is 128 there and 32 now'),
        (dict(image_format='tif'), 'format is .png. there and .tif.'),
    ):
        with pytest.raises(DatasetError, match=said):
            run(inria, out, **options)
    assert run(inria, out, stride=128).written == 0
    (out / output.MANIFEST).write_text('[]')
    with pytest.raises(DatasetError, match='not readable as JSON'):
        run(inria, out)
    other = tmp_path / 'photos'
    other.mkdir()
    (other / 'me.jpg').write_bytes(b'')
    with pytest.raises(DatasetError, match="holds 'me.jpg' and no"):
        run(inria, other)
    assert [path.name for path in other.iterdir()] == ['me.jpg']


def test_source_and_output_lie_apart(inria, tmp_path):
    for out in (inria, inria / 'patches', tmp_path):
        with pytest.raises(DatasetError, match='must not lie in each other'):
            run(inria, out)
    assert not (inria / 'patches').exists()


def test_two_runs_at_once(inria, tmp_path):
    out = output.Output(tmp_path / 'out', {})
    with out.opened(), pytest.raises(DatasetError, match='another conversion'):
        run(inria, tmp_path / 'out')
