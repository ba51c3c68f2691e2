import importlib
import json
from pathlib import Path

import pytest
from PIL import Image
from pyogrio import read_info

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """Run the demonstration on a number of scenes in each part."""
    monkeypatch.syspath_prepend(TOOLS)
    script = importlib.import_module('demo')

    def demo(**splits):
        monkeypatch.setattr(script, 'SPLITS', splits)
        return script.main(['--work-dir', str(tmp_path), '--iterations', '2'])

    return demo


def test_draws_trains_tests_and_reports(demo, tmp_path, capfd):
    assert demo(train=4, val=1, test=2) == 0
    out = capfd.readouterr().out
    (scores,) = (tmp_path / 'test').glob('*/*.json')
    scores = json.loads(scores.read_text())
    for name in ('IoU', 'F1', 'Precision', 'Recall'):
        assert f'{scores[f"building/{name}"]:.2f}' in out
    pictures = tmp_path / 'test' / 'pictures'
    assert str(pictures) in out
    assert len(list(pictures.glob('*.png'))) == 3
    assert Image.open(pictures / 'overview.png').width > 3 * 256
    assert (
        read_info(tmp_path / 'map' / 'buildings.gpkg')['crs'] == 'EPSG:32633'
    )
    assert Image.open(tmp_path / 'map' / 'buildings.png').width > 256


def test_a_failing_step_stops_it(demo, capfd):
    assert demo(train=-1) == 2
    assert 'Stopped: seed and counts must be 0' in capfd.readouterr().err
