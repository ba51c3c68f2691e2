from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmseg_cube.datasets import InriaDataset
from mmseg_cube.datasets.conversion import convert_inria
from mmseg_cube.datasets.conversion.convert import patch_name
from mmseg_cube.datasets.masks import read_mask


@pytest.mark.parametrize(
    ('protocol', 'size'),
    [('full', 128), ('full', 100), ('buildformer', 100)],
)
def test_patches_are_the_samples_of_the_dataset(
    inria, tmp_path, patches, protocol, size
):
    init_default_scope('mmseg')
    result = convert_inria(inria, tmp_path / 'a', protocol, size, workers=1)
    written = patches(tmp_path / 'a')
    assert 2 * result.written == len(written) > 40
    assert not result.faults
    assert result.tiles == dict(train=2, val=5)
    assert '173 of the 180 labelled tiles' in result.notes[0]
    overlaps = 'where patches overlap' in result.notes[-1]
    assert overlaps == (protocol == 'full')
    options = dict(protocol=protocol, window_size=size)
    options |= dict(pipeline=[dict(type='LoadRasterWindow')], test_mode=True)
    for split in result.tiles:
        dataset = InriaDataset(split, inria, serialize_data=False, **options)
        for sample in dataset:
            tile, window = Path(sample['img_path']).stem, sample['window']
            name = patch_name(tile, window)
            image = written.pop(f'{split}/image/{name}')
            label = written.pop(f'{split}/label/{name}')
            np.testing.assert_array_equal(sample['img'][..., ::-1], image)
            mask = read_mask(sample['seg_map_path'], window)
            np.testing.assert_array_equal(mask * 255, label)
    assert not written


def test_unlabelled_tiles(inria, tmp_path, write, patches):
    tile = np.random.default_rng(0).integers(0, 255, (3, 64, 64), np.uint8)
    test = inria / 'AerialImageDataset' / 'test' / 'images'
    write(test / 'tyrol-e3.tif', tile)
    result = convert_inria(inria, tmp_path / 'full', size=64, workers=1)
    assert result.tiles['test'] == result.patches['test'] == 1
    found = patches(tmp_path / 'full' / 'test', '*/*')
    assert list(found) == ['image/tyrol-e3_00000_00000']
    np.testing.assert_array_equal(*found.values(), tile.transpose(1, 2, 0))
    result = convert_inria(inria, tmp_path / 'b', 'buildformer', 64, workers=1)
    assert 'test' not in result.tiles


def test_refuses_wrong_arguments(inria, tmp_path):
    for options, said in (
        (('half',), 'protocol must be one of'),
        (('full', 0), 'size must be a whole number'),
    ):
        with pytest.raises(ValueError, match=said):
            convert_inria(inria, tmp_path / 'a', *options)
    assert not (tmp_path / 'a').exists()
    result = convert_inria(inria, tmp_path / 'a', size=257, workers=1)
    assert len(result.faults) == 7
    assert 'less than a window of 257' in result.faults[0]
