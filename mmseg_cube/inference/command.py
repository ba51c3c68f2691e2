"""The command line that the tools for prediction share."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmseg.models import BaseSegmentor
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from mmseg_cube.analysis.benchmark.tool import positive
from mmseg_cube.analysis.complexity.configs import read_config
from mmseg_cube.deploy import load_segmentor
from mmseg_cube.evaluation.chosen_threshold import ChosenThreshold
from mmseg_cube.utils.cfg_options import add_cfg_options
from mmseg_cube.utils.quiet import quiet_libraries

from .folder import Done, MaskFolder, Shape, predict_images
from .manifest import fingerprint, open_manifest
from .raster import Tiling

BAD_INPUT = 2
INTERRUPTED = 130  # as shells report Ctrl-C
DEFAULT_SIZE = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to predict with, and how."""
    parser.add_argument('config', help='config of the network')
    parser.add_argument('checkpoint', help='its trained weights')
    parser.add_argument(
        '--size',
        type=positive,
        help='side of the windows (crop size of the config, or '
        f'{DEFAULT_SIZE})',
    )
    parser.add_argument(
        '--stride',
        type=positive,
        help='distance of neighbouring windows (half of the size)',
    )
    parser.add_argument(
        '--batch',
        type=positive,
        default=4,
        help='windows that pass through the network at a time (4)',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help='average over each window and its three mirror images',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='automatic mixed precision: float16 on CUDA, bfloat16 on CPUs',
    )
    parser.add_argument(
        '--threshold',
        default='0.5',
        help='probability above which a pixel is a building, or the '
        'curve.json of the val set, whose best one is taken (0.5)',
    )
    parser.add_argument(
        '--device', help='such as cpu or cuda:1 (a GPU if there is one)'
    )
    add_cfg_options(parser)


def run(tool: Callable[[], int]) -> int:
    """Run a tool; say what was wrong with its input in one message."""
    try:
        with quiet_libraries():
            return tool()
    except torch.cuda.OutOfMemoryError as error:
        text = f'{error}; choose a smaller --batch or --size'
    except (OSError, ValueError) as error:
        text = str(error)
    except KeyboardInterrupt:
        print(
            'Stopped. Run the same command again to continue.', file=sys.stderr
        )
        return INTERRUPTED
    print(text, file=sys.stderr)
    return BAD_INPUT


def predict(
    args: argparse.Namespace,
    images: Path,
    shapes: dict[Path, Shape],
    out: Callable[[], MaskFolder],
) -> Done:
    """Predict images as the arguments say, with a bar of progress.

    Args:
        args: Arguments of :func:`add_arguments`.
        images: Folder of the images.
        shapes: Height and width of each image.
        out: Makes the folder to write to, once the input is known to be
            right.

    Raises:
        ValueError: If the input is wrong.
        OSError: If a file is missing or cannot be written.
    """
    threshold = ChosenThreshold(_number_or_path(args.threshold)).value
    cfg = read_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    size = args.size or default_size(cfg)
    tiling = Tiling(size, args.stride, args.batch, args.tta, args.amp)
    model = load_segmentor(cfg, args.checkpoint)
    _move(model, args.device or get_device())
    folder = out()
    open_manifest(
        folder.folder,
        dict(
            config=Path(args.config).name,
            checkpoint=Path(args.checkpoint).name,
            network=fingerprint(cfg, model),
            images=str(images.resolve()),
            threshold=threshold,
            # The size of a batch changes no more than the last digits.
            **{k: v for k, v in asdict(tiling).items() if k != 'batch'},
        ),
        bool(folder.files()),
    )
    with Progress(
        *Progress.get_default_columns()[:-1],
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        outer, inner = bar.add_task('images'), bar.add_task('windows')

        def show(done: int, total: int) -> None:
            bar.update(inner, completed=done, total=total)

        return predict_images(
            model,
            shapes,
            folder,
            threshold,
            tiling,
            lambda missing: bar.track(missing, task_id=outer),
            show,
        )


def default_size(cfg: Config) -> int:
    """Side of the windows that a network is meant for, in pixels."""
    test_cfg = cfg.model.get('test_cfg') or {}
    preprocessor = cfg.model.get('data_preprocessor') or {}
    size = test_cfg.get('crop_size') or preprocessor.get('size')
    sides = {size} if isinstance(size, int) else set(size or ())
    return sides.pop() if len(sides) == 1 else DEFAULT_SIZE


def _number_or_path(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _move(model: BaseSegmentor, device: str) -> None:
    try:
        model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'cannot compute on --device {device}: {error}'
        ) from error
