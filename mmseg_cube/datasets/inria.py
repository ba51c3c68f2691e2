from collections.abc import Sequence

from mmseg.registry import DATASETS

from .building import BuildingDataset
from .inria_tiles import TEST_REGIONS, TRAINING_REGIONS, in_part, parse_tile
from .layout import Layout


@DATASETS.register_module()
class InriaDataset(BuildingDataset):
    """Inria Aerial Image Labeling, whole tiles.

    * source: Maggiori et al., IGARSS 2017, doi 10.1109/IGARSS.2017.8127684
    * tiles: 5000 x 5000 px RGB GeoTIFF, 0.3 m per pixel, 36 per region
    * masks: one band, 0 background and 255 building; none for ``test``
    * splits: ``val`` (25) is tiles 1-5 of the five training regions,
      ``train`` (155) their rest, ``test`` (180) five other regions
    * layout: ``{train,test}/images/<region><n>.tif``, ``train/gt/`` likewise

    Arguments and errors are those of ``BuildingDataset``, and ``regions``:
    the regions to use, by default all of the split.
    """

    LAYOUT = Layout(
        dict(train=['train'], val=['train'], test=['test']),
        images=['images'],
        masks=['gt'],
        roots=['aerialimagedataset'],
        unlabelled=['test'],
    )

    def __init__(
        self,
        split: str = 'train',
        data_root: str = 'data/AerialImageDataset',
        regions: Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        known = TEST_REGIONS if split == 'test' else TRAINING_REGIONS
        self.regions = known if regions is None else tuple(regions)
        if not self.regions or not set(self.regions) <= set(known):
            raise ValueError(
                f'regions of split {split!r} must be some of '
                f'{", ".join(known)}, not {self.regions}'
            )
        super().__init__(split, data_root, **kwargs)

    def wants(self, part: str, stem: str) -> bool:
        """Apply the split rule and the choice of regions."""
        region, number = parse_tile(stem)
        return region in self.regions and in_part(number, part)

    def describe(self, stem: str) -> dict[str, str | int]:
        """Return region and tile number, which the file name gives."""
        return dict(zip(('region', 'tile'), parse_tile(stem), strict=True))
