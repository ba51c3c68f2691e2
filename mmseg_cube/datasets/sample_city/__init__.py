"""The sample city: drawn aerial scenes in the layouts of real datasets."""

from .layouts import write_inria, write_wbd, write_whu
from .scene import draw_scene

__all__ = ['draw_scene', 'write_inria', 'write_wbd', 'write_whu']
