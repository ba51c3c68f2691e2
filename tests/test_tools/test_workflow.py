"""What GitHub runs exists, and is what the README says was tested."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / '.github' / 'workflows').glob('*.yml'))


def combinations(job):
    """What a job fills into its commands, once for each of its runs."""
    matrix = job.get('strategy', {}).get('matrix', {})
    if 'include' in matrix:
        return matrix['include']
    pairs = [(name, x) for name, values in matrix.items() for x in values]
    return [{name: value} for name, value in pairs] or [{}]


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_workflow(file):
    jobs = yaml.safe_load(file.read_text())['jobs']
    makefile = (ROOT / 'Makefile').read_text()
    targets = set(re.findall(r'^([a-z]+):.*## ', makefile, re.M))
    tested, commands = set(), set()
    for job in jobs.values():
        for step in job['steps']:
            known = re.fullmatch(r'actions/[a-z-]+@v\d+', step.get('uses', ''))
            assert known or 'run' in step, step
        for choice in combinations(job):
            text = '\n'.join(step.get('run', '') for step in job['steps'])
            for name, value in choice.items():
                text = text.replace(f'${{{{ matrix.{name} }}}}', value)
            assert 'matrix.' not in text
            made = re.findall(r'make (\S+)(?: STACK=(\S+))?', text)
            commands |= {target for target, _ in made}
            if 'stack' in choice:
                assert (choice['target'], choice['stack']) in made
                tested.add((choice['stack'], choice['python']))
    assert {'lint', 'test', 'coverage', 'docs'} <= commands <= targets
    table = (ROOT / 'README.md').read_text()
    pythons = re.search(r'^\| Python \|(.*)\|(.*)\|$', table, re.M).groups()
    named = zip(('onedl', 'openmmlab'), pythons, strict=True)
    assert tested == {
        (stack, python)
        for stack, cell in named
        for python in re.findall(r'3\.\d+', cell)
    }
