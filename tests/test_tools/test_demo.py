import importlib
import json
from pathlib import Path

import pytest
from PIL import Image
from pyogrio import read_info

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """Run the demonstration on a number of scenes in each part.

    It writes into the current folder, wherever it is itself; that has a name
    that mmengine would take for a list.
    """
    (tmp_path / 'a, folder').mkdir()
    monkeypatch.chdir(tmp_path / 'a, folder')
    monkeypatch.syspath_prepend(TOOLS)
    script = importlib.import_module('demo')

    def demo(**splits):
        monkeypatch.setattr(script, 'SPLITS', splits)
        return script.main(['--iterations', '2'])

    return demo


def test_draws_trains_tests_and_reports(demo, tmp_path, capfd):
    assert demo(train=4, val=1, test=2) == 0
    work = tmp_path / 'a, folder' / 'work_dirs' / 'demo'
    out = capfd.readouterr().out
    (scores,) = (work / 'test').glob('*/*.json')
    scores = json.loads(scores.read_text())
    for name in ('IoU', 'F1', 'Precision', 'Recall'):
        assert f'{scores[f"building/{name}"]:.2f}' in out
    pictures = work / 'pictures'
    assert str(pictures) in out
    assert list(pictures.glob('errors_*.png'))
    assert (pictures / 'learned.md').exists()
    assert read_info(work / 'map' / 'buildings.gpkg')['crs'] == 'EPSG:32633'
    assert Image.open(work / 'map' / 'buildings.png').width > 256


def test_a_failing_step_stops_it(demo, capfd):
    assert demo(train=-1) == 2
    assert 'Stopped: seed and counts must be 0' in capfd.readouterr().err
