"""The threshold that labels buildings: choosing, storing and reading it."""

import json
import os
from collections.abc import Mapping
from numbers import Real
from pathlib import Path

MAY_CHOOSE = {'train', 'val'}


class ChosenThreshold:
    """A threshold of the building probability and where it comes from.

    Args:
        value: The threshold, or a ``curve.json`` that ``BuildingMetric``
            wrote; its best threshold is taken.

    Raises:
        ValueError: If the number is not between 0 and 1, or the file is not
            such a file, has no best threshold, or has one of test images.
        FileNotFoundError: If there is no such file.
    """

    def __init__(self, value: float | str | os.PathLike) -> None:
        self.data: dict[str, str] = {}
        self.origin = 'given as a number'
        if isinstance(value, str | os.PathLike):
            self.data, value = _read(Path(value))
            self.origin = f'chosen on {name_data(self.data)}'
        if not (isinstance(value, Real) and 0 < value < 1):
            raise ValueError(
                'threshold must be a number between 0 and 1 or the path of '
                f'a curve.json, not {value!r}'
            )
        self.value = float(value)

    def __str__(self) -> str:
        return f'threshold {self.value:g}, {self.origin}'

    def chosen_on(self, data: Mapping[str, str]) -> bool:
        """Tell whether it was chosen on these images."""
        keys = ('dataset', 'split')
        return bool(self.data) and all(
            self.data.get(key) == data.get(key) for key in keys
        )


def may_choose(data: Mapping[str, str]) -> bool:
    """Tell whether a threshold may be chosen on images.

    One that is chosen on test images makes their scores worthless.

    Args:
        data: What :func:`describe_data` gives for the images.
    """
    return set(str(data.get('split')).split('+')) <= MAY_CHOOSE


def describe_data(
    dataset_meta: Mapping | None, split: str | None = None
) -> dict[str, str]:
    """Say which images are scored: dataset, split and protocol.

    Args:
        dataset_meta: Meta information of a dataset.
        split: Split of a dataset that does not say it.

    Raises:
        ValueError: If the dataset says another split.
    """
    meta = dataset_meta or {}
    data = {
        key: str(meta[key])
        for key in ('dataset', 'split', 'protocol')
        if meta.get(key) is not None
    }
    if split is not None and data.setdefault('split', split) != split:
        raise ValueError(
            f'curve says split={split!r}, but the images are those of '
            f'{name_data(data)}. Leave split out of curve'
        )
    return data


def name_data(data: Mapping[str, str]) -> str:
    """Return a name of the images for people."""
    name = f'{data.get("dataset", "a dataset")} {data.get("split", "")}'
    protocol = data.get('protocol')
    return name.strip() + (f', protocol {protocol}' if protocol else '')


def _read(path: Path) -> tuple[dict[str, str], float]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        data, best = dict(content['data']), content['best']
        reason = content['no_best_because']
        value = None if best is None else best['threshold']
    except FileNotFoundError:
        raise FileNotFoundError(
            f'{path}: no such file. BuildingMetric writes it when the val '
            'set is evaluated with curve=dict() and report_dir=...'
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is not a curve.json of BuildingMetric '
            f'({type(error).__name__}: {error})'
        ) from error
    if value is None:
        raise ValueError(f'{path} has no best threshold: {reason}')
    if not may_choose(data):
        raise ValueError(
            f'{path} was written on {name_data(data)}. Only a threshold that '
            'was chosen on val may be used'
        )
    return data, value
