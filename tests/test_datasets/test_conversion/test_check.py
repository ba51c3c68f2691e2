import json

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets import DatasetError
from mmseg_cube.datasets.conversion import convert_inria, convert_whu, output
from mmseg_cube.datasets.conversion.check import check_data, compare


def check(root, dataset=None, **declared):
    return check_data(root, dataset, 1, **declared)


def image(path, values=None, **options):
    if values is not None:
        Image.fromarray(values).save(path, **options)
    return np.asarray(Image.open(path)).copy()


def test_good_data(tmp_path, make_splits):
    found = check(make_splits(tmp_path / 'a'))
    assert found['fine']
    assert found['findings'] == found['notes'] == []
    assert found['dataset'] is None
    # Buildings of 6 rows and 2, 9 and 10 columns in 24 x 24 pixels.
    assert found['splits']['train'] == dict(
        tiles=3,
        labelled=3,
        sizes={'24x24': 3},
        values={'0': 3 * 576 - 126, '255': 126},
        building=round(100 * 126 / (3 * 576), 3),
        empty=0,
        black_borders=0,
        faults=0,
    )


def test_faults_of_files(tmp_path, make_splits):
    root = make_splits(tmp_path)
    (root / 'val' / 'label' / '9.png').unlink()
    (root / 'train' / 'image' / '10.png').unlink()
    grey = image(root / 'train/label/2.png')
    grey[0, :3] = 128, 129, 130
    image(root / 'train/label/2.png', grey)
    image(root / 'train/label/9.png', grey[:20] * 0)
    whole = (root / 'test/image/10.png').read_bytes()
    (root / 'test/image/10.png').write_bytes(whole[:900])
    found = check(root)
    assert not found['fine']
    assert found['splits']['train']['faults'] == 2
    expected = (
        'train/label/10.png: mask without an image',
        'val/image/9.png: image without a mask',
        'train/label/2.png: mask holds the values 0, 128, 129',
        'train/label/9.png: mask is 24 x 20 pixels, its image',
        'test/image/10.png: cannot be read',
    )
    for line, said in zip(found['findings'], expected, strict=True):
        assert line.startswith(said)


def test_same_and_nearly_the_same_images(sample_city, tmp_path):
    root = tmp_path / 'out'
    convert_whu(sample_city['whu'], root, workers=1)
    scenes = [image(root / f'train/image/{number}.png') for number in (1, 2)]
    # Another file, the same pixels.
    image(root / 'test/image/2.png', scenes[0], compress_level=0)
    image(root / 'train/image/3.png', scenes[1])
    image(tmp_path / 'a.jpg', scenes[0], quality=60)
    image(root / 'val/image/1.png', image(tmp_path / 'a.jpg'))
    for path in ('train/image/4.png', 'val/image/2.png'):
        image(root / path, np.full_like(scenes[0], 90))
    found = check(root)
    assert found['findings'] == [
        'the same image in train and test: train/image/1.png, test/image/2.png'
    ]
    assert found['notes'][:4] == [
        'the same image twice: train/image/2.png, train/image/3.png',
        '2 blank images: train/image/4.png, val/image/2.png',
        'nearly the same image in train and val: train/image/1.png, '
        'val/image/1.png',
        'nearly the same image in val and test: val/image/1.png, '
        'test/image/2.png',
    ]
    assert str(found['notes']).count('nearly') == 2


def test_empty_tiles_borders_and_inverted_masks(tmp_path, make_splits):
    root = make_splits(tmp_path)
    mask = image(root / 'train/label/2.png')
    image(root / 'train/label/2.png', mask * 0)
    pixels = image(root / 'train/image/9.png')
    pixels[-5:] = 7  # as JPEG leaves black
    image(root / 'train/image/9.png', pixels)
    for stem in (2, 9, 10):
        path = root / 'val/label' / f'{stem}.png'
        image(path, 255 - image(path))
    (root / 'test' / 'label').rename(root / 'away')
    path = root / 'test/image/9.png'
    image(path, image(path)[:20])
    found = check(root)
    (finding,) = found['findings']
    assert finding.startswith('val: 92.7% of the pixels would be building')
    assert check(root, building_values=255)['fine']
    assert found['notes'] == [
        'train: 1 tiles without a building',
        'train: 1 tiles with black borders: 9',
        'test: no labels',
        'test: images of 2 sizes; most common is 24x24',
    ]


def test_published_counts(sample_city, make_splits, tmp_path):
    for root, name, said in (
        (make_splits(tmp_path / 'WHU'), 'whu', 'train: 3 tiles, published'),
        (make_splits(tmp_path / 'wbd'), 'wbd', 'val: 3 tiles, published'),
        (sample_city['inria'], 'inria', 'val: 5 tiles, published for the til'),
    ):
        found = check(root)
        assert found['dataset'] == name
        assert any(note.startswith(said) for note in found['notes'])
    assert check(sample_city['whu'])['dataset'] is None
    notes = check(sample_city['whu'], 'wbd')['notes']
    assert notes[-1] == 'val: 2 tiles, published for WBD: 6,887'
    assert compare(dict(train=4736, val=1036, test=2416), 'whu', {}) == []
    assert compare(dict(train=13662, test=3726), 'whu', {}) == []
    assert compare(dict(train=1), None, {}) == []


def test_published_counts_of_a_conversion(inria, tmp_path):
    out = tmp_path / 'out'
    convert_inria(inria, out, 'buildformer', 64, workers=1)
    patches = check(out)
    assert patches['dataset'] == 'inria'
    assert not any('published' in note for note in patches['notes'])
    manifest = json.loads((out / output.MANIFEST).read_text())
    manifest.update(size=512, stride=512, complete=False)
    (out / output.MANIFEST).write_text(json.dumps(manifest))
    notes = ' '.join(check(out)['notes'])
    assert 'published for buildformer: 9,737' in notes
    assert 'conversion is not complete' in notes


def test_swapped_folders_and_no_data(tmp_path, make_splits):
    found = check(make_splits(tmp_path / 'a', folders=('label', 'image')))
    assert len(found['findings']) == 9
    assert all('look swapped' in line for line in found['findings'])
    with pytest.raises(DatasetError, match='folder not found: .*nowhere'):
        check(tmp_path / 'nowhere')
    (tmp_path / 'b').mkdir()
    with pytest.raises(DatasetError, match='no images of this dataset'):
        check(tmp_path / 'b')
