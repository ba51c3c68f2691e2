import pytest

from mmseg_cube.models import CubeBackbone


@pytest.fixture
def uneven(table):
    """An HRNet like W18: the channels of its first branch fill no cells."""
    cfg = table['hrnet']['backbone']
    for stage in cfg['extra'].values():
        if stage['block'] == 'BASIC':
            channels = (6, 12, 24, 48)[: stage['num_branches']]
            stage['num_channels'] = channels
    return cfg


def test_all_stages_are_those_that_fit(uneven, image, log):
    cube = CubeBackbone(uneven, insert={})
    assert list(cube.cube_blocks) == ['1', '2', '3']
    assert (
        'CubeBackbone: 3 blocks inserted behind stages 1, 2, 3, none fits '
        'behind stage 0 (6 channels)'
    ) in log.messages
    channels = [output.shape[1] for output in cube(image(2))]
    assert channels == [6, 12, 24, 48]


def test_stages_that_are_named_and_one_at_least_must_fit(uneven, table):
    message = r'behind stage 0: .*divisible.*got 6; .*1 \(12 channels\)'
    with pytest.raises(ValueError, match=message):
        CubeBackbone(uneven, insert=dict(stages=(0, 1)))
    narrow = dict(table['resnet']['backbone'], base_channels=1)
    with pytest.raises(ValueError, match='behind stage 0: .*got 1;'):
        CubeBackbone(dict(narrow, out_indices=(0, 1)), insert={})
