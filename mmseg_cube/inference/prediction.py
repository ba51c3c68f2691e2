"""A whole run of prediction: from a config and images to a folder of masks."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.models import BaseSegmentor
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from mmseg_cube.datasets.contract import image_shape
from mmseg_cube.datasets.errors import DatasetError, FileError, errors_of
from mmseg_cube.datasets.listing import list_rasters
from mmseg_cube.datasets.mask_folder import MaskFolder
from mmseg_cube.datasets.rasters import RASTER_SUFFIXES
from mmseg_cube.evaluation.thresholds import ChosenThreshold
from mmseg_cube.inference.output_folder import OutputFolder, identify
from mmseg_cube.inference.raster import Tiling, predict_mask
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.words import listing, not_found, quantity

DEFAULT_SIZE = 512
SMALLEST = 32  # window; most networks halve an image five times
Shapes = dict[Path, tuple[int, int]]  # height and width in pixels


@dataclass(frozen=True)
class Prediction:
    """What to predict with, and how; :class:`Tiling` explains the numbers."""

    config: str
    checkpoint: str
    cfg_options: Mapping[str, object] = field(default_factory=dict)
    size: int | None = None  # crop size of the config
    stride: int | None = None
    batch: int = 4
    tta: bool = False
    amp: bool = False
    threshold: float | str = 0.5  # of the probability, or a curve.json
    device: str | None = None  # a GPU, if there is one

    def run(
        self, images: Sequence[Path], make_folder: Callable[[], MaskFolder]
    ) -> None:
        """Predict the masks that are not there yet, and say how it went.

        The folder to write to is made once the input is known to be right. A
        file that cannot be used does not stop the others.

        Raises:
            ValueError: If something is wrong with the input, or at last with
                some of the images; the text names them all.
        """
        threshold = ChosenThreshold(self.threshold).value
        cfg = read_config(self.config, self.cfg_options)
        shapes, faults = read_shapes(images)
        if not shapes:
            raise _faulty(faults, len(images))
        size = self._choose_size(_default_size(cfg), shapes)
        tiling = Tiling(size, self.stride, self.batch, self.tta, self.amp)
        model = load_network(cfg, self.checkpoint, self.device)
        settings = dict(
            config=Path(self.config).name,
            checkpoint=Path(self.checkpoint).name,
            network=_fingerprint(cfg, model),
            images=str(images[0].parent.resolve()),
            threshold=threshold,
            **asdict(tiling),
        )
        # The size of a batch changes no more than the last digits.
        del settings['batch']
        out = OutputFolder(make_folder())
        with out.opened(settings):
            missing = [image for image in images if not out.has(image)]
            again = sum(out.path(image).exists() for image in missing)
            if again:
                print(
                    f'Note: making {quantity(again, "mask")} in {out.folder} '
                    'again: cut short, or not noted as those of the images '
                    'that are there now.',
                    file=sys.stderr,
                )
            faults = _predict(model, missing, threshold, tiling, out)
            share = out.building_share(images)
        there, new = len(images) - len(missing), len(missing) - len(faults)
        print(
            f'{quantity(there + new, "mask")} in {out.folder}: {new} '
            f'predicted, {there} there already, {share:.1f} % building'
        )
        warn_of_shares({str(out.folder): share})
        if faults:
            raise _faulty(faults, len(images))

    def _choose_size(self, default: int, shapes: Shapes) -> int:
        """Return the side of the windows, unless it makes no sense."""
        size = self.size or default
        longest = max(map(max, shapes.values()))
        least, most = min(SMALLEST, default), max(default, 2 * longest)
        if least <= size <= most:
            return size
        fault = f'the largest side of an image is {longest} pixels'
        if size < least:
            fault = f'networks see {SMALLEST} pixels as one'
        raise ValueError(
            f'windows of --size {size} make no sense: {fault}. This network '
            f'is meant for {default}'
        )


def _predict(
    model: BaseSegmentor,
    images: Sequence[Path],
    threshold: float,
    tiling: Tiling,
    out: OutputFolder,
) -> list[str]:
    """Write masks and show how far it is; return what is wrong with files."""
    faults, columns = [], Progress.get_default_columns()
    columns = *columns[:-1], MofNCompleteColumn(), columns[-1]
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as bar:
        outer, inner = bar.add_task('images'), bar.add_task('windows')

        def show(done: int, total: int) -> None:
            bar.update(inner, completed=done, total=total)

        for image in bar.track(images, task_id=outer):
            try:
                identity = identify(image)
                out.discard(image)
                with errors_of(image):  # of a memory that is too small
                    mask = predict_mask(model, image, threshold, tiling, show)
            except FileError as error:
                faults.append(str(error))
            else:
                out.write(mask, image, identity)
    return faults


def warn_of_shares(shares: Mapping[str, float]) -> None:
    """Warn of nothing but ground, or but buildings: percent by place."""
    shown = {where: f'{share:.1f}' for where, share in shares.items()}
    odd = [f'{k}: {v} %' for k, v in shown.items() if v in ('0.0', '100.0')]
    if odd:
        print(
            f'Warning: {", ".join(odd)} building, which is hardly ever true. '
            'Look at a mask and its image, at the scores of this checkpoint '
            'on the val set, and at --threshold.',
            file=sys.stderr,
        )


def list_images(folder: Path) -> list[Path]:
    """List the images of a folder in natural order, no two of one stem."""
    if not folder.is_dir():
        raise DatasetError(not_found('folder', folder, 'correct the path'))
    files = list_rasters(folder)
    if not files:
        suffixes = ', '.join(RASTER_SUFFIXES)
        raise DatasetError(
            f'{folder} has no images ({suffixes}); those in folders within '
            'it are not looked for'
        )
    for same in files.values():
        if len(same) > 1:
            names = ', '.join(path.name for path in same)
            text = f'{folder}: {names} would all get the same mask. '
            raise DatasetError(f'{text}Leave one of them')
    return [path for (path,) in files.values()]


def read_shapes(images: Iterable[Path]) -> tuple[Shapes, list[str]]:
    """Read height and width of images from their headers; list the faults."""
    shapes, faults = {}, []
    for image in images:
        try:
            with errors_of(str(image)):
                shapes[image] = image_shape(image)
        except FileError as error:
            faults.append(str(error))
    return shapes, faults


def _faulty(faults: Sequence[str], count: int) -> ValueError:
    text = f'{len(faults)} of {quantity(count, "image")} cannot be predicted'
    return ValueError(
        f'{text}:\n{listing(faults, len(faults))}\nNext: mend or remove '
        'them; the same command then does only what is missing.'
    )


def _fingerprint(cfg: Config, model: BaseSegmentor) -> str:
    """Identify a network by its settings and all of its weights, in hex."""
    digest = hashlib.sha256(repr(cfg.model).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f'{name} {tuple(value.shape)} {value.dtype}'.encode())
        value = value.detach().cpu().contiguous().reshape(-1)
        digest.update(value.view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _default_size(cfg: Config) -> int:
    """Side of the windows that a network is meant for, in pixels."""
    parts = [cfg.model.get(x) or {} for x in ('test_cfg', 'data_preprocessor')]
    size = parts[0].get('crop_size') or parts[1].get('size')
    sides = {size} if isinstance(size, int) else set(size or ())
    return sides.pop() if len(sides) == 1 else DEFAULT_SIZE
