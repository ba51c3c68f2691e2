"""WHU's tiles to the folders of ``WHUBuildingDataset``."""

from pathlib import Path

from mmseg_cube.datasets.conversion.convert import Conversion, Recipe, convert


def convert_whu(
    source: Path,
    out: Path,
    image_format: str = 'png',
    workers: int | None = None,
) -> Conversion:
    """Write tiles of the aerial set or of satellite set II in one form.

    ``{train,val,test}/{image,label}/<tile>.png``, masks of one band with 0
    and 255. Tiles of the folders ``train_no`` and ``test_no`` of satellite
    set II join ``train`` and ``test`` under the name ``no_<tile>``.

    Arguments and errors are those of :func:`convert`.
    """
    recipe = Recipe(dict(dataset='whu', protocol='tiles'))
    return convert(source, out, recipe, image_format, workers)
