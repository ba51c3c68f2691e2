"""Compare the size of networks with that of a baseline.

``python tools/analysis_tools/complexity.py BASELINE CONFIG [CONFIG ...]``
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table

from mmseg_cube.analysis.complexity import complexity


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='+', help='baseline, then others')
    parser.add_argument(
        '--size', type=int, default=512, help='side of the image (512)'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    args = parse_args(argv)
    table = Table('Config', title=f'{args.size} x {args.size}')
    for name in ('Params (M)', 'saved', 'FLOPs (G)', 'saved'):
        table.add_column(name, justify='right')
    baseline = None
    for path in args.configs:
        try:
            cfg = Config.fromfile(path)
        except OSError as error:
            print(error, file=sys.stderr)
            return 2
        init_default_scope(cfg.default_scope)
        counted = complexity(cfg.model, args.size)
        baseline = baseline or counted
        parameters, flops = counted.saving(baseline)
        table.add_row(
            Path(path).stem,
            f'{counted.parameters / 1e6:.2f}',
            f'{parameters:.2f} %',
            f'{counted.flops / 1e9:.2f}',
            f'{flops:.2f} %',
        )
    Console(width=120).print(table)
    return 0


if __name__ == '__main__':
    sys.exit(main())
