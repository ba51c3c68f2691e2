import shutil

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets.conversion import convert_inria, output
from mmseg_cube.datasets.conversion.check import check_data, compare


def check(root, dataset=None, **declared):
    return check_data(root, dataset, 1, **declared)


def image(path, values=None, **options):
    if values is not None:
        Image.fromarray(values).save(path, **options)
    return np.asarray(Image.open(path)).copy()


def test_good_data_and_faults_of_files(raw):
    found = check(raw)
    assert found['fine']
    assert found['findings'] == found['notes'] == []
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
    (raw / 'val' / 'label' / '9.png').unlink()
    (raw / 'train' / 'image' / '10.png').unlink()
    grey = image(raw / 'train/label/2.png')
    grey[0, :3] = 128, 129, 130
    image(raw / 'train/label/2.png', grey)
    image(raw / 'train/label/9.png', grey[:20] * 0)
    whole = (raw / 'test/image/10.png').read_bytes()
    (raw / 'test/image/10.png').write_bytes(whole[:900])
    found = check(raw)
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
    root = shutil.copytree(sample_city['wbd'], tmp_path / 'data')
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
    alike = 'nearly the same image in'
    assert found['notes'][:4] == [
        'the same image twice: train/image/2.png, train/image/3.png',
        '2 blank images: train/image/4.png, val/image/2.png',
        f'{alike} train and val: train/image/1.png, val/image/1.png',
        f'{alike} val and test: val/image/1.png, test/image/2.png',
    ]
    assert str(found['notes']).count('nearly') == 2


def test_empty_tiles_borders_and_inverted_masks(raw, tmp_path):
    mask = image(raw / 'train/label/2.png')
    image(raw / 'train/label/2.png', mask * 0)
    pixels = image(raw / 'train/image/9.png')
    pixels[-5:] = 7  # as JPEG leaves black
    image(raw / 'train/image/9.png', pixels)
    for path in (raw / 'val/label').iterdir():
        image(path, 255 - image(path))
    (raw / 'test' / 'label').rename(tmp_path / 'away')
    path = raw / 'test/image/9.png'
    image(path, image(path)[:20])
    found = check(raw)
    (finding,) = found['findings']
    assert finding.startswith('val: 92.7% of the pixels would be building')
    assert check(raw, building_values=255)['fine']
    assert found['notes'] == [
        'train: 1 tiles without a building',
        'train: 1 tiles with black borders: 9',
        'test: no labels',
        'test: images of 2 sizes; most common is 24x24',
    ]
    for path in (raw / 'train/label').iterdir():
        image(path, mask * 0)
    said = 'train: no mask has a building, so there is nothing to learn'
    assert check(raw)['findings'][1:] == [said]


@pytest.mark.parametrize(
    ('counts', 'dataset', 'size', 'said'),
    [
        (dict(train=4736, val=1036, test=2416), 'whu', None, ''),
        (dict(train=13662, test=3726), 'whu', None, ''),
        (dict(train=3, val=1036, test=1), 'whu', None, 'for the aerial set: '),
        (dict(val=2), 'wbd', None, 'val: 2 tiles, published for WBD: 6,887'),
        (dict(train=1, val=25, test=180), 'inria', None, 'for the tiles: 155'),
        (dict(train=1, val=1), 'inria', 512, 'for buildformer: 9,737'),
        (dict(train=1, val=1), 'inria', 64, ''),
        (dict(train=1), None, None, ''),
    ],
)
def test_published_counts(counts, dataset, size, said):
    settings = dict(protocol='buildformer', size=size, stride=size)
    notes, lacking = compare(counts, dataset, settings if size else {})
    assert said in str(notes) and bool(said) == bool(notes) == bool(lacking)


def test_datasets_are_known(sample_city, make_splits, inria, tmp_path):
    out = tmp_path / 'out'
    convert_inria(inria, out, 'buildformer', 64, workers=1)
    manifest = (out / output.MANIFEST).read_text()
    (out / output.MANIFEST).write_text(manifest.replace('true', 'false'))
    for root, name in (
        (make_splits(tmp_path / 'WHU'), 'whu'),
        (sample_city['inria'], 'inria'),
        (sample_city['whu'], None),
        (out, 'inria'),
    ):
        found = check(root)
        assert found['dataset'] == name
    assert 'the conversion is not complete' in found['notes'][-1]
