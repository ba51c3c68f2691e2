"""``mmseg-cube train`` and ``test``: what they refuse, in one line.

tests/test_tools/test_processes.py trains with them.
"""

import gc
import importlib.util
import re
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS
from torch import Tensor

from mmseg_cube.cli import main
from mmseg_cube.cli.frame import make_parser
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

WEIGHTS = 'train_dataloader.dataset.data_root=/nowhere model.pretrained'


@pytest.fixture
def refusal(tiny_config, tmp_path, capsys, monkeypatch):
    """Call a command; return the one line that it ends with."""
    # Runs of one second have one name; the log of the last one is closed.
    monkeypatch.setattr(MMLogger, '_instance_dict', OrderedDict())

    def refusal(name, *words):
        work = '--work-dir', str(tmp_path / 'work')
        assert main([name, str(tiny_config), *map(str, words), *work]) == 2
        said = capsys.readouterr().err
        assert 'Traceback' not in said
        return said[said.index(f'mmseg-cube {name}: error: ') :]

    return refusal


@pytest.mark.skipif(get_device() != 'cpu', reason='there is a GPU')
@pytest.mark.parametrize(
    'words',
    [['--amp'], ['--cfg-options', 'optim_wrapper.type=AmpOptimWrapper']],
)
def test_mixed_precision_on_a_cpu(words, refusal):
    said = refusal('train', *words)
    assert 'needs a GPU' in said and said.count('\n') == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ('val_evaluator.foo=1', "config does not fit: TypeError: .*'foo'"),
        ('val_evaluator.group_by=a', 'error: group_by needs a regular'),
        ('train_dataloader.dataset.split=5', 'error: split must be one of'),
        ('default_hooks.logger.foo=1', "does not fit: TypeError: .*'foo'"),
        ('log_level=x', 'not fit: .*Error: .*x.*. Given was log_level=x'),
        ('train_dataloder.batch_size=3', 'nothing: did you mean train_datal'),
        ('batch_size=3', 'batch_size would change nothing: '),
        ('train_pipeline.0.type=X', 'would change nothing: it is a variable'),
        # Weights are looked for before data are.
        (
            f'{WEIGHTS}=pretrained/efficientnet_lite0.pth',
            'found: pretrained/efficientnet_lite0.pth. Next: mmseg-cube '
            'weights efficientnet_lite0\n$',
        ),
        (f'{WEIGHTS}=x.pth', 'found: x.pth. Next: correct the path\n$'),
        (
            f'{WEIGHTS}=http://127.0.0.1:9/x.pth',
            'x.pth cannot be fetched.* --cfg-options model.pretrained=FILE\n$',
        ),
        (f'{WEIGHTS}=open-mmlab://x', 'open-mmlab://x: '),
    ],
)
def test_configs_that_do_not_fit(options, message, refusal):
    said = refusal('train', '--cfg-options', *options.split())
    assert re.search(message, said)


@HOOKS.register_module()
class Watch(Hook):
    """Counts tensors, then kills one of two processes that load images."""

    counts: ClassVar = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        gc.collect()
        tensors = (x for x in gc.get_objects() if type(x) is Tensor)
        # Not images and masks, of which there are more or fewer ahead.
        self.counts.append(sum(x.is_floating_point() for x in tensors))
        if batch_idx == 6:
            loader = runner.train_loop.dataloader_iterator._iterator
            loader._workers[0].kill()


def test_a_killed_loader_ends_a_training_whose_memory_is_flat(refusal):
    options = 'num_workers=2', 'batch_size=1'
    options = [f'train_dataloader.{option}' for option in options]
    watch = 'custom_hooks.0.type=Watch'
    said = refusal('train', '--cfg-options', watch, *options)
    # Torch sees the signal, or only that the process is gone.
    assert re.search('DataLoader worker.*workers .* --resume continue', said)
    assert Watch.counts[2] == Watch.counts[6]


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('1,a b', [1, 'ab']),
        ('"1,a b"', '1,a b'),
        ("'5'", '5'),
        # These are there.
        ('a, b', 'a, b'),
        ('./a, b/(c', './a, b/(c'),
        ('7', 7),
        ('[' + 999 * 'a,' + ']', 999 * ['a']),
    ],
)
def test_values_of_options(text, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ('a, b/(c', '7'):
        Path(folder).mkdir(parents=True)
    parser = make_parser('train')
    args = parser.parse_args(['x.py', '--cfg-options', f'k={text}'])
    assert args.cfg_options == {'k': value}


def test_scores_of_images_without_labels(
    refusal, tiny_checkpoint, sample_city, tmp_path
):
    folder = 'test/image'
    shutil.copytree(sample_city['whu'] / folder, tmp_path / folder)
    option = f'test_dataloader.dataset.data_root={tmp_path}'
    said = refusal('test', tiny_checkpoint, '--cfg-options', option)
    assert 'has no gt_sem_seg' in said and 'format_only=True' in said


BACKBONE = """
_base_ = '{base}'
model = dict(
    backbone=dict(
        _delete_=True, type='TIMMBackbone', model_name='lcnet_035',
        pretrained_cfg_overlay=dict(file='nowhere.pth')),
    decode_head=dict(
        in_channels=[16, 24, 48, 88, 176], in_index=[0, 1, 2, 3, 4],
        widths=[16, 8, 8, 8, 8], conv_cfg=None))
"""


@pytest.mark.parametrize('options', [[], ['--cfg-options', 'log_level=ERROR']])
def test_a_checkpoint_needs_no_other_weights(
    options, tiny_config, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'trained.pth'
    config.write_text(BACKBONE.format(base=tiny_config))
    network = build_network(read_config(config))
    torch.save(dict(state_dict=network.state_dict()), checkpoint)
    assert main(['test', str(config), str(checkpoint), *options]) == 0


def test_mmseg_without_its_scripts(refusal, tmp_path, monkeypatch):
    origin = tmp_path / 'mmseg' / '__init__.py'
    spec = importlib.util.spec_from_file_location('mmseg', origin)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        'find_spec',
        lambda name, *rest: spec if name == 'mmseg' else find(name, *rest),
    )
    said = refusal('train')
    assert 'mmseg has no ' in said and said.count('\n') == 1
