import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets import WBDDataset
from mmseg_cube.datasets.conversion import convert_wbd


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_tiles_keep_their_names(tmp_path, make_splits, patches, suffix):
    splits = ('train', 'validation', 'test')
    raw = make_splits(tmp_path / 'raw', splits, suffixes=(suffix, suffix))
    result = convert_wbd(raw, tmp_path / 'out', 24, workers=1)
    assert result.patches == dict(train=3, val=3, test=3)
    found = patches(tmp_path / 'out')
    for name, values in patches(raw).items():
        name = name.replace('validation', 'val')
        np.testing.assert_array_equal(found[name], values)
    dataset = WBDDataset('val', tmp_path / 'out', serialize_data=False)
    names = [dataset.get_data_info(i)['img_path'] for i in range(3)]
    assert [n.rsplit('/', 1)[1] for n in names] == ['2.png', '9.png', '10.png']


def test_orthophotos_are_cut_and_filled_up_with_black(
    tmp_path, make_splits, patches
):
    raw = make_splits(tmp_path / 'raw', shape=(50, 67))
    result = convert_wbd(raw, tmp_path / 'out', 32, workers=1)
    assert result.patches == dict(train=18, val=18, test=18)
    found = patches(tmp_path / 'out')
    for name, values in patches(raw).items():
        beyond = ((0, 14), (0, 29), (0, 0))[: values.ndim]
        padded = np.pad(values, beyond)
        for y in (0, 32):
            for x in (0, 32, 64):
                np.testing.assert_array_equal(
                    found[f'{name}_{y:05d}_{x:05d}'],
                    padded[y : y + 32, x : x + 32],
                )


def test_size_of_the_published_cut(tmp_path):
    """8350 pixels give 17 tiles, 158 pixels of the last one valid."""
    for folder in ('image', 'label'):
        path = tmp_path / 'raw' / 'test' / folder / '1.png'
        path.parent.mkdir(parents=True)
        mode = 'RGB' if folder == 'image' else 'L'
        Image.new(mode, (8350, 2), 255).save(path)
    result = convert_wbd(tmp_path / 'raw', tmp_path / 'out', workers=1)
    assert result.patches == dict(test=17)
    last = Image.open(tmp_path / 'out/test/label/1_00000_08192.png')
    assert last.size == (512, 512)
    assert last.getbbox() == (0, 0, 158, 2)


def test_size(tmp_path):
    with pytest.raises(ValueError, match='size must be 1 or more, not -1'):
        convert_wbd(tmp_path, tmp_path / 'out', -1)
