"""Bring the model zoo up to date: metafiles, tables and model-index.yml.

``python tools/model_zoo.py`` makes, from the configs in ``configs``, the
``Models`` of every metafile.yml, the table in every README.md between its two
marks, and model-index.yml. What was written by hand stays: the
``Collections`` above the models, ``Results``, ``Weights`` and ``Training
Log`` of an entry, the text around a table. The table shows of ``Results`` the
``Metrics`` building/IoU, building/F1, building/Precision, building/Recall and
Seeds.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import MMLogger

from mmseg_cube.analysis.model_zoo.families import find_outdated, generate
from mmseg_cube.utils.whole_files import write_text_whole

ROOT = Path(__file__).resolve().parents[1]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--check',
        action='store_true',
        help='write nothing; exit with 1 if a file is out of date',
    )
    parser.add_argument(
        '--root',
        type=Path,
        default=ROOT,
        help='folder with configs in it (that of this checkout)',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong.

    With ``--check``, 1 if a file is out of date.
    """
    args = parse_args(argv)
    # Building a CubeBackbone says what it has replaced.
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    try:
        texts = generate(args.root)
        outdated = find_outdated(texts)
        if not args.check:
            for path in outdated:
                write_text_whole(path, texts[path])
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    said = 'is out of date' if args.check else 'written'
    for path in outdated:
        print(f'{path.relative_to(args.root)} {said}')
    if args.check and outdated:
        print('python tools/model_zoo.py brings them up to date')
        return 1
    print(f'{len(texts)} files are up to date')
    return 0


if __name__ == '__main__':
    sys.exit(main())
