"""Packaging of mmseg_cube.

OpenMMLab finds the configs and tools of an installed package in a folder
``.mim`` inside it. An editable installation gets links there, so that edits
take effect; a wheel gets copies, made in the build folder and never in the
source tree, where a later editable installation would use them stale.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.develop import develop

ROOT = Path(__file__).resolve().parent
MODULE = 'mmseg_cube'
SHARED = ('configs', 'tools', 'model-index.yml')
LEFT_OUT = ('__pycache__', '.*')
# timm has the backbone of the default network.
FORKS = (
    'timm',
    'onedl-mmengine',
    'onedl-mmcv',
    'onedl-mmsegmentation',
    'onedl-mmpretrain',
)
# With what they forget to name, and what compiles mmcv.
UPSTREAM = (
    'timm',
    'mmengine',
    'mmsegmentation',
    'mmpretrain',
    'ftfy',
    'regex',
    'numpy',
    'opencv-python',
    'setuptools',
    'wheel',
    'ninja',
)
HOME = 'https://github.com/mmseg-cube/mmseg_cube'


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():
        path.unlink()


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder."""
    if source.is_dir():
        ignore = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(source, target, ignore=ignore)
    else:
        shutil.copy2(source, target)


def fill_mim(package: Path, link: bool) -> None:
    """Make ``.mim`` anew, whatever was there.

    Args:
        package: Folder of the package, in the source or the build tree.
        link: Link instead of copying.
    """
    mim = package / '.mim'
    remove(mim)
    mim.mkdir(parents=True)
    for name in SHARED:
        source, target = ROOT / name, mim / name
        if link:
            try:
                # Relative, so that a checkout can be moved.
                target.symlink_to(os.path.relpath(source, mim))
                continue
            except OSError:  # Windows without the right to make links
                pass
        copy(source, target)


class BuildPy(build_py):
    """Add ``.mim`` to a wheel, or to the source tree when editable."""

    def run(self):
        """Build the modules, then fill ``.mim``."""
        super().run()
        if self.editable_mode:
            fill_mim(ROOT / MODULE, link=True)
        else:
            fill_mim(Path(self.build_lib) / MODULE, link=False)


class Develop(develop):
    """The older way to an editable installation, which builds no modules."""

    def run(self):
        """Link ``.mim``, then install."""
        fill_mim(ROOT / MODULE, link=True)
        super().run()


def version() -> str:
    """Read the version without importing the package and its needs."""
    text = (ROOT / MODULE / 'version.py').read_text(encoding='utf-8')
    return re.search(r"__version__ = '([^']+)'", text)[1]


def readme() -> str:
    """Return the long description, its links made whole.

    An index shows it without the files beside it.
    """
    text = (ROOT / 'README.md').read_text(encoding='utf-8')
    for link, kind in ((r'(!\[[^]]*\]\()', 'raw'), (r'(\]\()', 'blob')):
        text = re.sub(link + r'(?!https?:|#)', rf'\1{HOME}/{kind}/main/', text)
    return text


def tested(stack: str, *names: str) -> list[str]:
    """Return packages with the versions that requirements/ has for a stack."""
    text = (ROOT / 'requirements' / f'{stack}.txt').read_text()
    return [re.search(rf'^{name}==.+$', text, re.M)[0] for name in names]


setup(
    name='mmsegmentation-cube',
    version=version(),
    description=(
        'Cube Kernel layers, networks and building datasets for MMSegmentation'
    ),
    long_description=readme(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    author='The maintainers of mmseg_cube',
    url=HOME,
    project_urls={
        'Documentation': f'{HOME}/tree/main/docs',
        'Changes': f'{HOME}/blob/main/CHANGELOG.md',
        'Issues': f'{HOME}/issues',
    },
    keywords='semantic segmentation, building footprints, remote sensing',
    packages=find_packages(include=[MODULE, f'{MODULE}.*']),
    package_data={
        MODULE: [
            'py.typed',
            'analysis/leaderboard/published.csv',
            'inference/styles/*.qml',
            'weights/*.pth',
        ]
    },
    python_requires='>=3.10',
    # No OpenMMLab package and no torch: two sets of distributions share the
    # same import names, and the wrong one would overwrite the right one.
    install_requires=[
        'filelock',
        'joblib>=1.3',
        'matplotlib',
        'numpy',
        'opencv-python',
        'pillow',
        'platformdirs',
        'prettytable',
        'pyyaml',
        'rasterio>=1.3',
        'rich',
        'scipy>=1.9',
    ],
    extras_require={
        # What was tested, no other release: OpenMMLab's packages break with
        # newer torch and numpy. Who wants newer ones installs them apart.
        'onedl': tested('onedl', 'torch', 'torchvision', *FORKS),
        # mmcv compiles against the torch that is there, so it comes later.
        'openmmlab': tested('openmmlab', 'torch', 'torchvision', *UPSTREAM),
        'export': ['onnx', 'onnxruntime'],
        'openvino': ['onnx', 'openvino>=2024.0'],
        # Polygons: coverage_simplify came with shapely 2.1.
        'cities': ['pyogrio>=0.11', 'shapely>=2.1'],
        'parquet': ['pyarrow'],
        'dev': [
            'hypothesis',
            'import-linter',
            'mypy',
            'pytest',
            'pytest-cov',
            'pytest-xdist',
            'ruff',
            'scikit-learn',
            'setuptools>=64',
            'timm>=1.0',
            'wheel',
        ],
    },
    entry_points={
        'console_scripts': ['mmseg-cube = mmseg_cube.cli:main'],
    },
    cmdclass={'build_py': BuildPy, 'develop': Develop},
    zip_safe=False,
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: GIS',
    ],
)
