"""A whole run of prediction: from a config and rasters to a folder."""

import math
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import torch
from mmengine.config import Config
from rich.console import Console
from rich.progress import Progress

from mmseg_cube.datasets.bands import Channels
from mmseg_cube.datasets.conversion.config_tiles import datasets_in
from mmseg_cube.datasets.errors import FileError, errors_of
from mmseg_cube.datasets.ground import pixel_size
from mmseg_cube.evaluation.thresholds import ChosenThreshold
from mmseg_cube.inference.batch import choose_batch
from mmseg_cube.inference.inputs import Inputs
from mmseg_cube.inference.network import BuildingNetwork, threshold_of
from mmseg_cube.inference.predictor import (
    Output,
    RasterPredictor,
    RasterResult,
)
from mmseg_cube.inference.raster import Tiling
from mmseg_cube.inference.scene import Bands, Scene
from mmseg_cube.utils.configs import read_config
from mmseg_cube.utils.default_network import ground_resolution
from mmseg_cube.utils.networks import load_network, refuse_other_channels
from mmseg_cube.utils.words import listing, name_some, quantity

AUTO = 'auto'  # batch
DEFAULT_SIZE = 512
FAR = 1.5  # times the size of a pixel
# Steps of a test pipeline that leave an image as it is.
PLAIN = 'LoadImageFromFile', 'LoadRasterWindow', 'LoadAnnotations'
PLAIN += 'LoadBuildingMask', 'PackSegInputs'
SMALLEST = 32  # window; most networks halve an image five times
Shape = tuple[int, int]  # height and width in pixels


def predict_inputs(
    inputs: Inputs, folder: Path, given: Mapping[str, object]
) -> None:
    """Predict what is not there yet, and say how it went.

    The folder is made once the input is known to be right. A raster that
    cannot be used does not stop the others.

    Args:
        inputs: Files of rasters, by their names.
        folder: For what is made of them.
        given: The options of ``mmseg-cube predict``, by name.

    Raises:
        ValueError: If something is wrong with the input, or at last with
            some of the rasters; the text names them all.
    """
    threshold = given['threshold']
    if threshold is not None:
        threshold = ChosenThreshold(threshold).value
    auto, memory = given['batch'] == AUTO, given['memory']
    if memory is not None and not auto:
        raise ValueError(f'--memory goes with --batch {AUTO}')
    if memory is not None and not 0 < memory < math.inf:
        raise ValueError(f'--memory must be above 0 GiB, not {memory}')
    cfg = read_config(given['config'], given['cfg_options'])
    bands, checkpoint = _choose_bands(cfg, given), given['checkpoint']
    meant = ground_resolution(checkpoint)
    shapes, faults = read_shapes(inputs, bands, meant)
    if not shapes:
        raise _faulty(faults, len(inputs))
    size = _choose_size(given['size'], cfg, shapes.values())
    batch = 1 if auto else given['batch']
    tiling = Tiling(size, given['stride'], batch, given['tta'], given['amp'])
    if given['threads']:
        torch.set_num_threads(given['threads'])
    shard = given.get('shard') or _processes()
    model = load_network(cfg, checkpoint, _device(given['device']))
    if threshold is None:
        threshold = threshold_of(model)
    if auto:
        network = BuildingNetwork(model, tiling.tta, tiling.amp)
        most = max(len(tiling.starts(width)) for _, width in shapes.values())
        channels = Channels(bands.bands).count
        refuse_other_channels(model, channels)
        batch = choose_batch(network, (channels, size, size), most, memory)
        tiling = replace(tiling, batch=batch)
        print(f'Note: {quantity(batch, "window")} at a time.', file=sys.stderr)
    write, strip = given.get('write', ()), given.get('strip')
    exact = given.get('float', False)
    output = Output(folder, write, threshold, strip, exact, shard)
    names = {x: Path(given[x]).name for x in ('config', 'checkpoint')}
    predictor = RasterPredictor(model, tiling, bands, output, names)
    with predictor.hold():
        results, faults = _predict(predictor, inputs)
    _summarize(results, folder)
    if faults:
        raise _faulty(faults, len(inputs))


def _choose_bands(cfg: Config, given: Mapping[str, object]) -> Bands:
    """Return what is named, or else what the network was trained to see."""
    known = next(datasets_in(cfg.get('test_dataloader') or {}))
    pipeline = known.get('pipeline') or ()
    steps = {str(x['type']).split('.')[-1]: x for x in pipeline}
    if others := [step for step in steps if step not in PLAIN]:
        print(
            f'Warning: {name_some(others)} of the test pipeline is left out, '
            'so the network sees other images than in mmseg-cube test. In '
            'place of Resize name --resolution.',
            file=sys.stderr,
        )
    loader = steps.get('LoadRasterWindow', {})  # of other datasets
    named = {field.name: given.get(field.name) for field in fields(Bands)}
    for name in ('bands', 'scale'):
        values = named[name], known.get(name), loader.get(name)
        named[name] = next(filter(None, values), None)
    return Bands(**named)


def _choose_size(
    size: int | None, cfg: Config, shapes: Collection[Shape]
) -> int:
    """Return the side of the windows, unless it makes no sense."""
    parts = [cfg.model.get(x) or {} for x in ('test_cfg', 'data_preprocessor')]
    meant = parts[0].get('crop_size') or parts[1].get('size')
    sides = {meant} if isinstance(meant, int) else set(meant or ())
    default = sides.pop() if len(sides) == 1 else DEFAULT_SIZE
    size = size or default
    longest = max(map(max, shapes))
    least, most = min(SMALLEST, default), max(default, 2 * longest)
    if least <= size <= most:
        return size
    fault = f'the largest side of an image is {longest} pixels'
    if size < least:
        fault = f'networks see {SMALLEST} pixels as one'
    raise ValueError(
        f'windows of --size {size} make no sense: {fault}. This network is '
        f'meant for {default}'
    )


def _predict(
    predictor: RasterPredictor, inputs: Inputs
) -> tuple[list[RasterResult], list[str]]:
    """Predict rasters and show how far it is; list what is wrong with some."""
    results, faults, console = [], [], Console(stderr=True)
    shown = console.is_terminal and predictor.output.shard[0] == 0
    with Progress(console=console, transient=True, disable=not shown) as bar:
        outer, inner = bar.add_task('rasters'), bar.add_task('pixels')

        def show(done: int, total: int) -> None:
            speed = (bar.tasks[inner].speed or 0) / 1e6
            said = f'{speed:.2f} Mpx/s'
            bar.update(inner, completed=done, total=total, description=said)

        for name, paths in bar.track(inputs.items(), task_id=outer):
            bar.reset(inner)
            try:
                with errors_of(paths[0]):  # of a memory that is too small
                    results.append(predictor.predict(paths, name, show))
            except FileError as error:
                predictor.folder.discard(name)
                faults.append(str(error))
    return results, faults


def _summarize(results: Sequence[RasterResult], folder: Path) -> None:
    """Say what was done."""
    done = [result for result in results if result.files]
    if waiting := len(results) - len(done):
        print(
            f'{quantity(waiting, "raster")} in {folder}: this process has '
            'done its strips; the one that makes the last strip writes files'
        )
    if done:
        new = sum(result.new for result in done)
        pixels = sum(result.pixels for result in done)
        share = 100 * sum(result.building for result in done) / max(pixels, 1)
        print(
            f'{quantity(len(done), "mask")} in {folder}: {new} predicted, '
            f'{len(done) - new} there already, {share:.1f} % building'
        )
        if pixels:
            warn_of_shares({str(folder): share})
        else:
            print(f'Note: no pixel in {folder} has data.', file=sys.stderr)


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


def read_shapes(
    inputs: Inputs, bands: Bands | None = None, meant: float | None = None
) -> tuple[dict[str, Shape], list[str]]:
    """Read height and width of rasters from their headers; list the faults.

    Pixels far from the size in metres that is meant are noted.
    """
    shapes, faults, notes = {}, [], {}
    for name, paths in inputs.items():
        try:
            scene = Scene(paths, bands)
        except FileError as error:
            faults.append(str(error))
        else:
            shapes[name] = scene.shape
            for note in scene.notes:
                notes.setdefault(note, scene.name)
            if meant and scene.has_degrees:
                found = max(pixel_size(scene.dataset))
                if not 1 / FAR < found / meant < FAR:
                    note = f'has pixels of {found:.2g} m, but the network was '
                    note += f'trained on {meant} m: try --resolution {meant}'
                    notes.setdefault(note, scene.name)
    for note, name in notes.items():
        print(f'Note: {name} {note}.', file=sys.stderr)
    return shapes, faults


def _processes() -> tuple[int, int]:
    """Tell which of the processes of torchrun this is, from 0, of how many."""
    said = os.environ.get
    return int(said('RANK', 0)), int(said('WORLD_SIZE', 1))


def _device(name: str | None) -> str | None:
    """Share the GPUs of a machine among the processes of torchrun."""
    if name is None and torch.cuda.is_available():
        number = int(os.environ.get('LOCAL_RANK', 0))
        name = f'cuda:{number % torch.cuda.device_count()}'
    return name


def _faulty(faults: Sequence[str], count: int) -> ValueError:
    if count == 1:
        return ValueError(faults[0])
    text = f'{len(faults)} of {quantity(count, "image")} cannot be predicted'
    return ValueError(
        f'{text}:\n{listing(faults, len(faults))}\nNext: mend or remove '
        'them; the same command then does only what is missing.'
    )
