import json
import os
from functools import partial

import numpy as np
import pytest
import rasterio
from PIL import Image

from mmseg_cube.datasets import (
    BuildingDataset,
    DatasetError,
    checks,
    file_facts,
)

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(BuildingDataset, serialize_data=False)
NOISE = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    folder = tmp_path / 'memory'
    monkeypatch.setattr(file_facts, 'cache_folder', lambda: folder)
    return folder


@pytest.fixture
def root(tmp_path):
    root = tmp_path / 'data'
    for number in range(4):
        write(root, 'image', f'{number}.png', NOISE)
        write(root, 'label', f'{number}.png', NOISE[..., 0] // 128 * 255)
    return root


def write(root, kind, name, array, **options):
    folder = root / 'train' / kind
    folder.mkdir(parents=True, exist_ok=True)
    array = np.asarray(array, getattr(array, 'dtype', np.uint8))
    Image.fromarray(array).save(folder / name, **options)
    return folder / name


def write_bands(path, count, dtype):
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        width=48,
        height=40,
        count=count,
        dtype=dtype,
    ) as file:
        file.write(np.zeros((count, 40, 48), dtype))


def complaint(root, **kwargs):
    with pytest.raises(DatasetError) as caught:
        build('train', root, **kwargs)
    text = str(caught.value)
    assert 'Next: ' in text
    assert str(root) in text
    return text


def cut(path, share=0.6):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def test_good_data_passes(root):
    assert len(BuildingDataset('train', root)) == 4


def test_names_unmatched_files_in_one_error(root):
    (root / 'train' / 'label' / '2.png').unlink()
    write(root, 'label', '9.png', NOISE[..., 0])
    write(root, 'image', '1.jpg', NOISE)
    text = complaint(root)
    assert '3 fault(s)' in text
    assert 'image/2.png: image without a mask' in text
    assert 'label/9.png: mask without an image' in text
    assert '2 images with one stem (1.jpg, 1.png)' in text
    assert 'img_suffix' in text


def test_a_suffix_chooses_between_formats(root):
    for number in range(4):
        write(root, 'image', f'{number}.jpg', NOISE)
    dataset = build('train', root, img_suffix='.jpg')
    assert dataset.get_data_info(0)['img_path'].endswith('0.jpg')


def test_ignores_other_and_hidden_files(root):
    folder = root / 'train' / 'image'
    for name in ('Thumbs.db', '._0.png', '0.tfw', '0.png.aux.xml'):
        (folder / name).write_bytes(b'')
    assert len(build('train', root)) == 4


def test_names_missing_and_empty_folders(root):
    for path in (root / 'train' / 'label').iterdir():
        path.unlink()
    (root / 'train' / 'label').rmdir()
    assert "split 'train' has images, but no masks" in complaint(root)
    for path in (root / 'train' / 'image').iterdir():
        path.unlink()
    assert 'no images of this dataset' in complaint(root)


def test_counts_what_it_does_not_name(root):
    for number in range(10, 30):
        write(root, 'image', f'{number}.png', NOISE)
        write(root, 'label', f'{number}.png', NOISE[:8, ..., 0] * 0)
    text = complaint(root)
    assert '20 of 24 samples cannot be used' in text
    assert '10.png: mask is 48 x 8 pixels, its image is 48 x 40' in text
    assert '... and 15 more' in text
    assert '16.png' not in text


@pytest.mark.parametrize(
    ('values', 'found'),
    [
        (NOISE[..., 0], 'mask holds the values 0, 1, 2'),
        (NOISE, 'mask has three bands that differ'),
        (np.full((40, 48, 4), 255, np.uint8), 'mask has 4 bands'),
    ],
)
def test_refuses_masks_outside_the_contract(root, values, found):
    write(root, 'label', '1.png', values)
    text = complaint(root)
    assert '1 of 4 samples' in text
    assert f'label/1.png: {found}' in text


@pytest.mark.parametrize(
    ('values', 'found'),
    [
        (NOISE[..., 0], '1 band(s) of uint8'),
        (np.full((40, 48, 4), 9, np.uint8), '4 band(s) of uint8'),
        (np.full((40, 48), 900, np.uint16), '1 band(s) of uint16'),
    ],
)
def test_refuses_images_that_are_not_rgb(root, values, found):
    write(root, 'image', '1.png', values)
    text = complaint(root)
    assert found in text
    assert 'not 8-bit RGB' in text


@pytest.mark.filterwarnings('ignore::UserWarning')
@pytest.mark.parametrize(
    ('count', 'dtype'), [(4, 'uint16'), (1, 'uint8'), (3, 'float32')]
)
def test_describes_tiffs_that_are_not_rgb(root, count, dtype):
    (root / 'train' / 'image' / '1.png').unlink()
    write_bands(root / 'train' / 'image' / '1.tif', count, dtype)
    text = complaint(root)
    assert f'image has {count} band(s) of {dtype}, not 8-bit RGB' in text
    assert 'gdal_translate' in text


@pytest.mark.parametrize('kind', ['image', 'label'])
@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jpg'])
@pytest.mark.parametrize('share', [0.6, 0.1, 0.0])
def test_names_damaged_files_and_stays_quiet(root, kind, suffix, share, capfd):
    (root / 'train' / kind / '1.png').unlink()
    options = dict(compression='tiff_lzw') if suffix == '.tif' else {}
    values = NOISE if kind == 'image' else NOISE[..., 0]
    cut(write(root, kind, f'1{suffix}', values, **options), share)
    text = complaint(root)
    assert f'{kind}/1{suffix}: ' in text
    assert 'damaged' in text
    assert capfd.readouterr() == ('', '')


def test_refuses_images_that_loading_would_turn(root):
    (root / 'train' / 'image' / '1.png').unlink()
    exif = Image.Exif()
    exif[0x0112] = 6
    write(root, 'image', '1.jpg', NOISE, exif=exif)
    assert 'EXIF orientation 6' in complaint(root)


def test_names_files_that_cannot_be_opened(root):
    path = root / 'train' / 'image' / '1.png'
    path.unlink()
    path.symlink_to(root / 'gone.png')
    assert 'No such file' in complaint(root)


def test_checks_only_what_is_used(root):
    write(root, 'label', '3.png', NOISE[..., 0])
    assert len(build('train', root, indices=3)) == 3
    assert len(build('train', root, verify=False)) == 4


def test_a_lazy_dataset_checks_when_it_is_used(root):
    write(root, 'label', '3.png', NOISE[..., 0])
    dataset = build('train', root, lazy_init=True)
    for _ in range(2):
        with pytest.raises(DatasetError, match='1 of 4 samples'):
            len(dataset)
    write(root, 'label', '3.png', NOISE[..., 0] * 0)
    assert len(dataset) == 4


def test_reads_only_what_has_changed(root, memory, monkeypatch):
    read = []
    for name in ('check_image', 'read_mask'):
        function = getattr(checks, name)

        def spy(path, *args, function=function):
            read.append(os.path.relpath(path, root / 'train'))
            return function(path, *args)

        monkeypatch.setattr(checks, name, spy)
    write(root, 'label', '3.png', NOISE[..., 0])
    complaint(root)
    assert len(read) == 8
    read.clear()
    complaint(root)
    assert read == ['label/3.png']
    write(root, 'label', '3.png', NOISE[..., 0] * 0)
    build('train', root)
    read.clear()
    build('train', root)
    assert read == []
    # The size of a remembered mask is still compared.
    write(root, 'image', '2.png', NOISE[:-1])
    assert 'mask is 48 x 40 pixels' in complaint(root)
    assert read == ['image/2.png']
    assert [path.suffix for path in memory.iterdir()] == ['.json']


def test_a_spoilt_or_locked_memory_does_no_harm(root, memory, monkeypatch):
    build('train', root)
    (file,) = memory.iterdir()
    for text in ('{', '[]', json.dumps({'rules': 0}), ''):
        file.write_text(text)
        assert len(build('train', root)) == 4
    blocked = memory.parent / 'a file'
    blocked.write_text('')
    monkeypatch.setattr(file_facts, 'cache_folder', lambda: blocked / 'below')
    assert len(build('train', root)) == 4


def test_shows_a_bar_when_it_takes_long(root, monkeypatch, capfd):
    build('train', root)
    assert capfd.readouterr() == ('', '')
    monkeypatch.setattr(checks, 'PATIENCE', 0.0)
    build('train', root)
    assert 'BuildingDataset: checking files' in capfd.readouterr().err
