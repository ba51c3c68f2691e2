"""The export tool, called as a function."""

from pathlib import Path

import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_cube.layers import ChannelRouter, SpatialMask

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs' / 'unet_convnext'
SIZE = ('--size', '64', '96')


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('export')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Config and checkpoint of the small baseline and of its Cube twin."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    pairs = []
    for name in ('unet', 'cube-full-unet'):
        config = FOLDER / f'{name}_convnext-atto_1xb8-600_whu-128x128.py'
        model = MODELS.build(Config.fromfile(config).model)
        model.init_weights()
        with torch.no_grad():
            for part in model.modules():
                if isinstance(part, ChannelRouter):
                    part.logits.normal_()
                elif isinstance(part, SpatialMask):
                    part.weight.normal_(0, 0.5)
        checkpoint = tmp_path_factory.mktemp(name) / 'net.pth'
        torch.save(dict(state_dict=model.state_dict()), checkpoint)
        pairs.append((str(config), str(checkpoint)))
    return pairs


def test_help(tool, capsys):
    with pytest.raises(SystemExit, match='0'):
        tool.main(['--help'])
    assert '*.onnx (onnx)' in capsys.readouterr().out


@pytest.mark.parametrize('twin', [0, 1])
def test_export(tool, trained, tmp_path, capsys, twin):
    out = tmp_path / 'net.onnx'
    args = [*trained[twin], '--format', 'onnx', '--out', str(out), *SIZE]
    assert tool.main(args) == 0
    said = capsys.readouterr().out
    assert f'{out}: ' in said
    assert '1x3x64x96' in said
    stored = {p.key: p.value for p in onnx.load(out).metadata_props}
    assert stored['config'] == Path(trained[twin][0]).name
    assert stored['classes'] == '["background", "building"]'


@pytest.mark.parametrize(
    'option, plain',
    [([], None), (['--keep-cube'], False), (['--all-plain'], True)],
)
def test_which_kernels_become_plain(tool, option, plain):
    args = ['config', 'net.pth', '--format', 'onnx', '--out', 'net.onnx']
    assert tool.parse_args([*args, *option]).plain is plain


def test_options_reach_the_network(tool, trained, tmp_path, capsys):
    args = [*trained[1], '--format', 'torchscript', *SIZE, '--keep-cube']
    args += ['--out', str(tmp_path / 'net.pt'), '--cfg-options']
    assert tool.main([*args, 'model.decode_head.num_classes=2']) == 0
    capsys.readouterr()
    widths = 'model.decode_head.widths=[128,64,32,8]'
    assert tool.main([*args, widths]) == 2
    assert 'is no checkpoint of' in capsys.readouterr().err


def test_difference_is_an_error(tool, trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('mmseg_cube.deploy.export.TOLERANCE', -1.0)
    args = [*trained[1], '--format', 'torchscript', *SIZE]
    assert tool.main([*args, '--out', str(tmp_path / 'net.pt')]) == 1
    assert 'differ by up to' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_wrong_input_is_said(tool, trained, tmp_path, capsys):
    config, checkpoint = trained[1]
    out = ['--format', 'onnx', '--out', str(tmp_path / 'net.onnx')]
    assert tool.main(['missing.py', checkpoint, *out]) == 2
    assert 'missing.py' in capsys.readouterr().err
    assert tool.main([config, 'missing.pth', *out]) == 2
    assert 'missing.pth' in capsys.readouterr().err
    assert tool.main([config, trained[0][1], *out]) == 2
    assert 'is no checkpoint of' in capsys.readouterr().err
    out[-1] = str(tmp_path / 'net.pt')
    assert tool.main([config, checkpoint, *out]) == 2
    assert 'must end in .onnx' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
