"""Watch a small ConvNeXt-U-Cube learn to find roofs.

Draws a sample city, trains and tests through mmseg's own scripts, shows the
scores and the pictures, and ends with a map: buildings of a town that the
network has not seen become polygons. All that it writes is in --work-dir.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from mmseg_cube.cli import main as mmseg_cube
from mmseg_cube.utils.tables import Table

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'cube-unet_convnext-atto_1xb8-600_sample-city-128x128'
WORK = Path('work_dirs', 'demo')
SCORES = ('IoU', 'F1', 'Precision', 'Recall')
SCENES = '--train=96', '--val=8', '--test=24'
TOWN = '--regions=austin', '--tiles-per-region=1', '--test-tiles=0'
SIDE = 1024  # of the town, in pixels


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 if all went well, else the failed step's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default=WORK)
    parser.add_argument('--seed', type=int, default=0)
    what = 'settings of the config, such as train_cfg.max_iters=900'
    parser.add_argument('options', nargs='*', metavar='KEY=VALUE', help=what)
    args = parser.parse_args(argv)
    work, seed = args.work_dir.resolve(), f'--seed={args.seed}'
    city, town = work / f'city-{args.seed}', work / f'town-{args.seed}'
    train, test, maps = work / 'train', work / 'test', work / 'map'
    config = ROOT / 'configs' / 'unet_convnext' / f'{CONFIG}.py'
    options = ['--cfg-options', f'randomness.seed={args.seed}']
    options += [f'data_root={city}', *args.options]
    try:
        say('1/5 Draw the sample city')
        run('sample-city', 'whu', f'--out={city}', seed, *SCENES)
        say("2/5 Train with mmseg's train script")
        run('train', config, f'--work-dir={train}', *options)
        say("3/5 Test with mmseg's test script")
        weights = (train / 'last_checkpoint').read_text().strip()
        run('test', config, weights, f'--work-dir={test}', *options)
        say('4/5 Draw images, truth and errors')
        pictures = f'--out={work / "pictures"}'
        run('learned', config, weights, pictures, *options)
        say('5/5 Make a map of a town that the network has not seen')
        size = f'--size={SIDE}'
        run('sample-city', 'inria', f'--out={town}', seed, size, *TOWN)
        images = town / 'AerialImageDataset' / 'train' / 'images'
        run('predict', config, weights, images, f'--out={maps}')
        out = maps / 'buildings.gpkg'
        run('polygonize', maps, '--split=watershed', f'--out={out}')
    except StepError as error:
        print('Stopped: the last step failed, see above.', file=sys.stderr)
        return error.args[0]
    report(test)
    return 0


def say(title: str) -> None:
    """Show which step begins."""
    print(f'\n{title}\n{"-" * len(title)}', flush=True)


class StepError(Exception):
    """A command failed, with this exit code."""


def run(*words: object) -> None:
    """Run ``mmseg-cube`` as a user would, but in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        if code := mmseg_cube([str(word) for word in words]):
            raise StepError(code)


def report(test: Path) -> None:
    """Show the scores of the newest test and where the pictures are."""
    newest = max(test.glob('*/*.json'), key=lambda path: path.stat().st_mtime)
    scores = json.loads(newest.read_text())
    cells = [f'{scores[f"building/{name}"]:.2f}' for name in SCORES]
    title = 'Buildings in scenes that were held out, in percent'
    print(Table(SCORES, [cells], title).terminal())
    work = test.parent
    print(f'\nPictures: {work / "pictures"}, shown by learned.md')
    print(f'Map: {work / "map" / "buildings.gpkg"}, drawn in .png')


if __name__ == '__main__':
    sys.exit(main())
