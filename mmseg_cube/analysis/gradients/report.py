"""Comparison of the gradients of networks, from configs to a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.models import BaseSegmentor
from rich.console import Console
from rich.progress import track

from mmseg_cube.analysis.gradients.capture import capture
from mmseg_cube.analysis.gradients.networks import (
    choose_layers,
    draw_batches,
    load_series,
    number_cells,
)
from mmseg_cube.analysis.gradients.records import (
    ALL,
    Look,
    draw_heat_maps,
    draw_statistics,
    list_records,
    select,
    tabulate,
)
from mmseg_cube.analysis.gradients.statistics import correlate
from mmseg_cube.utils.report import write_report

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

    Args:
        networks: Config and checkpoints of one network, or of two.
        out: Folder for the report.
        patterns: Shell patterns for names of convolutions; by default the
            Cube convolutions of either network.
        split: Data loader of the first config to draw batches from.
        count: Number of batches.
        seed: Seed of batches, dropout and random weights.
        device: Where to compute.

    Returns:
        Tables of the last checkpoints, to be shown.

    Raises:
        OSError: If a file is not there or cannot be written.
        ValueError: If something cannot be compared; it says what.
    """
    counts = [len(paths) for _, paths in networks]
    if len(set(counts)) > 1:
        raise ValueError(
            f'the first network has {counts[0]} checkpoints and the other '
            f'{counts[1]}; name as many for both'
        )
    series = [load_series(cfg, paths, seed) for cfg, paths in networks]
    scales = choose_layers([x[0][1] for x in series], patterns)
    batches = draw_batches(networks[0][0], split, count, seed)
    history, records, looks = [], [], []
    for pair in zip(*series, strict=True):
        # Matrices are kept of the last checkpoints only.
        looks = [
            look_at(model.to(device), scales, batches, seed)
            for _, model in pair
        ]
        records = list_records(looks, [iteration for iteration, _ in pair])
        history += records

    names = [Path(cfg.filename).stem for cfg, _ in networks]
    if len(set(names)) < len(names):
        names[1] += ' (against)'
    layers = [record for record in records if record['layer'] != ALL]
    figures = dict(layers=draw_statistics(names, layers, 'layer'))
    if len(series[0]) > 1:
        means = select(history, layer=ALL)
        figures['curves'] = draw_statistics(names, means, 'iteration')
    for layer in scales:
        figures[f'{HEAT_MAPS}/{layer}'] = draw_heat_maps(names, looks, layer)
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
    write_report(out, NAME, numbers, tabulate(history), texts, figures)
    shown = [table.terminal() for table in tabulate(records)]
    return '\n\n'.join([*shown, f'{out / NAME}.md has all, with pictures'])


def look_at(
    model: BaseSegmentor,
    scales: Mapping[str, int],
    batches: Sequence[dict],
    seed: int,
) -> Look:
    """Measure gradients of layers, given with the scale of their cells."""
    bar = track(batches, console=Console(stderr=True), transient=True)
    sums = capture(model, list(scales), bar, seed)
    look = {}
    for gradient, name in list(sums):
        # Let go one by one: those of wide layers are large.
        groups = sums.pop((gradient, name))
        cells = number_cells(model.get_submodule(name), scales[name])
        try:
            look[gradient, name] = correlate(groups, cells)
        except ValueError as error:
            raise ValueError(
                f'{name}: {error}; has the training diverged?'
            ) from error
    return look
