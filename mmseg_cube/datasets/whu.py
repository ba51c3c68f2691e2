from mmseg.registry import DATASETS

from mmseg_cube.datasets.building import BuildingDataset


@DATASETS.register_module()
class WHUBuildingDataset(BuildingDataset):
    """WHU Building Dataset, aerial part, cropped tiles.

    * source: Ji, Wei, Lu, IEEE TGRS 57(1), 2019, doi 10.1109/TGRS.2018.2858817
    * imagery: Christchurch, New Zealand; 0.3 m per pixel, RGB
    * tiles: 512 x 512 px; train 4,736, val 1,036, test 2,416
    * masks: one band, 0 background and 255 building; mirrors also have 0/1
      or three equal bands
    * splits: the folders of the archive; some papers train on ``train+val``

    The archive unpacks to ``3. The cropped image tiles and raster labels/
    {train,val,test}/{image,label}/*.tif``; its number and name have changed
    over the years. ``data_root`` is that folder or its parent. Mirrors may
    name the folders ``Image``/``Mask``, ``images``/``labels`` and so on, and
    hold png or jpg files.

    Arguments and errors are those of ``BuildingDataset``.
    """
