"""Views of an image whose predictions are averaged: in tests and on maps."""

from collections.abc import Callable

from torch import Tensor

FLIPS = (), (-1,), (-2,), (-2, -1)  # axes that are mirrored
# By name: whether rows and columns change places first, and the axes. The
# flips are those of tta_pipeline in the configs.
VIEWS = {
    'none': [(False, ())],
    'flips': [(False, axes) for axes in FLIPS[:3]],
    'd4': [(turned, axes) for turned in (False, True) for axes in FLIPS],
}


def probabilities(logits: Tensor) -> Tensor:
    """Of logits (N, classes, H, W); one class alone is for itself."""
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)


def average_views(
    predict: Callable[[Tensor], Tensor], images: Tensor, tta: str
) -> Tensor:
    """Average what is predicted of views of images, turned back.

    Args:
        predict: Function of images (N, C, H, W), or (N, C, W, H), to values
            whose last two axes are the same.
        images: Of shape (N, C, H, W).
        tta: Key of ``VIEWS``.
    """
    total = 0
    for turned, axes in VIEWS[tta]:
        view = images.mT if turned else images
        values = predict(view.flip(axes)).flip(axes)
        total = total + (values.mT if turned else values)
    return total / len(VIEWS[tta])
