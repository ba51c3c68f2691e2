"""Whether a graph is being recorded for later."""

import torch

# torch 2.1 has it under another name.
is_compiling = getattr(
    torch.compiler, 'is_compiling', torch._dynamo.is_compiling
)


def is_traced() -> bool:
    """Whether a tracer, a compiler or an exporter looks on.

    They cannot look into autograd functions, and fuse by themselves.
    """
    return torch.jit.is_tracing() or is_compiling()
