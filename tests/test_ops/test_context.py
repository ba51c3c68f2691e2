import torch

from mmseg_cube.ops.context import autocast_dtype, cast_for_autocast

BF16 = torch.bfloat16


def test_nothing_happens_without_autocast():
    given = torch.ones(2), torch.ones(2, dtype=torch.float64), None
    assert autocast_dtype('cpu') is None
    with torch.autocast('cpu', enabled=False):
        assert autocast_dtype('cpu') is autocast_dtype('meta') is None
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
    assert (tensors[0].dtype, tensors[1].dtype) == (BF16, torch.float64)
    assert tensors[2] is None
    assert autocast_dtype('cpu') is None
