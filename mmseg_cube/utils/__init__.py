from mmseg_cube.utils.register import register_all_modules

__all__ = ['register_all_modules']
