"""The tests notice what breaks the code: a few mutants on every run.

``make mutants`` makes all of them, by the settings in pyproject.toml.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = 'pytest_add_cli_args_test_selection'
# Functions that are broken, and tests that are quick to see it.
METRIC = 'test_evaluation/test_building_metric.py::'
BROKEN = {
    'ops.geometry.x_first_tap':
        'test_ops/test_convolution.py::test_equals_the_definition',
    'layers.summary.x_describe_kept': 'test_layers/test_summary.py',
    'evaluation.confusion.x_count_pixels':
        f'{METRIC}test_refuses_wrong_samples',
    'evaluation.confusion.x__percent':
        f'{METRIC}test_nothing_to_judge_by_counts_as_zero',
    'datasets.windows.x__reflect': 'test_datasets/test_rasters.py',
    'datasets.splits.x_divide':
        'test_datasets/test_own_tiles.py::'
        'test_shares_of_many_names_come_close',
}  # fmt: skip


def test_mutants_are_killed(tmp_path):
    pytest.importorskip('mutmut', reason='comes with the default stack only')
    ignored = shutil.ignore_patterns('__pycache__', '.mim', 'weights')
    for name in ('mmseg_cube', 'tests', 'configs', 'tools'):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    files = {name.split('.x_')[0].replace('.', '/') for name in BROKEN}
    lists = {
        'only_mutate': [f'mmseg_cube/{file}.py' for file in files],
        TESTS: [f'tests/{test}' for test in BROKEN.values()],
    }
    text = (ROOT / 'pyproject.toml').read_text()
    for name, values in lists.items():
        new = f'{name} = {json.dumps(values)}'
        text, found = re.subn(rf'(?s){name} = \[.*?\n\]', new, text)
        assert found == 1
    (tmp_path / 'pyproject.toml').write_text(text)

    # Broken code is not to count as covered.
    env = {k: v for k, v in os.environ.items() if not k.startswith('COV')}

    def mutmut(*words):
        done = subprocess.run(
            [sys.executable, '-m', 'mutmut', *words],
            cwd=tmp_path,
            env={**env, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': ''},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        return done.stdout

    names = [f'mmseg_cube.{name}__mutmut_?' for name in BROKEN]
    mutmut('run', '--max-children', '1', *names)
    lines = mutmut('results', '--all', 'true').splitlines()
    tried = [x for x in lines if ': ' in x and 'not checked' not in x]
    assert len(tried) > 30
    assert [x for x in tried if not x.endswith(': killed')] == []
