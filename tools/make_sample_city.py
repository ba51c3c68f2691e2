"""``mmseg-cube sample-city`` as a script, as OpenMMLab users expect it."""

import sys

from mmseg_cube.cli import main

if __name__ == '__main__':
    sys.exit(main(['sample-city', *sys.argv[1:]]))
