"""Finding of tiles, images with their masks, among the files of a dataset."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.listing import (
    ANY,
    Naming,
    by_tile,
    files_in,
    list_files,
    natural_key,
)
from mmseg_cube.utils.words import name_some, not_found

SPLITS = ('train', 'val', 'test')
SHOWN = 8  # folders named in an error
ARCHIVES = ('.zip', '.7z', '.7z.001', '.rar', '.tar', '.gz')
EMPTY_HALF = '_no'  # WHU's satellite set II keeps tiles without roofs apart
# Scripts that write masks with 0 for building keep those they came from here.
ORIGIN = 'masks_origin'
KINDS = 'images', 'masks'
PREFIX = 'img_path', 'seg_map_path'  # keys of data_prefix

Wants = Callable[[str, str], bool]  # by split and name
Namings = Sequence[Naming]  # of images and of masks


class Layout(NamedTuple):
    """Folder names of a dataset, in lower case."""

    splits: Mapping[str, Sequence[str]] = dict(
        train=('train', 'training'),
        val=('val', 'validation', 'valid'),
        test=('test', 'testing'),
    )
    # Of images and of masks, inside a split's folder.
    images: Sequence[str] = ('image', 'images', 'img', 'imgs')
    masks: Sequence[str] = ('label', 'labels', 'mask', 'masks', 'gt', ORIGIN)


USUAL = Layout()


class Tile(NamedTuple):
    """An image and its mask, by name in its split.

    Files may be relative to the dataset; the mask is None without labels.
    """

    split: str
    name: str
    image: PurePath
    mask: PurePath | None

    def at(self, root: Path) -> 'Tile':
        """Return the same with whole paths."""
        mask = self.mask and root / self.mask
        return self._replace(image=root / self.image, mask=mask)


def find_tiles(
    root: Path,
    layout: Layout = USUAL,
    splits: Sequence[str] = SPLITS,
    wants: Wants = lambda split, stem: True,
    namings: Namings = (ANY, ANY),
) -> tuple[list[Tile], list[str]]:
    """Find the tiles in ``{split}/{images,masks}`` anywhere in a dataset.

    ``wants`` tells whether a file belongs to a split, and raises a
    DatasetError if it belongs nowhere. Returned are tiles, each split in
    natural order, their files relative to ``root``, and one line of text per
    fault.
    """
    found = _choose_root(root, layout, namings)
    folders, needed = defaultdict(list), {}
    for split in splits:
        names = layout.splits[split]
        for prefix, half in (('', ''), ('no_', EMPTY_HALF)):
            kinds = [
                [file for name in names for file in found[name + half, kind]]
                for kind in KINDS
            ]
            _refuse_two(root, split, kinds)
            folders[split].append((prefix, kinds))
        if split != 'test':
            needed[split] = f'{names[0]}/{layout.masks[0]}'
    return _match(root, folders, needed, wants, namings)


def match_folders(
    prefix: Mapping[str, str],
    splits: Sequence[str],
    wants: Wants = lambda split, name: True,
    namings: Namings = (ANY, ANY),
) -> tuple[list[Tile], list[str]]:
    """Find the tiles in the folders of ``data_prefix``, like find_tiles.

    In a folder of both, what is named like a mask is no image.
    """
    unknown = sorted(set(prefix) - set(PREFIX))
    if unknown or not prefix.get('img_path'):
        fault = f'has no key {unknown[0]!r}' if unknown else 'lacks img_path'
        raise DatasetError(
            f'data_prefix {fault}.\nNext: name the folder of images img_path '
            'and that of masks seg_map_path, and nothing else.'
        )
    kinds, masks = [], prefix.get('seg_map_path')
    for key in PREFIX:
        folder = Path(prefix.get(key) or '')
        if not folder.is_dir():
            advice = f'correct {key} of data_prefix, relative to data_root'
            raise DatasetError(not_found('folder', folder.absolute(), advice))
        kinds.append(files_in(folder) if prefix.get(key) else [])
    if kinds[0] == kinds[1]:
        kinds = [
            [x for x in kinds[0] if bool(namings[1].tile(x.name)) == is_mask]
            for is_mask in (False, True)
        ]
    folders = dict.fromkeys(splits, [('', kinds)])
    needed = dict.fromkeys(splits, masks) if masks else {}
    return _match(prefix['img_path'], folders, needed, wants, namings)


def _match(
    place: str | Path,
    folders: Mapping[str, Sequence],
    needed: Mapping[str, str],
    wants: Wants,
    namings: Namings,
) -> tuple[list[Tile], list[str]]:
    """Match the images and masks of splits by name.

    ``folders`` has, by split, prefixes of names with the images and masks
    that get them; ``needed`` says where masks belong that may not lack.
    """
    tiles, faults = [], []
    for split, parts in folders.items():
        images, masks = defaultdict(list), defaultdict(list)
        for prefix, kinds in parts:
            sides = zip((images, masks), kinds, namings, strict=True)
            for found, files, naming in sides:
                for name, same in by_tile(files, naming).items():
                    try:
                        if not name:
                            faults += [
                                f'{path}: is not named {naming.pattern!r}'
                                for path in same
                                if wants(split, path.stem)
                            ]
                        elif wants(split, name):
                            found[prefix + name] += same
                    except DatasetError as error:
                        faults += [f'{path}: {error}' for path in same]
        if images and not masks and split in needed and not faults:
            raise DatasetError(
                f'{place}: split {split!r} has images, but no masks.\nNext: '
                f'put them into {needed[split]}.'
            )
        for what, files in zip(KINDS, (images, masks), strict=True):
            faults += [
                f'{same[0].parent}: {len(same)} {what} with one stem '
                f'({", ".join(path.name for path in same)})'
                for same in files.values()
                if len(same) > 1
            ]
        for name in sorted(images, key=natural_key):
            image, mask = images[name][0], masks.get(name, [None])[0]
            if mask or not masks:
                tiles.append(Tile(split, name, image, mask))
            else:
                faults.append(f'{image}: image without a mask')
        free = [masks[name][0] for name in masks if name not in images]
        faults += [f'{path}: mask without an image' for path in free]
    return tiles, list(dict.fromkeys(faults))  # of halves with the same files


def _choose_root(
    place: Path, layout: Layout, namings: Namings
) -> Mapping[tuple[str, str], list[PurePosixPath]]:
    """Return the rasters of the dataset by split folder and kind."""
    known = {name for names in layout.splits.values() for name in names}
    roots = defaultdict(lambda: defaultdict(list))
    kinds = [*zip(KINDS, (layout.images, layout.masks), namings, strict=True)]
    files = list_files(place)
    for file in files:
        hidden = any(part.startswith(('.', '__MACOSX')) for part in file.parts)
        if len(file.parts) < 3 or hidden:
            continue
        split, folder, name = (part.lower() for part in file.parts[-3:])
        if split.removesuffix(EMPTY_HALF) in known:
            for kind, names, naming in kinds:
                if folder in names and name.endswith(naming.suffixes):
                    roots[file.parents[2]][split, kind].append(file)
    every, whole = [], []
    for root, folders in sorted(roots.items()):
        if any(kind == KINDS[0] for _, kind in folders):
            every.append(root)
            # One split alone is a part of a dataset, or of another.
            if len({name.removesuffix(EMPTY_HALF) for name, _ in folders}) > 1:
                whole.append(root)
    if not every:
        raise _nothing(place, files, layout)
    here = [root for root in every if root == PurePosixPath()]
    for chosen in (here, every, whole):
        if len(chosen) == 1:
            return roots[chosen[0]]
    names = name_some([repr(root.as_posix()) for root in every], SHOWN)
    raise DatasetError(
        f'{place} holds several datasets: {names}.\nNext: give one of these '
        'folders, unpacked if need be.'
    )


def _nothing(
    place: Path, files: Sequence[PurePosixPath], layout: Layout
) -> DatasetError:
    inside = f'{{{layout.images[0]},{layout.masks[0]}}}'
    wanted = f'{{{",".join(layout.splits)}}}/{inside}'
    advice = f'give the folder that holds {wanted}, as TIFF, PNG or JPEG; '
    advice += 'or name other folders by data_prefix (docs/own_tiles.md)'
    packed = [f for f in files if f.name.lower().endswith(ARCHIVES)]
    if packed:
        advice = f'unpack {packed[0]} and give what comes out'
    folders = sorted({file.parent.as_posix() for file in files} - {'.'})
    state = f'its folders are: {name_some(folders, SHOWN) or "none"}'
    return DatasetError(
        f'no images of this dataset in {place}; '
        f'{state if files else "it is empty or missing"}.\nNext: {advice}.'
    )


def _refuse_two(place: Path, split: str, kinds: Sequence) -> None:
    """Refuse images, or masks, of one split in several folders."""
    for kind, files in zip(KINDS, kinds, strict=True):
        folders = sorted({file.parent for file in files})
        if len(folders) < 2:
            continue
        names, why = ' and '.join(map(str, folders)), ''
        if any(folder.name.lower() == ORIGIN for folder in folders):
            why = (
                f' {ORIGIN} has 255 for building, and the other one 0, where '
                'a script of BuildFormer, GeoSeg or UAGLNet wrote them.'
            )
        raise DatasetError(
            f'{place}: split {split!r} has {kind} in {names}.{why}\nNext: '
            'leave one of these folders there and move the others elsewhere, '
            'or choose one by data_prefix.'
        )
