import pytest

from mmseg_cube.utils.words import choose


def test_names_are_chosen_in_their_order():
    names = ['head.1', 'head.2', 'neck.1']
    assert choose(names, None, 'layer') == names
    assert choose(names, ['neck*', '*.1'], 'layer') == ['head.1', 'neck.1']
    with pytest.raises(ValueError, match="'tail' matches no layer; there are"):
        choose(names, ['head*', 'tail'], 'layer')
