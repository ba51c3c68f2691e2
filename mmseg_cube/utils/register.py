"""Registration of the package with OpenMMLab."""

import importlib

ROOMS = ('layers', 'models', 'datasets', 'evaluation', 'engine')
NEEDED = ('mmengine', 'mmcv', 'mmseg')


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register every layer, network, dataset, metric and hook.

    Args:
        init_default_scope: Also make ``mmseg`` the default scope, for
            scripts that build parts without mmengine's Runner.

    Raises:
        ImportError: If mmengine, mmcv or mmsegmentation is missing; the
            message says how to install them.
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise ImportError(
                f'mmseg_cube needs {name}, which is not installed. Install '
                'one stack: pip install "mmsegmentation-cube[onedl]" or, for '
                'upstream OpenMMLab, "mmsegmentation-cube[openmmlab]".'
            ) from error
    # Only now is mmengine known to be there.
    from mmseg_cube.utils import mmengine_gaps

    mmengine_gaps.announce_package()
    mmengine_gaps.allow_processes_without_gpu()
    mmengine_gaps.write_scores_once()
    for room in ROOMS:
        importlib.import_module(f'mmseg_cube.{room}')
    if init_default_scope:
        from mmseg.utils import register_all_modules as register_mmseg

        register_mmseg(init_default_scope=True)
