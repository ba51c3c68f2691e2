"""A whole run of prediction: from a config and images to a folder of masks."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from mmseg_cube.datasets.mask_folder import MaskFolder
from mmseg_cube.evaluation.chosen_threshold import ChosenThreshold
from mmseg_cube.inference.folder import Shape
from mmseg_cube.inference.manifest import fingerprint, open_manifest
from mmseg_cube.inference.raster import Tiling, predict_mask
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.networks import load_network

DEFAULT_SIZE = 512


class Done(NamedTuple):
    """What a run did.

    Attributes:
        written: Number of masks that were predicted.
        kept: Number of masks that were there already.
    """

    written: int
    kept: int


@dataclass(frozen=True)
class Prediction:
    """What to predict with, and how.

    Attributes:
        config: Config of the network.
        checkpoint: Its trained weights.
        cfg_options: Settings that replace those of the config.
        size: Side of the windows in pixels; the crop size of the config by
            default.
        stride: Distance of neighbouring windows; half of the size by default.
        batch: Windows that pass through the network at a time.
        tta: Average over the views of ``BuildingNetwork``.
        amp: Automatic mixed precision.
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
        self,
        images: Path,
        shapes: Mapping[Path, Shape],
        make_folder: Callable[[], MaskFolder],
    ) -> Done:
        """Predict the masks that are not there yet, and show how far it is.

        Args:
            images: Folder of the images.
            shapes: Height and width of each image.
            make_folder: Makes the folder to write to, once the input is
                known to be right.

        Raises:
            ValueError: If the input is wrong.
            OSError: If a file is missing or cannot be written.
        """
        threshold = ChosenThreshold(self.threshold).value
        cfg = read_config(self.config, self.cfg_options)
        size = self.size or default_size(cfg)
        tiling = Tiling(size, self.stride, self.batch, self.tta, self.amp)
        model = load_network(cfg, self.checkpoint, self.device)
        out = make_folder()
        settings = dict(
            config=Path(self.config).name,
            checkpoint=Path(self.checkpoint).name,
            network=fingerprint(cfg, model),
            images=str(images.resolve()),
            threshold=threshold,
            **asdict(tiling),
        )
        # The size of a batch changes no more than the last digits.
        del settings['batch']
        open_manifest(out.folder, out.suffix, settings)
        missing = [
            image
            for image, shape in shapes.items()
            if not out.is_done(image, shape)
        ]
        with _progress() as bar:
            outer, inner = bar.add_task('images'), bar.add_task('windows')

            def show(done: int, total: int) -> None:
                bar.update(inner, completed=done, total=total)

            for image in bar.track(missing, task_id=outer):
                out.write(
                    predict_mask(model, image, threshold, tiling, show), image
                )
        return Done(len(missing), len(shapes) - len(missing))


def default_size(cfg: Config) -> int:
    """Side of the windows that a network is meant for, in pixels."""
    test_cfg = cfg.model.get('test_cfg') or {}
    preprocessor = cfg.model.get('data_preprocessor') or {}
    size = test_cfg.get('crop_size') or preprocessor.get('size')
    sides = {size} if isinstance(size, int) else set(size or ())
    return sides.pop() if len(sides) == 1 else DEFAULT_SIZE


def _progress() -> Progress:
    return Progress(
        *Progress.get_default_columns()[:-1],
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
