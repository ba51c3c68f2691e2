"""The trained network that comes with the package, for who names no other."""

import sys
from pathlib import Path

from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_from_local

from mmseg_cube.utils.checkpoints import read_checkpoint

PACKAGE = Path(__file__).parents[1]
# Beside the package where it was never installed, as in a clone.
HOME = PACKAGE / '.mim' if (PACKAGE / '.mim').exists() else PACKAGE.parent
CONFIG = HOME / 'configs' / '_base_' / 'own_tiles.py'
WEIGHTS = PACKAGE / 'weights' / 'roofs.pth'
# How configs and commands name them, wherever the package is installed.
ADDRESS = 'mmseg_cube://roofs.pth'


@CheckpointLoader.register_scheme(prefixes=ADDRESS)
def load_from_package(filename: str, map_location: object = None) -> object:
    """Load the weights for mmengine, which takes 'package' from this name."""
    if not WEIGHTS.is_file():
        raise ValueError(
            'there is no default network in this installation: it lacks '
            f'{WEIGHTS}. Next: name a CONFIG and a CHECKPOINT'
        )
    return load_from_local(str(WEIGHTS), map_location)


def choose_network(
    config: str | None, checkpoint: str | None
) -> tuple[str, str]:
    """Return config and checkpoint as named, or else the default ones.

    That these are taken is said in one line. A ValueError says that one of
    the two is named without the other, or that there is no default.
    """
    if config and checkpoint:
        return config, checkpoint
    if config or checkpoint:
        raise ValueError(
            f'{config or checkpoint} is all that is named of a network: name '
            'both CONFIG and CHECKPOINT, or neither for the default one'
        )
    print(
        'Note: taking the default network, trained on roofs at '
        f'{ground_resolution(ADDRESS)} m a pixel (docs/model_card.md).',
        file=sys.stderr,
    )
    return str(CONFIG), ADDRESS


def ground_resolution(checkpoint: str | Path) -> float | None:
    """Metres per pixel that a packed network was trained at, if it says so.

    Args and errors are those of :func:`read_checkpoint`.
    """
    return read_checkpoint(checkpoint)['meta'].get('resolution')
