"""Deployed networks in the engines that they are deployed to.

All engines compute what an exported file does: images in, logits out. Files
are compared with PyTorch before they are timed.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from mmseg_cube.analysis.speed.comparison import Setting
from mmseg_cube.analysis.speed.network import AS_TRAINED, DEPLOYED, Networks
from mmseg_cube.analysis.speed.rounds import Spread, time_in_turns
from mmseg_cube.deploy import (
    ExportableSegmentor,
    ExportError,
    export_segmentor,
)
from mmseg_cube.deploy.formats import FORMATS, Run
from mmseg_cube.layers import switch_to_deploy
from mmseg_cube.utils.words import shorten

# Those that run files, by the format of these; the others are torch's.
FILES = dict(onnxruntime='onnx', openvino='openvino')
EXAMPLE = 128  # side of the images for an export; the file takes any size
TUNING_ROUNDS = 7


class Engines(Networks):
    """Networks of configs, deployed; ``setting.layout`` is the engine."""

    tasks, one_image, counts_memory = (DEPLOYED,), (), False

    def build(self, task: str, setting: Setting) -> dict[str, Callable]:
        """Build calls with the same image; an ExportError if that fails."""
        calls = {}
        for name, trained in super().build(AS_TRAINED, setting).items():
            model, images, _ = trained.args
            model.dataset_meta = {}
            segmentor = ExportableSegmentor(model)
            try:
                if setting.layout in FILES:
                    about = self.cfgs[name], FILES[setting.layout], EXAMPLE
                    run = load_exported(segmentor, *about)
                else:
                    run = switch_to_deploy(segmentor)
                if setting.layout == 'compile':
                    run = torch.compile(run)
                calls[name] = partial(_infer, run, images)
                calls[name]()
            except Exception as error:  # engines raise all kinds
                reason = f'{setting.layout} cannot run {name}'
                raise ExportError(f'{reason}: {shorten(error)}') from error
        return calls


def load_exported(
    segmentor: ExportableSegmentor,
    cfg: Config,
    format: str,
    size: int,
    plain: bool | None = None,
) -> Run:
    """Export to a file that is not kept, and load it in its engine."""
    # Windows cannot remove what an engine has mapped.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, f'network{FORMATS[format].suffix}')
        export_segmentor(segmentor, cfg, path, format, size, plain)
        return FORMATS[format].read(path)


def tune(
    segmentor: ExportableSegmentor, cfg: Config, format: str, size: int
) -> tuple[bool | None, str]:
    """Time plain convolutions and the lattice in the engine of a format.

    Returns:
        What to give :func:`export_segmentor` as ``plain``, and the numbers.
    """
    images = 255 * torch.rand(segmentor.shape or (1, 3, size, size))
    calls = {}
    for plain in (None, True):
        run = load_exported(segmentor, cfg, format, size, plain)
        calls[plain] = partial(_infer, run, images)
    times = time_in_turns(calls, TUNING_ROUNDS, images.device)
    ratio = Spread.of(np.divide(times[None], times[True]))
    lattice, plain = (1e3 * np.median(times[key]) for key in calls)
    said = f'lattice {lattice:.1f} ms, plain {plain:.1f} ms, ratio {ratio}'
    # A plain convolution has more operations: the clock has to be sure.
    return ratio.low > 1 or None, said


@torch.inference_mode()
def _infer(run: Run, images: Tensor) -> Tensor:
    return run(images)
