"""``mmseg-cube speed operator`` as a script, as OpenMMLab users expect it."""

import sys

from mmseg_cube.cli import main

if __name__ == '__main__':
    sys.exit(main(['speed', 'operator', *sys.argv[1:]]))
