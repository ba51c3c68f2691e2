"""The analysis tools, called as functions."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs' / 'unet_convnext'
SMALL = str(FOLDER / 'unet_convnext-atto_1xb8-600_whu-128x128.py')


def load(name):
    path = ROOT / 'tools' / 'analysis_tools' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_help(capsys):
    with pytest.raises(SystemExit, match='0'):
        load('draw_panels').main(['--help'])
    assert 'usage' in capsys.readouterr().out


def test_draw_panels(sample_city, tmp_path, capsys):
    masks, out = tmp_path / 'masks', tmp_path / 'out'
    masks.mkdir()
    option = f'test_dataloader.dataset.data_root={sample_city["whu"]}'
    args = [SMALL, str(masks), str(out), '--cfg-options', option]
    tool = load('draw_panels')
    assert tool.main(args) == 2
    assert 'no prediction for' in capsys.readouterr().err

    for image in (sample_city['whu'] / 'test' / 'image').iterdir():
        mask = Image.fromarray(np.zeros((256, 256), np.uint8))
        mask.save(masks / f'{image.stem}.png')
    assert tool.main(args) == 0
    assert capsys.readouterr().out.strip() == (
        f'3 pictures in {out}, such as overview.png'
    )
    assert len(list(out.iterdir())) == 3
