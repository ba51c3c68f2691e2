"""Writing of tiles of one ground resolution."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import NamedTuple

from mmseg_cube.datasets.contract import (
    check_image,
    errors_of_pair,
    refuse_mismatch,
)
from mmseg_cube.datasets.conversion.check import check_data
from mmseg_cube.datasets.conversion.check_report import write_check
from mmseg_cube.datasets.conversion.convert import patch_name, refuse_nested
from mmseg_cube.datasets.conversion.meanings import settle_splits
from mmseg_cube.datasets.conversion.output import NOT_COUNTED, Output
from mmseg_cube.datasets.conversion.source import stamp_of
from mmseg_cube.datasets.decision import Declared
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.mask_folder import BUILDING_VALUE
from mmseg_cube.datasets.masks import learn_mask, read_mask, values_of
from mmseg_cube.datasets.meaning import Value
from mmseg_cube.datasets.preparation.scene import Scene, open_scene
from mmseg_cube.datasets.preparation.sources import find_images
from mmseg_cube.datasets.threads import work_through
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.datasets.windows import Window
from mmseg_cube.utils.words import listing

FORMATS = ('png', 'jpg')  # of images; masks are PNG


@dataclass
class Aim:
    """What tiles are to be.

    Args:
        size: Side in pixels; an image that is no larger becomes one tile.
        resolution: Metres of a pixel, true on the ground.
        ground: Those of images that carry no georeference.
        least: Share of a tile that must have data, or it is left out.
        format: ``png`` or ``jpg``, of images; masks are PNG.
    """

    size: int = 512
    resolution: float = 0.3
    ground: float | None = None
    least: float = 0.25
    format: str = 'png'

    def __post_init__(self) -> None:
        for name, right in (
            ('size', self.size >= 1),
            ('resolution', 0 < self.resolution < inf),
            ('ground', self.ground is None or 0 < self.ground < inf),
            ('least', 0 <= self.least <= 1),
            ('format', self.format in FORMATS),
        ):
            if not right:
                raise ValueError(f'{name} cannot be {getattr(self, name)!r}')


class Look(NamedTuple):
    """What was seen of an image."""

    image: Tile
    scene: Scene
    windows: list[Window]  # with enough data
    left_out: int  # the others
    values: Sequence[Value]  # of its mask


def prepare(
    sources: Sequence[Path],
    out: Path,
    aim: Aim | None = None,
    workers: int | None = None,
    building_values: Declared = None,
    ignore_values: Declared = None,
) -> dict:
    """Write tiles in ``{split}/{image,label}``; what is there already stays.

    Images shrink by the mean of what a pixel covers and grow by bilinear
    interpolation; a pixel of a mask is building if they cover one half of it
    or more, and 128 if it does not count.

    Args:
        sources: As of :func:`find_images`.
        out: Folder to fill.
        aim: What tiles are to be.
        workers: Files at a time; as many as there are cores by default.
        building_values: As of ``BuildingDataset``; by default all masks of a
            split tell.
        ignore_values: Likewise.

    Returns:
        The check of what is there, as of :func:`check_data`, with the tiles
        that were ``left_out`` and ``written`` now.

    Raises:
        DatasetError: If the sources cannot be used as they are.
        FileError: If one changes or breaks meanwhile.
    """
    aim = aim or Aim()
    for source in sources:
        refuse_nested(source, out)
    images = find_images(sources)
    looks = _look_at(images, aim, workers)
    masks = {each.image: each.values for each in looks if each.image.mask}
    meanings, faults = settle_splits(masks, (building_values, ignore_values))
    _refuse_faults(faults.values())
    pieces = {
        _place(each, window): (each.scene, window)
        for each in looks
        for window in each.windows
    }
    stamps = {
        tile: [
            [stamp_of(path) for path in (tile.image, tile.mask) if path],
            list(map(str, meanings.get(tile.split, ()))),
        ]
        for tile in pieces
    }
    paths = [str(source.absolute()) for source in sources]
    output = Output(out, dict(dataset='own', sources=paths, **asdict(aim)))

    def write(tile: Tile) -> None:
        scene, window = pieces[tile]
        with errors_of(tile.image):
            layers = [scene.image(window)[::-1]]
        if tile.mask:
            meaning = meanings[tile.split]
            read = partial(read_mask, tile.mask, meaning=meaning)
            with errors_of(tile.mask):
                layers.append(scene.labels(window, read))
        output.begin(tile, [tile.name])
        output.write_patch(tile, tile.name, *layers)

    with output.opened(stamps) as finished:
        todo = [tile for tile in pieces if tile not in finished]
        jobs = work_through(write, todo, 'Writing tiles', workers)
        with closing(jobs):
            written = len(list(jobs))
        left_out = sum(each.left_out for each in looks)
        counts = Counter(tile.split for tile in pieces)
        output.save(True, dict(counts, left_out=left_out))
        check = check_data(
            output.root,
            workers=workers,
            building_values=BUILDING_VALUE,
            ignore_values=NOT_COUNTED,
        )
        write_check(check, output.root)
    return dict(check, left_out=left_out, written=written)


def _look_at(
    images: Sequence[Tile], aim: Aim, workers: int | None
) -> list[Look]:
    """Read all files once before anything is written."""
    faults, looks = {}, {}

    def look(image: Tile) -> None:
        try:
            looks[image] = _look(image, aim)
        except ValueError as error:
            faults[image] = str(error)

    for _ in work_through(look, images, 'Reading images', workers):
        pass
    _refuse_faults([faults[image] for image in images if image in faults])
    return [looks[image] for image in images]


def _look(image: Tile, aim: Aim) -> Look:
    _, _, path, mask = image
    windows, values, left_out = [], [], 0
    with errors_of_pair(path, mask, str(path)):
        with errors_of(path):
            shape = check_image(path)
            scene = open_scene(path, aim.resolution, aim.ground)
            for window in scene.windows(aim.size):
                share = scene.valid(window).mean()
                if 0 < share >= aim.least:
                    windows.append(window)
                else:
                    left_out += 1
        if mask:
            with errors_of(mask):
                learnt = learn_mask(mask)
                refuse_mismatch(shape, learnt[:2])
            values = values_of(learnt)
    return Look(image, scene, windows, left_out, values)


def _refuse_faults(faults: Sequence[str]) -> None:
    if faults:
        raise DatasetError(
            f'{len(faults)} file(s) cannot be used:\n{listing([*faults])}\n'
            'Next: mend them, or take image and mask away.'
        )


def _place(look: Look, window: Window) -> Tile:
    """Name a tile after its image, and its place in there."""
    image, whole = look.image, window[2:] == look.scene.shape[::-1]
    name = image.name if whole else patch_name(image.name, window)
    return image._replace(name=name)
