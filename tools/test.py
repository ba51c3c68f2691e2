"""Test with mmseg's own script: ``python tools/test.py CONFIG CHECKPOINT``.

It differs in one thing: mmseg_cube is imported before the config is read, so
a config may build on ``_base_ = 'mmseg_cube::...'``.
"""

import runpy

from mmseg_cube.utils.mmseg_script import mmseg_script

if __name__ == '__main__':
    runpy.run_path(mmseg_script('test.py'), run_name='__main__')
