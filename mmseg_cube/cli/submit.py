"""Write the archive for Inria's leaderboard, or check one.

    mmseg-cube submit [CONFIG CHECKPOINT] --out OUT.zip
    mmseg-cube submit --check FILE.zip

Predicts the 180 test tiles as mmseg-cube predict does, and packs one band of
0 and 255 per tile, CCITT G4 with 1 bit a pixel. The tiles are gathered in the
folder OUT_tiles first, so a run that was stopped continues; its manifest.json
says how they were made. At last, the archive is opened again and checked;
every fault is named, and the exit code is 1 if there are any.
"""

from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace
from mmseg_cube.cli.predict import add_settings

CONTINUES = True
DATA_ROOT = Path('data/AerialImageDataset')


def add_arguments(add: Arguments) -> None:
    add.network()
    add('--out', 'archive to write, *.zip', type=Path)
    what = 'check this archive and predict nothing'
    add('--check', what, type=Path, metavar='ZIP')
    what = f'folder of the dataset ({DATA_ROOT}); with --check, tiles must be '
    what += 'of the size of their images (of 5000 x 5000 pixels)'
    add('--data-root', what, type=Path)
    add_settings(add)


def run(args: Namespace) -> int:
    """Write or check; 1 if the archive has faults."""
    from mmseg_cube.inference import submission
    from mmseg_cube.utils.default_network import choose_network

    if args.check:
        shapes = submission.expected_shapes(args.data_root)
        return submission.report_archive(args.check, shapes)
    if not args.out:
        raise ValueError(
            'name --out OUT.zip to write an archive, or --check FILE.zip to '
            'check one'
        )
    given = args.config, args.checkpoint
    args.config, args.checkpoint = choose_network(*given)
    data_root = args.data_root or DATA_ROOT
    return submission.write_submission(vars(args), data_root, args.out)
