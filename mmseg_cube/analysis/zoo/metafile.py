"""The metafile of a family, which mim and others find the configs by."""

import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

import yaml
from mmengine.config import Config

from mmseg_cube.analysis.complexity.configs import is_cube
from mmseg_cube.analysis.complexity.count import Complexity

MODELS = re.compile(r'^Models:', re.MULTILINE)
CUBE = 'Cube-'
GENERATED = ('Name', 'In Collection', 'Config', 'Metadata')
TITLES = dict(inria='Inria', whu='WHU', wbd='WBD')


class Metafile:
    """The metafile of a family.

    Its ``Collections`` are written by hand: one for the baselines and one,
    named ``Cube-`` and the same, for their twins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding='utf-8')
        self.head = MODELS.split(text)[0]
        try:
            content = yaml.safe_load(text)
            self.names = [each['Name'] for each in content['Collections']]
            models = content.get('Models') or []
            self.entries = {model['Name']: model for model in models}
        except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is no metafile: {error!r}') from error
        if len(self.names) != 2 or CUBE + self.names[0] != self.names[1]:
            raise ValueError(
                f'{path}: above Models there must be two Collections, NAME '
                f'and {CUBE}NAME, but there are {self.names}'
            )

    def make_entry(self, config: Path, metadata: dict) -> dict:
        """Make the entry of a config; Results and such of the old one stay.

        Its path is that from the root.
        """
        old = self.entries.get(config.stem, {})
        return {
            'Name': config.stem,
            'In Collection': self.names[is_cube(config)],
            'Config': config.as_posix(),
            'Metadata': old.get('Metadata', {}) | metadata,
            **{key: old[key] for key in _by_hand(old)},
        }

    def render(self, entries: Iterable[dict]) -> str:
        """Text of the file with these entries; nothing by hand is lost."""
        made = {entry['Name']: to_yaml([entry]) for entry in entries}
        for name, old in self.entries.items():
            if name not in made and _by_hand(old):
                raise ValueError(
                    f'{self.path}: {name} has {", ".join(_by_hand(old))} but '
                    'no config any more; rename its entry or take it out'
                )
        models = textwrap.indent('\n'.join(made.values()), '  ')
        return f'{self.head.rstrip()}\n\nModels:\n{models}'


def make_metadata(
    cfg: Config, processes: int, data: str, size: Complexity
) -> dict:
    """Describe training data, such as inria-buildformer, batch and network."""
    dataset, _, variant = data.partition('-')
    title = TITLES.get(dataset, data)
    if dataset in TITLES and variant:
        title += f' ({variant})'
    backbone, head = cfg.model.backbone, cfg.model.decode_head
    backbone = backbone.get('backbone', backbone)  # inside a CubeBackbone
    cubes = ['CubeConv2d'] if is_cube(Path(cfg.filename)) else []
    return {
        'Training Data': title,
        'Batch Size': processes * cfg.train_dataloader.batch_size,
        'Architecture': [backbone.type.split('.')[-1], head.type, *cubes],
        'Parameters': size.parameters,
        'FLOPs': size.flops,
        'Image Size': ' x '.join(map(str, cfg.model.data_preprocessor.size)),
    }


def to_yaml(content: object) -> str:
    """Write YAML as OpenMMLab's metafiles are laid out."""
    return yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True
    )


class _Dumper(yaml.SafeDumper):
    """Indents lists."""

    def increase_indent(self, flow: bool = False, indentless: bool = False):
        return super().increase_indent(flow, False)


def _by_hand(entry: dict) -> list[str]:
    return [key for key in entry if key not in GENERATED]
