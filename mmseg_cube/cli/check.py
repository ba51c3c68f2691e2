"""Say what is installed and whether it works, for reports of faults."""

import importlib.util
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mmseg_cube.cli.arguments import Arguments, Namespace

PACKAGES = ('mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain')


def add_arguments(add: Arguments) -> None:
    """Add nothing: there is nothing to choose."""


def run(args: Namespace) -> int:
    """Print the report; 1 if a part does not work."""
    import torch
    from mmengine.registry import MODELS

    import mmseg_cube

    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    name = torch.cuda.get_device_name() if device == 'cuda' else 'CPU only'
    folder = Path(mmseg_cube.__path__[0])
    print(f'mmseg_cube {mmseg_cube.__version__}, {folder}')
    print(f'Python {platform.python_version()}, torch {torch.__version__}')
    print(', '.join(map(_installed, PACKAGES)))
    compiled = importlib.util.find_spec('mmcv._ext') is not None
    print(f'compiled operators: {compiled} (not needed); {name}')
    layer = MODELS.build(
        dict(type='CubeConv2d', in_channels=8, out_channels=4, kernel_size=3)
    ).to(device)
    layer(torch.zeros(1, 8, 6, 6, device=device)).sum().backward()
    if not (folder / '.mim' / 'configs').exists():
        print('no packaged configs: install with pip, or make setup')
        return 1
    print(f'CubeConv2d works on {device}: all is well')
    return 0


def _installed(name: str) -> str:
    """Return the distribution and version that provides a package."""
    found = []
    for distribution in (name, f'onedl-{name}'):
        try:
            found.append(f'{distribution} {version(distribution)}')
        except PackageNotFoundError:
            continue
    # Both write into the same folder, so the later one wins by parts.
    hint = '; keep one of them only' if len(found) > 1 else ''
    return (' and '.join(found) or f'{name} missing') + hint
