import importlib.util
import json
from pathlib import Path

from PIL import Image

DEMO = Path(__file__).resolve().parents[2] / 'tools' / 'demo.py'


def load():
    spec = importlib.util.spec_from_file_location('demo', DEMO)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_draws_trains_tests_and_reports(tmp_path, monkeypatch, capfd):
    demo = load()
    monkeypatch.setattr(
        demo, 'SPLITS', (('train', 4), ('val', 1), ('test', 2))
    )
    args = ['--work-dir', str(tmp_path), '--iterations', '2']
    assert demo.main(args) == 0
    out = capfd.readouterr().out
    (scores,) = (tmp_path / 'test').glob('*/*.json')
    scores = json.loads(scores.read_text())
    for name in ('IoU', 'F1', 'Precision', 'Recall'):
        assert f'{scores[f"building/{name}"]:.2f}' in out
    pictures = tmp_path / 'test' / 'pictures'
    assert str(pictures / 'overview.png') in out
    assert len(list(pictures.glob('*.png'))) == 3
    assert Image.open(pictures / 'overview.png').width > 3 * 256


def test_a_failing_step_is_named(tmp_path, monkeypatch, capfd):
    demo = load()
    monkeypatch.setattr(demo, 'SPLITS', (('train', -1),))
    assert demo.main(['--work-dir', str(tmp_path)]) == 2
    assert 'Stopped: make_sample_city.py failed' in capfd.readouterr().out
