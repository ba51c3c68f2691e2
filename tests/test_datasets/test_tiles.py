"""What dataset, converter and checker answer about the same folder."""

import os
import re
import shutil
import subprocess

import pytest

from mmseg_cube.datasets import DatasetError, InriaDataset, WHUBuildingDataset
from mmseg_cube.datasets.conversion import convert_inria, convert_whu
from mmseg_cube.datasets.conversion.check import check_data
from mmseg_cube.datasets.listing import list_files

FOUND = '^3 tiles$'


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

    def checker():
        found = check_data(root, workers=1)
        return found['splits']['val']['tiles'], found['findings']

    for ask in (dataset, converter, checker):
        try:
            count, faults = ask()
            yield '\n'.join(faults) or f'{count} tiles'
        except DatasetError as error:
            yield str(error)


# Gives image and mask of a tile another name.
RENAME = 'for k in image label; do mv val/$k/2.png val/$k/{}.png; done'


@pytest.mark.parametrize(
    ('script', 'said'),
    [
        # One letter; macOS stores two.
        (
            r"mv val/image/2.png $'val/image/caf\xc3\xa9.png'"
            r" && mv val/label/2.png $'val/label/cafe\xcc\x81.png'",
            FOUND,
        ),
        (RENAME.format(r"""$'a\'b"%s\n$(c)'"""), FOUND),
        (RENAME.format('-rf'), FOUND),
        (RENAME.format(r"$'\xff'"), r'val/image/\udcff.png: .*(?i:utf-8)'),
        # Other names of folders, in any case, and other suffixes.
        (
            'mv val validation; cd validation; mv image Image; mv label Mask;'
            ' for x in 2 9 10; do mv Image/$x.png Image/$x.JPEG;'
            ' mv Mask/$x.png Mask/$x.TIF; done',
            FOUND,
        ),
        ('mv val Valid; cd Valid; mv image images; mv label labels', FOUND),
        ('mv val/image val/imgs; mv val/label val/masks', FOUND),
        # Files that are links, hard and soft, in a folder that is one.
        (
            'mv val ../stored && ln -s ../stored val && cd val/image'
            ' && mv 2.png ../blob && ln -s ../blob 2.png'
            ' && ln ../label/2.png ../other',
            FOUND,
        ),
        (
            'mkdir a b && for x in a b .; do ln -s "$PWD/$x" a/"to $x";'
            ' ln -s "$PWD/$x" b/"to $x"; done',
            FOUND,
        ),
        # What macOS and Windows leave among files.
        (
            'cp -r . ../../hidden && mv ../../hidden __MACOSX'
            ' && touch train/image/._2.png train/image/Thumbs.db',
            FOUND,
        ),
        ('mkdir val/image/x.png', FOUND),
        ('mkfifo val/image/x.png', 'x.png: image without a mask'),
        ('mv val/label/2.png val/label/B.png', 'without a mask\n'),
        ('mkdir ../part && cp -r train ../part', FOUND),
        ('for s in *; do mv $s/label $s/masks_origin; done', FOUND),
        (
            'for s in *; do mv $s/image $s/a; mv $s/label $s/image;'
            ' mv $s/a $s/label; done',
            'val/image/2.png: .*look swapped',
        ),
        ('mv val/label val/a', "'val' has images, but no masks"),
        ('mv train a && mv val b', 'no images of this dataset'),
        (
            'mkdir ../part && cp -r . ../b && cp -r . ../part/c',
            "sets: 'b', 'data', 'part/c'",
        ),
        ('cp -r val valid', "'val' has images in .*val/.* and .*valid/"),
        ('cp -r val Val', "'val' has images in .*Val/.* and .*val/"),
        ('cp -r val/image val/img', 'images in .*val/image and .*val/img'),
        ('cp -r val/label val/masks_origin', 'masks_origin has 255 for'),
    ],
)
def test_every_door_says_the_same(tmp_path, make_splits, script, said):
    root = make_splits(tmp_path / 'place' / 'data', ('train', 'val'))
    subprocess.run(['bash', '-ec', script], cwd=root, check=True)
    for answer in answers(tmp_path / 'place', tmp_path / 'out'):
        assert re.search(said, answer), answer


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('austin1 (copy)', 'austin1 .copy..tif: .* is not the name of a tile'),
        ('boston3', "boston3.tif: 'boston3' is not the name of a tile"),
        ('austin37', "austin37.tif: 'austin37' is not the name of a tile"),
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
