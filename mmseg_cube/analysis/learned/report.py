"""The two files that go with the pictures: index.md and learned.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mmseg_cube.analysis.learned.choice import iou_of
from mmseg_cube.analysis.learned.drawing import DrawnLayer, DrawnTile
from mmseg_cube.analysis.learned.tables import (
    Rows,
    number,
    tabulate_kernels,
    tabulate_masks,
    tabulate_orders,
    tabulate_tiles,
)
from mmseg_cube.evaluation.confusion import Confusion
from mmseg_cube.utils.whole_files import write_text_whole

INDEX, NUMBERS = 'index.md', 'learned.json'


@dataclass(frozen=True)
class Learned:
    """All that was found out.

    Attributes:
        networks: Config and checkpoint of each network by its name.
        where: Whose tiles they are.
        scores: Counts of every scored tile by its name, by network.
        tiles: The drawn ones.
        layers: The layers of the first network.
        pictures: Pictures of the layers: of their orders, then kernels.
    """

    networks: dict[str, dict[str, str]]
    where: str
    scores: Mapping[str, Mapping[str, Confusion]]
    tiles: dict[str, DrawnTile]
    layers: dict[str, DrawnLayer]
    pictures: dict[str, list[str]]


def write_report(learned: Learned, out: Path) -> None:
    """Write both files, each whole or not at all.

    Raises:
        OSError: If they cannot be written.
    """
    numbers = json.dumps(_to_dict(learned), indent=1)
    write_text_whole(out / NUMBERS, numbers + '\n')
    write_text_whole(out / INDEX, '\n\n'.join(_texts(learned)) + '\n')


def _to_dict(learned: Learned) -> dict:
    return dict(
        networks=learned.networks,
        where=learned.where,
        total={n: _score(_sum(c)) for n, c in learned.scores.items()},
        scores={
            network: {tile: _score(c) for tile, c in counts.items()}
            for network, counts in learned.scores.items()
        },
        tiles={
            name: dict(
                asdict(tile),
                counts={n: _score(c) for n, c in tile.counts.items()},
            )
            for name, tile in learned.tiles.items()
        },
        layers={n: asdict(layer) for n, layer in learned.layers.items()},
        pictures=learned.pictures,
    )


def _texts(learned: Learned) -> Iterator[str]:
    """Paragraphs of the index."""
    names, layers = list(learned.networks), learned.layers
    yield f'# What {names[0]} has learned'
    yield '\n'.join(
        f'* {name}: `{network["config"]}`, `{network["checkpoint"]}`'
        for name, network in learned.networks.items()
    )
    yield (
        'How to read the pictures: `docs/learned.md`. All numbers: '
        f'`{NUMBERS}`.'
    )
    yield '## Order of channels'
    yield _markdown(tabulate_orders(layers))
    yield from map(_embed, learned.pictures['orders'])
    yield '## Kernels'
    yield _markdown(tabulate_kernels(layers))
    yield from map(_embed, learned.pictures['kernels'])
    yield f'## Masks over {len(learned.tiles)} tiles'
    yield _markdown(tabulate_masks(layers))
    yield '## Tiles'
    totals = {n: iou_of(_sum(c)) for n, c in learned.scores.items()}
    said = ', '.join(f'{n} {number(iou, 2)}' for n, iou in totals.items())
    count = len(learned.scores[names[0]])
    yield f'IoU (%) over {count} tiles of {learned.where}: {said}.'
    yield _markdown(tabulate_tiles(learned.tiles, names))
    for name, tile in learned.tiles.items():
        yield f'### {name}'
        yield from map(_embed, tile.pictures)


def _score(counts: Confusion) -> dict[str, float | None]:
    return dict(asdict(counts), IoU=iou_of(counts))


def _sum(counts: Mapping[str, Confusion]) -> Confusion:
    return sum(counts.values(), Confusion())


def _embed(picture: str) -> str:
    return f'![{picture}]({picture})'


def _markdown(rows: Rows) -> str:
    head, *rows = rows
    lines = [head, ['---', *['---:'] * len(head[1:])], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
