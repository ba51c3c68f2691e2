from mmseg.registry import DATASETS

from mmseg_cube.datasets.building import BuildingDataset


@DATASETS.register_module()
class WBDDataset(BuildingDataset):
    """WBD, the Waterloo Building Dataset.

    * source: He et al., Geomatica 75(3), 2022
    * imagery: Kitchener-Waterloo, Canada; 0.12 m per pixel, RGB
    * tiles: 512 x 512 px, cut from 8350 x 8350 px orthophotos in 17 x 17
      tiles of which the last row and column are padded (158 px valid)
    * counts: 6,887 tiles in the validation split; none is required here
    * masks: one band, 0 background and 255 building
    * splits: ``{train,val,test}/{image,label}``, the second also called
      ``validation``; stems are integers, listed in numerical order

    Arguments and errors are those of ``BuildingDataset``.
    """
