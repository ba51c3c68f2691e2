"""What earlier runs learnt about files, valid while these are unchanged."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from platformdirs import user_cache_dir

from mmseg_cube.datasets.rasters import stamp
from mmseg_cube.utils.whole_files import write_text_whole

RULES = 3  # raise it when a check becomes stricter: old entries then lapse

Facts = Mapping[str, Sequence[int]]  # by kind, such as the size of an image


def cache_folder() -> Path:
    """Return the user's folder for facts about files."""
    return Path(user_cache_dir('mmseg_cube', appauthor=False)) / 'files'


class FileFacts:
    """What was learnt from files that passed a check, kept between runs.

    Each dataset, known by its folder, has a memory of its own. A file counts
    as unchanged while its byte count and modification time stay. The memory
    is a convenience: what cannot be read or written is forgotten without a
    word.
    """

    def __init__(self, root: Path) -> None:
        key = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:20]
        self.path = cache_folder() / f'{key}.json'
        self._known = self._load()
        self._fresh: dict[str, list[int]] = {}

    def recall(
        self, kind: str, path: str, learn: Callable[[str], Facts]
    ) -> tuple[int, ...]:
        """Return what is known of a file; else learn it, and maybe more."""
        name, *now = stamp(os.path.abspath(path))  # noqa: PTH100, lexical
        entry = self._known.get(f'{kind}:{name}', [])
        if entry[:2] != now:
            facts = {
                f'{each}:{name}': [*now, *values]
                for each, values in learn(path).items()
            }
            self._known.update(facts)
            self._fresh.update(facts)
            entry = facts[f'{kind}:{name}']
        return tuple(entry[2:])

    def save(self) -> None:
        """Add what is new to the memory on disk."""
        # Other processes may have saved meanwhile.
        content = dict(rules=RULES, files={**self._load(), **self._fresh})
        try:
            if self._fresh:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_text_whole(self.path, json.dumps(content))
        except OSError:
            return

    def _load(self) -> dict[str, list[int]]:
        try:
            content = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict) or content.get('rules') != RULES:
            return {}
        return content['files']
