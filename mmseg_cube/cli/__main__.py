"""``python -m mmseg_cube.cli``, where the command is not on the path."""

import sys

from mmseg_cube.cli.frame import main

if __name__ == '__main__':
    sys.exit(main())
