import numpy as np
import pytest

from mmseg_cube.utils.matrices import shrink
from mmseg_cube.utils.patterns import choose


def test_names_are_chosen_in_their_order():
    names = ['head.1', 'head.2', 'neck.1']
    assert choose(names, None, 'layer') == names
    assert choose(names, ['neck*', '*.1'], 'layer') == ['head.1', 'neck.1']
    with pytest.raises(ValueError, match="'tail' matches no layer; there are"):
        choose(names, ['head*', 'tail'], 'layer')


def test_large_matrices_shrink_to_means_of_blocks():
    matrix = np.arange(16.0).reshape(4, 4)
    assert shrink(matrix, 4) is matrix
    assert shrink(matrix, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    # Three rows in two blocks: one and two of them.
    assert shrink(matrix[:3, :3], 2).tolist() == [[0, 1.5], [6, 7.5]]
    matrix[0] = matrix[:, 0] = np.nan
    assert shrink(matrix, 2).tolist() == [[5, 6.5], [11, 12.5]]
    matrix[1] = matrix[:, 1] = np.nan
    assert np.isnan(shrink(matrix, 2)[0]).all()
