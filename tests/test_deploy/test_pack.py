"""Networks packed into one small file, and the commands that take it."""

import pytest
import torch

from mmseg_cube.cli import main
from mmseg_cube.deploy import pack_network
from mmseg_cube.utils import default_network
from mmseg_cube.utils.checkpoints import read_checkpoint


@pytest.fixture(scope='module')
def packed(tiny_config, tiny_checkpoint, tmp_path_factory):
    out = tmp_path_factory.mktemp('packed') / 'new' / 'roofs.pth'
    words = tiny_config, tiny_checkpoint, '--out', out, '--resolution', 0.3
    meta = '--meta', 'IoU=67.5', 'seeds=[0,1,2]'
    assert main(['weights', 'pack', *map(str, words), *meta]) == 0
    return out


def test_half_precision_and_what_it_is(packed, tiny_config, tiny_checkpoint):
    # Nothing but weights, without any help of ours.
    found = torch.load(packed, weights_only=True)
    before = read_checkpoint(tiny_checkpoint)['state_dict']
    assert found['state_dict'].keys() == before.keys()
    for name, value in found['state_dict'].items():
        right = before[name]
        right = right.half() if right.dim() > 1 else right
        assert torch.equal(value, right) and value.dtype == right.dtype
    assert found['meta'] == dict(
        config=f'{tiny_config.parent.name}/cube-tiny.py',
        dataset_meta=dict(
            classes=['background', 'building'],
            palette=[[0, 0, 0], [255, 170, 0]],
        ),
        resolution=0.3,
        IoU=67.5,
        seeds=[0, 1, 2],
    )


def test_a_network_that_half_precision_cannot_hold(
    tiny_config, tiny_segmentor, tmp_path
):
    state = tiny_segmentor().state_dict()
    state['decode_head.conv_seg.weight'] *= 1e6
    torch.save(dict(state_dict=state), tmp_path / 'large.pth')
    files = tiny_config, tmp_path / 'large.pth', tmp_path / 'out.pth'
    with pytest.raises(ValueError, match='large.pth cannot be packed: in ha'):
        pack_network(*files)
    assert not files[-1].exists()


@pytest.fixture
def default(packed, tiny_config, monkeypatch):
    """The packed network as the default one."""
    folder = tiny_config.parents[1]
    (folder / '.mim').mkdir(exist_ok=True)
    configs = folder / '.mim' / 'configs'
    if not configs.exists():
        configs.symlink_to(folder, target_is_directory=True)
    monkeypatch.setattr(default_network, 'PACKAGE', folder)
    monkeypatch.setattr(default_network, 'WEIGHTS', packed)


@pytest.mark.parametrize(
    'words',
    [
        'export --format torchscript --size 64 --out OUT/net.pt',
        'learned --out OUT --count 1 --device cpu',
        'test --work-dir OUT --cfg-options log_level=ERROR',
    ],
)
def test_commands_take_the_default_network(words, default, tmp_path, capsys):
    words = words.replace('OUT', str(tmp_path)).split()
    assert main(words) == 0
    said = capsys.readouterr().err
    assert said.count('Note: taking the default network, cube-tiny, ') == 1
