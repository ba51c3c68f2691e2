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

from mmseg_cube.analysis.learned.drawing import draw_layers, draw_tile
from mmseg_cube.analysis.learned.orders import final_temperature
from mmseg_cube.analysis.learned.tables import (
    KERNELS,
    MASKS,
    ORDERS,
    TILES,
    tabulate,
)
from mmseg_cube.analysis.learned.tiles import (
    Tiles,
    choose_tiles,
    iou_of,
    predict_tile,
    score_tile,
)
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.layers import CubeConv2d, layer_name
from mmseg_cube.utils.networks import load_network
from mmseg_cube.utils.patterns import choose
from mmseg_cube.utils.report import write_report

NAME = 'learned'


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
    (cfg, checkpoint), *others = networks
    # That a network has nothing to show is known before the other loads.
    models = {names[0]: load_network(cfg, checkpoint, device)}
    layers = cube_layers(models[names[0]], patterns)
    for name, other in zip(names[1:], others, strict=True):
        models[name] = load_network(*other, device)
    tiles = Tiles(cfg, split)
    named = [name for text in images for name in tiles.find(text)]
    chosen = dict.fromkeys(named, 'named')
    out.mkdir(parents=True, exist_ok=True)

    scores: dict[str, dict[str, Confusion]] = {name: {} for name in names}
    if not chosen:
        for tile in map(tiles.load, _bar(tiles.paths, 'scoring tiles')):
            for name, model in models.items():
                probability = predict_tile(model, tile)
                scores[name][tile.name] = score_tile(tile, probability)
        chosen = choose_tiles(list(scores.values()), count)
    drawn = {}
    for tile in map(tiles.load, _bar(chosen, 'drawing tiles')):
        why = chosen[tile.name]
        drawn[tile.name] = draw_tile(models, layers, tile, why, out)
        for name, counts in drawn[tile.name]['counts'].items():
            scores[name][tile.name] = counts
        drawn[tile.name]['counts'] = _to_dict(drawn[tile.name]['counts'])
    loaded = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu')
    temperature = final_temperature(cfg, loaded)
    learned, pictures = draw_layers(layers, temperature, drawn, out)

    totals = {n: sum(c.values(), Confusion()) for n, c in scores.items()}
    said = ', '.join(f'{n} {iou_of(c) or 0:.2f}' for n, c in totals.items())
    where = f'{len(scores[names[0]])} tiles of {tiles.where}'
    texts = [
        f'# What {names[0]} has learned',
        *(f'`{cfg.filename}`, `{checkpoint}`' for cfg, checkpoint in networks),
        'How to read the pictures: `docs/learned.md`.',
        '## Order of channels',
        _table(learned, 'order', ORDERS),
        *map(_embed, pictures['orders']),
        '## Kernels',
        _table(learned, 'kernel', KERNELS),
        *map(_embed, pictures['kernels']),
        f'## Masks over {len(drawn)} tiles',
        _table(learned, 'mask', MASKS),
        '## Tiles',
        f'IoU (%) over {where}: {said}.',
        tabulate('tile', drawn, TILES).markdown(),
    ]
    for name, tile in drawn.items():
        texts += [f'### {name}', *map(_embed, tile['pictures'])]
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


def cube_layers(
    model: nn.Module, patterns: Sequence[str] | None = None
) -> dict[str, CubeConv2d]:
    """Cube convolutions by name, without the ``.conv`` of a ConvModule.

    Raises:
        ValueError: If there is none, or a pattern matches none.
    """
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
    """Name networks after their configs, without schedule and data.

    Those that would share a name keep all of the config's; files of one name
    are called after their folders, and one file after its number.
    """
    stems = [Path(config).stem for config in configs]
    short = [re.sub(r'_\d+xb.*', '', stem) for stem in stems]
    folders = [Path(config).resolve().parts[-2::-1] for config in configs]
    for names in (short, stems, *zip(*folders, strict=False)):
        if len(set(names)) == len(names):
            return list(names)
    return [f'{stem} ({i})' for i, stem in enumerate(stems, 1)]


def _bar(names: Iterable[str], what: str) -> Iterable[str]:
    """Go through names with a bar that says how far it is."""
    names = list(names)
    return track(names, what, console=Console(stderr=True), transient=True)


def _table(
    layers: Mapping[str, Mapping], part: str, formats: Mapping[str, str]
) -> str:
    rows = {name: layer[part] for name, layer in layers.items()}
    return tabulate('layer', rows, formats).markdown()


def _to_dict(counts: Mapping[str, Confusion]) -> dict[str, dict]:
    return {n: dict(asdict(c), IoU=iou_of(c)) for n, c in counts.items()}


def _embed(picture: str) -> str:
    return f'![{picture}]({picture})'
