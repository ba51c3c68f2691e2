"""What dataset, converter and checker answer about the same folder."""

import os
import re
import shutil
import unicodedata
from functools import partial
from pathlib import Path

import pytest

from mmseg_cube.datasets import DatasetError, InriaDataset, WHUBuildingDataset
from mmseg_cube.datasets.conversion import convert_inria, convert_whu
from mmseg_cube.datasets.conversion.check import check_data
from mmseg_cube.datasets.listing import list_files

FOUND = '^3 tiles$'
CAFE = 'caf\u00e9'  # one letter; macOS stores two
SPLITS, KINDS = ('train', 'val'), ('image', 'label')
ORIGIN = 'masks_origin'


def answers(root, out, inria=False):
    """Return what each of the three says: tiles of val, or what is amiss."""

    def dataset():
        kind = InriaDataset if inria else WHUBuildingDataset
        options = dict(windows='whole') if inria else {}
        return len(kind('val', root, serialize_data=False, **options)), []

    def converter():
        convert = convert_inria if inria else convert_whu
        options = dict(size=64) if inria else {}
        result = convert(root, out, workers=1, **options)
        return result.tiles['val'], result.faults

    def checker(name=None):
        found = check_data(root, name, workers=1)
        return found['splits']['val']['tiles'], found['findings']

    named = partial(checker, 'inria' if inria else 'whu')
    for ask in (dataset, converter, checker, named):
        try:
            count, faults = ask()
            yield '\n'.join(faults) or f'{count} tiles'
        except DatasetError as error:
            yield str(error)


def rename(*pairs):
    """Give folders and files of a dataset other names."""

    def prepare(root):
        for old, new in pairs:
            (root / old).rename(root / new)

    return prepare


def copy(old, *new):
    def prepare(root):
        for name in new:
            shutil.copytree(root / old, root / name)

    return prepare


def file(name, make=Path.touch):
    return lambda root: make(root / os.fsdecode(name))


def accents(root):
    for kind, form in (('image', 'NFC'), ('label', 'NFD')):
        stem = unicodedata.normalize(form, CAFE)
        rename((f'val/{kind}/2.png', f'val/{kind}/{stem}.png'))(root)


def names(stem):
    return rename(*((f'val/{k}/2.png', f'val/{k}/{stem}.png') for k in KINDS))


def swap(root):
    for split in SPLITS:
        pairs = ('image', 'new'), ('label', 'image'), ('new', 'label')
        rename(*((f'{split}/{a}', f'{split}/{b}') for a, b in pairs))(root)


def hide(root):
    """What macOS and Windows leave among files."""
    shutil.copytree(root, root / '__MACOSX')
    for name in ('._2.png', 'Thumbs.db'):
        (root / 'train' / 'image' / name).touch()


def loops(root):
    for name in ('a', 'b'):
        (root / name).mkdir()
        for other in ('a', 'b', '.'):
            (root / name / f'to {other}').symlink_to(root / other)


def links(root):
    """Files that are links, hard and soft, in a folder that is one."""
    stored = root.parent / 'stored'
    (root / 'val').rename(stored)
    (root / 'val').symlink_to(stored)
    (stored / 'image' / '2.png').rename(stored / 'blob')
    (stored / 'image' / '2.png').symlink_to(stored / 'blob')
    os.link(stored / 'label' / '2.png', stored / 'other')


@pytest.mark.parametrize(
    ('prepare', 'said'),
    [
        (accents, FOUND),
        (names('a\'b"%s\n$(c)'), FOUND),
        (names('-rf'), FOUND),
        (links, FOUND),
        (loops, FOUND),
        (hide, FOUND),
        (swap, 'val/image/2.png: .*look swapped'),
        (rename(('val/label', 'a')), "'val' has images, but no masks"),
        (rename(('train', 'a'), ('val', 'b')), 'no images of this dataset'),
        (file('val/image/x.png', Path.mkdir), FOUND),
        (copy('train', '../part/train'), FOUND),
        (rename(*((f'{s}/label', f'{s}/{ORIGIN}') for s in SPLITS)), FOUND),
        (copy('.', '../b', '../part/c'), "sets: 'b', 'data', 'part/c'"),
        (copy('val', 'valid'), "'val' has images in .*val/.* and .*valid/"),
        (copy('val', 'Val'), "'val' has images in .*Val/.* and .*val/"),
        (copy('val/image', 'val/img'), 'images in .*val/image and .*val/img'),
        (copy('val/label', f'val/{ORIGIN}'), f'{ORIGIN} has 255 for'),
        (rename(('val/label/2.png', 'val/label/B.png')), 'without a mask\n'),
        (names('\udcff'), r'val/image/\udcff.png: .*(?i:utf-8)'),
        (file('val/image/x.png', os.mkfifo), 'x.png: image without a mask'),
    ],
)
def test_every_door_says_the_same(tmp_path, make_splits, prepare, said):
    make_splits(tmp_path / 'place' / 'data', SPLITS)
    prepare(tmp_path / 'place' / 'data')
    for answer in answers(tmp_path / 'place', tmp_path / 'out'):
        assert re.search(said, answer), answer


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('austin1 (copy)', 'austin1 .copy..tif: .* is not the name of a tile'),
        ('boston3', "boston3.tif: 'boston3' is not the name of a tile"),
        ('austin01', "austin01.tif: 'austin01' is not the name of a tile"),
        ('sfo1', "sfo1.tif: the regions of split '(train|val)' are austin"),
    ],
)
def test_strays_among_the_tiles_of_inria(sample_city, tmp_path, name, said):
    root = shutil.copytree(sample_city['inria'], tmp_path / 'data')
    image = root / 'AerialImageDataset' / 'train' / 'images' / 'austin1.tif'
    shutil.copy(image, image.with_name(f'{name}.tif'))
    for answer in answers(root, tmp_path / 'out', inria=True):
        assert re.search(said, answer), answer
    assert check_data(root, workers=1)['splits']['val']['tiles'] == 5


def test_folders_that_may_not_be_read(tmp_path, make_splits, monkeypatch):
    root, scandir = make_splits(tmp_path / 'data'), os.scandir
    (root / 'lost+found').mkdir()

    def refuse(path):
        if str(path).endswith(barred):
            raise PermissionError(13, 'Permission denied', path)
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    barred = 'lost+found'
    assert len(list_files(root)) == 18
    barred = 'label'
    for answer in answers(root, tmp_path / 'out'):
        assert re.search('label cannot be looked into .Permission', answer)
