"""Cube Kernel layers, networks and building datasets for MMSegmentation.

Importing this package registers everything it offers. A config does so with
``custom_imports = dict(imports=['mmseg_cube'], allow_failed_imports=False)``.
"""

import sys
from pathlib import Path

from mmseg_cube.register import register_all_modules
from mmseg_cube.version import __version__

__all__ = ['__version__', 'register_all_modules']

# Our own command registers once it knows that it needs to: its help is there
# before torch and OpenMMLab are loaded.
if Path(sys.argv[0]).stem != 'mmseg-cube':
    register_all_modules(init_default_scope=False)
