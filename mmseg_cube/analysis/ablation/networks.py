"""The networks of an ablation, built and counted before any training."""

from collections.abc import Iterator

from mmengine.config import Config
from mmseg.models import BaseSegmentor

from mmseg_cube.analysis.ablation.study import Study
from mmseg_cube.analysis.ablation.variants import BASELINE
from mmseg_cube.analysis.complexity.count import complexity
from mmseg_cube.layers import CubeConv2d, summarise
from mmseg_cube.utils.networks import build_network
from mmseg_cube.utils.whole_files import write_text_whole

CONFIGS = 'configs'
IMAGE_SIDE = 512  # for operations, where the config has no size


def count_network(cfg: Config) -> tuple[BaseSegmentor, dict]:
    """Build the network of a config, without weights, and count it.

    Operations are those of one image of the size of the training crops.
    """
    model = build_network(cfg)
    preprocessor = cfg.model.get('data_preprocessor') or {}
    crop = tuple(preprocessor.get('size') or (IMAGE_SIDE, IMAGE_SIDE))
    size = complexity(cfg.model, crop)
    return model, dict(
        crop=list(crop),
        parameters=size.parameters,
        flops=size.flops,
        cubes=summarise(model),
    )


def count_variants(study: Study) -> dict[str, dict]:
    """Build and count every variant once.

    Returns:
        What is counted, by the text of the variant.

    Raises:
        ValueError: If one cannot be built, has no Cube kernels although it
            should, or is the same network as another.
    """
    counts, texts = {}, {}
    for run in study.runs:
        text = run.variant.text
        if text in counts:
            continue
        try:
            model, counts[text] = count_network(run.cfg)
        except Exception as error:  # building raises all kinds
            raise ValueError(f'variant {text!r}: {error}') from error
        is_cube = any(
            isinstance(layer, CubeConv2d) for layer in model.modules()
        )
        if not is_cube and run.variant.preset != BASELINE:
            raise ValueError(
                f'variant {text!r} has no Cube convolution left. '
                + counts[text]['cubes']
            )
        other = texts.setdefault(repr(model), text)
        if other != text:
            raise ValueError(
                f'variants {other!r} and {text!r} are the same network; '
                'leave one of them out'
            )
    return counts


def write_configs(study: Study) -> Iterator[str]:
    """Write the config of every variant, with the first seed.

    Yields:
        A line about each.

    Raises:
        ValueError: If a variant cannot be built.
    """
    counts = count_variants(study).values()
    folder = study.root / CONFIGS
    folder.mkdir(parents=True, exist_ok=True)
    # The runs of the first seed come first.
    for run, counted in zip(study.runs, counts, strict=False):
        path = folder / f'{run.variant.folder}.py'
        write_text_whole(path, run.cfg.pretty_text)
        yield (
            f'{path}: {counted["parameters"] / 1e6:.3f} M parameters, '
            f'{counted["flops"] / 1e9:.3f} G FLOPs at '
            f'{" x ".join(map(str, counted["crop"]))}; {counted["cubes"]}'
        )
