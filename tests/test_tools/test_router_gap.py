"""Scores with blending and deployed routers, on a few training steps."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'analysis_tools' / 'router_gap.py'


def test_scores_of_a_trained_network(run_tool, trained):
    checkpoint = trained / 'iter_2.pth'
    # The last of these options is the checkpoint's own temperature.
    log = run_tool(
        TOOL, checkpoint, '--temperature', '1e-3', cwd=trained.parent
    )
    rows = {
        name: [float(number) for number in numbers]
        for name, *numbers in re.findall(
            r'(as trained|blending|deployed)\W+([\d.]+)\W+([+-][\d.]+)', log
        )
    }
    assert list(rows) == ['as trained', 'blending', 'deployed']
    for score, difference in rows.values():
        assert 0 <= score <= 100
        assert abs(difference) <= 0.1


def run(*args):
    command = [sys.executable, TOOL, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True)


def test_wrong_input_is_said(tmp_path):
    done = run(tmp_path / 'none.py', tmp_path / 'none.pth')
    assert done.returncode == 2
    assert 'none.py' in done.stderr
    done = run('x', 'y', '--temperature', '0')
    assert done.returncode == 2
    assert 'must be positive, but got 0.0' in done.stderr
