"""Tables and metafiles of the model zoo, made from the configs.

Every folder in ``configs`` that has configs is a family. Its metafile.yml
starts with ``Collections`` written by hand, and its README.md is written by
hand around a table. The rest is made here.
"""

from collections.abc import Mapping
from pathlib import Path

from mmseg_cube.analysis.complexity.configs import ConfigCounter, read_config
from mmseg_cube.analysis.complexity.twins import PARTS, pair_twins
from mmseg_cube.analysis.model_zoo.entry import (
    ConfigName,
    check_name,
    make_metadata,
)
from mmseg_cube.analysis.model_zoo.metafile import Metafile, render_index
from mmseg_cube.analysis.model_zoo.readme import (
    TABLE_SIZE,
    check_readme,
    make_table,
    render_readme,
)

INDEX, METAFILE, README = 'model-index.yml', 'metafile.yml', 'README.md'


def generate(root: Path) -> dict[Path, str]:
    """Make the text of all files of the model zoo; write nothing.

    Args:
        root: Folder with ``configs`` in it.

    Returns:
        Texts by path.

    Raises:
        ValueError: If something is missing or contradicts itself; a line for
            every family where that is so.
    """
    families, faults = [], []
    for folder in find_families(root):
        try:
            families.append(Family(folder, root))
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise ValueError('\n'.join(faults))
    count, texts = ConfigCounter(), {}
    for family in families:
        texts |= family.render(count)
    metafiles = [path for path in texts if path.name == METAFILE]
    texts[root / INDEX] = render_index(
        path.relative_to(root).as_posix() for path in metafiles
    )
    return texts


def find_outdated(texts: Mapping[Path, str]) -> list[Path]:
    """List the files that have another text, or are missing."""
    return [
        path
        for path, text in texts.items()
        if not path.is_file() or path.read_text(encoding='utf-8') != text
    ]


def find_families(root: Path) -> list[Path]:
    """List the folders that have configs.

    Raises:
        ValueError: If there are none.
    """
    folders = {path.parent for path in root.glob('configs/*/*.py')}
    families = sorted(f for f in folders if f.name != PARTS)
    if not families:
        raise ValueError(f'{root / "configs"} has no folder with configs')
    return families


class Family:
    """The configs of a folder, with what is written about them by hand.

    Args:
        folder: Folder of the family.
        root: Folder with ``configs`` in it.

    Raises:
        ValueError: If a file or a part of it is missing, or a config is not
            what its name says.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.metafile = Metafile(folder / METAFILE)
        check_readme(folder / README)
        self.members = pair_twins(sorted(folder.glob('*.py')))
        self.cfgs = {m.config: read_config(m.config) for m in self.members}
        self.names = {path: ConfigName(path) for path in self.cfgs}
        for path, cfg in self.cfgs.items():
            check_name(path, self.names[path], cfg)

    def render(self, count: ConfigCounter) -> dict[Path, str]:
        """Make the text of metafile.yml and README.md.

        Args:
            count: Counter of networks.

        Returns:
            Texts by path.
        """
        entries = []
        for path, cfg in self.cfgs.items():
            name = self.names[path]
            metadata = make_metadata(name, cfg, count(cfg, name.crop)[''])
            place = path.relative_to(self.root).as_posix()
            entries.append(self.metafile.make_entry(path, place, metadata))
        sizes = {p: count(c, TABLE_SIZE)[''] for p, c in self.cfgs.items()}
        table = make_table(self.members, sizes, entries)
        return {
            self.folder / METAFILE: self.metafile.render(entries),
            self.folder / README: render_readme(self.folder / README, table),
        }
