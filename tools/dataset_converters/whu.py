"""``mmseg-cube convert whu`` as a script, as OpenMMLab users expect it."""

import sys

from mmseg_cube.cli import main

if __name__ == '__main__':
    sys.exit(main(['convert', 'whu', *sys.argv[1:]]))
