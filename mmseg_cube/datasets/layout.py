"""Where a dataset keeps its images and masks, and how to find them there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import DatasetError

SHOWN = 8  # names in a listing of what a folder holds
SPLIT_FOLDERS = {
    'train': ('train', 'training'),
    'val': ('val', 'validation', 'valid'),
    'test': ('test', 'testing'),
}


@dataclass(frozen=True)
class Layout:
    """Folder names of a dataset, in lower case, the preferred one first.

    Args:
        splits: Folders of each part (``train``, ``val``, ``test``).
        images: Folders of the images, inside a split's folder.
        masks: Folders of the masks, inside a split's folder.
        roots: Names of the dataset's own folder.
        unlabelled: Parts that have no masks.
    """

    splits: Mapping[str, Sequence[str]] = field(
        default_factory=SPLIT_FOLDERS.copy
    )
    images: Sequence[str] = ('image', 'images', 'img', 'imgs')
    masks: Sequence[str] = ('label', 'labels', 'mask', 'masks', 'gt')
    roots: Sequence[str] = ()
    unlabelled: Sequence[str] = ()

    def find(
        self, owner: str, data_root: Path, part: str
    ) -> tuple[Path, Path | None]:
        """Find the folders of images and masks of one part.

        Args:
            owner: Name of the dataset class, for the error text.
            data_root: Folder that holds the splits, or its parent.
            part: ``train``, ``val`` or ``test``.

        Raises:
            DatasetError: If a folder is missing or ambiguous.
        """
        parents = self._root(owner, data_root, part)
        split = _child(owner, parents, self.splits[part])
        images = _child(owner, split, self.images)
        if part in self.unlabelled:
            return images, None
        return images, _child(owner, split, self.masks)

    def _root(self, owner: str, root: Path, part: str) -> Path:
        if not root.is_dir() or find_folder(root, self.splits[part]):
            return root
        named = find_folder(root, self.roots)
        if named:
            return named
        inside = [
            child
            for child in sorted(root.iterdir())
            if all(find_folder(child, names) for names in self.splits.values())
        ]
        if len(inside) > 1:
            names = ', '.join(repr(child.name) for child in inside)
            raise DatasetError(
                f'{owner}: several folders in {root.absolute()} look like '
                f'the dataset: {names}.\nNext: set data_root to one of them.'
            )
        return inside[0] if inside else root


def find_folder(parent: Path, names: Sequence[str]) -> Path | None:
    """Find the child folder that bears one of some names, in any case.

    Args:
        parent: Folder to look in; it may be absent.
        names: Accepted names in lower case, the preferred one first.
    """
    if not parent.is_dir():
        return None
    found = {
        child.name.lower(): child
        for child in sorted(parent.iterdir(), reverse=True)
        if child.is_dir()
    }
    return next((found[name] for name in names if name in found), None)


def missing_folder(
    owner: str, parent: Path, names: Sequence[str]
) -> DatasetError:
    """Word the error for a folder that is not there.

    Args:
        owner: Name of the dataset class.
        parent: Folder that was searched.
        names: Folder names that would have been accepted.
    """
    if parent.is_dir():
        there = sorted(path.name for path in parent.iterdir())
        shown = ', '.join(there[:SHOWN]) or 'nothing'
        more = f' and {len(there) - SHOWN} more' if there[SHOWN:] else ''
        state = f'it holds {shown}{more}'
    else:
        state = 'which does not exist'
    wanted = ' or '.join(repr(name) for name in names)
    return DatasetError(
        f'{owner}: no folder {wanted} in {parent.absolute()}: {state}.\n'
        f'Next: point data_root to the folder that holds the dataset; the '
        f'docstring of {owner} shows its layout.'
    )


def _child(owner: str, parent: Path, names: Sequence[str]) -> Path:
    folder = find_folder(parent, names)
    if folder is None:
        raise missing_folder(owner, parent, names)
    return folder
