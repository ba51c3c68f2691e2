"""The set-up with a made-up Python, and without pip or network."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / 'requirements' / 'install.sh'
# Answers as an interpreter does, makes its own copy for an environment, and
# notes what else it is asked to do.
FAKE = """#!/bin/bash
case "$*" in
  *"sys.version_info"*) exit ${FITS:-0};;
  *"get_platform"*) echo linux-x86_64;;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
  *"pip"*" wheel "*) echo "$*" >> LOG
    while [ "$1" != -w ]; do shift; done
    mkdir -p "$2"; touch "$2/mmcv.whl";;
  *) echo "$*" >> LOG;;
esac
"""


@pytest.fixture
def install(tmp_path):
    """Run the script; return its exit code, its errors and what was done."""
    log = tmp_path / 'log'
    python = tmp_path / 'python'
    python.write_text(FAKE.replace('LOG', str(log)))
    python.chmod(0o755)

    def install(stack, **env):
        log.write_text('')
        env = {'PYTHON': str(python), 'XDG_CACHE_HOME': str(tmp_path), **env}
        done = subprocess.run(
            ['bash', str(SCRIPT), stack, str(tmp_path / stack)],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr, log.read_text().splitlines()

    return install


def test_installs_pinned_packages_then_the_project(install, tmp_path):
    code, _, steps = install('onedl')
    assert code == 0
    assert len(steps) == 4 and '-r requirements/onedl.txt' in steps[0]
    assert '--no-deps -r requirements/onedl-mim.txt' in steps[1]
    assert '-e .' in steps[2] and 'import mmseg_cube' in steps[3]
    (tmp_path / 'onedl' / 'kept').touch()
    assert install('onedl')[0] == 0  # goes on with what is there
    assert (tmp_path / 'onedl' / 'kept').exists()


def test_latest_is_the_same_list_without_versions(install, tmp_path):
    assert install('latest')[0] == 0
    names = (tmp_path / 'latest' / 'latest.txt').read_text().split('\n')
    assert {'torch', 'onedl-mmcv', 'numpy', 'pytest'} <= set(names)
    assert not any('==' in name for name in names) and 'sympy' not in names


def test_mmcv_is_compiled_once(install, tmp_path):
    code, _, steps = install('openmmlab')
    assert code == 0 and sum(' wheel ' in step for step in steps) == 1
    (wheel,) = tmp_path.glob('mmseg_cube/wheels/mmcv-*/mmcv.whl')
    assert 'torch-2.1.2-python-3.10-linux-x86_64' in str(wheel)
    steps = install('openmmlab')[2]
    assert not any(' wheel ' in step for step in steps)
    assert any(str(wheel) in step for step in steps)


@pytest.mark.parametrize('env', [{'PYTHON': '/none'}, {'FITS': '1'}])
def test_says_what_to_do_without_a_fitting_python(install, env):
    code, error, steps = install('onedl', **env)
    assert code == 2 and not steps
    assert 'Python 3.10 to 3.13' in error and 'PYTHON=' in error
    assert 'rm -rf' in error
