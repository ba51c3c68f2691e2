"""Comparison of the gradients of networks, from configs to a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.models import BaseSegmentor
from rich.console import Console
from rich.progress import track

from mmseg_cube.analysis.gradients import networks, records
from mmseg_cube.analysis.gradients.capture import capture
from mmseg_cube.analysis.gradients.statistics import correlate
from mmseg_cube.utils.report import write_report

NAME, HEAT_MAPS = 'gradient_correlation', 'heat_maps'
LEGEND = (
    'Values stand with their standard error over groups of batches; `ratio` '
    'is that of `network` to `against`. Less correlated gradients have a '
    'lower mean and rms, and a higher rank.'
)


def compare(
    compared: Sequence[tuple[Config, Sequence[str]]],
    out: Path,
    patterns: Sequence[str] | None = None,
    split: str = 'train',
    count: int = 8,
    seed: int = 0,
    device: torch.device | str = 'cpu',
) -> str:
    """Compare how correlated gradients are, and write a report.

    Args:
        compared: Config and checkpoints of one network, or of two.
        out: Folder for the report.
        patterns: Shell patterns for names of convolutions; by default the
            Cube convolutions of either network.
        split: Data loader of the first config to draw batches from.
        count: Number of batches.
        seed: Seed of batches, dropout and random weights.
        device: Where to compute.

    Returns:
        Tables of the last checkpoints, to be shown.
    """
    counts = [len(paths) for _, paths in compared]
    if len(set(counts)) > 1:
        raise ValueError(
            f'the first network has {counts[0]} checkpoints and the other '
            f'{counts[1]}; name as many for both'
        )
    series = [networks.load_series(*each, seed) for each in compared]
    scales = networks.choose_layers([x[0][1] for x in series], patterns)
    batches = networks.draw_batches(compared[0][0], split, count, seed)
    history, last, looks = [], [], []
    for pair in zip(*series, strict=True):
        # Matrices are kept of the last checkpoints only.
        looks = [
            look_at(model.to(device), scales, batches, seed)
            for _, model in pair
        ]
        last = records.list_records(looks, [time for time, _ in pair])
        history += last

    names = [Path(cfg.filename).stem for cfg, _ in compared]
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
        for name, (cfg, paths) in zip(names, compared, strict=True)
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
    bar = track(batches, console=Console(stderr=True), transient=True)
    sums = capture(model, list(scales), bar, seed)
    look = {}
    for gradient, name in list(sums):
        # Let go one by one: those of wide layers are large.
        groups = sums.pop((gradient, name))
        conv = model.get_submodule(name)
        cells = networks.number_cells(conv, scales[name])
        try:
            look[gradient, name] = correlate(groups, cells)
        except ValueError as error:
            raise ValueError(
                f'{name}: {error}; has the training diverged?'
            ) from error
    return look
