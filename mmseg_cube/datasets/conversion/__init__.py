"""From raw archives to patches on disk, and the check of what is there."""

from .inria import convert_inria
from .result import Conversion
from .wbd import convert_wbd
from .whu import convert_whu

__all__ = ['Conversion', 'convert_inria', 'convert_wbd', 'convert_whu']
