"""The metafile of a family, and the index of all."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from mmseg_cube.analysis.complexity.twins import PREFIX

MADE_BY = 'tools/model_zoo.py'
MODELS = re.compile(r'^Models:', re.MULTILINE)
CUBE, FRAMEWORK = 'Cube-', 'PyTorch'
COLLECTION_KEYS = ('License', 'Paper', 'Frameworks')
GENERATED = (
    'Name',
    'In Collection',
    'Config',
    'Metadata',
    'Paper',
    'Framework',
)
YAML_WIDTH = 77  # two columns are lost to the list


class _Dumper(yaml.SafeDumper):
    """Indents lists, as OpenMMLab's metafiles do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False):
        return super().increase_indent(flow, False)


class Metafile:
    """The metafile of a family.

    Args:
        path: The file. Its ``Collections`` are written by hand: one for the
            baselines and one, named ``Cube-`` and the same, for their twins.

    Attributes:
        entries: Entries of its ``Models`` by name.

    Raises:
        ValueError: If the file or a part of it is missing.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ValueError(
                f'{path} is missing: write its Collections, NAME and '
                f'{CUBE}NAME, each with {", ".join(COLLECTION_KEYS)}; '
                f'{MADE_BY} adds the Models'
            )
        self.path = path
        text = path.read_text(encoding='utf-8')
        try:
            content = yaml.safe_load(text) or {}
            self.head = MODELS.split(text)[0]
            self.collections = self._read_collections(
                (yaml.safe_load(self.head) or {}).get('Collections') or []
            )
            models = content.get('Models') or []
            self.entries = {model['Name']: model for model in models}
        except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is no metafile: {error!r}') from error

    def _read_collections(self, collections: list[dict]) -> list[dict]:
        names = [collection.get('Name') for collection in collections]
        if len(names) != 2 or CUBE + str(names[0]) != names[1]:
            raise ValueError(
                f'{self.path}: above Models there must be two Collections, '
                f'NAME and {CUBE}NAME, but there are {names}'
            )
        for collection in collections:
            for key in COLLECTION_KEYS:
                if key not in collection:
                    raise ValueError(
                        f'{self.path}: the collection {collection["Name"]} '
                        f'has no {key}'
                    )
        return collections

    def make_entry(self, config: Path, place: str, metadata: dict) -> dict:
        """Make the entry of a config.

        What else an entry had stays, such as ``Results`` and ``Weights``.

        Args:
            config: The config.
            place: Its path from the root.
            metadata: Its generated metadata.
        """
        old = self.entries.get(config.stem, {})
        collection = self.collections[config.name.startswith(PREFIX)]
        made = {
            'Name': config.stem,
            'In Collection': collection['Name'],
            'Config': place,
            'Metadata': {**old.get('Metadata', {}), **metadata},
            'Paper': collection['Paper'],
            'Framework': FRAMEWORK,
        }
        return made | {key: old[key] for key in _by_hand(old)}

    def render(self, entries: Sequence[dict]) -> str:
        """Text of the file with these entries.

        Raises:
            ValueError: If something written by hand would be lost.
        """
        names = {entry['Name'] for entry in entries}
        for name, old in self.entries.items():
            if name not in names and _by_hand(old):
                raise ValueError(
                    f'{self.path}: {name} has {", ".join(_by_hand(old))} but '
                    'no config any more; rename its entry or take it out'
                )
        texts = [
            textwrap.indent(
                yaml.dump(
                    [entry],
                    Dumper=_Dumper,
                    sort_keys=False,
                    allow_unicode=True,
                    width=YAML_WIDTH,
                ),
                '  ',
            )
            for entry in entries
        ]
        return f'{self.head.rstrip()}\n\nModels:\n' + '\n'.join(texts)


def render_index(metafiles: Iterable[str]) -> str:
    """Text of model-index.yml."""
    return yaml.dump({'Import': sorted(metafiles)}, Dumper=_Dumper)


def _by_hand(entry: dict) -> list[str]:
    return [key for key in entry if key not in GENERATED]
