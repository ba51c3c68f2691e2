"""From raw archives to patches on disk, and the check of what is there."""

from mmseg_cube.datasets.conversion.convert import Conversion
from mmseg_cube.datasets.conversion.recipes import (
    convert_inria,
    convert_wbd,
    convert_whu,
)

__all__ = ['Conversion', 'convert_inria', 'convert_wbd', 'convert_whu']
