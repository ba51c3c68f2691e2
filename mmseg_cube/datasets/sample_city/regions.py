"""The Inria regions: where they lie and which town they look like."""

from dataclasses import dataclass

# Pixel size of all Inria tiles in metres.
GSD = 0.3


@dataclass(frozen=True)
class Region:
    """A region of the Inria set.

    Attributes:
        style: Kind of town.
        epsg: Code of its UTM zone.
        east: Easting of the first tile's left edge in metres.
        north: Northing of the first tile's upper edge in metres.
    """

    style: str
    epsg: int
    east: float
    north: float


REGIONS = {
    'austin': Region('austin', 32614, 616500.0, 3345000.0),
    'chicago': Region('chicago', 32616, 442500.0, 4634500.0),
    'kitsap': Region('kitsap', 32610, 528000.0, 5270000.0),
    'tyrol-w': Region('tyrol', 32632, 633000.0, 5235000.0),
    'vienna': Region('vienna', 32633, 598500.0, 5342500.0),
    'bellingham': Region('kitsap', 32610, 536500.0, 5401500.0),
    'bloomington': Region('suburb', 32616, 538500.0, 4336500.0),
    'innsbruck': Region('vienna', 32632, 680000.0, 5238500.0),
    'sfo': Region('san-francisco', 32610, 549000.0, 4180500.0),
    'tyrol-e': Region('tyrol', 32633, 328500.0, 5189000.0),
}
TRAIN_REGIONS = ('austin', 'chicago', 'kitsap', 'tyrol-w', 'vienna')
TEST_REGIONS = tuple(name for name in REGIONS if name not in TRAIN_REGIONS)
