"""What people give as raw data: whatever programs pack, or what is no data."""

import re
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from mmseg_cube.datasets import DatasetError

FOUND = dict(train=3, val=3, test=3)


def pack(target, raw, name='{}', method=zipfile.ZIP_DEFLATED):
    """Write a zip of a folder, its names as a format says."""
    with zipfile.ZipFile(target, 'w', method) as archive:
        for path in sorted(raw.rglob('*.png')):
            text = name.format(path.relative_to(raw).as_posix())
            text = text.replace('/', '\\') if '\\' in name else text
            archive.writestr(text, path.read_bytes())
    return target


def patch(place, value, which=b''):
    """Change a 16-bit number of the entries whose name has some letters."""

    def change(target, raw):
        data = bytearray(pack(target, raw).read_bytes())
        for start in (b'PK\3\4', b'PK\1\2'):
            offset, at = place[start == b'PK\1\2'], data.find(start)
            while at >= 0:
                if which in data[at : at + 80]:
                    struct.pack_into('<H', data, at + offset, value)
                at = data.find(start, at + 4)
        target.write_bytes(data)

    return change


FLAGS, METHOD, CHECKSUM = (6, 8), (8, 10), (14, 16)


@pytest.mark.parametrize(
    'options',
    [
        dict(name='./WHU/{}'),
        dict(name='WHU\\{}'),
        dict(name='/home/me/{}'),
        dict(name='C:\\me\\{}'),
        dict(method=zipfile.ZIP_LZMA),
        dict(method=zipfile.ZIP_BZIP2),
        dict(method=zipfile.ZIP_STORED),
    ],
)
def test_archives_of_any_program(tmp_path, raw, convert, patches, options):
    result = convert(pack(tmp_path / 'a.zip', raw, **options))
    assert (result.tiles, result.faults) == (FOUND, [])
    np.testing.assert_equal(patches(tmp_path / 'out'), patches(raw))
    assert len(list(tmp_path.iterdir())) == 4  # with the memory of files


@pytest.mark.parametrize(
    ('make', 'said'),
    [
        (patch(FLAGS, 1, b'train/image/9'), 'is encrypted, password .*"7z x"'),
        (patch(METHOD, 9, b'train/image/9'), 'compression .* not supported'),
        (patch(METHOD, 77, b'train/image/9'), 'compression .* not supported'),
        (patch(METHOD, 14, b'train/image/9'), 'from a.zip'),
        (patch(CHECKSUM, 9, b'train/image/9'), 'Bad CRC-32.* download it ag'),
    ],
)
def test_bad_files_in_archives(tmp_path, raw, convert, make, said):
    make(tmp_path / 'a.zip', raw)
    result = convert(tmp_path / 'a.zip')
    assert result.tiles == FOUND | dict(train=2)
    (fault,) = result.faults
    assert re.match(f'train/image/9.png: cannot be unpacked.*{said}', fault)


@pytest.mark.parametrize(('letters', 'faults'), [(249, 0), (252, 1)])
def test_long_names_in_archives(tmp_path, raw, convert, letters, faults):
    with zipfile.ZipFile(pack(tmp_path / 'a.zip', raw), 'a') as archive:
        for kind in ('image', 'label'):
            path = raw / 'val' / kind / '2.png'
            archive.write(path, f'train/{kind}/{"n" * letters}.png')
    for written in (10 - faults, 0):
        result = convert(tmp_path / 'a.zip')
        assert (result.written, len(result.faults)) == (written, faults)
    said = 'its name is too long for patches; shorten it'
    assert all(fault.endswith(said) for fault in result.faults)


def shell(script):
    script = f'zip() {{ "{sys.executable}" -m zipfile -c "$@"; }}; {script}'
    return lambda path, raw: subprocess.run(
        script, shell=True, cwd=path.parent, check=True
    )


@pytest.mark.parametrize(
    ('make', 'said'),
    [
        (shell('true'), ' not found: '),
        (shell('ln -s nowhere a.zip'), ' not found: '),
        (shell('mkfifo a.zip'), 'is no file or folder'),
        (shell('printf 7z > a.zip'), 'not a zip.*"7z x" on'),
        (shell('zip a.zip'), 'it is empty'),
        (shell('tar czf a.zip raw'), 'not a zip archive.*"tar xf"'),
        (
            shell('zip b.zip raw; head -c 9999 b.zip > a.zip'),
            'not a zip archive or only part of one .*download',
        ),
        (shell('zip b.zip raw; zip a.zip b.zip'), 'Next: unpack b.zip'),
    ],
)
def test_sources_that_are_no_data(tmp_path, raw, convert, make, said):
    make(tmp_path / 'a.zip', raw)
    with pytest.raises(DatasetError, match=f'(?s){said}'):
        convert(tmp_path / 'a.zip')
    assert not (tmp_path / 'out').exists()
