"""``mmseg-cube predict`` as a script, as OpenMMLab users expect it."""

from mmseg_cube.cli import run_script

if __name__ == '__main__':
    run_script('predict')
