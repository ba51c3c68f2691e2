"""Two processes that train one wrapped backbone."""

import subprocess
import sys

import torch

WORKER = """
import os
import sys
import torch
from torch import distributed
from mmengine.model import MMDistributedDataParallel

folder = sys.argv[1]
torch.set_num_threads(1)
# What it is made of is imported here, once for both processes.
cube, x = torch.load(f'{folder}/given.pt', weights_only=False)
rank = int(os.fork() == 0)
distributed.init_process_group(
    'gloo', f'file://{folder}/store', rank=rank, world_size=2
)
wrapped = MMDistributedDataParallel(cube, find_unused_parameters=False)
# Parameters that are not reached fail in the second iteration.
for _ in range(2):
    cube.zero_grad()
    outputs = wrapped(x.chunk(2)[rank])
    sum(output.square().mean() for output in outputs).backward()
found = {n: p.grad for n, p in cube.named_parameters()}
torch.save(found, f'{folder}/{rank}.pt')
# Nobody leaves while the other one still needs the store, and a wrapper
# that goes after its group can wait for a thread that waits for it.
del wrapped
distributed.barrier()
distributed.destroy_process_group()
if rank == 0:
    sys.exit(os.wait()[1] != 0)
"""


def test_two_processes_have_the_gradients_of_one(twins, image, tmp_path):
    _, cube = twins('resnet')
    # In evaluation mode, or batch norm would see half of the batch.
    cube.eval()
    for parameter in cube.cube_blocks.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = image(4)
    torch.save((cube, x), tmp_path / 'given.pt')
    worker = [sys.executable, '-c', WORKER, tmp_path]
    done = subprocess.run(worker, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sum(output.square().mean() for output in cube(x)).backward()
    for rank in range(2):
        found = torch.load(tmp_path / f'{rank}.pt', weights_only=True)
        for name, parameter in cube.named_parameters():
            torch.testing.assert_close(
                found[name],
                parameter.grad,
                atol=1e-5,
                rtol=1e-3,
                msg=lambda m, n=name: f'{n}: {m}',
            )
