"""Watch a small ConvNeXt-U-Cube learn to find roofs.

Draws a sample city, trains and tests through mmseg's own scripts, shows the
scores and the pictures, and ends with a map: the scenes that were held out,
side by side, become polygons of buildings. All that it writes is in
--work-dir.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_cube.cli import main as mmseg_cube
from mmseg_cube.datasets.sample_city import write_raster, write_whu
from mmseg_cube.utils.tables import Table

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'cube-unet_convnext-atto_1xb8-600_sample-city-128x128'
WORK = Path('work_dirs', 'demo')
SCORES = ('IoU', 'F1', 'Precision', 'Recall')
SPLITS = {'train': 96, 'val': 8, 'test': 24}
PLACE = dict(crs='EPSG:32633', transform=(0.3, 0, 5e5, 0, -0.3, 5.5e6))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 if all went well, else the failed step's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default=WORK)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--iterations', type=int, help='of the training')
    args = parser.parse_args(argv)
    work = args.work_dir.resolve()
    city = work / f'city-{args.seed}'
    train, test = work / 'train', work / 'test'
    config = ROOT / 'configs' / 'unet_convnext' / f'{CONFIG}.py'
    seed = f'randomness.seed={args.seed}'
    options = ['--cfg-options', seed, f'data_root={city}']
    if args.iterations:
        warm_up = max(args.iterations // 10, 1)
        options += [
            f'train_cfg.max_iters={args.iterations}',
            f'train_cfg.val_interval={args.iterations}',
            f'default_hooks.checkpoint.interval={args.iterations}',
            f'param_scheduler.0.end={warm_up}',
            f'param_scheduler.1.begin={warm_up}',
            f'param_scheduler.1.end={args.iterations}',
        ]
    try:
        say('1/5 Draw the sample city')
        write_whu(city, SPLITS, seed=args.seed)
        say("2/5 Train with mmseg's train script")
        run('train', config, f'--work-dir={train}', *options)
        say("3/5 Test with mmseg's test script")
        weights = (train / 'last_checkpoint').read_text().strip()
        run('test', config, weights, f'--work-dir={test}', *options)
        say('4/5 Draw images, truth and errors')
        pictures = f'--out={work / "pictures"}'
        run('learned', config, weights, pictures, *options)
        say('5/5 Make a map of the scenes that were held out')
        town, found = work / 'map' / 'town.tif', work / 'map' / 'predicted'
        join(sorted((city / 'test' / 'image').glob('*.tif')), town)
        run('predict', config, weights, town, f'--out={found}')
        raster = found / 'town_probability.tif'
        out = work / 'map' / 'buildings.gpkg'
        run('polygonize', raster, '--split=watershed', f'--out={out}')
    except ValueError as error:
        print(f'Stopped: {error}', file=sys.stderr)
        return 2
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


def join(scenes: Sequence[Path], out: Path) -> None:
    """Lay scenes side by side in one raster that says where it lies."""
    images = [cv2.imread(str(path))[..., ::-1] for path in scenes]
    columns = int(len(images) ** 0.5)
    rows = [
        np.concatenate(images[i : i + columns], 1)
        for i in range(0, len(images) // columns * columns, columns)
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    write_raster(np.concatenate(rows), PLACE, out)


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
