"""Registration of the package with OpenMMLab."""

import contextlib
import importlib
import io
import warnings
from collections.abc import Iterator

ROOMS = 'layers', 'models', 'datasets', 'evaluation', 'engine'
PARTS = *ROOMS, 'utils.default_network'  # whose address configs may name
NEEDED = ('torch', 'mmengine', 'mmcv', 'mmseg')


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register every layer, network, dataset, metric and hook.

    Args:
        init_default_scope: Also make ``mmseg`` the default scope, for
            scripts that build parts without mmengine's Runner.

    Raises:
        ImportError: If torch, mmengine, mmcv or mmsegmentation is missing;
            the message says how to install them.
    """
    with without_notices():
        for name in NEEDED:
            _need(name)
        # Only now is mmengine known to be there.
        from mmengine.config.utils import MODULE2PACKAGE

        # How get_config('mmseg_cube::...') finds the packaged configs:
        # mmengine has a table of packages and no other way in.
        MODULE2PACKAGE.setdefault('mmseg_cube', 'mmseg_cube')
        for part in PARTS:
            importlib.import_module(f'mmseg_cube.{part}')
    if init_default_scope:
        from mmseg.utils import register_all_modules as register_mmseg

        register_mmseg(init_default_scope=True)


@contextlib.contextmanager
def without_notices() -> Iterator[None]:
    """Hold back what OpenMMLab says of optional parts while it is imported.

    It prints "Could not import OneDL" and warns of missing operators, none
    of which is used here.
    """
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Fail to import')
        yield


def _need(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(
            f'mmseg_cube needs {name}, which is not installed. Install '
            'one stack: pip install "mmsegmentation-cube[onedl]" or, for '
            'upstream OpenMMLab on Python 3.10, pip install '
            '"mmsegmentation-cube[openmmlab]" and after it '
            'pip install --no-build-isolation mmcv==2.1.0 '
            '(compiles; with a GPU put CUDA_VISIBLE_DEVICES= before it)'
        ) from error
