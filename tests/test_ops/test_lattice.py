import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.ops.lattice import to_cells, to_lattice
from mmseg_cube.ops.layout import is_channels_last, to_layout

LAST = torch.channels_last
SHAPES = [
    (2, 16, 7, 6),
    (1, 3, 5, 4),
    (3, 1, 4, 4),
    (2, 8, 1, 1),
    (0, 4, 2, 2),
]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def draw(shape, dtype=torch.float32):
    torch.manual_seed(0)
    return torch.randn(shape).to(dtype)


def layouts(x):
    """The same values in several layouts."""
    return (
        x,
        x.to(memory_format=LAST),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        torch.cat((x, x), 1)[:, : x.shape[1]],
    )


@pytest.mark.parametrize('layout', [LAST, torch.contiguous_format])
@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('shape', SHAPES)
def test_changes_the_layout_alone(layout, dtype, shape):
    for x in layouts(draw(shape, dtype)):
        out = to_layout(x, layout)
        assert torch.equal(out, x)
        assert out.is_contiguous(memory_format=layout)
        if not x.is_contiguous(memory_format=layout):
            # In memory of its own.
            before = x.clone()
            assert not out._is_view()
            out.zero_()
            assert torch.equal(x, before)


def test_layout_is_told():
    x = draw((2, 8, 5, 4))
    assert not is_channels_last(x)
    assert is_channels_last(x.to(memory_format=LAST))
    # Where both layouts are the same, it is the usual one.
    assert not is_channels_last(draw((2, 8, 1, 1)).to(memory_format=LAST))
    assert not is_channels_last(draw((2, 1, 3, 3)).to(memory_format=LAST))


@pytest.mark.usefixtures('way')
@pytest.mark.parametrize('scale', [2, 3])
@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('batch', [0, 1, 2])
def test_lattice_and_back(scale, dtype, batch):
    if dtype == torch.float16 and torch.__version__ < '2.2':
        pytest.skip('torch 2.1 shuffles no float16 channels on a CPU')
    for x in layouts(draw((batch, 2 * scale**2, 3, 4), dtype)):
        lattice = to_lattice(x, scale)
        assert torch.equal(lattice, F.pixel_shuffle(x, scale))
        assert torch.equal(to_cells(lattice, scale), x)
        assert torch.equal(to_cells(lattice.contiguous(), scale), x)
