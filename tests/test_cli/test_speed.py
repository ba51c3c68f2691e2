"""The command that times the operator and networks."""

import json
from itertools import product

import pytest
import torch
from PIL import Image

from mmseg_cube.cli import main
from mmseg_cube.deploy.formats import FORMATS

LAYOUTS = ('contiguous', 'channels_last')


@pytest.fixture(autouse=True)
def keep_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def time_operator(tmp_path):
    def run(*args):
        out = tmp_path / 'out'
        small = '--device cpu --threads 1 --repeats 1 --grid 64x6'
        words = [*small.split(), '--out', str(out), *args]
        assert main(['speed', 'operator', *words]) == 0
        return out, json.loads((out / 'speed.json').read_text())

    return run


def test_measures_the_operator(time_operator):
    out, numbers = time_operator('--batch', '3', '--layouts', *LAYOUTS)
    names = ['chart.png', 'speed.json', 'speed.md']
    assert sorted(path.name for path in out.iterdir()) == names
    Image.open(out / 'chart.png').verify()
    facts, results = numbers['facts'], numbers['results']
    assert (facts['threads'], facts['batch'], facts['repeats']) == (1, 3, 1)
    assert len(results) == 2 * 2 * 2 * 7
    assert {x['setting']['layout'] for x in results} == set(LAYOUTS)
    page = (out / 'speed.md').read_text()
    assert page.count('| auto ') == 2 * len(LAYOUTS)
    references = {x['name']: x['reference'] for x in results}
    blocks = ['block', 'Conv-BN-ReLU']
    assert [references.pop(name) for name in blocks] == blocks[1:] * 2
    assert {*references.values()} == {'nn.Conv2d'}
    for x in results:
        assert x['value']['low'] > 0
        assert x['name'] != x['reference'] or x['ratio']['high'] == 1


def test_measures_networks(tiny_config, plain_twin, tmp_path, capsys):
    args = '--size 64 --batch 3 --repeats 1 --threads 1'
    args += ' --tasks deployed throughput training'
    out = tmp_path / 'out'
    words = [str(tiny_config), '--against', str(plain_twin[0]), *args.split()]
    assert main(['speed', 'network', *words, '--out', str(out)]) == 0
    numbers = json.loads((out / 'speed.json').read_text())
    results = numbers['results']
    Image.open(out / 'chart.png').verify()
    assert len(results) == 3 * 3 * 2
    units = dict(time=1e3, operations=1e-9) | {'peak memory': 2**-20}
    page, printed = (out / 'speed.md').read_text(), capsys.readouterr().out
    for result in results:
        task, measure = result['task'], result['measure']
        assert f'{task}, ' in printed and f'**{task}, ' in page
        assert result['reference'] == 'tiny'
        assert result['setting']['batch'] == (1 if 'inference' in task else 3)
        value = result['value']['median']
        fast = 'throughput' in task and measure == 'time'  # in images
        assert f' {3 / value if fast else units[measure] * value:.2f} ' in page


def test_measures_engines(
    tiny_config, plain_twin, tmp_path, capsys, monkeypatch
):
    def fail(module):
        raise RuntimeError('there is no compiler')

    monkeypatch.setattr(torch, 'compile', fail)
    kind = FORMATS['openvino']._replace(needs=('no_such',))
    monkeypatch.setitem(FORMATS, 'openvino', kind)
    words = [str(tiny_config), '--against', str(plain_twin[0])]
    words += ['--size', '64', '--repeats', '1', '--threads', '1', '--out']
    assert main(['speed', 'export', *words, str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert 'compile cannot run tiny: there is no compiler' in said.err
    assert 'pip install "mmsegmentation-cube[openvino]"' in said.err
    Image.open(tmp_path / 'chart.png').verify()
    results = json.loads((tmp_path / 'speed.json').read_text())['results']
    given = [
        (x['setting']['layout'], x['measure'], x['name']) for x in results
    ]
    engines = 'eager', 'channels_last', 'onnxruntime'
    measures, names = ('time', 'operations'), ('tiny', 'cube-tiny')
    assert given == list(product(engines, measures, names))


def test_bad_arguments_are_said(capsys):
    for args, message in (
        ('operator --grid 6x8', 'divisible by scale^2 = 4'),
        ('operator --grid 64', "such as 64x128, but got '64'"),
        ('network a.py --dtype float16', 'invalid choice'),
        ('export a.py --engines tensorrt', 'invalid choice'),
    ):
        assert main(['speed', *args.split()]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_a_gpu(time_operator, tiny_config):
    on_gpu = ['--device', 'cuda', '--dtype', 'bfloat16']
    _, numbers = time_operator('--grid', '128x16', *on_gpu)
    assert numbers['facts']['device'] == torch.cuda.get_device_name()
    words = [str(tiny_config), '--size', '64', '--repeats', '3', *on_gpu]
    assert main(['speed', 'network', *words]) == 0
