"""Latencies of the leaderboard, from the benchmark of networks."""

import json
from pathlib import Path

from mmseg_cube.analysis.speed.comparison import DEPLOYED, TIME


def read_latencies(path: Path) -> tuple[dict[str, float], str]:
    """Read the latency of deployed networks.

    Args:
        path: ``results.json`` of ``benchmark_network.py``.

    Returns:
        Seconds of one image by name of the config, and what they were
        measured on.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        results = [
            result
            for result in content['results']
            if (result['task'], result['measure']) == (DEPLOYED, TIME)
        ]
        layout = results[0]['layout']
        seconds = {
            result['network']: float(result['value']['median'])
            for result in results
            if result['layout'] == layout
        }
        facts = content['facts']
        told = [facts[k] for k in ('device', 'dtype')]
        told.append(f'{facts["size"]} x {facts["size"]}')
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f'{path} is no results.json of benchmark_network.py '
            f'({type(error).__name__}: {error})'
        ) from error
    return seconds, ', '.join([*told, layout])
