"""Commands and configs of docs/own_tiles.md, in the order of the page."""

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from mmseg_cube.cli import main
from mmseg_cube.datasets import checks
from mmseg_cube.utils.default_network import WEIGHTS

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'own_tiles.md'
BLOCK = re.compile(r'^```(shell|python)\n(.*?)^```$', re.DOTALL | re.MULTILINE)
# Two iterations prove that it runs.
SHORT = """
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
"""
# Processes that load so little cost more time than they save.
ALONE = [
    f'{split}_dataloader.{option}'
    for split in ('train', 'val', 'test')
    for option in ('num_workers=0', 'persistent_workers=False')
]


def is_ours(line):
    return line.startswith('mmseg-cube ')


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, 'cache_folder', lambda: tmp_path / 'cache')
    monkeypatch.setenv(
        'PATH', f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    )
    page = PAGE.read_text()
    if not WEIGHTS.is_file():
        page = re.sub(r'## Fine-tune(.|\n)*?(?=\n## |\Z)', '', page)
    for kind, text in BLOCK.findall(page):
        text = re.sub(r'iter_\d+', 'iter_2', text)
        if kind == 'python':
            name = re.match(r'# (\w+\.py)\n', text)[1]
            short = SHORT if '_base_' in text else ''
            Path(name).write_text(text + short)
            continue
        for ours, lines in itertools.groupby(text.splitlines(), is_ours):
            if ours:
                for line in lines:
                    words = shlex.split(line, comments=True)[1:]
                    if words[0] in ('train', 'test'):
                        option = '--cfg-options'
                        words += [option] * (option not in words) + ALONE
                    assert main(words) == 0, line
            else:  # of the shell
                script = '\n'.join(lines)
                subprocess.run(['bash', '-e', '-c', script], check=True)
