"""``mmseg-cube ablate`` as a script, as OpenMMLab users expect it."""

import sys

from mmseg_cube.cli import main

if __name__ == '__main__':
    sys.exit(main(['ablate', *sys.argv[1:]]))
