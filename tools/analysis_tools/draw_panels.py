"""Draw image | truth | prediction for a test set.

``python tools/test.py CONFIG CHECKPOINT --out MASKS`` writes the predictions;
``python tools/analysis_tools/draw_panels.py CONFIG MASKS PICTURES`` draws.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_cube.analysis.panels import draw_panels
from mmseg_cube.utils.cfg_options import add_cfg_options


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the test set')
    parser.add_argument('predictions', type=Path, help='folder of masks')
    parser.add_argument('out', type=Path, help='folder for the pictures')
    parser.add_argument(
        '--limit', type=int, default=24, help='pictures to draw (24)'
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; 0 if all went well, 2 if the input was wrong."""
    args = parse_args(argv)
    try:
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options)
        init_default_scope(cfg.default_scope)
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        samples = [dataset.get_data_info(i) for i in range(len(dataset))]
        paths = draw_panels(samples, args.predictions, args.out, args.limit)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f'{len(paths)} pictures in {args.out}, such as {paths[0].name}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
