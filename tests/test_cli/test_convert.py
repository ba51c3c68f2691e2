import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from mmseg_cube.cli import main


def convert(dataset, source, out, *words):
    words = [dataset, source, '--out', out, *words]
    return main(['convert', *map(str, words)])


def files(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in root.glob('*/*/[!.]*')
    }


@pytest.mark.parametrize(
    ('words', 'counts', 'total'),
    [
        ('whu', 'train 4 patches of 4 tiles; val 2 pat', 8),
        ('wbd --size 200', 'train 16 patches of 4 tiles; val 8 pat', 32),
        ('inria --size 100', 'val 45 patches of 5 tiles', 63),
        ('inria --size 64 --protocol buildformer', 'of 5 tiles', ''),
    ],
)
def test_patches_and_a_second_run(
    sample_city, tmp_path, capsys, words, counts, total
):
    name, *words = words.split()
    args = name, sample_city[name], tmp_path / 'out', *words
    assert convert(*args, '--workers', 1) == 0
    said = capsys.readouterr()
    assert counts in said.out and f'{total} written now)' in said.out
    partial = '173 of the 180 labelled tiles are not in'
    assert (name == 'inria') == (partial in said.err)
    manifest = json.loads((tmp_path / 'out/conversion.json').read_text())
    assert ('buildformer' in words) == (manifest['protocol'] == 'buildformer')
    assert convert(*args) == 0
    assert '(0 written now)' in capsys.readouterr().out


def test_faults_are_listed_at_the_end(sample_city, tmp_path, capsys):
    raw = shutil.copytree(sample_city['wbd'], tmp_path / 'raw')
    (raw / 'train' / 'image' / '2.png').write_bytes(b'not an image [bold]')
    assert convert('whu', raw, tmp_path / 'out') == 1
    said = capsys.readouterr()
    assert 'train 3 patches of 3 tiles' in said.out
    assert '1 fault(s)' in said.err
    assert 'train/image/2.png: is no TIFF, PNG or JPEG file' in said.err
    assert 'does only what is missing' in said.err


def test_resumes_after_kill_9(sample_city, tmp_path):
    out = tmp_path / 'out'
    args = 'inria', sample_city['inria'], out, '--size', 24, '--workers', 2
    words = ['convert', *args[:2], '--out', *args[2:]]
    # No fork: a copy of this process would wait for threads that it lacks.
    command = [sys.executable, '-m', 'mmseg_cube.cli', *map(str, words)]
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            if len(list(out.glob('*/image/*'))) >= 20:
                process.kill()
            time.sleep(0.005)
    assert process.returncode == -signal.SIGKILL
    there, total = files(out), 2 * 7 * 11**2
    assert 0 < len(there) < total
    assert convert(*args) == 0
    whole = files(out)
    assert len(whole) == total == len(list(out.glob('*/*/*')))
    assert there.items() <= whole.items()
