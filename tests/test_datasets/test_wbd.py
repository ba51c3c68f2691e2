from functools import partial

import numpy as np
import pytest
from PIL import Image

from mmseg_cube.datasets import WBDDataset, file_facts

# Serialising runs the garbage collector, the slowest step of these tests.
build = partial(WBDDataset, serialize_data=False)


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(
        file_facts, 'cache_folder', lambda: tmp_path / 'memory'
    )


@pytest.mark.parametrize('val', ['val', 'validation', 'Validation'])
@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jpg'])
def test_lists_integer_stems_in_numerical_order(tmp_path, val, suffix):
    image = Image.new('RGB', (4, 4))
    mask = Image.fromarray(np.eye(4, dtype=np.uint8) * 255)
    for number in (1, 10, 100, 2, 21, 9):
        for kind, file in (('image', image), ('label', mask)):
            folder = tmp_path / val / kind
            folder.mkdir(parents=True, exist_ok=True)
            end = suffix if kind == 'image' else '.png'
            file.save(folder / f'{number}{end}')
    dataset = build('val', tmp_path)
    names = [
        dataset.get_data_info(i)['img_path'].rsplit('/', 1)[1]
        for i in range(len(dataset))
    ]
    assert names == [f'{n}{suffix}' for n in (1, 2, 9, 10, 21, 100)]
    assert dataset.get_data_info(3)['seg_map_path'].endswith('label/10.png')
