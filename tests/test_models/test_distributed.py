"""Two processes that train layers and a wrapped backbone."""

import inspect
import subprocess
import sys

import torch
from torch import nn

from mmseg_cube.layers import CubeConv2d, CubeKernelBlock
from mmseg_cube.models import CubeBackbone


def loss(outputs):
    if isinstance(outputs, torch.Tensor):
        outputs = (outputs,)
    return sum(output.square().mean() for output in outputs)


# The same loss in both of them.
WORKER = (
    inspect.getsource(loss)
    + """
import os
import sys
import torch
from torch import distributed
from mmengine.model import MMDistributedDataParallel

folder = sys.argv[1]
torch.set_num_threads(1)
# What they are made of is imported here, once for both processes.
given = torch.load(f'{folder}/given.pt', weights_only=False)
rank = int(os.fork() == 0)
distributed.init_process_group(
    'gloo', f'file://{folder}/store', rank=rank, world_size=2
)


def gradients(module, x):
    wrapped = MMDistributedDataParallel(module, find_unused_parameters=False)
    # Parameters that are not reached fail in the second iteration.
    for _ in range(2):
        wrapped.zero_grad()
        loss(wrapped(x.chunk(2)[rank])).backward()
    return {name: p.grad for name, p in module.named_parameters()}


torch.save([gradients(*pair) for pair in given], f'{folder}/{rank}.pt')
# Nobody leaves while the other one still needs the store.
distributed.barrier()
distributed.destroy_process_group()
if rank == 0:
    sys.exit(os.wait()[1] != 0)
"""
)


def make_modules():
    full = dict(router=dict(), mask=dict(kernel_size=3))
    resnet = dict(type='mmseg.ResNetV1c', depth=18)
    small = dict(resnet, base_channels=8, stem_channels=8)
    torch.manual_seed(0)
    yield 16, CubeConv2d(16, 8, 3, padding=1, **full)
    yield 16, CubeConv2d(16, 8, 3, padding=1, form='folded', **full)
    yield 16, CubeKernelBlock(16, residual=True, layer_scale=0.5)
    yield 3, CubeBackbone(small, dict(stages=(1, 3), **full), {})


def test_two_processes_have_the_gradients_of_one(tmp_path):
    given = []
    for channels, module in make_modules():
        # In evaluation mode, or batch norm would see half of the batch.
        module.eval()
        for name, parameter in module.named_parameters():
            if any(part in name for part in ('router', 'mask', 'cube_')):
                nn.init.normal_(parameter, std=0.5)
        given.append((module, torch.randn(4, channels, 32, 32)))
    torch.save(given, tmp_path / 'given.pt')
    worker = [sys.executable, '-c', WORKER, tmp_path]
    done = subprocess.run(worker, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    paths = [tmp_path / f'{rank}.pt' for rank in range(2)]
    results = [torch.load(path, weights_only=True) for path in paths]
    for i, (module, x) in enumerate(given):
        loss(module(x)).backward()
        expected = {n: p.grad for n, p in module.named_parameters()}
        for found in results:
            close = dict(atol=1e-5, rtol=1e-3)
            torch.testing.assert_close(found[i], expected, **close)
