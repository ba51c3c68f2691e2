"""Networks, registered in mmseg's registry."""

from mmseg_cube.models.decode_heads import UNetHead

__all__ = ['UNetHead']
