import numpy as np
import pytest
from PIL import Image

from mmseg_cube.analysis.panels import CAPTION, GAP, draw_panel, draw_panels


def test_colours_say_what_was_found_missed_and_false():
    image = np.full((32, 40, 3), 100, np.uint8)
    truth = np.zeros((32, 40), bool)
    truth[:16] = True
    prediction = np.zeros((32, 40), bool)
    prediction[:, :20] = True
    row = draw_panel(image, truth, prediction)
    assert row.shape == (32 + CAPTION, 3 * 40 + 2 * GAP, 3)
    body = row[CAPTION:]
    assert (body[:, :40] == 100).all()
    shown = body[:, 80 + 2 * GAP :].astype(int)
    found, missed = shown[4, 4], shown[4, 30]
    false, background = shown[28, 4], shown[28, 30]
    assert found.argmax() == 1
    assert missed.argmax() == 2
    assert false.argmax() == 0
    assert (background == 100).all()


def test_sizes_must_agree():
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match=r'\(8, 8\).*\(8, 9\)'):
        draw_panel(image, np.zeros((8, 8), bool), np.zeros((8, 9), bool))


@pytest.fixture
def samples(tmp_path):
    for folder in ('image', 'label', 'masks'):
        (tmp_path / folder).mkdir()
    out = []
    for i in range(3):
        image = tmp_path / 'image' / f'{i}.jpg'
        label = tmp_path / 'label' / f'{i}.png'
        Image.new('RGB', (24, 16), (9, 90, 9)).save(image)
        Image.new('L', (24, 16), 255).save(label)
        Image.new('L', (24, 16), 0).save(tmp_path / 'masks' / f'{i}.png')
        out.append(dict(img_path=str(image), seg_map_path=str(label)))
    return out


def test_writes_a_picture_per_sample_and_an_overview(samples, tmp_path):
    paths = draw_panels(samples, tmp_path / 'masks', tmp_path / 'out', 2)
    assert [p.name for p in paths] == ['overview.png', '0.png', '1.png']
    heights = [Image.open(p).height for p in paths]
    assert heights == [2 * (16 + CAPTION), 16 + CAPTION, 16 + CAPTION]
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == sorted(
        p.name for p in paths
    )


def test_missing_prediction_is_named(samples, tmp_path):
    (tmp_path / 'masks' / '1.png').unlink()
    with pytest.raises(FileNotFoundError, match='1.png: no prediction for'):
        draw_panels(samples, tmp_path / 'masks', tmp_path / 'out', 9)
