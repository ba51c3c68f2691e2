"""Metafiles and tables of the model zoo, made from the configs.

Every folder in ``configs`` that has configs is a family. Its metafile.yml
starts with ``Collections`` written by hand, and its README.md is written by
hand around a table. The rest is made here.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from mmseg_cube.analysis.complexity.configs import (
    BASE_FOLDER,
    Sized,
    compare,
    count_all,
    find_configs,
)
from mmseg_cube.analysis.complexity.count import count_network
from mmseg_cube.analysis.zoo.metafile import Metafile, make_metadata, to_yaml
from mmseg_cube.utils.tables import Table

INDEX, METAFILE, README = 'model-index.yml', 'metafile.yml', 'README.md'
START, END = '<!-- table: mmseg-cube zoo -->', '<!-- end of table -->'
NOTE = (
    'Counted by `mmseg-cube complexity`: two operations per multiplication '
    'and addition, routers and masks included.'
)
NAME = re.compile(r'(.+)_(\d+)xb\d+-[^_]+_([^_]+)-\d+x\d+')
TABLE_SIZE = 512  # side of the image in all tables, in pixels


def generate(root: Path) -> dict[Path, str]:
    """Make the text of all files of the model zoo by path; write nothing."""
    folders = {path.parent for path in root.glob('configs/*/*.py')}
    families = sorted(folders - {root / 'configs' / BASE_FOLDER})
    if not families:
        raise ValueError(f'{root / "configs"} has no folder with configs')
    texts = {}
    for folder in families:
        texts |= _render_family(folder, root)
    index = [(f / METAFILE).relative_to(root).as_posix() for f in families]
    texts[root / INDEX] = to_yaml(dict(Import=index))
    return texts


def find_outdated(texts: Mapping[Path, str]) -> list[Path]:
    """List the files that have another text, or are missing."""
    return [
        path
        for path, text in texts.items()
        if not path.is_file() or path.read_text(encoding='utf-8') != text
    ]


def _render_family(folder: Path, root: Path) -> dict[Path, str]:
    """Make metafile.yml and README.md of a family."""
    metafile, readme = Metafile(folder / METAFILE), folder / README
    before, start, rest = readme.read_text(encoding='utf-8').partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f'{readme} needs the lines {START} and {END}')
    networks = count_all(compare(find_configs([folder])), TABLE_SIZE)
    entries = []
    for network in networks:
        cfg, (_, processes, data) = network.cfg, _read_name(network.path)
        crop = count_network(cfg, cfg.model.data_preprocessor.size)
        metadata = make_metadata(cfg, int(processes), data, crop)
        place = network.path.relative_to(root)
        entries.append(metafile.make_entry(place, metadata))
    table = _make_table(networks).markdown()
    return {
        metafile.path: metafile.render(entries),
        readme: f'{before}{START}\n\n{table}\n\n{NOTE}\n\n{END}{after}',
    }


def _make_table(networks: Iterable[Sized]) -> Table:
    """Lay out a row per network, with the data that it has configs for."""
    data, cells = {}, {}
    for network in networks:
        name, _, word = _read_name(network.path)
        size = network.size
        same = name, size  # a stem may differ from data to data
        data.setdefault(same, []).append(word)
        saved = map(network.saved, ('parameters', 'flops'))
        row = [
            f'[{name}]({network.path.name})',
            f'{size.parameters / 1e6:.2f}',
            f'{size.flops / 1e9:.2f}',
            *('' if x is None else f'{x:.1f} %' for x in saved),
        ]
        cells.setdefault(same, row)
    head = ['Network', 'Params (M)',
            f'FLOPs (G at {TABLE_SIZE} x {TABLE_SIZE})',
            'saved params', 'saved FLOPs', 'data']  # fmt: skip
    rows = [[*row, ', '.join(data[same])] for same, row in cells.items()]
    return Table(head, rows)


def _read_name(path: Path) -> Iterable[str]:
    """Network, number of processes and word for the data of a config."""
    match = NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError(
            f'{path}: its name must end in GPUs x images, schedule, data and '
            'size, such as ..._1xb8-80k_whu-512x512.py'
        )
    return match.groups()
