# mmengine looks for it here when it meets the scope mmseg_cube.
from mmseg_cube.register import register_all_modules

__all__ = ['register_all_modules']
