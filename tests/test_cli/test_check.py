"""``mmseg-cube check``: what is installed and whether it works."""

import importlib.metadata

import pytest

from mmseg_cube import __version__
from mmseg_cube.cli import check, main


def test_report_says_that_all_is_well(capsys):
    code = main(['check'])
    output = capsys.readouterr().out
    assert 'torch' in output and __version__ in output
    if 'no packaged configs' in output:
        pytest.skip('mmseg_cube is not installed; make setup does that')
    assert code == 0
    assert output.strip().endswith('all is well')


def test_what_is_there_twice_or_missing_is_named(monkeypatch):
    monkeypatch.setattr(check, 'version', lambda name: '1.0')
    text = check._installed('mmcv')
    assert text.startswith('mmcv 1.0 and onedl-mmcv 1.0; keep one')

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(check, 'version', missing)
    assert check._installed('mmcv') == 'mmcv missing'
