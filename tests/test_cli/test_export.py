"""``mmseg-cube export``, called in this process."""

import onnx
import pytest

from mmseg_cube.cli import main
from mmseg_cube.cli.frame import make_parser


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


def test_faults_are_said(run, tmp_path, monkeypatch):
    code, said = run(tmp_path / 'net.pt', format='onnx')
    assert (code, 'must end in .onnx' in said.err) == (2, True)
    monkeypatch.setattr('mmseg_cube.deploy.export.TOLERANCE', -1.0)
    code, said = run(tmp_path / 'net.pt')
    assert (code, 'differ by up to' in said.err) == (1, True)
    assert not list(tmp_path.iterdir())
