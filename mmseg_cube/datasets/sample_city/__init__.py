"""The sample city: drawn aerial scenes in the layouts of real datasets."""

from mmseg_cube.datasets.sample_city.layouts import (
    write_inria,
    write_wbd,
    write_whu,
)
from mmseg_cube.datasets.sample_city.scene import draw_scene

__all__ = ['draw_scene', 'write_inria', 'write_wbd', 'write_whu']
