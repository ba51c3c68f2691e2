import torch

from mmseg_cube.ops.context import autocast_dtype, cast_for_autocast

BF16, FULL = torch.bfloat16, torch.float32
KEPT = [torch.ones(2).to(t) for t in (torch.double, torch.cfloat, torch.uint8)]
GIVEN = torch.ones(2), *KEPT, None


def test_casts_as_torch_does_and_only_once():
    with torch.autocast('cpu', BF16):
        assert autocast_dtype('cpu') == BF16
        (half, *others), context = cast_for_autocast(GIVEN)
        with context:
            assert autocast_dtype('cpu') is None
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == FULL
        assert autocast_dtype('cpu') == BF16
        with torch.autocast('cpu', enabled=False):
            assert autocast_dtype('cpu') is autocast_dtype('meta') is None
    assert half.dtype == BF16
    assert all(a is b for a, b in zip(others, GIVEN[1:], strict=True))
    # And nothing happens without autocast.
    assert autocast_dtype('cpu') is None
    tensors, _ = cast_for_autocast(GIVEN)
    assert all(a is b for a, b in zip(tensors, GIVEN, strict=True))
