"""Tables, words and whole files."""

import pytest

from mmseg_cube.utils.tables import Table
from mmseg_cube.utils.whole_files import write_whole
from mmseg_cube.utils.words import choose, listing, name_some, quantity

TABLE = Table(
    ['Name', 'saved', 'saved'], [['a|b', '1', '20'], ['c', '3', '4']], 'Sizes'
)


def test_tables():
    title, _, head, rule, first, _ = TABLE.markdown().splitlines()
    assert title == '**Sizes**'
    assert head.replace(' ', '') == '|Name|saved|saved|'
    assert rule.startswith('| :--') and rule.endswith('-: |')
    assert first.startswith(r'| a\|b |')  # what would end a cell
    assert TABLE.csv() == 'Name,saved,saved\na|b,1,20\nc,3,4\n'
    lines = TABLE.terminal().splitlines()
    assert lines[0] == 'Sizes' and set(lines[2]) == {'-'}
    assert lines[1] == 'Name  saved  saved'
    assert lines[4] == 'c         3      4'


def test_words():
    assert listing(['x'] * 7, 2) == '  - x\n  - x\n  ... and 5 more'
    assert name_some('abc') == 'a, b, c'
    assert name_some(range(7)) == '0, 1, 2, 3, 4 and 2 more'
    assert (quantity(1, 'tile'), quantity(0, 'tile')) == ('1 tile', '0 tiles')
    names = ['head.1', 'head.2', 'neck.1']
    assert choose(names, None, 'layer') == names
    assert choose(names, ['neck*', '*.1'], 'layer') == ['head.1', 'neck.1']
    with pytest.raises(ValueError, match="'tail' matches no layer; there are"):
        choose(names, ['head*', 'tail'], 'layer')


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path):
    path = tmp_path / 'file'
    path.write_text('old')

    def fail(part):
        part.write_text('half')
        raise OSError('no space')

    with pytest.raises(OSError, match='no space'):
        write_whole(path, fail)
    assert path.read_text() == 'old' and len(list(tmp_path.iterdir())) == 1
