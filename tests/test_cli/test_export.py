"""``mmseg-cube export``, called in this process."""

import argparse

import onnx
import pytest

from mmseg_cube.cli import export, main


@pytest.fixture
def run(tiny_config, tiny_checkpoint):
    """Export the tiny network."""

    def run(out, *options, format='torchscript'):
        words = [tiny_config, tiny_checkpoint, '--out', out, '--size', 64]
        return main(['export', *map(str, [*words, '--format', format]),
                     *options])  # fmt: skip

    return run


def test_export(run, tmp_path, capsys):
    out = tmp_path / 'net.onnx'
    assert run(out, format='onnx') == 0
    said = capsys.readouterr().out
    assert f'{out}: ' in said
    assert '1x3x64x64' in said
    stored = {p.key: p.value for p in onnx.load(out).metadata_props}
    assert stored['config'] == 'cube-tiny.py'
    assert stored['classes'] == '["background", "building"]'


@pytest.mark.parametrize(
    'option, plain',
    [([], None), (['--keep-cube'], False), (['--all-plain'], True)],
)
def test_which_kernels_become_plain(option, plain):
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    args = ['config', 'net.pth', '--format', 'onnx', '--out', 'net.onnx']
    assert parser.parse_args([*args, *option]).plain is plain


def test_difference_is_said(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('mmseg_cube.deploy.export.TOLERANCE', -1.0)
    assert run(tmp_path / 'net.pt') == 1
    assert 'differ by up to' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_wrong_input_is_said(run, tmp_path, capsys):
    option = 'model.decode_head.widths=[16,8,8,16]'
    assert run(tmp_path / 'net.pt', '--cfg-options', option) == 2
    assert 'is no checkpoint of' in capsys.readouterr().err
    assert run(tmp_path / 'net.pt', format='onnx') == 2
    assert 'must end in .onnx' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
