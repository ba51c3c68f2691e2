"""The wheel is built, installed elsewhere and used as mim and hub use it."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

from mmseg_cube.datasets.sample_city import write_whu

ROOT = Path(__file__).resolve().parents[1]
(CONFIG,) = (ROOT / 'configs').glob('*/cube-unet_convnext-t_1xb8-80k_wbd-*')
SAMPLE = 'cube-unet_convnext-atto_1xb8-600_sample-city-128x128.py'
# Hidden names hold environments and caches, among them links in '.mim'.
NOT_SOURCE = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'data',
              'work_dirs')  # fmt: skip
# As if a package was not installed.
BLOCK = 'import sys; sys.modules[{name!r}] = None\n'
MISSING = """
try:
    import mmseg_cube
except ImportError as error:
    print(error, flush=True)
sys.argv[0] = 'mmseg-cube'
from mmseg_cube.cli import main
sys.exit(main(['check']))
"""
USE = """
import mmseg_cube
assert mmseg_cube.__file__.startswith({site!r})
from mmengine.config import Config
from mmengine.hub import get_config
name = 'mmseg_cube::{config}'
head = get_config(name).model.decode_head
assert head.type == 'UNetHead', head
open('child.py', 'w').write(f'_base_ = {{name!r}}')
assert Config.fromfile('child.py').model.decode_head == head
"""
ROOFS = """
from mmseg_cube.cli import main
city = 'sample-city inria --out city --size 128 --tiles-per-region 1'
for words in (
    f'{city} --regions austin --test-tiles 0',
    'predict city/AerialImageDataset/train/images/austin1.tif --out map',
    'polygonize map/austin1_probability.tif --out roofs.gpkg',
):
    assert main(words.split()) == 0
"""
# A strict checker knows the types of what is public, and wrong ones.
TYPED = """
from pathlib import Path

from torch import Tensor, nn, zeros

import mmseg_cube
from mmseg_cube.datasets import WHUBuildingDataset
from mmseg_cube.evaluation import BuildingMetric
from mmseg_cube.inference import Tiling, predict_raster
from mmseg_cube.layers import CubeConv2d, CubeKernelBlock, switch_to_deploy
from mmseg_cube.models import CubeBackbone, UNetHead
from mmseg_cube.ops import sinkhorn

version: str = mmseg_cube.__version__
mmseg_cube.register_all_modules()
conv: nn.Conv2d = CubeConv2d(8, 4, kernel_size=3, router=dict(), mask=dict())
order: Tensor = sinkhorn(zeros(1, 4, 4), temperature=1, iterations=2)
block: nn.Module = switch_to_deploy(CubeKernelBlock(8))
CubeConv2d(8, 4, 'three')  # type: ignore[arg-type]
sinkhorn(zeros(1, 4, 4), iterations='two')  # type: ignore


def predict(model: nn.Module, path: Path) -> int:
    return len(predict_raster(model, path, Tiling(64)))
"""


def run(*words, cwd, ok=True, site=None):
    """Run Python, with what is installed in a folder first."""
    places = map(str, filter(None, [site, os.environ.get('PYTHONPATH')]))
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(places))
    # Bytecode that is not asked for is a warning of setuptools.
    env.pop('PYTHONDONTWRITEBYTECODE', None)
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=env,
    )
    # ok=None: either way.
    assert ok in (None, done.returncode == 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def build(kind, cwd):
    """Build a distribution beside its source, without a warning."""
    code = f'from setuptools.build_meta import build_{kind} as build; '
    # The package wheel says in a FutureWarning that it will not be needed.
    quiet = '-W', 'ignore::FutureWarning'
    said = run(*quiet, '-c', f'{code} build("..")', cwd=cwd).lower()
    assert 'warning' not in said and 'deprecated' not in said, said


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
    build('sdist', tree)
    (archive,) = folder.glob('*.tar.gz')
    with tarfile.open(archive) as file:
        assert not [name for name in file.getnames() if '/.mim' in name]
        file.extractall(folder / 'unpacked', filter='data')
    (source,) = (folder / 'unpacked').iterdir()
    for name in ('Makefile', 'CHANGELOG.md', 'docs/images/demo.png', 'tests'):
        assert (source / name).exists()
    return source


@pytest.fixture(scope='module')
def wheel(source):
    """A wheel made from the source distribution, as an index would get it."""
    build('wheel', source)
    assert not (source / 'mmseg_cube' / '.mim').exists()
    (wheel,) = source.parent.glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        yield archive


@pytest.fixture(scope='module')
def site(wheel, tmp_path_factory):
    """A folder in which the wheel is installed, and nothing else written."""
    site = tmp_path_factory.mktemp('installed') / 'site'
    pip = ('-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index')
    run(*pip, '--target', site, wheel.filename, cwd=site.parent)
    times = {path: path.stat().st_mtime_ns for path in site.rglob('*')}
    yield site
    assert times == {p: p.stat().st_mtime_ns for p in site.rglob('*')}


def test_wheel_has_all_configs_and_tools(wheel):
    names = set(wheel.namelist())
    mim = 'mmseg_cube/.mim/'
    assert mim + 'model-index.yml' in names
    assert 'mmseg_cube/weights/roofs.pth' in names
    assert 'mmseg_cube/inference/styles/mask.qml' in names
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
    version = re.search('^Version: (.+)$', text, re.M)[1]
    changes = (ROOT / 'CHANGELOG.md').read_text()
    assert re.search(r'^## \[([\d.]+)\]', changes, re.M)[1] == version
    # An index shows the README without the files beside it.
    links = re.findall(r'\]\(([^)#]+)\)', text)
    ours = [link for link in links if '/mmseg_cube/' in link]
    assert len(ours) > 20 and all(x.startswith('https://') for x in links)
    for link in ours:
        assert (ROOT / re.split('/(?:blob|raw)/main/', link)[1]).exists()


def test_editable_build_replaces_stale_copies_by_links(source, tmp_path):
    stale = source / 'mmseg_cube' / '.mim' / 'configs' / 'old.py'
    stale.parent.mkdir(parents=True)
    stale.write_text('')
    code = 'from setuptools.build_meta import build_editable as build; '
    run('-c', f'{code} build({str(tmp_path)!r})', cwd=source)
    mim = source / 'mmseg_cube' / '.mim'
    assert (mim / 'configs').is_symlink()
    assert not stale.exists()
    assert (mim / 'configs').resolve() == source / 'configs'
    assert (mim / 'model-index.yml').resolve() == source / 'model-index.yml'
    shutil.rmtree(mim)
    # Where nothing is installed, configs lie beside the package.
    code = 'from mmseg_cube.utils.default_network import CONFIG; print(CONFIG)'
    wanted = source / 'configs' / '_base_' / 'own_tiles.py'
    assert str(wanted) in run('-c', code, cwd=source)


def test_installed_wheel_serves_configs(site, tmp_path):
    config = f'{CONFIG.parent.name}/{CONFIG.name}'
    # The network does without mmpretrain; mmseg of OneDL imports it itself.
    code = BLOCK.format(name='mmpretrain')
    code += USE.format(site=str(site), config=config)
    run('-c', code, cwd=tmp_path, site=site)


def test_installed_command_finds_roofs(site, tmp_path):
    said = run(site / 'bin' / 'mmseg-cube', 'check', cwd=tmp_path, site=site)
    assert str(site) in said and 'all is well' in said
    run('-c', ROOFS, cwd=tmp_path, site=site)
    assert (tmp_path / 'roofs.gpkg').exists()


def test_mim_trains_what_is_installed(site, tmp_path):
    pytest.importorskip('mim', reason='make setup brings it')

    def mim(words, ok=True):
        return run('-m', 'mim', *words.split(), cwd=tmp_path, site=site, ok=ok)

    package, config, city = 'mmsegmentation-cube', SAMPLE, 'data/sample_city'
    forks = bool(list(distributions(name='onedl-mim')))
    said = mim(f'search {package} --model convnext-unet', ok=None)
    found = 'config id: unet_conv' in said
    assert found or (forks and 'is not found' in said), said
    if not found:
        # onedl-mim 0.5.1 takes a command of the package for its folder.
        (config,) = (site / 'mmseg_cube' / '.mim').rglob(SAMPLE)
        package = 'mmseg'
    write_whu(tmp_path / city / 'whu', dict(train=2, val=1, test=1), 128)
    short = 'train_cfg.max_iters=1 train_cfg.val_interval=1'
    mim(f'train {package} {config} --work-dir run --cfg-options {short}')
    weights = tmp_path / 'run' / 'iter_1.pth'
    said = mim(f'test {package} {config} --checkpoint {weights}')
    assert 'building/IoU' in said


def test_public_names_pass_a_type_checker(site, tmp_path):
    pytest.importorskip('mypy', reason='make setup brings it')
    (tmp_path / 'typed.py').write_text(TYPED)
    words = '-m', 'mypy', '--strict', '--no-incremental', 'typed.py'
    run(*words, cwd=tmp_path, site=site)


@pytest.mark.parametrize('name', ['torch', 'mmcv', 'mmseg'])
def test_missing_package_is_said_in_one_line(name, tmp_path):
    code = BLOCK.format(name=name) + MISSING
    first, second = run('-c', code, cwd=tmp_path, ok=False).splitlines()
    assert first.startswith(f'mmseg_cube needs {name}, ')
    assert 'pip install "mmsegmentation-cube[onedl]"' in second
