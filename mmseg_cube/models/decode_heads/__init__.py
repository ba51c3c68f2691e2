from mmseg_cube.models.decode_heads.unet_head import UNetHead

__all__ = ['UNetHead']
