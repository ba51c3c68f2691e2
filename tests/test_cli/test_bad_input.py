"""The same bad input to every command: one line, exit code 2, nothing written.

A command that is not in the table fails the last test.
"""

import argparse
import os
from pathlib import Path

import pytest
import torch

from mmseg_cube.cli import main
from mmseg_cube.cli.frame import COMMANDS, make_parser
from mmseg_cube.inference.submission import STEMS

# What each command is called with when all is well. Words in capitals stand
# for files; OUT must not be there afterwards.
CALLS = {
    'weights': 'efficientnet_lite0 --file CHECKPOINT --out OUT',
    'train': 'CONFIG --work-dir OUT',
    'test': 'CONFIG CHECKPOINT --work-dir OUT',
    'predict': 'CONFIG CHECKPOINT IMAGES --out OUT --device cpu',
    'submit': 'CONFIG CHECKPOINT --out ZIP --data-root INRIA --device cpu',
    'export': 'CONFIG CHECKPOINT --format torchscript --out OUT --size 64',
    'polygonize': 'MASK --out MAP',
    'complexity': 'CONFIG --out OUT --size 64',
    'speed': 'network CONFIG --out OUT --size 64 --repeats 1 --device cpu',
    'ablate': 'CONFIG --variants full --out OUT --device cpu',
    'gradients': 'CONFIG CHECKPOINT --out OUT --device cpu',
    'learned': 'CONFIG CHECKPOINT --out OUT --device cpu',
    'router': 'CONFIG CHECKPOINT --out OUT',
    'convert': 'whu FOLDER --out OUT',
    'prepare': 'FOLDER OUT',
    'check-data': 'FOLDER --out OUT',
    'sample-city': 'whu --out OUT',
    'leaderboard': 'FOLDER --out OUT',
    'evaluate-vectors': 'FOLDER FOLDER --out OUT',
    'zoo': '',
    'check': '',
}
WITH_CONFIG = [name for name in CALLS if 'CONFIG' in CALLS[name]]
WITH_CHECKPOINT = [name for name in CALLS if 'CHECKPOINT' in CALLS[name]]
WITH_DEVICE = [name for name in CALLS if '--device' in CALLS[name]]
# The others take several configs.
WITH_OPTIONS = [x for x in WITH_CONFIG if x not in ('complexity', 'speed')]
# Text of a config, and what the message has to say besides its path.
CONFIGS = {
    'missing': (None, 'config not found: '),
    'no Python': ('model = (', 'SyntaxError'),
    'no base': ('_base_ = "nowhere.py"', 'nowhere.py'),
    'an end': ('raise SystemExit(3)', 'SystemExit: 3'),
    'no model': ('x = 1', 'no model'),
    'no head': ('{base}(decode_head=5)', 'cfg should be a dict'),
    'no segmentor': ('{base}(_delete_=True, type="ReLU")', ''),
    'no such type': ('{base}(_delete_=True, type="Nothing")', 'Nothing'),
}


class Payload:
    """Writes a file as soon as it is read from a pickle."""

    def __reduce__(self):
        return Path('read').touch, ()


# What a checkpoint holds, and what is said of it besides its path.
WEIGHTS = dict(x=torch.ones(1))
CHECKPOINTS = {
    'missing': (None, 'checkpoint not found: '),
    'empty': (b'', 'it is empty'),
    'text': (b'no checkpoint', "it begins with b'no checkpoint'"),
    'page': (b'<!DOCTYPE html>', 'is a web page'),
    'another': (dict(state_dict=WEIGHTS), 'unexpected: x'),
    'meta=None': (dict(state_dict=WEIGHTS, meta=None), 'unexpected: x'),
    'None': (dict(state_dict=None), 'has no weights'),
    'integers': ({1: torch.ones(1)}, 'has no weights'),
    'nested': (dict(model=WEIGHTS), 'has no weights'),
    'a list': ([WEIGHTS], 'has no weights'),
    'program': (dict(WEIGHTS, meta=Payload()), 'add --trust-checkpoint'),
    'torn': (dict(WEIGHTS, meta='x' * 5000), 'is damaged, cut short or'),
}


def flags_of(name):
    """Flags that a command takes, as CALLS calls it."""
    parser = make_parser(name)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parser = action.choices[CALLS[name].split()[0]]
    return set(parser._option_string_actions)


@pytest.fixture(scope='module')
def inria(sample_city, tmp_path_factory):
    """Folder of a data set with all test tiles, one and the same."""
    folder = tmp_path_factory.mktemp('inria') / 'test' / 'images'
    folder.mkdir(parents=True)
    tile = next(sample_city['whu'].glob('test/image/*.tif'))
    for stem in STEMS:
        os.link(tile, folder / f'{stem}.tif')
    return folder.parents[1]


@pytest.fixture
def call(tiny_config, tiny_checkpoint, sample_city, inria, tmp_path, capsys):
    """Call a command with files of its own; return what it complained of."""
    (tmp_path / 'empty').mkdir()
    files = dict(
        CONFIG=tiny_config,
        CHECKPOINT=tiny_checkpoint,
        IMAGES=sample_city['whu'] / 'test' / 'image',
        INRIA=inria,
        FOLDER=tmp_path / 'empty',
        OUT=tmp_path / 'out',
        ZIP=tmp_path / 'out.zip',
        MASK=next(sample_city['whu'].glob('test/label/*.tif')),
        MAP=tmp_path / 'out' / 'map.gpkg',
    )

    def call(name, *more, **other):
        words = [
            str((files | other).get(word, word))
            for word in (*CALLS[name].split(), *more)
        ]
        code = main([name, *words])
        out, err = capsys.readouterr()
        assert code == 2, (out, err)
        written = [*tmp_path.glob('out/**/*'), *tmp_path.glob('out.zip*')]
        assert not [path for path in written if path.is_file()]
        return err

    return call


def complaint(err, name):
    """Check that one line says what is wrong; it may follow notes."""
    assert 'Traceback' not in err
    *notes, line = err.splitlines()
    assert line.startswith(f'mmseg-cube {name}: error: '), err
    assert not [note for note in notes if 'error' in note]
    return line


@pytest.mark.parametrize('fault', CONFIGS)
@pytest.mark.parametrize('name', WITH_CONFIG)
def test_configs(name, fault, call, tiny_config, tmp_path):
    text, message = CONFIGS[fault]
    config = tmp_path / 'wrong config.py'
    if text:
        base = f'_base_ = {str(tiny_config)!r}\nmodel = dict'
        config.write_text(text.replace('{base}', base))
    err = complaint(call(name, CONFIG=config), name)
    assert 'wrong config.py' in err and message in err


@pytest.mark.parametrize(
    ('option', 'message'),
    (
        ('model.decode_head.loss_decode.7.x=1', '--cfg-options do not fit'),
        ('model.nonexist.x=1', "unexpected keyword argument 'nonexist'"),
        ('model.decode_head=5', 'model.decode_head is a dict, which 5 is not'),
        ('train_cfg.max_iters=x', "max_iters is a number, which 'x' is not"),
        ('randomness.seed=x', "randomness.seed is a number, which 'x' is not"),
        ('model.data_preprocessor.size=x', "of numbers, which 'x' is not"),
        ('train_cfg.val_interval=0', 'give 1 or more'),
        ('train_dataloader=x', "train_dataloader is a dict, which 'x' is not"),
        ('model.decode_head.type.x=1', '--cfg-options do not fit'),
        ('noequals', "KEY=VALUE, got 'noequals'"),
        ('model.x=[1,', 'brackets do not match in model.x=[1,'),
    ),
)
@pytest.mark.parametrize('name', WITH_OPTIONS)
def test_options_without_a_place_or_value(name, option, message, call):
    err = complaint(call(name, '--cfg-options', option), name)
    assert message in err
    # Of the others, the option itself is at fault.
    assert 'cube-tiny.py' in err or option in err


@pytest.mark.parametrize(
    ('name', 'fault'),
    [('export', fault) for fault in CHECKPOINTS]
    + [
        (name, fault)
        for name in [*WITH_CHECKPOINT, 'train']
        for fault in ('missing', 'another', 'None', 'program')
        if name != 'export'
    ],
)
def test_checkpoints(name, fault, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'wrong.pth'
    content, message = CHECKPOINTS[fault]
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        torch.save(content, path)
    if fault == 'torn':
        path.write_bytes(path.read_bytes()[:3000])
    more = ['--cfg-options', f'load_from={path}'] * (name == 'train')
    if more and 'unexpected' in message:
        message = 'is of another network: '
    err = complaint(call(name, *more, CHECKPOINT=path), name)
    assert 'wrong.pth' in err and message in err
    assert not Path('read').exists()
    if fault == 'program' and not more:
        # Trusted, it is read, and found to be of another network.
        call(name, '--trust-checkpoint', CHECKPOINT=path)
        assert Path('read').exists()


@pytest.mark.parametrize('name', WITH_DEVICE)
def test_devices(name, call):
    err = complaint(call(name, '--device', 'cuda:99'), name)
    assert 'cuda:99' in err and 'try cpu' in err


@pytest.mark.parametrize(
    'words',
    ['--size 0', '--size x', '--batch -1', '--workers 0', '--threads 1.5']
    + ['--seed x', '--split tset'],
)
def test_values(words, call):
    """A flag has the same check wherever it is."""
    flag, value = words.split()
    having = [name for name in CALLS if flag in flags_of(name)]
    assert having
    for name in having:
        err = call(name, flag, value)
        assert f'argument {flag}: ' in err and value in err, name


@pytest.mark.parametrize('name', [x for x in CALLS if 'OUT' in CALLS[x]])
def test_a_file_where_a_folder_is_to_be(name, call, tiny_config):
    if name in ('export', 'weights'):
        return  # writes a file
    err = call(name, OUT=tiny_config)
    assert f'{tiny_config} is a file, not a folder' in err


@pytest.mark.parametrize(
    ('name', 'words', 'message'),
    [
        ('ablate', '--reference mask', '--reference mask is none of the'),
        ('complexity', '--against CONFIG', 'nothing to compare'),
        ('gradients', '--against CONFIG', 'has 1 checkpoints and the other 0'),
        ('gradients', '--against-checkpoints x.pth', 'go with --against'),
        ('gradients', '--split val --batches 9', 'has 2 batches, but'),
        ('leaderboard', '', 'no scores were found'),
        ('learned', '--images x', "no image 'x'; it has 2: "),
        ('learned', '--layers x.*', "'x.*' matches no Cube layer; there are"),
    ],
)
def test_what_does_not_go_together(name, words, message, call):
    assert message in complaint(call(name, *words.split()), name)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('ablate', 'the model has no Cube kernels to vary'),
        ('gradients', 'none of the convolutions'),
        ('learned', 'the network has no Cube layer'),
        ('router', 'no channel router learns an order'),
    ],
)
def test_networks_without_cubes(name, message, call, plain_twin):
    config, checkpoint = plain_twin
    err = call(name, CONFIG=config, CHECKPOINT=checkpoint)
    assert message in complaint(err, name)


@pytest.mark.parametrize('name', sorted(CALLS.keys() - {'train', 'test'}))
def test_words_that_nobody_knows(name, call):
    """The two left out pass them on to a script of mmseg."""
    assert 'unrecognized arguments: --no-such' in call(name, '--no-such', '1')


def test_every_command_is_in_the_table():
    assert set(CALLS) == set(COMMANDS)
    folder = Path(main.__code__.co_filename).parent
    modules = {path.stem.replace('_', '-') for path in folder.glob('*.py')}
    assert set(COMMANDS) <= modules
