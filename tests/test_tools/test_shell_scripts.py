"""What the shell scripts hand on; test_processes.py runs them for real."""

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
CASES = [('train', ['my config.py']), ('test', ['my config.py', 'a b.pth'])]
SLURM = ['gpu', 'a job']


@pytest.fixture
def run(tmp_path):
    """Run a script where srun and python tell their arguments, one a line."""
    (tmp_path / 'bin').mkdir()
    for name in ('srun', 'python'):
        fake = tmp_path / 'bin' / name
        fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        fake.chmod(0o755)

    def run(*command, **env):
        path = f'{tmp_path}/bin:/usr/bin:/bin'
        return subprocess.run(
            list(map(str, command)),
            cwd=tmp_path,
            env={'HOME': os.environ.get('HOME', ''), 'PATH': path, **env},
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize('script, args', CASES)
def test_everything_is_passed_on(run, tmp_path, script, args):
    dist, slurm = (TOOLS / f'{kind}_{script}.sh' for kind in ('dist', 'slurm'))
    ours, options = str(TOOLS / f'{script}.py'), ['--cfg-options', 'a=x y']
    done = run(
        dist, *args, 4, *options, NNODES='2', NODE_RANK='1', PORT='1234',
        MASTER_ADDR='10.0.0.1',
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        '-m', 'torch.distributed.run', '--nnodes=2', '--node_rank=1',
        '--master_addr=10.0.0.1', '--master_port=1234', '--nproc_per_node=4',
        ours, *args, '--launcher', 'pytorch', *options,
    ]  # fmt: skip
    # The defaults are those of mmseg.
    assert run(slurm, *SLURM, *args).stdout.splitlines() == [
        '-p', 'gpu', '--job-name=a job', '--gres=gpu:4', '--ntasks=4',
        '--ntasks-per-node=4', '--cpus-per-task=5', '--kill-on-bad-exit=1',
        'python', '-u', ours, *args, '--launcher', 'slurm',
    ]  # fmt: skip
    # A file that a pattern in SRUN_ARGS would find.
    (tmp_path / '--nodelist=node1').touch()
    done = run(
        slurm, *SLURM, *args, *options, GPUS='16', GPUS_PER_NODE='8',
        CPUS_PER_TASK='2', PYTHON='/a b/python',
        SRUN_ARGS='--gres=none\n --nodelist=node[1-2] ',
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        '-p', 'gpu', '--job-name=a job', '--gres=gpu:8', '--ntasks=16',
        '--ntasks-per-node=8', '--cpus-per-task=2', '--kill-on-bad-exit=1',
        '--gres=none', '--nodelist=node[1-2]', '/a b/python', '-u', ours,
        *args, '--launcher', 'slurm', *options,
    ]  # fmt: skip
    for tool, first in ((dist, []), (slurm, SLURM[:1])):
        done = run(tool, *first, *args)
        assert (done.returncode, done.stdout) == (2, '')
        assert done.stderr.startswith('usage: ') and 'CONFIG' in done.stderr
