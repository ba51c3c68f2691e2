"""What is checked when a dataset is built."""

import json
import os
from functools import partial

import numpy as np
import pytest

from mmseg_cube.datasets import (
    BuildingDataset,
    DatasetError,
    checks,
    contract,
    masks,
)

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(BuildingDataset, 'train', serialize_data=False)
NOISE = np.random.default_rng(0).integers(0, 256, (3, 40, 48), np.uint8)
BINARY = np.zeros((40, 48), np.uint8)
BINARY[5:20, 9:30] = 255


@pytest.fixture
def root(tmp_path, write):
    root = tmp_path / 'data'
    for number in range(4):
        write(root / f'train/image/{number}.png', NOISE)
        write(root / f'train/label/{number}.png', BINARY)
    return root


def complaint(root, **kwargs):
    with pytest.raises(DatasetError) as caught:
        build(root, **kwargs)
    text = str(caught.value)
    assert 'Next: ' in text and str(root) in text
    return text


def test_good_data_passes(root, write):
    for name in ('Thumbs.db', '._0.png', '0.tfw', '0.png.aux.xml'):
        (root / 'train/image' / name).write_bytes(b'')
    assert len(BuildingDataset('train', root)) == 4
    for number in range(4):
        write(root / f'train/image/{number}.jpg', NOISE)
    dataset = build(root, img_suffix='.jpg')
    assert dataset.get_data_info(0)['img_path'].endswith('0.jpg')


def test_names_what_is_unmatched_or_missing_in_one_error(root, write):
    (root / 'train/label/2.png').unlink()
    write(root / 'train/label/9.png', BINARY)
    write(root / 'train/image/1.jpg', NOISE)
    text = complaint(root)
    assert '3 fault(s)' in text
    assert 'image/2.png: image without a mask' in text
    assert 'label/9.png: mask without an image' in text
    assert '2 images with one stem (1.jpg, 1.png)' in text
    assert 'img_suffix' in text


def test_counts_what_it_does_not_name(root, write):
    for number in range(10, 30):
        write(root / f'train/image/{number}.png', NOISE)
        write(root / f'train/label/{number}.png', BINARY[:8])
    text = complaint(root)
    assert '20 of 24 samples cannot be used' in text
    assert '10.png: mask is 48 x 8 pixels, its image is 48 x 40' in text
    assert '... and 15 more' in text and '16.png' not in text


@pytest.mark.parametrize('kind', ['image', 'label'])
def test_names_files_that_are_refused_and_stays_quiet(
    root, kind, write, capfd
):
    path = root / 'train' / kind / '1.png'
    write(path, NOISE[0])
    write(path.with_stem('2'), NOISE)
    found = dict(image='image has 1 band', label='mask holds the values')
    assert f'{kind}/1.png: {found[kind]}' in complaint(root)
    write(path, NOISE if kind == 'image' else BINARY)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    assert f'{kind}/1.png: cannot be read, it is mi' in complaint(root)
    path.unlink()
    path.symlink_to(root / 'gone.png')
    assert f'{kind}/1.png: cannot be read, it is mi' in complaint(root)
    assert capfd.readouterr() == ('', '')


def test_checks_what_is_used_when_it_is_used(root, write):
    write(root / 'train/label/3.png', NOISE[0])
    assert len(build(root, indices=3)) == 3
    assert len(build(root, verify=False)) == 4
    dataset = build(root, lazy_init=True)
    for _ in range(2):
        with pytest.raises(DatasetError, match='1 of 4 samples'):
            len(dataset)
    write(root / 'train/label/3.png', BINARY)
    assert len(dataset) == 4


def test_reads_only_what_has_changed(root, memory, monkeypatch, write):
    read = []
    for room, name in ((contract, 'check_image'), (masks, 'learn_mask')):
        function = getattr(room, name)

        def spy(path, *args, function=function):
            read.append(os.path.relpath(path, root / 'train'))
            return function(path, *args)

        monkeypatch.setattr(room, name, spy)
    write(root / 'train/label/3.png', NOISE[0])
    complaint(root)
    assert len(read) == 8
    complaint(root)
    assert len(read) == 8
    write(root / 'train/label/3.png', BINARY)
    build(root)
    read.clear()
    build(root)
    assert read == []
    # Also where a file beside it has gone.
    notes = root / 'train/image/2.png.aux.xml'
    notes.write_text('<PAMDataset/>')
    build(root)
    notes.unlink()
    read.clear()
    build(root)
    assert read == ['image/2.png']
    read.clear()
    # The size of a remembered mask is still compared.
    write(root / 'train/image/2.png', NOISE[:, :-1])
    assert 'mask is 48 x 40 pixels' in complaint(root)
    assert read == ['image/2.png']
    # A memory that is spoilt or cannot be written does no harm.
    write(root / 'train/image/2.png', NOISE)
    (file,) = memory.iterdir()
    for text in ('{', '[]', json.dumps({'rules': 0}), ''):
        file.write_text(text)
        assert len(build(root)) == 4
    monkeypatch.setattr(checks, 'cache_folder', lambda: file / 'below')
    assert len(build(root)) == 4


def test_shows_a_bar_when_it_takes_long(root, monkeypatch, capfd):
    build(root)
    assert capfd.readouterr() == ('', '')
    monkeypatch.setattr(checks, 'PATIENCE', 0.0)
    build(root)
    assert 'BuildingDataset: checking files' in capfd.readouterr().err
