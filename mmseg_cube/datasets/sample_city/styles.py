"""What tells one town from another: structure, colours, vegetation."""

from dataclasses import dataclass, field

# Roof colours, RGB.
ROOF_COLOURS = {
    'red': (168, 112, 98),
    'orange': (190, 128, 104),
    'brown': (132, 110, 98),
    'umber': (104, 94, 88),
    'tan': (174, 160, 142),
    'slate': (108, 112, 118),
    'grey': (146, 146, 145),
    'light': (192, 191, 188),
    'white': (218, 217, 212),
    'green': (118, 134, 124),
    'blue': (116, 130, 148),
    'black': (84, 85, 88),
    'copper': (140, 160, 150),
}

# Colours between which each material varies, RGB.
VEGETATION = {
    'lush': {
        'lawn': ((78, 104, 80), (118, 132, 102)),
        'meadow': ((82, 112, 84), (124, 138, 106)),
        'soil': ((138, 124, 104), (164, 150, 128)),
        'litter': ((54, 68, 52), (84, 94, 68)),
        'leaf': (80, 104, 80),
        'needle': (56, 78, 70),
    },
    'dry': {
        'lawn': ((98, 106, 80), (144, 138, 110)),
        'meadow': ((118, 116, 84), (156, 144, 110)),
        'soil': ((150, 130, 104), (176, 156, 128)),
        'litter': ((72, 76, 56), (104, 98, 76)),
        'leaf': (82, 92, 68),
        'needle': (62, 76, 60),
    },
    'dull': {
        'lawn': ((84, 92, 68), (120, 116, 92)),
        'meadow': ((92, 96, 66), (124, 116, 86)),
        'soil': ((112, 100, 82), (142, 128, 106)),
        'litter': ((56, 62, 46), (84, 82, 62)),
        'leaf': (78, 86, 62),
        'needle': (58, 68, 56),
    },
}


@dataclass(frozen=True)
class Style:
    """A town.

    Pairs are ranges, lengths are metres, angles degrees.

    Attributes:
        built: Land uses with buildings and their weights.
        wild: Land uses without buildings and their weights.
        urban: Share of blocks with buildings.
        block: Range of block lengths.
        bend: Amplitude of bent streets.
        street: Range of carriageway widths.
        lot: Range of lot widths.
        lot_depth: Range of lot depths.
        setback: Distance of houses from the pavement.
        length: Range of house lengths along the ridge.
        width: Range of house widths.
        eaves: Range of eave heights.
        pitch: Range of roof pitches.
        roofs: Roof kinds and their weights.
        colours: Names of the roof colours, commoner ones repeated.
        across: Share of houses with the ridge across the street.
        loose: Turn of a house against its street, standard deviation.
        vegetation: Key of :data:`VEGETATION`.
        trees: Garden trees per 100 square metres.
        conifers: Share of conifers.
        pools: Share of gardens with a pool.
        asphalt: Grey level of the streets.
        alley: Whether an alley with garages runs through the block.
    """

    built: dict[str, float]
    wild: dict[str, float]
    urban: float = 0.8
    block: tuple[float, float] = (80.0, 140.0)
    bend: float = 0.0
    street: tuple[float, float] = (6.0, 9.0)
    lot: tuple[float, float] = (16.0, 22.0)
    lot_depth: tuple[float, float] = (26.0, 34.0)
    setback: tuple[float, float] = (4.0, 8.0)
    length: tuple[float, float] = (11.0, 17.0)
    width: tuple[float, float] = (8.0, 11.0)
    eaves: tuple[float, float] = (3.0, 6.0)
    pitch: tuple[float, float] = (18.0, 35.0)
    roofs: dict[str, float] = field(
        default_factory=lambda: {'gable': 3, 'hip': 3, 'wings': 3, 'flat': 1}
    )
    colours: tuple[str, ...] = ('grey', 'brown', 'slate', 'red', 'tan')
    across: float = 0.2
    loose: float = 2.0
    vegetation: str = 'lush'
    trees: float = 0.4
    conifers: float = 0.2
    pools: float = 0.05
    asphalt: float = 138.0
    alley: bool = False


SUBURB = Style(
    built={'houses': 8, 'offices': 1.2, 'flats': 0.8},
    wild={'parking': 2, 'park': 3, 'sport': 2, 'field': 2, 'forest': 1},
    lot=(17, 22),
    bend=6,
    colours=(
        *('grey', 'slate', 'brown', 'red', 'light', 'tan'),
        *('green', 'blue', 'umber', 'orange'),
    ),
    pools=0.08,
)
AUSTIN = Style(
    built={'houses': 8, 'offices': 2},
    wild={'parking': 2, 'park': 2, 'forest': 2, 'sport': 1, 'field': 1},
    bend=12,
    lot=(19, 25),
    length=(15, 20),
    width=(10, 13),
    pitch=(20, 35),
    roofs={'wings': 6, 'hip': 3, 'gable': 2, 'flat': 0.3},
    colours=('brown', 'grey', 'tan', 'grey', 'light', 'umber', 'slate'),
    vegetation='dry',
    trees=0.8,
    conifers=0.0,
    pools=0.12,
    asphalt=150,
)
CHICAGO = Style(
    built={'houses': 8, 'offices': 1.5, 'flats': 0.7},
    wild={'parking': 4, 'sport': 2, 'park': 2},
    urban=0.9,
    block=(110, 180),
    street=(8, 11),
    lot=(8.0, 10.0),
    lot_depth=(34, 40),
    setback=(3.5, 6.0),
    length=(14, 20),
    width=(5.8, 7.2),
    eaves=(5, 9),
    roofs={'flat': 5, 'gable': 5, 'hip': 1.5},
    colours=(
        *('brown', 'grey', 'light', 'slate', 'white', 'umber'),
        *('red', 'tan', 'black', 'grey'),
    ),
    across=1.0,
    loose=0.3,
    vegetation='dull',
    trees=0.35,
    conifers=0.0,
    pools=0.02,
    asphalt=112,
    alley=True,
)
KITSAP = Style(
    built={'houses': 8, 'offices': 0.7},
    wild={'forest': 8, 'field': 2, 'park': 1, 'parking': 0.6},
    urban=0.5,
    bend=14,
    lot=(24, 34),
    lot_depth=(34, 46),
    setback=(8, 14),
    length=(13, 20),
    width=(9, 12),
    roofs={'gable': 5, 'wings': 4, 'hip': 2},
    colours=('grey', 'brown', 'slate', 'umber', 'green', 'light', 'red'),
    loose=6,
    vegetation='dull',
    trees=0.8,
    conifers=0.75,
    pools=0.01,
    asphalt=126,
)
TYROL = Style(
    built={'houses': 8, 'offices': 0.8, 'flats': 0.6},
    wild={'field': 5, 'forest': 5, 'park': 1, 'parking': 0.5},
    urban=0.6,
    bend=14,
    street=(5, 6.5),
    lot=(21, 30),
    lot_depth=(26, 34),
    setback=(4, 9),
    length=(11, 17),
    width=(9, 13),
    eaves=(5, 8),
    pitch=(16, 28),
    roofs={'gable': 8, 'wings': 2, 'hip': 1, 'flat': 2},
    colours=('red', 'orange', 'brown', 'slate', 'grey', 'red', 'umber'),
    across=0.5,
    loose=8,
    trees=0.35,
    conifers=0.5,
    pools=0.04,
    asphalt=158,
)
VIENNA = Style(
    built={'courtyards': 8, 'flats': 1.5, 'offices': 1.5, 'houses': 0.5},
    wild={'park': 4, 'parking': 2, 'sport': 2, 'forest': 0.5},
    urban=0.85,
    block=(60, 110),
    street=(9, 13),
    lot=(15, 24),
    lot_depth=(26, 36),
    eaves=(11, 16),
    pitch=(25, 40),
    roofs={'gable': 8, 'flat': 1},
    colours=('red', 'brown', 'slate', 'grey', 'orange', 'umber', 'copper'),
    loose=0.3,
    trees=0.4,
    conifers=0.0,
    pools=0.0,
    asphalt=132,
)
WATERLOO = Style(
    built={'houses': 9, 'offices': 0.7, 'flats': 0.5},
    wild={'park': 3, 'field': 2, 'parking': 2, 'sport': 1, 'forest': 1},
    bend=8,
    lot=(13, 18),
    setback=(5, 7),
    length=(10, 14),
    width=(8, 10.5),
    pitch=(25, 38),
    roofs={'wings': 5, 'gable': 4, 'hip': 3},
    colours=('umber', 'grey', 'slate', 'brown', 'black', 'tan'),
    across=0.4,
    loose=0.8,
    trees=0.5,
    conifers=0.2,
    pools=0.1,
    asphalt=140,
)
SAN_FRANCISCO = Style(
    built={'houses': 8, 'offices': 2, 'flats': 0.6},
    wild={'park': 3, 'parking': 3, 'sport': 2},
    urban=0.9,
    block=(120, 180),
    street=(9, 12),
    lot=(7.8, 9.0),
    lot_depth=(29, 33),
    setback=(1.0, 3.0),
    length=(15, 21),
    width=(7.2, 8.2),
    eaves=(7, 10),
    roofs={'flat': 8, 'gable': 2},
    colours=('light', 'white', 'grey', 'tan', 'slate', 'red'),
    across=1.0,
    loose=0.2,
    vegetation='dry',
    trees=0.2,
    pools=0.0,
    asphalt=120,
)

STYLES = {
    'suburb': SUBURB,
    'austin': AUSTIN,
    'chicago': CHICAGO,
    'kitsap': KITSAP,
    'tyrol': TYROL,
    'vienna': VIENNA,
    'waterloo': WATERLOO,
    'san-francisco': SAN_FRANCISCO,
}
