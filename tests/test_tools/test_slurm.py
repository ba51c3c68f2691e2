"""What tools/slurm_*.sh hand to srun; test_scale_out.py trains with one."""

from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
CASES = [
    ('train', ['gpu', 'a job', 'my config.py']),
    ('test', ['gpu', 'a job', 'my config.py', 'a b.pth']),
]


@pytest.fixture
def srun(tmp_path, run):
    """Run a script where srun tells its arguments, one a line."""
    fake = tmp_path / 'bin' / 'srun'
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)

    def srun(*command, **env):
        path = f'{fake.parent}:/usr/bin:/bin'
        return run(*command, cwd=tmp_path, PATH=path, **env)

    return srun


@pytest.mark.parametrize('script, args', CASES)
def test_defaults_are_those_of_mmseg(srun, script, args):
    tool = TOOLS / f'slurm_{script}.sh'
    done = srun(tool, *args, PYTHON='python')
    assert done.stdout.splitlines() == [
        '-p', 'gpu', '--job-name=a job', '--gres=gpu:4', '--ntasks=4',
        '--ntasks-per-node=4', '--cpus-per-task=5', '--kill-on-bad-exit=1',
        'python', '-u', str(TOOLS / f'{script}.py'), *args[2:],
        '--launcher', 'slurm',
    ]  # fmt: skip


@pytest.mark.parametrize('script, args', CASES)
def test_everything_is_passed_on(srun, tmp_path, script, args):
    # A file that a pattern in SRUN_ARGS would find.
    (tmp_path / '--nodelist=node1').touch()
    tool = TOOLS / f'slurm_{script}.sh'
    done = srun(
        tool, *args, '--work-dir', 'a folder', '--cfg-options', 'a=x y',
        GPUS='16', GPUS_PER_NODE='8', CPUS_PER_TASK='2',
        SRUN_ARGS='--gres=none\n --nodelist=node[1-2] ', PYTHON='/a b/python',
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        '-p', 'gpu', '--job-name=a job', '--gres=gpu:8', '--ntasks=16',
        '--ntasks-per-node=8', '--cpus-per-task=2', '--kill-on-bad-exit=1',
        '--gres=none', '--nodelist=node[1-2]',
        '/a b/python', '-u', str(TOOLS / f'{script}.py'), *args[2:],
        '--launcher', 'slurm', '--work-dir', 'a folder',
        '--cfg-options', 'a=x y',
    ]  # fmt: skip


@pytest.mark.parametrize('script, args', CASES)
def test_too_few_arguments(srun, script, args):
    done = srun(TOOLS / f'slurm_{script}.sh', *args[:-1])
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')
    assert 'PARTITION JOB_NAME CONFIG' in done.stderr
    assert not done.stdout
