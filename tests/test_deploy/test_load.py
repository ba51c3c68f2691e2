import pytest
import torch

from mmseg_cube.deploy import load_segmentor
from mmseg_cube.layers import CubeConv2d


@pytest.fixture
def checkpoint(model, tmp_path):
    path = tmp_path / 'net.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return str(path)


def test_all_weights_are_loaded(cfg, model, checkpoint):
    loaded = load_segmentor(cfg, checkpoint)
    assert not loaded.training
    expected = model.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_classes_come_from_the_checkpoint_or_the_dataset(
    cfg, model, checkpoint, tmp_path
):
    known = load_segmentor(cfg, checkpoint).dataset_meta
    assert known['classes'] == ('background', 'building')
    own = dict(classes=('a', 'b'), palette=[[1, 1, 1], [2, 2, 2]])
    content = dict(state_dict=model.state_dict(), meta=dict(dataset_meta=own))
    path = tmp_path / 'own.pth'
    torch.save(content, path)
    assert load_segmentor(cfg, str(path)).dataset_meta == own


@pytest.mark.parametrize('change', ['fewer', 'more', 'other shape'])
def test_weights_of_another_network(cfg, model, tmp_path, change):
    state = model.state_dict()
    name = 'decode_head.conv_seg.weight'
    if change == 'fewer':
        del state[name]
    elif change == 'more':
        name = 'decode_head.unknown'
        state[name] = torch.zeros(1)
    else:
        state[name] = state[name][:1]
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict=state), path)
    with pytest.raises(ValueError, match=f'is no checkpoint of.*{name}') as e:
        load_segmentor(cfg, str(path))
    assert '\n' not in str(e.value)


def test_broken_and_missing_checkpoints(cfg, tmp_path):
    path = tmp_path / 'broken.pth'
    for content in (b'', b'no checkpoint'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='broken.pth is no checkpoint'):
            load_segmentor(cfg, str(path))
    with pytest.raises(OSError, match='missing.pth'):
        load_segmentor(cfg, str(tmp_path / 'missing.pth'))


def test_configs_without_a_segmentor(cfg, checkpoint):
    cfg.model = dict(type='CubeConv2d', in_channels=4, out_channels=4)
    cfg.model.update(kernel_size=3)
    with pytest.raises(ValueError, match=CubeConv2d.__name__):
        load_segmentor(cfg, checkpoint)
    cfg.pop('model')
    with pytest.raises(ValueError, match='has no model'):
        load_segmentor(cfg, checkpoint)
