"""Cube Kernel layers, networks and building datasets for MMSegmentation.

Importing this package registers everything it offers. A config does so with
``custom_imports = dict(imports=['mmseg_cube'], allow_failed_imports=False)``.
"""

from mmseg_cube.utils import register_all_modules
from mmseg_cube.version import __version__

register_all_modules(init_default_scope=False)

__all__ = ['__version__', 'register_all_modules']
