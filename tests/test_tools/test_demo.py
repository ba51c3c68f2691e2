import importlib
import json
from pathlib import Path

import pytest
from PIL import Image
from pyogrio import read_info

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
SHORT = """
train_cfg.max_iters=2 train_cfg.val_interval=2
default_hooks.checkpoint.interval=2
param_scheduler.0.end=1 param_scheduler.1.begin=1 param_scheduler.1.end=2
"""


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
    monkeypatch.setattr(script, 'SIDE', 256)

    def demo(*scenes):
        monkeypatch.setattr(script, 'SCENES', scenes)
        return script.main(SHORT.split())

    return demo


def test_draws_trains_tests_and_reports(demo, tmp_path, capfd):
    assert demo('--train=4', '--val=1', '--test=2') == 0
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
    assert read_info(work / 'map' / 'buildings.gpkg')['crs'] == 'EPSG:32614'
    assert Image.open(work / 'map' / 'buildings.png').width > 256


def test_a_failing_step_stops_it(demo, capfd):
    assert demo('--train=-1') == 2
    assert 'Stopped: the last step failed' in capfd.readouterr().err
