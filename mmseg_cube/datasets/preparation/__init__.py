"""From what people have to tiles of one ground resolution."""

from mmseg_cube.datasets.preparation.prepare import Aim, prepare

__all__ = ['Aim', 'prepare']
