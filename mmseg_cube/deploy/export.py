"""Export of a segmentor, kept only if the file computes the same."""

import importlib.util
import json
import warnings
from pathlib import Path

import torch
from mmengine.config import Config
from torch import nn

from mmseg_cube.deploy.any_size import take_any_size
from mmseg_cube.deploy.formats import FORMATS, Run
from mmseg_cube.deploy.segmentor import ExportableSegmentor
from mmseg_cube.layers import switch_to_deploy
from mmseg_cube.utils.whole_files import whole_files
from mmseg_cube.utils.words import shorten
from mmseg_cube.version import __version__

# Largest difference of a logit, over the largest one where that is above 1.
TOLERANCE = 1e-4
Shape = tuple[int, int, int, int]


class ExportError(Exception):
    """A network that cannot be exported, or would compute something else."""


def export_segmentor(
    segmentor: ExportableSegmentor,
    cfg: Config,
    path: Path,
    format: str,
    size: int = 512,
    plain: bool | None = None,
) -> tuple[float, tuple[Shape, ...]]:
    """Deploy a segmentor, write it, read it again and compare.

    OpenVINO's weights are in a second file beside it, ``*.bin``.

    What was read is compared with the segmentor as it was before it was
    deployed, on images of several shapes if it takes them.

    Args:
        segmentor: Trained network with a ``dataset_meta``, on the CPU.
        cfg: Config that it was built from, for what :func:`describe` tells.
        path: File to write; replaced if it is there.
        format: Key of ``FORMATS``.
        size: Side of the example images, where the segmentor has no shape.
        plain: As in :func:`mmseg_cube.layers.switch_to_deploy`; the default
            goes by the engine that runs the format.

    Returns:
        Largest difference of a logit, and the shapes that were compared.

    Raises:
        ExportError: If the exporter fails, or a logit differs by more than
            ``TOLERANCE``; there is no file then.
        ValueError: If the format cannot be had, the name does not end in its
            suffix or the size is too small.
        OSError: If the file cannot be written.
    """
    check_request(path, format, size, segmentor.divisor)
    kind = FORMATS[format]
    deployed = switch_to_deploy(segmentor, plain, kind.few)
    take_any_size(deployed)
    metadata = describe(segmentor, cfg)
    shapes, advice = (segmentor.shape,), ''
    if segmentor.shape is None:
        # The example's size, a larger one and an odd one.
        shapes = (
            (1, 3, size, size),
            (2, 3, size + 32, size + 64),
            (3, 3, size + 5, size - size // 8 + 1),
        )
        advice = f'; it may be for one size: --fixed-size {size} {size}'
    # A batch of one would be taken for a constant.
    example = torch.rand(segmentor.shape or (2, 3, size, size)) * 255
    try:
        with (
            whole_files(path) as part,
            warnings.catch_warnings(),
            torch.no_grad(),
        ):
            # The comparison makes warnings of the exporters needless.
            warnings.simplefilter('ignore')
            kind.write(deployed, example, part, metadata)
            run = kind.read(part)
            difference = largest_difference(segmentor, run, shapes)
            # Not ">": the difference may be no number.
            if not difference <= TOLERANCE:
                raise ArithmeticError(
                    f'its logits differ by up to {difference:.2g} from '
                    f"PyTorch's, more than {TOLERANCE:g}"
                )
    except OSError:
        raise
    except Exception as error:  # exporters raise all kinds
        reason = f'{path} was not written: {shorten(error)}'
        raise ExportError(reason + advice) from error
    return difference, shapes


def describe(segmentor: ExportableSegmentor, cfg: Config) -> dict[str, str]:
    """Describe an exported network to those who run it.

    Values are texts, or JSON for lists and mappings. ``window`` is the crop
    and the stride that the network was to be tested with.
    """
    model = segmentor.model
    batch, _, height, width = segmentor.shape or 'N3HW'
    shape = f'({batch}, {{}}, {height}, {width})'
    meta, test_cfg = model.dataset_meta, model.test_cfg or {}
    single = getattr(model, 'out_channels', 2) == 1
    how = 'sigmoid' if single else 'softmax over axis 1'
    described = dict(
        producer=f'mmseg_cube {__version__}',
        config=Path(cfg.filename).name,
        input=f'images: RGB, {shape.format(3)}, float32, 0 to 255',
        output=f'logits: {shape.format("classes")}; {how}',
        normalisation=dict(
            done_by_network=True,
            channels='RGB' if segmentor.is_rgb else 'BGR',
            mean=segmentor.mean.flatten().tolist(),
            std=segmentor.std.flatten().tolist(),
        ),
        padding=dict(
            done_by_network=True,
            size_divisor=segmentor.divisor,
            value=segmentor.pad_val,
        ),
        classes=list(meta.get('classes') or ()),
        palette=[list(color) for color in meta.get('palette') or ()],
    )
    if test_cfg.get('mode') == 'slide':
        described['window'] = dict(
            crop_size=list(test_cfg['crop_size']),
            stride=list(test_cfg['stride']),
        )
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in described.items()
    }


@torch.no_grad()
def largest_difference(
    segmentor: nn.Module, run: Run, shapes: tuple[Shape, ...]
) -> float:
    """Largest difference, as of ``TOLERANCE``; infinite if shapes differ."""
    generator = torch.Generator().manual_seed(0)
    largest = torch.zeros(())
    for shape in shapes:
        images = torch.rand(shape, generator=generator) * 255
        expected, got = segmentor(images), run(images)
        if got.shape != expected.shape:
            return float('inf')
        # Sure networks have large logits, and float32 has seven digits.
        scale = expected.abs().max().clamp(min=1)
        # It keeps what is not a number.
        largest = torch.maximum(largest, (got - expected).abs().max() / scale)
    return largest.item()


def check_request(path: Path, format: str, size: int, divisor: int) -> None:
    """Check what can be checked before any work."""
    if format not in FORMATS:
        raise ValueError(
            f'format must be one of {tuple(FORMATS)} with torch '
            f'{torch.__version__}, but got {format!r}'
        )
    kind = FORMATS[format]
    if path.suffix != kind.suffix:
        raise ValueError(
            f'a file of format {format} must end in {kind.suffix}, but got '
            f'{path}'
        )
    missing = [n for n in kind.needs if importlib.util.find_spec(n) is None]
    if missing:
        raise ValueError(
            f'format {format} needs {" and ".join(missing)}, not installed: '
            f'pip install "mmsegmentation-cube[{kind.extra}]"'
        )
    if size <= divisor:
        raise ValueError(
            f'size must be larger than {divisor}, to which the network '
            f'pads, but got {size}'
        )
