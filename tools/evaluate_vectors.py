"""``mmseg-cube evaluate-vectors`` as a script, as OpenMMLab users expect."""

from mmseg_cube.cli import run_script

if __name__ == '__main__':
    run_script('evaluate-vectors')
