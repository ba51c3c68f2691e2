"""Commands and snippets of all pages: they parse, and what can be run is.

docs/contributing.md says which comments above a fence change that.
"""

import ast
import importlib
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import mmseg
import numpy as np
import pytest
import rasterio
from mmengine.registry import init_default_scope
from mmseg.registry import METRICS
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from shapely import geometry

from mmseg_cube.cli import frame, main
from mmseg_cube.datasets import checks
from mmseg_cube.layers import summarise
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import build_network

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / 'README.md', *sorted(ROOT.glob('docs/**/*.md'))]
PAGES += sorted(ROOT.glob('configs/*/README.md'))
MMSEG = Path(mmseg.__file__).parent / '.mim'
MARK = r'<!-- (needs|onto): ([^\n]+?) -->\n\s*'
FENCE = re.compile(
    rf'(?:{MARK})?^( *)```(shell|python)\n(.*?)^\3```$', re.DOTALL | re.M
)
INLINE = re.compile(r'`mmseg-cube ([a-z][^`]*)`')
OURS = re.compile(r'(?:configs|tools|requirements|tests)/[a-z][\w./-]*\.\w+')
# Says the words of each command, with all that a shell makes of them.
SAY = r"""
command_not_found_handle() {
    printf '%q ' "$@"; echo
    for word; do [[ $word == mmseg-cube\ * ]] && eval "$word"; done
}
bash() { command_not_found_handle bash "$@"; }
PATH=/none SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2
"""
# Two iterations and few images prove that it runs.
SHORT = ['default_hooks.checkpoint.interval=2', 'train_cfg.max_iters=2',
         'train_cfg.val_interval=2',
         'train_dataloader.batch_size=2']  # fmt: skip
FEW = shlex.split('--size 128 --train 8 --val 2 --test 2')
# Processes that load so little cost more time than they save.
SPLITS = 'train', 'val', 'test'
ALONE = [f'{split}_dataloader.num_workers=0' for split in SPLITS]


class Block(NamedTuple):
    """What stands in a fence, and the comment above it or the page."""

    mark: str
    what: str
    kind: str
    text: str


def blocks(page):
    text = page.read_text()
    page = re.match(MARK, text)
    for mark, what, _, kind, code in FENCE.findall(text):
        mark, what = (mark, what) if mark or not page else page.groups()
        yield Block(mark, what, kind, textwrap.dedent(code))


def each(pages):
    """Parametrize a test by pages."""
    names = [str(page.relative_to(ROOT)) for page in pages]
    return pytest.mark.parametrize('page', pages, ids=names)


@each(PAGES)
def test_commands_parse(page, monkeypatch, tmp_path):
    shell = [text for _, _, kind, text in blocks(page) if kind == 'shell']
    shell = '\n'.join(shell).replace(' ...', '')
    shell = shell.replace('--seed SEED', '--seed 0')
    said = subprocess.run(
        ['bash', '-c', SAY + shell], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ).stdout  # fmt: skip
    commands = list(map(shlex.split, said.splitlines()))
    ours = [words for words in commands if words[0] == 'mmseg-cube']
    assert len(ours) >= len(re.findall('^mmseg-cube ', shell, re.M))
    monkeypatch.setattr(frame, '_run', lambda *_: 0)
    for words in ours:
        assert main(words[1:]) == 0, words
        assert not unknown(words[1], words), words
    for words in INLINE.findall(page.read_text()):
        assert words.split()[0] in frame.COMMANDS, words
        assert not unknown(words.split()[0], words.split()), words
    for word in itertools.chain(*commands):
        assert not OURS.fullmatch(word) or (ROOT / word).exists(), word


def test_commands_have_a_page():
    page = (ROOT / 'docs' / 'commands.md').read_text()
    assert re.findall('^## (.+)$', page, re.M) == list(frame.COMMANDS)


def unknown(name, words):
    """Flags that neither a command has nor the script of mmseg behind it."""
    parsers, known = [frame.make_parser(name)], set()
    for parser in parsers:
        for action in parser._actions:
            known.update(action.option_strings)
            if isinstance(action.choices, dict):  # kinds
                parsers += action.choices.values()
    if name in ('train', 'test'):
        script = (MMSEG / 'tools' / f'{name}.py').read_text()
        known.update(re.findall("'(--[a-z-]+)'", script))
    return {word for word in words if word.startswith('--')} - known


@each(PAGES)
def test_python_compiles(page):
    for mark, _, kind, text in blocks(page):
        for node in ast.walk(ast.parse(text if kind == 'python' else '')):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                module = getattr(node, 'module', names[0])
                if not mark or module.startswith('mmseg_cube'):
                    found = importlib.import_module(module)
                    if isinstance(node, ast.ImportFrom):
                        assert all(hasattr(found, name) for name in names)


@pytest.fixture
def lay_out(tiny_config, tiny_checkpoint, sample_city):
    """Put the files of a reader into a folder, by the names on the pages."""

    def lay_out(folder):
        shutil.copy(tiny_config, folder / 'CONFIG.py')
        shutil.copy(tiny_checkpoint, folder / 'CHECKPOINT.pth')
        parts = sample_city['inria'] / 'AerialImageDataset' / 'train'
        image, mask = (parts / x / 'austin1.tif' for x in ('images', 'gt'))
        shutil.copy(image, folder / 'city.tif')
        shutil.copy(mask, folder / 'truth.tif')
        for side, left in dict(left=0, right=128).items():
            crop(image, folder / 'tiles' / f'{side}.tif', left)
            crop(mask, folder / 'masks' / f'{side}.tif', left)
        bands = 10 * np.arange(4 * 64 * 64, dtype='uint16').reshape(4, 64, 64)
        with rasterio.open(image) as file:
            about = dict(crs=file.crs, transform=file.transform)
            bounds = transform_bounds(file.crs, 'EPSG:4326', *file.bounds)
        write_geotiff(folder / 'satellite.tif', bands, **about)
        for name in ('PRED.gpkg', 'TRUTH.geojson'):
            words = ['--out', str(folder / name), '--min-area', '4']
            assert main(['polygonize', str(folder / 'truth.tif'), *words]) == 0
        area = geometry.mapping(geometry.box(*bounds))
        (folder / 'AOI.geojson').write_text(json.dumps(area))

    return lay_out


def crop(source, target, left):
    """Write half of the columns of a raster as one of its own."""
    window = Window(left, 0, 128, 256)
    with rasterio.open(source) as file:
        place = file.window_transform(window)
        write_geotiff(target, file.read(window=window), place, file.crs)


def write_geotiff(path, bands, transform, crs):
    path.parent.mkdir(exist_ok=True)
    (count, height, width), dtype = bands.shape, bands.dtype
    about = dict(count=count, height=height, width=width, dtype=dtype)
    with rasterio.open(path, 'w', crs=crs, transform=transform, **about) as x:
        x.write(bands)


@each([p for p in PAGES if any(b.mark != 'needs' for b in blocks(p))])
def test_page_runs(page, tmp_path, monkeypatch, request):
    texts = [text for mark, _, _, text in blocks(page) if mark != 'needs']
    if any('CHECKPOINT' in text for text in texts):
        request.getfixturevalue('lay_out')(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, 'cache_folder', lambda: tmp_path / 'cache')
    places = Path(sys.executable).parent, os.environ['PATH']
    monkeypatch.setenv('PATH', os.pathsep.join(map(str, places)))
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    for mark, what, kind, text in blocks(page):
        text = re.sub(r'iter_\d+', 'iter_2', text)
        named = re.match(r'# (\w+\.py)\n', text)
        if mark == 'onto':
            run_onto(what, text)
        elif mark != 'needs' and kind == 'shell':
            run_shell(text)
        elif mark != 'needs' and named:
            Path(named[1]).write_text(text)
            if '_base_' in text:
                read_config(named[1])
        elif mark != 'needs':
            exec(text, {})


def run_onto(config, text):
    """Build the network of a config of the zoo with lines of a page."""
    if not config.startswith('mmseg_cube::'):
        config = str(MMSEG / 'configs' / config)
    imports = ['mmpretrain.models', 'mmseg_cube']
    base = '' if '_base_ =' in text else f'_base_ = {config!r}\n'
    text = f'{base}custom_imports = dict(imports={imports})\n{text}'
    Path('child.py').write_text(text)
    cfg = read_config('child.py')
    init_default_scope('mmseg')
    found = summarise(build_network(cfg))
    assert "type='Cube" not in text or 'Cube kernels: 0 ' not in found
    if cfg.test_evaluator.type == 'BuildingMetric':
        METRICS.build(cfg.test_evaluator)


def run_shell(text):
    for ours, lines in itertools.groupby(
        text.replace('\\\n', '').splitlines(),
        lambda line: line.startswith('mmseg-cube '),
    ):
        if not ours:
            script = '\n'.join(lines)
            subprocess.run(['bash', '-e', '-c', script], check=True)
            continue
        for line in lines:
            words = shlex.split(line, comments=True)[1:]
            suffix = dict(CONFIG='.py', CHECKPOINT='.pth')
            words = [word + suffix.get(word, '') for word in words]
            if words[0] in ('train', 'test'):
                option = '--cfg-options'
                words += [option] * (option not in words) + ALONE
                words += SHORT if words[0] == 'train' else []
            if words[:2] == ['sample-city', 'whu'] and '--train' not in words:
                words += FEW
            assert main(words) == 0, line
