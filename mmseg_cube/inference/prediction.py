"""A whole run of prediction: from a config and images to a folder of masks."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.models import BaseSegmentor
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from mmseg_cube.datasets.contract import image_shape
from mmseg_cube.datasets.errors import DatasetError, errors_of
from mmseg_cube.datasets.mask_folder import MaskFolder
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.datasets.tiles import list_rasters
from mmseg_cube.evaluation.thresholds import ChosenThreshold
from mmseg_cube.inference.raster import Tiling, predict_mask
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.whole_files import write_text_whole
from mmseg_cube.utils.words import not_found

DEFAULT_SIZE = 512
MANIFEST = 'manifest.json'
# Of the manifest; the same weights may lie elsewhere the next time.
FOR_PEOPLE = ('config', 'checkpoint')
Shapes = dict[Path, tuple[int, int]]  # height and width in pixels


@dataclass(frozen=True)
class Prediction:
    """What to predict with, and how; :class:`Tiling` explains the numbers.

    Attributes:
        size: By default the crop size of the config.
        threshold: Probability above which a pixel is a building, or the
            ``curve.json`` of the val set, whose best one is taken.
        device: Such as ``cpu``; a GPU by default, if there is one.
    """

    config: str
    checkpoint: str
    cfg_options: Mapping[str, object] = field(default_factory=dict)
    size: int | None = None
    stride: int | None = None
    batch: int = 4
    tta: bool = False
    amp: bool = False
    threshold: float | str = 0.5
    device: str | None = None

    def run(
        self, images: Shapes, make_folder: Callable[[], MaskFolder]
    ) -> str:
        """Predict the masks that are not there yet, and show how far it is.

        The folder to write to is made once the input is known to be right.

        Returns:
            How many were predicted and how many were there, in words.
        """
        threshold = ChosenThreshold(self.threshold).value
        cfg = read_config(self.config, self.cfg_options)
        size = self.size or _default_size(cfg)
        tiling = Tiling(size, self.stride, self.batch, self.tta, self.amp)
        model = load_network(cfg, self.checkpoint, self.device)
        out = make_folder()
        settings = dict(
            config=Path(self.config).name,
            checkpoint=Path(self.checkpoint).name,
            network=_fingerprint(cfg, model),
            images=str(next(iter(images)).parent.resolve()),
            threshold=threshold,
            **asdict(tiling),
        )
        # The size of a batch changes no more than the last digits.
        del settings['batch']
        _open_manifest(out, settings)
        missing = [
            image
            for image, shape in images.items()
            if not out.is_done(image, shape)
        ]
        columns = Progress.get_default_columns()[:-1]
        columns += (MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True) as bar:
            outer, inner = bar.add_task('images'), bar.add_task('windows')

            def show(done: int, total: int) -> None:
                bar.update(inner, completed=done, total=total)

            for image in bar.track(missing, task_id=outer):
                mask = predict_mask(model, image, threshold, tiling, show)
                out.write(mask, image)
        there = len(images) - len(missing)
        return f'{len(missing)} predicted, {there} there already'


def list_images(folder: Path) -> list[Path]:
    """List the images of a folder in natural order, no two of one stem."""
    if not folder.is_dir():
        raise DatasetError(not_found('folder', folder, 'correct the path'))
    files = list_rasters(folder)
    if not files:
        suffixes = ', '.join(RASTER_SUFFIXES)
        raise DatasetError(f'{folder} has no images ({suffixes})')
    for same in files.values():
        if len(same) > 1:
            names = ', '.join(path.name for path in same)
            raise DatasetError(
                f'{folder}: {names} would all get the same mask. Leave one '
                'of them'
            )
    return [path for (path,) in files.values()]


def read_shapes(images: Iterable[Path]) -> Shapes:
    """Read height and width of images from their headers."""
    shapes = {}
    for image in images:
        with errors_of(str(image)):
            shapes[image] = image_shape(image)
    return shapes


def _fingerprint(cfg: Config, model: BaseSegmentor) -> str:
    """Identify a network by its settings and all of its weights, in hex."""
    digest = hashlib.sha256(repr(cfg.model).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f'{name} {tuple(value.shape)} {value.dtype}'.encode())
        value = value.detach().cpu().contiguous().reshape(-1)
        digest.update(value.view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _open_manifest(out: MaskFolder, settings: Mapping[str, object]) -> None:
    """Note what masks depend on in their folder, or compare it."""
    folder = out.folder
    path = folder / MANIFEST
    advice = f'Name another place to write to, or remove {folder}'
    if not path.is_file():
        if any(folder.glob(f'*{out.suffix}')):
            raise ValueError(
                f'{folder} holds masks, but no {MANIFEST} that says how they '
                f'were made. {advice}'
            )
        write_text_whole(path, json.dumps(settings, indent=2) + '\n')
        return
    try:
        before = dict(json.loads(path.read_text(encoding='utf-8')))
    except (ValueError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error}). {advice}') from error
    changed = [
        f'{key} was {before.get(key)!r} and is {value!r} now'
        for key, value in settings.items()
        if key not in FOR_PEOPLE and before.get(key) != value
    ]
    if changed:
        raise ValueError(
            f'{folder} was begun with other settings: {"; ".join(changed)}. '
            f'{advice}'
        )


def _default_size(cfg: Config) -> int:
    """Side of the windows that a network is meant for, in pixels."""
    test_cfg = cfg.model.get('test_cfg') or {}
    preprocessor = cfg.model.get('data_preprocessor') or {}
    size = test_cfg.get('crop_size') or preprocessor.get('size')
    sides = {size} if isinstance(size, int) else set(size or ())
    return sides.pop() if len(sides) == 1 else DEFAULT_SIZE
