"""What a Cube network has learned: from a checkpoint to pictures."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from rich.console import Console
from rich.progress import track
from torch import nn

from mmseg_cube.analysis.learned.kernels import describe_kernel, draw_kernels
from mmseg_cube.analysis.learned.masks import join_values
from mmseg_cube.analysis.learned.pictures import draw_tile
from mmseg_cube.analysis.learned.routers import (
    describe_order,
    final_temperature,
    tabulate,
)
from mmseg_cube.analysis.learned.tiles import (
    Tiles,
    choose_tiles,
    iou_of,
    predict_tile,
    score_tile,
)
from mmseg_cube.engine.router_history import draw_orders
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.layers import CubeConv2d, layer_name
from mmseg_cube.utils.figures import save_figure
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.patterns import choose
from mmseg_cube.utils.report import write_report

NAME = 'learned'
# Columns of the tables, by the part of a layer's numbers.
COLUMNS = dict(
    order=('method', 'channels', 'block', 'moved', 'distance', 'new_cell',
           'new_parity', 'temperature', 'gap'),
    kernel=('least', 'largest', 'noise', 'lean', 'random_lean'),
    mask=('min', 'mean', 'max', 'sd', 'places', 'building', 'ground'),
)  # fmt: skip
TILES = ('why', 'IoU', 'difference', 'only_first', 'only_second')


def draw_learned(
    networks: Sequence[tuple[Config, str]],
    out: Path,
    images: Sequence[str] = (),
    count: int = 6,
    split: str = 'test',
    patterns: Sequence[str] | None = None,
    device: torch.device | str = 'cpu',
) -> str:
    """Draw and measure what a Cube network has learned, and where it is wrong.

    Args:
        networks: Config and checkpoint of the Cube network, and of one to
            compare its errors with if wanted.
        out: Folder for pictures, tables and numbers.
        images: Tiles to draw, by name or path; chosen by IoU by default.
        count: Number of tiles to choose.
        split: Whose tiles, such as ``'test'``.
        patterns: Shell patterns of names of Cube layers; all by default.
        device: Where to compute.

    Returns:
        What was done, in one line.

    Raises:
        OSError: If a file is missing or cannot be written.
        ValueError: If the input is wrong.
    """
    names = name_networks([cfg.filename for cfg, _ in networks])
    models = {
        name: load_network(*network, device)
        for name, network in zip(names, networks, strict=True)
    }
    cfg, checkpoint = networks[0]
    layers = cube_layers(models[names[0]], patterns)
    tiles = Tiles(cfg, split)
    named = [name for text in images for name in tiles.find(text)]
    chosen = dict.fromkeys(named, 'named')
    out.mkdir(parents=True, exist_ok=True)

    scores: dict[str, dict[str, Confusion]] = {name: {} for name in names}
    for tile in map(tiles.load, _bar(chosen or tiles.paths, 'scoring tiles')):
        for name, model in models.items():
            found = score_tile(tile, predict_tile(model, tile))
            scores[name][tile.name] = found
    chosen = chosen or choose_tiles(list(scores.values()), count)
    drawn = {}
    for tile in map(tiles.load, _bar(chosen, 'drawing tiles')):
        iou = [iou_of(counts[tile.name]) for counts in scores.values()]
        numbers = dict(why=chosen[tile.name], IoU=iou)
        if len(iou) > 1 and None not in iou:
            numbers['difference'] = iou[0] - iou[1]
        numbers |= draw_tile(models, layers, tile, numbers['why'], out)
        drawn[tile.name] = numbers
    loaded = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
    temperature = final_temperature(cfg, loaded)
    learned, pictures = draw_layers(layers, temperature, drawn, out)

    totals = {n: sum(c.values(), Confusion()) for n, c in scores.items()}
    said = ', '.join(f'{n} {iou_of(c) or 0:.2f}' for n, c in totals.items())
    texts = [
        f'# What {names[0]} has learned',
        *(f'`{cfg.filename}`, `{checkpoint}`' for cfg, checkpoint in networks),
        'How to read the pictures: `docs/learned.md`.',
    ]
    for part, columns in COLUMNS.items():
        rows = {name: numbers[part] for name, numbers in learned.items()}
        table = tabulate(part, rows, columns).markdown()
        texts += [table, *map(_embed, pictures.get(f'{part}s', []))]
    where = f'{len(scores[names[0]])} tiles of {tiles.where}'
    texts.append(f'IoU (%) over {where}: {said}.')
    texts.append(tabulate('tile', drawn, TILES).markdown())
    for name, tile in drawn.items():
        texts += [f'## {name}', *map(_embed, tile['pictures'])]
    numbers = dict(
        networks={
            name: dict(config=str(cfg.filename), checkpoint=str(checkpoint))
            for name, (cfg, checkpoint) in zip(names, networks, strict=True)
        },
        where=tiles.where,
        total=_to_dict(totals),
        scores={name: _to_dict(counts) for name, counts in scores.items()},
        tiles=drawn,
        layers=learned,
        pictures=pictures,
    )
    write_report(out, NAME, numbers, texts=texts)
    return (
        f'Cube layers: {len(learned)}, tiles: {len(drawn)}; '
        f'{out / NAME}.md shows all pictures'
    )


def draw_layers(
    layers: Mapping[str, CubeConv2d],
    temperature: float | None,
    tiles: Mapping[str, Mapping],
    out: Path,
) -> tuple[dict[str, dict], dict[str, list[str]]]:
    """Draw orders and kernels; return numbers by layer, and the pictures.

    A layer has its ``order``, ``kernel`` and ``mask`` over all tiles, None
    for what there is not.
    """
    learned, orders = {}, {}
    for name, layer in layers.items():
        order = None
        if layer.router is not None:
            order, hard, soft = describe_order(
                layer.router, layer.scale, temperature
            )
            orders[f'{name}: order'] = hard
            if soft is not None:
                orders[f'{name}: relaxation'] = soft
        masks = [x['masks'].get(name) for x in tiles.values()]
        learned[name] = dict(
            order=order,
            kernel=describe_kernel(layer),
            mask=None if None in masks else join_values(masks),
        )
    kernels = {name: numbers['kernel'] for name, numbers in learned.items()}
    save_figure(draw_kernels(kernels), out / 'kernels.png')
    pictures = dict(orders=[], kernels=['kernels.png'])
    if orders:
        save_figure(draw_orders(orders)[0], out / 'orders.png')
        pictures['orders'].append('orders.png')
    return learned, pictures


def cube_layers(
    model: nn.Module, patterns: Sequence[str] | None = None
) -> dict[str, CubeConv2d]:
    """Cube convolutions by name, without the ``.conv`` of a ConvModule."""
    layers = {
        layer_name(name): module
        for name, module in model.named_modules()
        if isinstance(module, CubeConv2d)
    }
    if not layers:
        raise ValueError(
            'the network has no Cube layer (CubeConv2d), so there is nothing '
            'learned to draw; name the config of a Cube network first, and '
            'its baseline behind --against'
        )
    return {n: layers[n] for n in choose(layers, patterns, 'Cube layer')}


def name_networks(configs: Sequence[str]) -> list[str]:
    """Name one network or two after configs, without schedule and data."""
    names = [re.sub(r'_\d+xb.*', '', Path(config).stem) for config in configs]
    if len(set(names)) < len(names):
        names[1] += ' (against)'
    return names


def _bar(names: Iterable[str], what: str) -> Iterable[str]:
    """Go through names with a bar that says how far it is."""
    names = list(names)
    return track(names, what, console=Console(stderr=True), transient=True)


def _to_dict(counts: Mapping[str, Confusion]) -> dict[str, dict]:
    return {n: dict(asdict(c), IoU=iou_of(c)) for n, c in counts.items()}


def _embed(picture: str) -> str:
    return f'![{picture}]({picture})'
