"""``mmseg-cube export``, called in this process."""

import onnx
import pytest
import torch

from mmseg_cube.analysis.speed import engines
from mmseg_cube.cli import main
from mmseg_cube.cli.frame import make_parser
from mmseg_cube.deploy.formats import FORMATS


@pytest.fixture
def run(tiny_config, tiny_checkpoint, capsys):
    """Export the tiny network; return the exit code and what is said."""

    def run(out, *size, format='torchscript'):
        words = [tiny_config, tiny_checkpoint, '--out', out]
        words += ['--format', format, *(size or ('--size', 64))]
        code = main(['export', *map(str, words)])
        return code, capsys.readouterr()

    return run


def test_export(run, tmp_path):
    out = tmp_path / 'net.pt'
    code, said = run(out)
    assert code == 0 and out.exists()
    assert f'{out}: ' in said.out and '1x3x64x64' in said.out


def test_export_for_one_size(run, tmp_path):
    out = tmp_path / 'net.onnx'
    fixed = '--fixed-size', 32, 50
    code, said = run(out, *fixed, '--batch', 2, format='onnx')
    assert (code, 'one size; logits' in said.out) == (0, True)
    (images,) = onnx.load(out).graph.input
    shape = [d.dim_value for d in images.type.tensor_type.shape.dim]
    assert shape == [2, 3, 32, 50]
    code, said = run(out, '--batch', 2)
    assert (code, 'needs --fixed-size' in said.err) == (2, True)


def test_which_kernels_become_plain():
    parser = make_parser('export')
    args = ['config', 'net.pth', '--format', 'onnx', '--out', 'net.onnx']
    for option, plain in (('--keep-cube', False), ('--all-plain', True)):
        assert parser.parse_args([*args, option]).plain is plain
    assert parser.parse_args(args).plain is None


@pytest.mark.parametrize('fastest', ['lattice', 'plain', 'unsure'])
def test_the_fastest_way_is_kept(
    tiny_config, tiny_segmentor, tmp_path, monkeypatch, capsys, fastest
):
    def time_in_turns(calls, repeats, device):
        assert {call().shape for call in calls.values()} == {(2, 2, 40, 50)}
        lattice = {'lattice': [0.5], 'plain': [2.0], 'unsure': [0.9, 1.1, 1.1]}
        rounds = lattice[fastest]
        return {None: rounds, True: [1.0] * len(rounds)}

    monkeypatch.setattr(engines, 'time_in_turns', time_in_turns)
    kind = FORMATS['torchscript']._replace(few=1)
    monkeypatch.setitem(FORMATS, 'torchscript', kind)
    files = [tmp_path / name for name in ('bare.py', 'bare.pth', 'net.pt')]
    bare = 'model = dict(decode_head=dict(conv_cfg=dict(mask=None)))'
    files[0].write_text(f'_base_ = {str(tiny_config)!r}\n{bare}')
    model = tiny_segmentor(**{'model.decode_head.conv_cfg.mask': None})
    torch.save(dict(state_dict=model.state_dict()), files[1])
    words = [*files[:2], '--out', files[2], '--fixed-size', 40, 50]
    words += ['--batch', 2, '--format', 'torchscript', '--tune']
    assert main(['export', *map(str, words)]) == 0
    ratio = dict(lattice='0.50', plain='2.00', unsure='1.10 (1.00 - 1.10)')
    assert f'ratio {ratio[fastest]}' in capsys.readouterr().out
    graph = str(torch.jit.load(files[2]).inlined_graph)
    assert ('pixel_shuffle' in graph) == (fastest != 'plain')
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_faults_are_said(run, tmp_path, monkeypatch):
    code, said = run(tmp_path / 'net.pt', format='onnx')
    assert (code, 'must end in .onnx' in said.err) == (2, True)
    monkeypatch.setattr('mmseg_cube.deploy.export.TOLERANCE', -1.0)
    code, said = run(tmp_path / 'net.pt')
    assert (code, 'differ by up to' in said.err) == (1, True)
    assert not list(tmp_path.iterdir())
