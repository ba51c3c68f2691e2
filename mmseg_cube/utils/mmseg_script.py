"""Find the scripts that mmseg brings along."""

import importlib.util
import sys
from pathlib import Path


def mmseg_script(name: str) -> str:
    """Return the path of a script in mmseg's tools, such as 'train.py'.

    Leaves the program with one line if there is none, as for an mmseg that
    was put on the path without being installed.
    """
    spec = importlib.util.find_spec('mmseg')
    tools = Path(spec.origin).parent / '.mim' / 'tools'
    path = tools / name
    if not path.exists():
        sys.exit(
            f'mmseg has no {path}. Install it as a package, without -e: pip '
            'install onedl-mmsegmentation, or, upstream, mmsegmentation.'
        )
    return str(path)
