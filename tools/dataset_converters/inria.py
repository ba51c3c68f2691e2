"""``mmseg-cube convert inria`` as a script, as OpenMMLab users expect it."""

import sys

from mmseg_cube.cli import main

if __name__ == '__main__':
    sys.exit(main(['convert', 'inria', *sys.argv[1:]]))
