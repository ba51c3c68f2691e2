"""Report on the correlations of gradients: tables, numbers, pictures."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path

from matplotlib.figure import Figure

from mmseg_cube.analysis.benchmark.files import describe
from mmseg_cube.analysis.gradients.capture import GRADIENTS
from mmseg_cube.analysis.gradients.comparison import Look
from mmseg_cube.analysis.gradients.curves import draw_curves, draw_layers
from mmseg_cube.analysis.gradients.estimate import Correlations, Estimate
from mmseg_cube.analysis.gradients.heat_maps import draw_heat_maps
from mmseg_cube.analysis.gradients.layers import shorten_names
from mmseg_cube.analysis.gradients.networks import Subject
from mmseg_cube.analysis.gradients.tables import (
    ALL,
    make_tables,
    mean_of_layers,
)
from mmseg_cube.utils.whole_files import write_text_whole, write_whole

NUMBERS, TABLES = 'gradient_correlation.json', 'gradient_correlation.md'
LAYERS, CURVES, HEAT_MAPS = 'layers.png', 'curves.png', 'heat_maps'
LEGEND = (
    'Values stand with their standard error over groups of batches; `ratio` '
    'is that of `network` to `against`. Less correlated gradients have a '
    'lower mean and rms, and a higher rank.'
)
DPI = 100

Looks = Sequence[Sequence[Look]]


def write_report(
    subjects: Sequence[Subject],
    looks: Looks,
    layers: Sequence[str],
    facts: Mapping[str, object],
    out: Path,
) -> list[str]:
    """Write numbers, tables and pictures, each whole or not at all.

    Args:
        subjects: One network, or two.
        looks: As of :func:`look_at_all`.
        layers: Names of the layers.
        facts: What the results depend on besides the code.
        out: Folder.

    Returns:
        Names of the files and folders in it.
    """
    networks = [
        dict(
            name=subject.name,
            config=str(subject.cfg.filename),
            looks=[_to_dict(look, layers) for look in series],
        )
        for subject, series in zip(subjects, looks, strict=True)
    ]
    ratios = [
        {
            gradient: _ratios_to_dict(pair, gradient, layers)
            for gradient in GRADIENTS
        }
        for pair in zip(*looks, strict=True)
        if len(pair) > 1
    ]
    numbers = dict(facts=dict(facts), networks=networks, ratios=ratios)
    names = [subject.name for subject in subjects]
    pictures = _draw(names, looks, layers, out)
    texts = [
        '# Correlation of gradients between channels',
        describe(facts),
        LEGEND,
    ]
    for title, rows in make_tables(looks, layers).items():
        head = [rows[0], ['---', '---', *['---:'] * (len(rows[0]) - 2)]]
        lines = [f'| {" | ".join(row)} |' for row in head + rows[1:]]
        texts += [f'## {title}', '\n'.join(lines)]
    texts += [f'![{name}]({name})' for name in pictures]
    write_text_whole(out / TABLES, '\n\n'.join(texts) + '\n')
    write_text_whole(out / NUMBERS, json.dumps(numbers, indent=1) + '\n')
    files = [name for name in pictures if '/' not in name]
    return [TABLES, NUMBERS, *files, HEAT_MAPS]


def _draw(
    names: Sequence[str], looks: Looks, layers: Sequence[str], out: Path
) -> list[str]:
    """Draw the pictures; name them from the folder."""
    short = shorten_names(layers)
    last = [series[-1] for series in looks]
    figures = {LAYERS: partial(draw_layers, names, last, short)}
    if len(looks[0]) > 1:
        figures[CURVES] = partial(draw_curves, names, looks, short)
    for layer in layers:
        draw = partial(draw_heat_maps, names, last, layer)
        figures[f'{HEAT_MAPS}/{layer}.png'] = draw
    (out / HEAT_MAPS).mkdir(parents=True, exist_ok=True)
    for name, draw in figures.items():
        write_whole(out / name, partial(_save, draw()))
    return list(figures)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format='png', dpi=DPI)


def _to_dict(look: Look, layers: Sequence[str]) -> dict:
    path, iteration = look.checkpoint.path, look.checkpoint.iteration
    found = dict(iteration=iteration, checkpoint=path and str(path))
    for gradient in GRADIENTS:
        found[gradient] = {
            layer: _layer_to_dict(look.layers[gradient, layer])
            for layer in layers
        }
        means = mean_of_layers(look, gradient)
        found[gradient][ALL] = _estimates_to_dict(means)
    return found


def _layer_to_dict(found: Correlations) -> dict:
    return dict(
        channels=len(found.matrix),
        dead=found.dead,
        samples=found.samples,
        **_estimates_to_dict(found.statistics),
    )


def _ratios_to_dict(
    looks: Sequence[Look], gradient: str, layers: Sequence[str]
) -> dict:
    pairs = {
        layer: [look.layers[gradient, layer].statistics for look in looks]
        for layer in layers
    }
    pairs[ALL] = [mean_of_layers(look, gradient) for look in looks]
    return {
        layer: _estimates_to_dict(
            {key: first[key].over(second[key]) for key in first}
        )
        for layer, (first, second) in pairs.items()
    }


def _estimates_to_dict(estimates: Mapping[str, Estimate]) -> dict:
    """Plain numbers; JSON has no NaN."""
    return {
        key: dict(value=_finite(e.value), error=_finite(e.error))
        for key, e in estimates.items()
    }


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None
