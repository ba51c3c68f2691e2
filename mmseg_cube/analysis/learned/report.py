"""What a Cube network has learned: from a checkpoint to pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from torch import nn

from mmseg_cube.analysis.learned import routers, tiles
from mmseg_cube.analysis.learned.kernels import describe_kernel, draw_kernels
from mmseg_cube.analysis.learned.masks import join_values
from mmseg_cube.analysis.learned.pictures import draw_tile
from mmseg_cube.analysis.report import show_progress, write_report
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.layers import CubeConv2d, layer_name
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.words import choose

NAME = 'learned'
HOW_TO_READ = (
    'Orders: positions go down, input channels to the right, so a diagonal '
    'moves nothing. Kernels: energy of each tap, at random 1 ± `noise`. '
    'Masks: values over the tile, white outlines are true buildings. The '
    "project's docs/learned.md says more."
)
# Columns of the tables, by the part of a layer's numbers.
COLUMNS = dict(
    order=(*routers.COLUMNS, 'new_cell', 'new_parity'),
    kernel=('least', 'largest', 'noise'),
    mask=('min', 'mean', 'max', 'sd', 'building', 'ground'),
    cell=('alike', 'apart', 'low_place', 'high_place'),
)  # fmt: skip
TILES = ('why', 'IoU')


def draw_learned(
    cfg: Config,
    checkpoint: str,
    out: Path,
    images: Sequence[str] = (),
    count: int = 6,
    split: str = 'test',
    patterns: Sequence[str] | None = None,
    device: torch.device | str = 'cpu',
) -> str:
    """Draw and measure what a Cube network has learned, and where it is wrong.

    Tiles to draw, of a split, are named or chosen by IoU; Cube layers are
    chosen by shell patterns, by default all. Returned is what was done, in
    one line.
    """
    model = load_network(cfg, checkpoint, device)
    layers = cube_layers(model, patterns)
    source = tiles.Tiles(cfg, split)
    named = [name for text in images for name in source.find(text)]
    chosen = dict.fromkeys(named, 'named')
    out.mkdir(parents=True, exist_ok=True)

    scores: dict[str, Confusion] = {}
    for name in show_progress(chosen or source.paths, 'scoring tiles'):
        tile = source.load(name)
        _, labels = tiles.predict_tile(model, tile)
        scores[name] = tiles.score_tile(tile, labels)
    chosen = chosen or tiles.choose_tiles(scores, count)
    drawn = {}
    for name in show_progress(chosen, 'drawing tiles'):
        drawn[name] = dict(why=chosen[name], IoU=tiles.iou_of(scores[name]))
        tile = source.load(name)
        drawn[name] |= draw_tile(model, layers, tile, chosen[name], out)
    learned, figures = draw_layers(layers, drawn)

    total = _to_dict(sum(scores.values(), Confusion()))
    texts = [
        f'# What {Path(cfg.filename).stem} has learned',
        f'`{cfg.filename}`, `{checkpoint}`',
        HOW_TO_READ,
    ]
    for part, columns in COLUMNS.items():
        if not any(numbers[part] for numbers in learned.values()):
            continue
        rows = {name: numbers[part] for name, numbers in learned.items()}
        texts.append(routers.tabulate(part, rows, columns).markdown())
        if f'{part}s' in figures:
            texts.append(_embed(f'{part}s.png'))
    where = f'{len(scores)} tiles of {source.where}'
    texts.append(f'IoU (%) over {where}: {total["IoU"] or 0:.2f}.')
    texts.append(routers.tabulate('tile', drawn, TILES).markdown())
    for name, tile in drawn.items():
        texts += [f'## {name}', *map(_embed, tile['pictures'])]
    numbers = dict(
        config=str(cfg.filename),
        checkpoint=str(checkpoint),
        where=source.where,
        total=total,
        scores={name: _to_dict(counts) for name, counts in scores.items()},
        tiles=drawn,
        layers=learned,
    )
    write_report(out, NAME, numbers, texts=texts, figures=figures)
    return (
        f'Cube layers: {len(learned)}, tiles: {len(drawn)}; '
        f'{out / NAME}.md shows all pictures'
    )


def draw_layers(
    layers: Mapping[str, CubeConv2d], drawn: Mapping[str, Mapping]
) -> tuple[dict[str, dict], dict[str, Figure]]:
    """Draw orders and kernels; return numbers by layer, and the pictures.

    A layer has its ``order``, ``kernel``, ``mask`` and ``cell`` over all
    tiles, None for what there is not.
    """
    learned, orders = {}, {}
    for name, layer in layers.items():
        order = None
        if layer.router is not None:
            order = routers.describe_order(layer.router, layer.scale)
            orders[name] = order
        masks = [tile['masks'].get(name) for tile in drawn.values()]
        cells = [tile['cells'].get(name) for tile in drawn.values()]
        learned[name] = dict(
            order=order,
            kernel=describe_kernel(layer),
            mask=None if None in masks else join_values(masks),
            cell=None if None in cells else join_values(cells),
        )
    kernels = {name: numbers['kernel'] for name, numbers in learned.items()}
    figures = dict(kernels=draw_kernels(kernels))
    if orders:
        figures['orders'] = routers.draw_orders(orders)
    return learned, figures


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
            'learned to draw; name the config of a Cube network'
        )
    return {n: layers[n] for n in choose(layers, patterns, 'Cube layer')}


def _to_dict(counts: Confusion) -> dict[str, float | None]:
    return asdict(counts) | dict(IoU=tiles.iou_of(counts))


def _embed(picture: str) -> str:
    return f'![{picture}]({picture})'
