"""Watch a small ConvNeXt-U-Cube learn to find roofs.

Draws a sample city, trains through mmseg's own train script, tests through
its own test script, and shows the scores and the pictures.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'cube-unet_convnext-atto_1xb8-600_sample-city-128x128'
SCORES = ('IoU', 'F1', 'Precision', 'Recall')
OVERVIEW = 4  # scenes in one picture
SPLITS = (('train', 96), ('val', 8), ('test', 24))


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=ROOT / 'work_dirs' / 'demo',
        help='folder for the city, the network and the pictures',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed (0)')
    parser.add_argument(
        '--iterations', type=int, help='shorter or longer training'
    )
    return parser.parse_args(argv)


def run(console: Console, title: str, script: str, *args: object) -> None:
    """Run a tool of this repository, showing its name and its output."""
    command = [sys.executable, '-W', 'ignore', str(ROOT / 'tools' / script)]
    command += map(str, args)
    console.rule(title)
    subprocess.run(command, check=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration; 0 if all went well, else the failed tool's."""
    args = parse_args(argv)
    console = Console()
    work = args.work_dir.resolve()
    city, train, test = work / 'city', work / 'train', work / 'test'
    config = ROOT / 'configs' / 'unet_convnext' / f'{CONFIG}.py'
    options = ['--cfg-options', f'randomness.seed={args.seed}']
    for loader in ('train', 'val', 'test'):
        options.append(f'{loader}_dataloader.dataset.data_root={city}')
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
    counts = [f'--{split}={count}' for split, count in SPLITS]
    try:
        run(
            console,
            '1/4 Draw the sample city',
            'make_sample_city.py',
            'whu',
            city,
            f'--seed={args.seed}',
            *counts,
        )
        run(
            console,
            "2/4 Train with mmseg's train script",
            'train.py',
            config,
            f'--work-dir={train}',
            *options,
        )
        checkpoint = (train / 'last_checkpoint').read_text().strip()
        run(
            console,
            "3/4 Test with mmseg's test script",
            'test.py',
            config,
            checkpoint,
            f'--work-dir={test}',
            f'--out={test / "masks"}',
            *options,
        )
    except subprocess.CalledProcessError as error:
        console.print(f'Stopped: {Path(error.cmd[3]).name} failed, see above.')
        return error.returncode
    console.rule('4/4 Draw image, truth and errors')
    draw(city / 'test', test / 'masks', test / 'pictures')
    report(console, test)
    return 0


def draw(scenes: Path, masks: Path, out: Path) -> None:
    """Draw each scene, and the first ones in one picture."""
    from mmseg_cube.evaluation.error_picture import draw_panels

    rows = {}
    for image in sorted((scenes / 'image').iterdir()):
        (truth,) = (scenes / 'label').glob(f'{image.stem}.*')
        pair = [np.asarray(Image.open(path)) > 0
                for path in (truth, masks / f'{image.stem}.png')]  # fmt: skip
        rows[image.stem] = np.asarray(Image.open(image)), *pair
    out.mkdir(parents=True, exist_ok=True)
    for stem, row in rows.items():
        draw_panels([row], out / f'{stem}.png')
    draw_panels(list(rows.values())[:OVERVIEW], out / 'overview.png')


def report(console: Console, test: Path) -> None:
    """Show the scores of the newest test and where the pictures are."""
    newest = max(test.glob('*/*.json'), key=lambda path: path.stat().st_mtime)
    scores = json.loads(newest.read_text())
    table = Table(title='Buildings in scenes that were held out (percent)')
    for name in SCORES:
        table.add_column(name, justify='right')
    table.add_row(*(f'{scores[f"building/{name}"]:.2f}' for name in SCORES))
    console.rule('Result')
    console.print(table)
    pictures = test / 'pictures'
    console.print(f'Overview: {pictures / "overview.png"}', soft_wrap=True)
    console.print(f'One picture per scene: {pictures}', soft_wrap=True)


if __name__ == '__main__':
    sys.exit(main())
