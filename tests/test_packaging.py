"""The wheel is built, installed elsewhere and used as mim and hub use it."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
(CONFIG,) = (ROOT / 'configs').glob('*/cube-unet_convnext-t_1xb8-80k_wbd-*')
FAMILY = CONFIG.parent
# Hidden names hold environments and caches, among them links in '.mim'.
NOT_SOURCE = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'data',
              'work_dirs')  # fmt: skip


def run(*command, cwd, ok=True):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def build(tree, kind, out):
    """Build with the setuptools that is installed, without the network."""
    if importlib.util.find_spec('wheel') is None:
        pytest.skip('building needs the package wheel; make setup brings it')
    code = f'from setuptools.build_meta import build_{kind} as build; '
    run(sys.executable, '-c', f'{code} build({str(out)!r})', cwd=tree)


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    """A copy of the source, so that no build touches the original."""
    tree = tmp_path_factory.mktemp('source') / 'tree'
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    return tree


@pytest.fixture(scope='module')
def wheel(tree, tmp_path_factory):
    """A wheel made from the source distribution, as an index would get it."""
    out = tmp_path_factory.mktemp('dist')
    build(tree, 'sdist', out)
    (sdist,) = out.glob('*.tar.gz')
    with tarfile.open(sdist) as archive:
        assert not [n for n in archive.getnames() if '/.mim' in n]
    run(
        sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-index',
        '--no-build-isolation', '-w', out, sdist, cwd=out,
    )  # fmt: skip
    (wheel,) = out.glob('*.whl')
    return wheel


def test_wheel_has_all_configs_and_tools(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    mim = 'mmseg_cube/.mim/'
    assert mim + 'model-index.yml' in names
    for path in (ROOT / 'configs').rglob('*.py'):
        assert mim + path.relative_to(ROOT).as_posix() in names
    for tool in (
        'train.py', 'test.py', 'dist_train.sh', 'dist_test.sh',
        'slurm_train.sh', 'slurm_test.sh',
    ):  # fmt: skip
        assert f'{mim}tools/{tool}' in names
    assert not any(name.startswith(('tests', 'tools')) for name in names)


def test_build_leaves_no_mim_in_the_source(tree, wheel):
    assert not (tree / 'mmseg_cube' / '.mim').exists()


def test_editable_build_replaces_stale_copies_by_links(tree, tmp_path):
    stale = tree / 'mmseg_cube' / '.mim' / 'configs' / 'old.py'
    stale.parent.mkdir(parents=True)
    stale.write_text('')
    build(tree, 'editable', tmp_path)
    mim = tree / 'mmseg_cube' / '.mim'
    assert (mim / 'configs').is_symlink()
    assert not stale.exists()
    assert (mim / 'configs').resolve() == tree / 'configs'
    assert (mim / 'model-index.yml').resolve() == tree / 'model-index.yml'
    shutil.rmtree(mim)


@pytest.mark.xfail(
    not re.fullmatch(r'\w+', FAMILY.name),
    reason='mmengine takes no hyphen in the folder of package::folder/file',
    strict=True,
)
def test_installed_wheel_serves_its_configs(wheel, tmp_path):
    site = tmp_path / 'site'
    run(
        sys.executable, '-m', 'pip', 'install', '--no-deps', '--no-index',
        '--target', site, wheel, cwd=tmp_path,
    )  # fmt: skip
    # The folder goes first, before an editable installation.
    code = (
        f'import sys; sys.path.insert(0, {str(site)!r})\n'
        'sys.meta_path[:] = [f for f in sys.meta_path'
        ' if "editable" not in repr(f)]\n'
        'import mmseg_cube\n'
        f'assert mmseg_cube.__file__.startswith({str(site)!r})\n'
        'from mmengine.config import Config\n'
        'from mmengine.hub import get_config\n'
        f'name = "mmseg_cube::{FAMILY.name}/{CONFIG.name}"\n'
        'head = get_config(name).model.decode_head\n'
        'assert head.type == "UNetHead", head\n'
        'open("child.py", "w").write(f"_base_ = {name!r}")\n'
        'assert Config.fromfile("child.py").model.decode_head == head\n'
        'print("configs served")\n'
    )
    assert 'configs served' in run(sys.executable, '-c', code, cwd=tmp_path)


def test_index_and_metafiles_name_every_config():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    metafiles = {ROOT / name for name in index['Import']}
    assert metafiles == set((ROOT / 'configs').glob('*/metafile.yml'))
    for metafile in metafiles:
        content = yaml.safe_load(metafile.read_text())
        collections = {c['Name'] for c in content['Collections']}
        listed = set()
        for model in content['Models']:
            path = ROOT / model['Config']
            assert path.parent == metafile.parent
            assert path.stem == model['Name']
            assert model['In Collection'] in collections
            listed.add(path)
        assert len(listed) == len(content['Models'])
        assert listed == set(metafile.parent.glob('*.py'))


def test_wheel_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith('/METADATA')]
        text = archive.read(name).decode()
    needs = [line for line in text.splitlines() if 'Requires-Dist' in line]
    always = ' '.join(line for line in needs if 'extra ==' not in line)
    assert 'rasterio' in always
    for name in ('mmcv', 'mmengine', 'mmsegmentation', 'torch'):
        assert name not in always
    assert 'Requires-Python: >=3.10' in text


def imported_names(path):
    """All modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f'{node.module}.{a.name}' for a in node.names)


def test_no_file_imports_the_compiled_operators():
    paths = list((ROOT / 'mmseg_cube').rglob('*.py'))
    assert len(paths) > 10
    for path in paths:
        for name in imported_names(path):
            assert not name.startswith(('mmcv.ops', 'mmcv._ext')), path


# mmseg of OneDL imports mmpretrain for itself, where it is there.
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == {name!r}:
            raise ModuleNotFoundError('No module named ' + repr(name),
                                      name=name)
sys.meta_path.insert(0, Block())
import mmseg_cube
"""


def test_import_needs_no_mmpretrain():
    code = BLOCK.format(name='mmpretrain') + 'print(mmseg_cube.__file__)\n'
    imported = str(ROOT / 'mmseg_cube' / '__init__.py')
    assert imported in run(sys.executable, '-c', code, cwd=ROOT)


def test_missing_mmseg_is_said_in_one_line():
    code = BLOCK.format(name='mmseg')
    output = run(sys.executable, '-c', code, cwd=ROOT, ok=False)
    last = output.strip().splitlines()[-1]
    assert last.startswith('ImportError: mmseg_cube needs mmseg, ')
    assert 'pip install' in last
