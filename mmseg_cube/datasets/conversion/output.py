"""The folder that a conversion fills: whole files, settings, journal."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from operator import methodcaller
from pathlib import Path

import cv2
import numpy as np

from mmseg_cube.datasets.bands import as_mmcv
from mmseg_cube.datasets.errors import DatasetError
from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.datasets.run_folder import (
    only_run,
    read_journal,
    refuse_other_settings,
)
from mmseg_cube.datasets.tiles import SPLITS, Tile
from mmseg_cube.utils.whole_files import (
    write_json,
    write_text_whole,
    write_whole,
)

RULE = 1  # raise it when the same settings start to give other patches
MANIFEST = 'conversion.json'
JOURNAL = 'conversion.jsonl'
PASSING = '.lock', '.part'  # ends of names
KINDS = 'label', 'image'  # folders
NOT_COUNTED = 128  # such pixels in a mask
VALUES = np.zeros(256, np.uint8)  # in masks, by label
VALUES[[1, IGNORED]] = 255, NOT_COUNTED


class Output:
    """Patches in ``{split}/{image,label}``, and what is known about them.

    ``conversion.json`` holds the settings, which the patches depend on,
    ``conversion.jsonl`` one line per tile that was begun: its patches, and
    the stamps of the files that they come from.
    """

    def __init__(
        self, root: Path, settings: dict, stamps: Mapping[Tile, list]
    ) -> None:
        self.root, self._stamps = root, stamps
        self.settings = {'rule': RULE, **settings}
        self._begun: dict[Tile, list[str]] = {}
        self._lock = threading.Lock()
        self.ignores = False  # whether a mask has pixels that do not count

    @contextmanager
    def opened(self) -> Iterator[dict[Tile, list[str]]]:
        """Take the folder for this run, unless it holds other data.

        Yields the names of the patches of each finished tile, without those
        of files that have changed since, by their stamps: they are removed.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        names = (path.name for path in self.root.iterdir())
        there = [name for name in names if not name.endswith(PASSING)]
        if there and MANIFEST not in there:
            raise DatasetError(
                f'{self.root} holds {min(there)!r} and no {MANIFEST}, so it '
                'is not the output of a conversion.\nNext: give a new or '
                'empty folder.'
            )
        with only_run(self.root):
            if MANIFEST in there:
                refuse_other_settings(self.root / MANIFEST, self.settings)
            self.save(False, {})
            # Halves of files that a killed run was writing.
            for part in self.root.glob('*/*/.*.part'):
                part.unlink()
            self._resume()
            yield {
                tile: names
                for tile, names in self._begun.items()
                if all(self._has(tile, name) for name in names)
            }

    def save(self, complete: bool, counts: dict) -> None:
        """Write the manifest."""
        content = {**self.settings, 'complete': complete, 'counts': counts}
        write_json(self.root / MANIFEST, content)

    def write_patch(
        self,
        tile: Tile,
        name: str,
        image: np.ndarray,
        mask: np.ndarray | None = None,
    ) -> None:
        """Write a patch, the image last: RGB (3, H, W) and labels (H, W)."""
        layers = [as_mmcv(image).transpose(1, 2, 0)]
        if mask is not None:
            layers.insert(0, cv2.LUT(mask, VALUES))
            self.ignores |= (mask == IGNORED).any()
        for path, values in zip(self._paths(tile, name), layers, strict=True):
            _, data = cv2.imencode('.png', np.ascontiguousarray(values))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, methodcaller('write_bytes', data.tobytes()))

    def begin(self, tile: Tile, patches: list[str]) -> list[str]:
        """Note a tile before its patches are written; name the missing."""
        with self._lock, (self.root / JOURNAL).open('a') as file:
            file.write(self._line(tile, patches))
        return [name for name in patches if not self._has(tile, name)]

    def _has(self, tile: Tile, name: str) -> bool:
        """Tell whether a patch is there, image and mask, of this source."""
        paths = self._paths(tile, name)
        return tile in self._begun and all(map(os.path.exists, paths))

    def _line(self, tile: Tile, patches: list[str]) -> str:
        entry = dict(tile=f'{tile.split}/{tile.name}', patches=patches)
        return json.dumps(dict(entry, stamps=self._stamps[tile])) + '\n'

    def _resume(self) -> None:
        """Read the journal, and write it anew without what is removed."""
        tiles = {f'{tile.split}/{tile.name}': tile for tile in self._stamps}
        for entry in read_journal(self.root / JOURNAL):
            with suppress(TypeError, KeyError, AttributeError):  # not ours
                name, patches = entry['tile'], list(map(str, entry['patches']))
                tile = tiles.get(name)
                if tile and entry['stamps'] == self._stamps[tile]:
                    self._begun[tile] = patches
                else:
                    self._remove(name.split('/')[0], patches)
        texts = [self._line(*begun) for begun in self._begun.items()]
        write_text_whole(self.root / JOURNAL, ''.join(texts))

    def _remove(self, split: str, patches: list[str]) -> None:
        for name in patches:
            # Nothing outside of the folder, whatever the journal says.
            if split in SPLITS and '/' not in name:
                for kind in KINDS:
                    path = self.root / split / kind / f'{name}.png'
                    path.unlink(missing_ok=True)

    def _paths(self, tile: Tile, name: str) -> list[Path]:
        kinds = KINDS if tile.mask else KINDS[1:]
        folder = self.root / tile.split
        return [folder / kind / f'{name}.png' for kind in kinds]
