"""What the masks of a folder were predicted with."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.models import BaseSegmentor

from mmseg_cube.utils.whole_files import write_text_whole

NAME = 'manifest.json'
# For people: the same weights may lie elsewhere the next time.
NAMES = ('config', 'checkpoint')


def fingerprint(cfg: Config, model: BaseSegmentor) -> str:
    """Identify a network by its settings and all of its weights, in hex."""
    digest = hashlib.sha256(repr(cfg.model).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f'{name} {tuple(value.shape)} {value.dtype}'.encode())
        value = value.detach().cpu().contiguous().reshape(-1)
        digest.update(value.view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def open_manifest(
    folder: Path, suffix: str, settings: Mapping[str, object]
) -> None:
    """Note the settings in a folder, or compare them with its own.

    Args:
        folder: Folder of the masks.
        suffix: End of the names of masks.
        settings: What the masks depend on.

    Raises:
        ValueError: If there are masks of other settings, or of unknown ones.
    """
    path = folder / NAME
    advice = f'Name another place to write to, or remove {folder}'
    if not path.is_file():
        if any(folder.glob(f'*{suffix}')):
            raise ValueError(
                f'{folder} holds masks, but no {NAME} that says how they '
                f'were made. {advice}'
            )
        write_text_whole(path, json.dumps(settings, indent=2) + '\n')
        return
    try:
        before = dict(json.loads(path.read_text(encoding='utf-8')))
    except (ValueError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error}). {advice}') from error
    changed = [
        f'{key} was {before.get(key)!r} and is {value!r} now'
        for key, value in settings.items()
        if key not in NAMES and before.get(key) != value
    ]
    if changed:
        raise ValueError(
            f'{folder} was begun with other settings: {"; ".join(changed)}. '
            f'{advice}'
        )
