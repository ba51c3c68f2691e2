"""Deployed networks in the engines that they are deployed to.

All engines compute what an exported file does: images in, logits out. Files
are compared with PyTorch before they are timed.
"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from mmseg_cube.analysis.speed.comparison import Setting
from mmseg_cube.analysis.speed.network import DEPLOYED, Networks
from mmseg_cube.analysis.speed.rounds import Spread, time_in_turns
from mmseg_cube.deploy import (
    ExportableSegmentor,
    ExportError,
    export_segmentor,
)
from mmseg_cube.deploy.export import check_needs
from mmseg_cube.deploy.formats import FORMATS, Run
from mmseg_cube.layers import CubeConv2d, switch_to_deploy
from mmseg_cube.utils.words import shorten

# Those that run files, by the format of these; the others are torch's.
FILES = dict(onnxruntime='onnx', openvino='openvino')
EXAMPLE = 128  # side of images for the export; the files take any size
WAYS = dict(rule=None, lattice=False, plain=True)
TUNING_ROUNDS = 7


class Engines(Networks):
    """Networks of configs as they are deployed, in ``setting.engine``."""

    tasks, one_image = (DEPLOYED,), ()

    def build(self, task: str, setting: Setting) -> dict[str, Callable]:
        """Build calls with the same image; an ExportError if that fails."""
        calls, images = {}, setting.place(255 * torch.rand(setting.shape))
        for name, cfg in self.cfgs.items():
            segmentor = ExportableSegmentor(self.network(cfg))
            if setting.engine in FILES:
                format = FILES[setting.engine]
                run = load_exported(segmentor, cfg, format, EXAMPLE)
            else:
                run = setting.place(switch_to_deploy(segmentor))
            calls[name] = partial(_infer, run, images)
            try:
                if setting.engine == 'compile':
                    calls[name] = partial(_infer, torch.compile(run), images)
                calls[name]()
            except Exception as error:  # torch.compile raises all kinds
                reason = f'{setting.engine} cannot run {name}'
                raise ExportError(f'{reason}: {shorten(error)}') from error
        return calls

    def bar(self, *_: object) -> None:
        """Return that there is none."""


def find_installed(engines: Iterable[str]) -> list[str]:
    """Leave out engines whose packages are missing, and say so."""
    found = []
    for engine in engines:
        try:
            if engine in FILES:
                check_needs(FILES[engine])
            found.append(engine)
        except ValueError as error:
            print(f'Left out: {error}', file=sys.stderr)
    return found


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
    """Time the ways to deploy Cube convolutions in the engine of a format.

    Returns:
        What to give :func:`export_segmentor` as ``plain``, and the numbers.
    """
    ways = {}
    for name, plain in WAYS.items():
        deployed = switch_to_deploy(segmentor, plain, FORMATS[format].few)
        kept = [isinstance(x, CubeConv2d) for x in deployed.modules()]
        ways.setdefault(sum(kept), name)  # else it is the same network
    if len(ways) == 1:
        return None, 'nothing to tune: no Cube convolution can become plain'
    images = 255 * torch.rand(segmentor.shape or (1, 3, size, size))
    about = segmentor, cfg, format, min(size, EXAMPLE)
    calls = {
        name: partial(_infer, load_exported(*about, WAYS[name]), images)
        for name in ways.values()
    }
    times = time_in_turns(calls, TUNING_ROUNDS, torch.device('cpu'))
    first = times[next(iter(times))]
    ratios = {k: Spread.of(np.divide(x, first)) for k, x in times.items()}
    best = min(ratios, key=lambda name: ratios[name].median)
    said = ', '.join(
        f'{name} {1e3 * np.median(times[name]):.1f} ms, {ratio}'
        for name, ratio in ratios.items()
    )
    threads = torch.get_num_threads()
    return WAYS[best], f'{said} ({threads} threads): {best} it is'


@torch.inference_mode()
def _infer(run: Run, images: Tensor) -> Tensor:
    return run(images)
