import json

import pytest
from PIL import Image


@pytest.fixture
def demo(load_tool):
    return load_tool('demo')


def test_draws_trains_tests_and_reports(demo, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(demo, 'SPLITS', {'train': 4, 'val': 1, 'test': 2})
    args = ['--work-dir', str(tmp_path), '--iterations', '2']
    assert demo.main(args) == 0
    out = capfd.readouterr().out
    (scores,) = (tmp_path / 'test').glob('*/*.json')
    scores = json.loads(scores.read_text())
    for name in ('IoU', 'F1', 'Precision', 'Recall'):
        assert f'{scores[f"building/{name}"]:.2f}' in out
    pictures = tmp_path / 'test' / 'pictures'
    assert str(pictures) in out
    assert len(list(pictures.glob('*.png'))) == 3
    assert Image.open(pictures / 'overview.png').width > 3 * 256


def test_a_failing_step_stops_it(demo, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(demo, 'SPLITS', {'train': -1})
    assert demo.main(['--work-dir', str(tmp_path)]) == 2
    assert 'Stopped: train must not be negative' in capfd.readouterr().err
