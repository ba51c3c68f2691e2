import torch
from mmengine.runner import load_checkpoint
from torch import nn

from mmseg_cube.layers import CubeConv2d

LAST = torch.channels_last


def start(make_runner, folder, *hooks, **options):
    runner = make_runner(folder, *hooks, **options)
    torch.manual_seed(0)
    conv = CubeConv2d(8, 8, 3, padding=1, mask=dict(kernel_size=3))
    runner.model.convs = nn.Sequential(conv, nn.Conv2d(8, 8, 3))
    # The optimiser has to know the new layers, as it would in use.
    forward = runner.model.forward
    layouts = []

    def watched(inputs, mode='tensor'):
        out = runner.model.convs(inputs)
        layouts.append(out.is_contiguous(memory_format=LAST))
        loss = forward(inputs, mode)['loss']
        return dict(loss=loss + out.square().mean())

    runner.model.forward = watched
    return runner, layouts


def train(make_runner, folder, *hooks):
    runner, layouts = start(make_runner, folder, *hooks)
    wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
    runner.optim_wrapper = wrapper
    runner.train()
    return runner, layouts


def test_layout_changes_and_results_do_not(make_runner, tmp_path):
    plain, layouts = train(make_runner, 'plain')
    assert not any(layouts)
    hook = dict(type='ChannelsLastHook')
    last, layouts = train(make_runner, 'last', hook)
    assert all(layouts) and len(layouts) == 8
    expected = plain.model.state_dict()
    for name, value in last.model.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    # The checkpoint knows nothing of the layout.
    fresh, _ = start(make_runner, 'fresh')
    load_checkpoint(fresh.model, str(tmp_path / 'last' / 'iter_8.pth'))
    for name, value in fresh.model.state_dict().items():
        assert torch.equal(value, last.model.state_dict()[name])
        assert value.is_contiguous()
