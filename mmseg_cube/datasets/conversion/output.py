"""The folder that a conversion fills: whole files, settings, journal."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock, Timeout

from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.tiles import Tile
from mmseg_cube.utils.whole_files import write_text_whole, write_whole

RULE = 1  # raise it when the same settings start to give other patches
MANIFEST = 'conversion.json'
JOURNAL = 'conversion.jsonl'
LOCK = '.conversion.lock'
FORMATS = ('png', 'tif')  # both lossless


class Output:
    """Patches in ``{split}/{image,label}``, and what is known about them.

    ``conversion.json`` holds the settings, ``conversion.jsonl`` one line per
    finished tile.

    Args:
        root: The folder.
        settings: What the patches depend on; must be fit for JSON.
    """

    def __init__(self, root: Path, settings: dict) -> None:
        self.root = root.absolute()
        self.settings = json.loads(json.dumps({'rule': RULE, **settings}))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Take the folder for this run.

        Raises:
            DatasetError: If it holds other data, or another run fills it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._refuse_others()
        try:
            with FileLock(self.root / LOCK, timeout=0):
                self._check_settings()
                # Halves of files that a killed run was writing.
                for part in self.root.rglob('.*.part'):
                    part.unlink()
                if not (self.root / MANIFEST).exists():
                    self.save(None)
                yield
        except Timeout as error:
            raise DatasetError(
                f'another conversion is writing to {self.root}.\nNext: wait '
                'until it is done, or take another folder.'
            ) from error

    def save(self, counts: Mapping[str, Mapping[str, int]] | None) -> None:
        """Write the manifest; counts are None while it is incomplete."""
        state = dict(complete=counts is not None, counts=counts or {})
        text = json.dumps({**self.settings, **state}, indent=2)
        write_text_whole(self.root / MANIFEST, text + '\n')

    def write_patch(
        self,
        tile: Tile,
        name: str,
        image: np.ndarray,
        mask: np.ndarray | None,
    ) -> None:
        """Write a patch, the image last: BGR (H, W, 3) and 0 / 1 (H, W)."""
        layers = [image] if mask is None else [image, mask * 255]
        paths = self._paths(tile, name)
        for path, values in zip(paths[::-1], layers[::-1], strict=True):
            _, data = cv2.imencode(path.suffix, np.ascontiguousarray(values))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, methodcaller('write_bytes', data.tobytes()))

    def has(self, tile: Tile, name: str) -> bool:
        """Tell whether a patch is there, image and mask."""
        return all(path.exists() for path in self._paths(tile, name))

    def note(self, tile: Tile, patches: list[str]) -> None:
        """Add a finished tile to the journal."""
        line = json.dumps({'tile': _key(tile), 'patches': patches})
        with (self.root / JOURNAL).open('a') as file:
            file.write(line + '\n')

    def finished(self, tiles: list[Tile]) -> dict[Tile, list[str]]:
        """Return the names of the patches of each tile that is finished."""
        try:
            lines = (self.root / JOURNAL).read_text().splitlines()
        except FileNotFoundError:
            return {}
        noted = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:  # the line that a killed run was writing
                continue
            noted[entry['tile']] = entry['patches']
        return {
            tile: noted[_key(tile)]
            for tile in tiles
            if _key(tile) in noted
            and all(self.has(tile, name) for name in noted[_key(tile)])
        }

    def _paths(self, tile: Tile, name: str) -> list[Path]:
        kinds = ('image', 'label') if tile.mask else ('image',)
        name = f'{name}.{self.settings["format"]}'
        return [self.root / tile.split / kind / name for kind in kinds]

    def _refuse_others(self) -> None:
        there = {path.name for path in self.root.iterdir()} - {LOCK}
        there = {name for name in there if not name.endswith('.part')}
        if there and MANIFEST not in there:
            raise DatasetError(
                f'{self.root} holds {min(there)!r} and no {MANIFEST}, so it '
                'is not the output of a conversion.\nNext: give a new or '
                'empty folder.'
            )

    def _check_settings(self) -> None:
        path = self.root / MANIFEST
        if not path.exists():
            return
        try:
            there = json.loads(path.read_text())
            changed = [
                f'{key} is {there.get(key)!r} there and {value!r} now'
                for key, value in self.settings.items()
                if there.get(key) != value
            ]
        except (ValueError, AttributeError) as error:
            raise DatasetError(
                f'{path} is not readable as JSON ({error}).\nNext: give a '
                'new or empty folder.'
            ) from error
        if changed:
            raise DatasetError(
                f'{self.root} was filled with other settings: '
                f'{"; ".join(changed)}.\nNext: give a new or empty folder, '
                'or the same settings to continue.'
            )


def _key(tile: Tile) -> str:
    return f'{tile.split}/{tile.name}'
