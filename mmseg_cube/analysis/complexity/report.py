"""Tables, numbers and chart of the size of networks."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from mmseg_cube.analysis.complexity.chart import draw_sizes
from mmseg_cube.analysis.complexity.configs import Sized, distinct
from mmseg_cube.analysis.complexity.count import Complexity
from mmseg_cube.utils.whole_files import write_text_whole, write_whole

# Unit of each number, and what it is called in a head.
UNITS = dict(
    parameters=(1e6, 'Params (M)'),
    flops=(1e9, 'FLOPs (G)'),
    activations=(1e6, 'Activations (M)'),
)
Rows = list[list[str]]


def tabulate(networks: Iterable[Sized]) -> Rows:
    """Lay out the networks: a head, then a row each."""
    head = ['Config']
    for _, title in UNITS.values():
        head += [title, 'saved']
    rows = [head]
    for network in networks:
        size, row = network.modules[''], [network.name]
        for key, (unit, _) in UNITS.items():
            row.append(f'{getattr(size, key) / unit:.2f}')
            row.append(_percent(_saved(network, '', key)))
        rows.append(row)
    return rows


def tabulate_modules(network: Sized, depth: int) -> Rows:
    """Lay out the modules of a network, beside those of its baseline.

    Modules without parameters and costs are left out.

    Args:
        network: Network.
        depth: Levels of modules to show; 0 is the whole network only.

    Returns:
        A head, then a row per module, which starts with its full name.
    """
    sides = [side.modules for side in (network.baseline, network) if side]
    head = ['Module']
    for _, title in UNITS.values():
        head += [title, 'after', 'saved'] if len(sides) > 1 else [title]
    rows = [head]
    for name in _merge(sides, depth):
        row = [name]
        for key, (unit, _) in UNITS.items():
            for side in sides:
                size = side.get(name)
                row.append(f'{getattr(size, key) / unit:.3f}' if size else '')
            if len(sides) > 1:
                row.append(_percent(_saved(network, name, key)))
        rows.append(row)
    return rows


def title_of(network: Sized) -> str:
    """Name a network, after the baseline it is compared with."""
    if network.baseline is None:
        return network.name
    return f'{network.baseline.name} → {network.name}'


def write_report(
    networks: Sequence[Sized], size: int, depth: int | None, out: Path
) -> None:
    """Write complexity.json, complexity.md and chart.png, each whole.

    Args:
        networks: Counted networks.
        size: Side of the image, in pixels.
        depth: Levels of modules to list, or None for none.
        out: Folder.
    """
    texts = [f'One image of {size} x {size}.', _markdown(tabulate(networks))]
    if depth is not None:
        for network in distinct(networks):
            texts.append(f'**{title_of(network)}**')
            texts.append(_markdown(tabulate_modules(network, depth)))
    numbers = dict(size=size, networks=[_to_dict(n, depth) for n in networks])
    draw = partial(draw_sizes, distinct(networks), size)
    write_whole(out / 'chart.png', draw)
    for name, text in (
        ('complexity.md', '\n\n'.join(texts)),
        ('complexity.json', json.dumps(numbers, indent=1)),
    ):
        write_text_whole(out / name, text + '\n')


def _to_dict(network: Sized, depth: int | None) -> dict:
    entry = dict(
        name=network.name,
        config=network.config.as_posix(),
        **asdict(network.modules['']),
    )
    if network.baseline is not None:
        entry['baseline'] = network.baseline.name
        entry['saved'] = {key: _saved(network, '', key) for key in UNITS}
    if depth is not None:
        entry['modules'] = {
            name: asdict(network.modules[name])
            for name in _merge([network.modules], depth)
        }
    return entry


def _saved(network: Sized, name: str, key: str) -> float | None:
    """Percent saved in a module; None where there is nothing to compare."""
    if network.baseline is None:
        return None
    sides = [network.baseline.modules.get(name), network.modules.get(name)]
    if None in sides:
        return None
    before, after = (getattr(side, key) for side in sides)
    return 100 * (1 - after / before) if before else None


def _percent(share: float | None) -> str:
    return '' if share is None else f'{share:.2f} %'


def _merge(sides: Sequence[Mapping[str, Complexity]], depth: int) -> list[str]:
    """Names of modules down to a depth, each behind what it is in."""
    tree = {}
    for side in sides:
        for name, size in side.items():
            parts = name.split('.') if name else []
            if len(parts) <= depth and any(asdict(size).values()):
                branch = tree
                for part in parts:
                    branch = branch.setdefault(part, {})
    return ['', *_walk(tree, '')]


def _walk(tree: Mapping[str, dict], prefix: str) -> Iterable[str]:
    for part, branch in tree.items():
        yield prefix + part
        yield from _walk(branch, f'{prefix}{part}.')


def _markdown(rows: Rows) -> str:
    head, *rows = rows
    lines = [head, ['---', *['---:'] * len(head[1:])], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
