import pytest
import torch

from mmseg_cube.ops.context import autocast_dtype, cast_for_autocast

BF16 = torch.bfloat16


def test_nothing_happens_without_autocast():
    given = torch.ones(2), torch.ones(2, dtype=torch.float64), None
    assert autocast_dtype('cpu') is None
    tensors, context = cast_for_autocast(given)
    assert all(a is b for a, b in zip(tensors, given, strict=True))
    with context:
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_casts_as_torch_does_and_only_once():
    given = torch.ones(2), torch.ones(2, dtype=torch.float64), None
    with torch.autocast('cpu', BF16):
        assert autocast_dtype('cpu') == BF16
        tensors, context = cast_for_autocast(given)
        with context:
            assert autocast_dtype('cpu') is None
            product = torch.ones(2, 2) @ torch.ones(2, 2)
        assert autocast_dtype('cpu') == BF16
    assert product.dtype == torch.float32
    assert [t if t is None else t.dtype for t in tensors] == [
        BF16,
        torch.float64,
        None,
    ]
    assert autocast_dtype('cpu') is None


@pytest.mark.parametrize('name', ['cpu', 'meta'])
def test_autocast_that_is_switched_off(name):
    with torch.autocast('cpu', enabled=False):
        assert autocast_dtype(name) is None
