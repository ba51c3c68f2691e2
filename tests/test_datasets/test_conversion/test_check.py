import shutil

import numpy as np
import rasterio
from affine import Affine
from PIL import Image

from mmseg_cube.datasets.conversion.check import check_data


def check(root, **declared):
    return check_data(root, 1, **declared)


def image(path, values=None, **options):
    if values is not None:
        Image.fromarray(values).save(path, **options)
    return np.asarray(Image.open(path)).copy()


def test_good_data_and_faults_of_files(raw):
    found = check(raw)
    assert found['fine']
    assert found['findings'] == found['notes'] == []
    (raw / 'conversion.json').write_text('{"complete": false}')
    (note,) = check(raw)['notes']
    assert 'the conversion is not complete: run it again' in note
    # Buildings of 6 rows and 2, 9 and 10 columns in 24 x 24 pixels.
    assert found['splits']['train'] == dict(
        tiles=3,
        labelled=3,
        sizes={'24x24': 3},
        values={'0': 3 * 576 - 126, '255': 126},
        building=round(100 * 126 / (3 * 576), 3),
        empty=0,
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


def test_images_that_occur_twice(sample_city, tmp_path):
    root = shutil.copytree(sample_city['wbd'], tmp_path / 'data')
    scenes = [image(root / f'train/image/{number}.png') for number in (1, 2)]
    # Another file, the same pixels.
    image(root / 'test/image/2.png', scenes[0], compress_level=0)
    image(root / 'train/image/3.png', scenes[1])
    for path in ('train/image/4.png', 'val/image/2.png'):
        image(root / path, np.full_like(scenes[0], 90))
    found = check(root)
    assert found['findings'] == [
        'the same image in train and test: train/image/1.png, test/image/2.png'
    ]
    assert found['notes'][:2] == [
        '2 blank images: train/image/4.png, val/image/2.png',
        'the same image twice: train/image/2.png, train/image/3.png',
    ]


def test_masks_that_lie_elsewhere(make_splits, tmp_path):
    root, utm = make_splits(tmp_path, suffixes=('.tif', '.tif')), 'EPSG:32645'
    image = Affine(0.3, 0, 5e5, 0, -0.3, 3e6)
    masks = {
        'train/{}/2.tif': (image * Affine.translation(-1.5, 2), utm),
        'train/{}/9.tif': (image * Affine.translation(0, -24), utm),
        'train/{}/10.tif': (image * Affine(1, 0, 0, 0, -1, 24), utm),
        'val/{}/2.tif': (Affine.identity(), utm),
        'val/{}/9.tif': (Affine.scale(0.5), rasterio.CRS()),
        'val/{}/10.tif': (Affine.scale(0.5), 'EPSG:32644'),
    }
    for name, mask in masks.items():
        for kind, (place, crs) in (('image', (image, utm)), ('label', mask)):
            with rasterio.open(root / name.format(kind), 'r+') as file:
                file.transform, file.crs = place, crs
    found = [text.partition(' of ')[0] for text in check(root)['findings']]
    said = 'train/label/{}.tif: mask begins at column 0 and row {}'
    assert found == [said.format(9, -24), said.format(10, 24)]


def test_empty_tiles_and_inverted_masks(raw, tmp_path):
    mask = image(raw / 'train/label/2.png')
    image(raw / 'train/label/2.png', mask * 0)
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
        'test: no labels',
        'test: images of 2 sizes; most common is 24x24',
    ]
    for path in (raw / 'train/label').iterdir():
        image(path, mask * 0)
    said = 'train: no mask has a building, so there is nothing to learn'
    assert check(raw)['findings'][1:] == [said]
