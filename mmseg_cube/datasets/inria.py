from collections.abc import Sequence

from mmcv.transforms import LoadImageFromFile
from mmseg.registry import DATASETS

from .building import BuildingDataset
from .inria_plan import WindowPlan
from .inria_tiles import TEST_REGIONS, TRAINING_REGIONS, in_part, parse_tile
from .inria_windows import WINDOW_SIZE
from .layout import Layout


@DATASETS.register_module()
class InriaDataset(BuildingDataset):
    """Inria Aerial Image Labeling, read as windows of its tiles.

    * source: Maggiori et al., IGARSS 2017, doi 10.1109/IGARSS.2017.8127684
    * tiles: 5000 x 5000 px RGB GeoTIFF, 0.3 m per pixel, 36 per region
    * masks: one band, 0 background and 255 building; none for ``test``
    * splits: ``val`` (25) is tiles 1-5 of the five training regions,
      ``train`` (155) their rest, ``test`` (180) five other regions
    * layout: ``{train,test}/images/<region><n>.tif``, ``train/gt/`` likewise

    Published scores follow one of two protocols, which differ by several
    points of IoU:

    * ``full``: every pixel of the tiles;
    * ``buildformer``: tiles are padded to 5120 x 5120 by reflection and cut
      into patches of 512 x 512, and only those with more than 5 % building
      are trained on, validated on and, since the same patches serve as test,
      tested on. On the real data these are 9,737 patches for training and
      1,942 for validation, as published.

    Load the samples with ``LoadRasterWindow``. They also hold ``region`` and
    ``tile``, its number.

    Errors and other arguments are those of ``BuildingDataset``.

    Args:
        split: One of ``SPLITS``.
        data_root: Folder ``AerialImageDataset``, or its parent.
        regions: Regions to use, by default all of the split.
        protocol: ``full`` or ``buildformer``.
        windows: ``random``: each sample is a window that is drawn anew
            whenever it is loaded; ``grid``: the windows of the protocol, and
            under ``full`` each pixel counts in one of them only, however
            they overlap; ``whole``: whole tiles. By default ``random`` to
            train on ``full`` and ``grid`` for all else.
        window_size: Side of the windows in pixels; published ones use 512.
        stride: Distance of neighbouring windows of a grid, ``window_size``
            by default.
        windows_per_tile: Random windows of each tile in an epoch; by default
            as many as cover it.
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
        protocol: str = 'full',
        windows: str | None = None,
        window_size: int = WINDOW_SIZE,
        stride: int | None = None,
        windows_per_tile: int | None = None,
        **kwargs,
    ) -> None:
        known = TEST_REGIONS if split == 'test' else TRAINING_REGIONS
        self.regions = known if regions is None else tuple(regions)
        if not self.regions or not set(self.regions) <= set(known):
            raise ValueError(
                f'regions of split {split!r} must be some of '
                f'{", ".join(known)}, not {self.regions}'
            )
        if windows is None:
            trains = 'train' in split and not kwargs.get('test_mode')
            random = trains and protocol == 'full'
            windows = 'random' if random else 'grid'
        self.plan = WindowPlan(
            protocol, windows, window_size, stride, windows_per_tile
        )
        super().__init__(split, data_root, **kwargs)
        self._metainfo.update(protocol=protocol)

    def load_data_list(self) -> list[dict]:
        """List the windows of the split's tiles."""
        self._check_pipeline()
        tiles = super().load_data_list()
        return self.plan.apply(type(self).__name__, tiles, self.root(tiles))

    def wants(self, part: str, stem: str) -> bool:
        """Apply the split rule and the choice of regions."""
        region, number = parse_tile(stem)
        return region in self.regions and in_part(number, part)

    def describe(self, stem: str) -> dict[str, str | int]:
        """Return region and tile number, which the file name gives."""
        return dict(zip(('region', 'tile'), parse_tile(stem), strict=True))

    def _check_pipeline(self) -> None:
        loaders = map(type, self.pipeline.transforms)
        if self.plan.windows != 'whole' and LoadImageFromFile in loaders:
            raise ValueError(
                'LoadImageFromFile loads whole tiles, but the samples are '
                'windows. Put LoadRasterWindow in place of LoadImageFromFile '
                'and LoadBuildingMask, or set windows="whole"'
            )
