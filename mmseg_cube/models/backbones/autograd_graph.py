"""What autograd knows of how an output came about."""

from collections.abc import Iterator

from torch import Tensor


def parameters_of(output: Tensor | tuple | list) -> Iterator[int]:
    """Identities of the parameters that an output was computed from.

    Args:
        output: Tensor, or tensors in tuples and lists, computed while
            gradients are recorded.

    Yields:
        ``id`` of each parameter that a backward pass would reach.
    """
    open_nodes, seen = [t.grad_fn for t in _tensors_in(output)], {None}
    while open_nodes:
        node = open_nodes.pop()
        if node in seen:
            continue
        seen.add(node)
        # Leaves of the graph accumulate gradients.
        if hasattr(node, 'variable'):
            yield id(node.variable)
        open_nodes.extend(following for following, _ in node.next_functions)


def _tensors_in(output: Tensor | tuple | list) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from _tensors_in(part)
