from mmseg_cube.models.backbones.cube_backbone import CubeBackbone

__all__ = ['CubeBackbone']
