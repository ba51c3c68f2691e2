import pytest

from mmseg_cube.analysis.ablation.notation import parse_variant


@pytest.mark.parametrize(
    'text, message',
    [
        ('cube', "no preset 'cube'; there are baseline, reconstruction"),
        ('full+size=3', "'size=3' is none of scale=, .*mask.kernel_size="),
        ('full+scale', "'scale' is none of scale=.*, model.KEY=$"),
        ('full+model.a', "'model.a' is none of scale="),
        ('full+mask.size=3', "'mask.size=3' is none of .*mask.kernel_size="),
        ('full+scale=2+scale=4', 'scale is given twice'),
        ('full+router=sort', r'router can only be None.*router\.method='),
        ('full+levels=low', "levels must be numbers, such as 0,1, .*'low'"),
        ('full+levels=0,1.5', "levels must be numbers.*'0,1.5'"),
        ('full+scale@0=2+scale@0=4', 'scale@0 is given twice'),
        ('full+scale@=2', "'scale@=2' sets no option on levels. Write KEY@"),
        ('full+scale@low=2', "'scale@low=2' sets no option on levels"),
        ('full+levels@0=1', "'levels@0=1' sets no option on levels"),
        ('full+size@0=1', "'size@0=1' is none of scale="),
        ('full+model.a@0=1', "'model.a@0=1' sets no option on levels"),
        ('full+model.a=1+model.a=2', 'model.a is given twice'),
        ('baseline+scale=3', 'a baseline has no Cube kernels, so no scale'),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_variant(text)
    assert repr(text) in str(caught.value)
