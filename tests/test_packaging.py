"""The wheel is built, installed elsewhere and used as mim and hub use it."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
(CONFIG,) = (ROOT / 'configs').glob('*/cube-unet_convnext-t_1xb8-80k_wbd-*')
# Hidden names hold environments and caches, among them links in '.mim'.
NOT_SOURCE = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'data',
              'work_dirs')  # fmt: skip
# Hide a package that is installed.
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == {name!r}:
            raise ModuleNotFoundError('No module named ' + repr(name),
                                      name=name)
sys.meta_path.insert(0, Block())
"""
# The site folder goes first, before an editable installation.
USE = """
sys.path.insert(0, {site!r})
sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f)]
import mmseg_cube
assert mmseg_cube.__file__.startswith({site!r})
from mmengine.config import Config
from mmengine.hub import get_config
name = 'mmseg_cube::{config}'
head = get_config(name).model.decode_head
assert head.type == 'UNetHead', head
open('child.py', 'w').write(f'_base_ = {{name!r}}')
assert Config.fromfile('child.py').model.decode_head == head
from importlib.metadata import distributions
(found,) = distributions(name='mmsegmentation-cube', path=[{site!r}])
(command,) = [e for e in found.entry_points if e.name == 'mmseg-cube']
assert command.load()(['--version']) == 0
"""


def run(code, cwd, ok=True):
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=cwd, capture_output=True, text=True
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """The source distribution of a copy of the source, unpacked."""
    pytest.importorskip('wheel', reason='make setup brings it')
    folder = tmp_path_factory.mktemp('source')
    tree = folder / 'tree'
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    weights = tree / 'mmseg_cube' / 'weights'
    weights.mkdir(exist_ok=True)
    (weights / 'roofs.pth').touch()
    build = 'from setuptools.build_meta import build_sdist; build_sdist("..")'
    run(build, cwd=tree)
    (archive,) = folder.glob('*.tar.gz')
    with tarfile.open(archive) as file:
        assert not [name for name in file.getnames() if '/.mim' in name]
        file.extractall(folder / 'unpacked', filter='data')
    (source,) = (folder / 'unpacked').iterdir()
    return source


@pytest.fixture(scope='module')
def wheel(source):
    """A wheel made from the source distribution, as an index would get it."""
    build = 'from setuptools.build_meta import build_wheel; build_wheel("..")'
    run(build, cwd=source)
    assert not (source / 'mmseg_cube' / '.mim').exists()
    (wheel,) = source.parent.glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        yield archive


def test_wheel_has_all_configs_and_tools(wheel):
    names = set(wheel.namelist())
    mim = 'mmseg_cube/.mim/'
    assert mim + 'model-index.yml' in names
    assert 'mmseg_cube/weights/roofs.pth' in names
    configs, tools = (ROOT / 'configs').rglob('*.py'), ROOT / 'tools'
    for path in (*configs, *tools.rglob('*.py'), *tools.glob('*.sh')):
        assert mim + path.relative_to(ROOT).as_posix() in names
    assert not any(name.startswith(('tests', 'tools')) for name in names)


def test_wheel_metadata(wheel):
    (name,) = [n for n in wheel.namelist() if n.endswith('/METADATA')]
    text = wheel.read(name).decode()
    needs = [line for line in text.splitlines() if 'Requires-Dist' in line]
    always = ' '.join(line for line in needs if 'extra ==' not in line)
    assert 'rasterio' in always
    for name in ('mmcv', 'mmengine', 'mmsegmentation', 'torch'):
        assert name not in always
    assert 'Requires-Python: >=3.10' in text


def test_editable_build_replaces_stale_copies_by_links(source, tmp_path):
    stale = source / 'mmseg_cube' / '.mim' / 'configs' / 'old.py'
    stale.parent.mkdir(parents=True)
    stale.write_text('')
    code = 'from setuptools.build_meta import build_editable as build; '
    run(f'{code} build({str(tmp_path)!r})', cwd=source)
    mim = source / 'mmseg_cube' / '.mim'
    assert (mim / 'configs').is_symlink()
    assert not stale.exists()
    assert (mim / 'configs').resolve() == source / 'configs'
    assert (mim / 'model-index.yml').resolve() == source / 'model-index.yml'
    shutil.rmtree(mim)


def test_installed_wheel_serves_configs_and_command(wheel, tmp_path):
    site = tmp_path / 'site'
    wheel.extractall(site)
    config = f'{CONFIG.parent.name}/{CONFIG.name}'
    # The network does without mmpretrain; mmseg of OneDL imports it itself.
    code = BLOCK.format(name='mmpretrain')
    run(code + USE.format(site=str(site), config=config), cwd=tmp_path)


def test_missing_mmseg_is_said_in_one_line(tmp_path):
    code = BLOCK.format(name='mmseg') + 'import mmseg_cube'
    last = run(code, cwd=tmp_path, ok=False).strip().splitlines()[-1]
    assert last.startswith('ImportError: mmseg_cube needs mmseg, ')
    assert 'pip install' in last
