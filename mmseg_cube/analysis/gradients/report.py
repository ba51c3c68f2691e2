"""Comparison of the gradients of networks, from configs to a report."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import islice
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from mmseg_cube.analysis.complexity.report import SCHEDULE
from mmseg_cube.analysis.gradients import records
from mmseg_cube.analysis.gradients.capture import capture
from mmseg_cube.analysis.gradients.statistics import correlate
from mmseg_cube.analysis.report import show_progress, write_report
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.layers.summary import PLAIN
from mmseg_cube.utils.networks import build_network, load_weights
from mmseg_cube.utils.words import choose, name_some

INIT = 'init'  # in place of a checkpoint: random weights
NAME, HEAT_MAPS = 'gradient_correlation', 'heat_maps'
LEGEND = (
    'Values stand with their standard error over groups of batches; `ratio` '
    'is that of `network` to `against`. Less correlated gradients have a '
    'lower mean and rms, and a higher rank.'
)


def compare(
    networks: Sequence[tuple[Config, Sequence[str]]],
    out: Path,
    patterns: Sequence[str] | None = None,
    split: str = 'train',
    count: int = 8,
    seed: int = 0,
    device: torch.device | str = 'cpu',
) -> str:
    """Compare how correlated gradients are, and write a report.

    Networks are configs with their checkpoints, one or two. Batches are drawn
    from the data loader of a split of the first config. Patterns are shell
    patterns for names of convolutions; left out, the Cube convolutions of
    either network are compared. Returned are tables of the last checkpoints.
    """
    counts = [len(paths) for _, paths in networks]
    if len(set(counts)) > 1:
        raise ValueError(
            f'the first network has {counts[0]} checkpoints and the other '
            f'{counts[1]}; name as many for both'
        )
    series = [load_series(*each, seed) for each in networks]
    scales = choose_layers([x[0][1] for x in series], patterns)
    batches = draw_batches(networks[0][0], split, count, seed)
    history, last, looks = [], [], []
    for pair in zip(*series, strict=True):
        # Matrices are kept of the last checkpoints only.
        looks = [
            look_at(model.to(device), scales, batches, seed)
            for _, model in pair
        ]
        last = records.list_records(looks, [time for time, _ in pair])
        history += last

    stems = [Path(cfg.filename).stem for cfg, _ in networks]
    names = [SCHEDULE.sub('', stem) for stem in stems]
    if len(set(names)) < len(names):
        names[1] += ' (against)'
    draw = records.draw_statistics
    layers = [record for record in last if record['layer'] != records.ALL]
    figures = dict(layers=draw(names, layers, 'layer'))
    if len(series[0]) > 1:
        means = records.select(history, layer=records.ALL)
        figures['curves'] = draw(names, means, 'iteration')
    for layer in scales:
        drawn = records.draw_heat_maps(names, looks, layer)
        figures[f'{HEAT_MAPS}/{layer}'] = drawn
    (out / HEAT_MAPS).mkdir(parents=True, exist_ok=True)
    facts = dict(batches=f'{count} of {len(batches[0]["inputs"])}')
    facts |= dict(split=split, seed=seed, torch=torch.__version__)
    described = [
        dict(name=name, config=str(cfg.filename), checkpoints=list(paths))
        for name, (cfg, paths) in zip(names, networks, strict=True)
    ]
    texts = [
        '# Correlation of gradients between channels',
        ', '.join(f'{key} {value}' for key, value in facts.items()),
        LEGEND,
        *(f'![{stem}]({stem}.png)' for stem in figures),
    ]
    numbers = dict(facts=facts, networks=described, records=history)
    tables = records.tabulate(history)
    write_report(out, NAME, numbers, tables, texts, figures)
    shown = [table.terminal() for table in records.tabulate(last)]
    return '\n\n'.join([*shown, f'{out / NAME}.md has all, with pictures'])


def look_at(
    model: BaseSegmentor,
    scales: Mapping[str, int],
    batches: Sequence[dict],
    seed: int,
) -> records.Look:
    """Measure gradients of layers, given with the scale of their cells."""
    bar = show_progress(batches, 'batches')
    sums = capture(model, list(scales), bar, seed)
    look = {}
    for gradient, name in list(sums):
        # Let go one by one: those of wide layers are large.
        groups = sums.pop((gradient, name))
        conv = model.get_submodule(name)
        cells = number_cells(conv, scales[name])
        try:
            look[gradient, name] = correlate(groups, cells)
        except ValueError as error:
            raise ValueError(
                f'{name}: {error}; has the training diverged?'
            ) from error
    return look


def load_series(
    cfg: Config, checkpoints: Sequence[str], seed: int
) -> list[tuple[int | None, BaseSegmentor]]:
    """Load a network at one time of its training or at several, in order.

    The checkpoint ``'init'``, or none at all, stands for random weights. A
    single checkpoint may not say its iteration, which is None then.
    """
    series = []
    for path in map(str, checkpoints or [INIT]):
        # Parts of it are initialised when they are built.
        set_random_seed(seed)
        model, iteration = build_network(cfg), 0
        if path == INIT:
            set_random_seed(seed)
            model.init_weights()
        else:
            iteration = load_weights(model, path, cfg.filename).get('iter')
        series.append((iteration, model))
    times = [time for time, _ in series]
    if len(times) > 1 and (None in times or len(set(times)) < len(times)):
        raise ValueError(
            'several checkpoints must be of known (meta.iter) and different '
            f'iterations, but {name_some(checkpoints)} are of '
            f'{name_some(times)}'
        )
    return sorted(series, key=lambda pair: pair[0])


def draw_batches(cfg: Config, split: str, count: int, seed: int) -> list[dict]:
    """Draw batches as training does, or a test; the same for one seed."""
    loader_cfg = deepcopy(cfg.get(f'{split}_dataloader'))
    if loader_cfg is None:
        raise ValueError(f'{cfg.filename} has no {split}_dataloader')
    # One process draws the same numbers whatever the machine.
    loader_cfg.update(num_workers=0, persistent_workers=False)
    loader_cfg.pop('prefetch_factor', None)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    set_random_seed(seed)
    loader = Runner.build_dataloader(loader_cfg, seed=seed)
    batches = list(islice(loader, count))
    if len(batches) < count:
        raise ValueError(
            f'{split}_dataloader of {cfg.filename} has {len(batches)} '
            f'batches, but --batches asks for {count}'
        )
    return batches


def choose_layers(
    models: Sequence[nn.Module], patterns: Sequence[str] | None = None
) -> dict[str, int]:
    """Name convolutions that all networks have; by default Cubes of either.

    Returned are lattice scales by name; 0 where all are plain.
    """
    networks = [
        {
            name: getattr(module, 'scale', 0)
            for name, module in model.named_modules()
            if isinstance(module, CubeConv2d) or type(module) in PLAIN
        }
        for model in models
    ]
    scales = {
        name: max(network[name] for network in networks)
        for name in networks[0]
        if all(name in network for network in networks)
    }
    if patterns is not None:
        what = 'convolution that can be compared'
        return {name: scales[name] for name in choose(scales, patterns, what)}
    cubes = {name: scale for name, scale in scales.items() if scale}
    if not cubes:
        raise ValueError(
            'none of the convolutions that can be compared, those of the same '
            'name in all networks, is a Cube (CubeConv2d). Name some with '
            f'--layers; there are {len(scales)}: {name_some(list(scales))}'
        )
    return cubes


def number_cells(conv: nn.Conv2d, scale: int) -> Tensor | None:
    """Number the cell (C,) of every input channel, in the order of arrival.

    Channels that share a cell are neighbours on the lattice. A router decides
    which do; without one, and in the plain convolution that a Cube is
    compared with, they are runs of ``scale^2`` channels. None where a cell
    holds one channel.
    """
    if scale < 2:
        return None
    places = torch.arange(conv.in_channels)
    router = getattr(conv, 'router', None)
    if router is not None:
        # Channel order[i] arrives at place i.
        places = router.permutation().cpu().argsort()
    return places // scale**2
