"""Which bands of an image a network sees, and which values are 0 and 255."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from mmseg_cube.datasets.errors import RasterError
from mmseg_cube.datasets.rasters import Header

COLOURS = ['red', 'green', 'blue']
# Bands without names, as many tools write RGB.
UNNAMED = ['gray', 'undefined', 'undefined'], ['undefined'] * 3
BY_PILLOW = (
    'Convert it, for example with PIL.Image.open(IN).convert("RGB").save(OUT).'
)
Scale = Sequence[float] | Sequence[Sequence[float]]


@dataclass(frozen=True)
class Channels:
    """What of an image becomes the channels of a network.

    Args:
        bands: Numbers of bands from 1, such as (4, 1, 2); (1, 1, 1) shows a
            grey image to a network for RGB. An alpha band that is named
            holds values like any other. By default red, green and blue, as
            the header declares them.
        scale: The values that become 0 and 255, such as (0, 2047), or such a
            pair for each channel; what is beyond them is cut off. By default
            images must have 8 bits and stay as they are.

    A ValueError refuses anything else.
    """

    bands: Sequence[int] | None = None
    scale: Scale | None = None

    def __post_init__(self) -> None:
        bands, scale = self.bands, self.scale
        if bands is not None:
            bands = tuple(bands) if np.iterable(bands) else (bands,)
            whole = all(isinstance(x, Integral) and x > 0 for x in bands)
            if not bands or not whole:
                raise ValueError(
                    'bands must be numbers of bands from 1, such as (4, 1, '
                    f'2), not {self.bands!r}'
                )
            object.__setattr__(self, 'bands', bands)
        if scale is not None:
            try:
                pairs = np.asarray(scale, float).reshape(-1, 2)
                widths = np.diff(pairs)
                fits = ((widths > 0) & (widths < np.inf)).all()
                fits = fits and len(pairs) in (1, self.count)
            except (TypeError, ValueError):
                fits = False
            if not fits:
                raise ValueError(
                    'scale must be the values that become 0 and 255, such as '
                    f'(0, 2047), or such a pair for each of {self.count} '
                    f'channels, not {scale!r}'
                )
            pairs = tuple(map(tuple, pairs.tolist()))
            object.__setattr__(self, 'scale', pairs)

    @property
    def count(self) -> int:
        """Number of channels."""
        return len(COLOURS if self.bands is None else self.bands)

    def take(self, values: np.ndarray, header: Header) -> np.ndarray:
        """Turn all bands of an image, (n, H, W), into channels, (C, H, W).

        They are uint8; nan becomes 0. Errors are those of :meth:`places`.
        """
        places = self.places(header)
        if places != list(range(len(values))):
            values = values[places]
        if self.scale is None:
            return values
        kind = np.result_type(values, np.float32)
        low, high = np.array(self.scale, kind).T[..., None, None]
        values = (values - low) * (255 / (high - low))
        values = np.nan_to_num(np.clip(values, 0, 255), copy=False)
        return np.rint(values, out=values).astype(np.uint8)

    def places(self, header: Header) -> list[int]:
        """Find the bands of the channels, counted from 0, in an image.

        A RasterError says that it lacks them, or has to be converted.
        """
        dataset = header.dataset
        names = [colour.name for colour in header.colours]
        _refuse_other_storage(header)
        bits = dataset.tags(1, ns='IMAGE_STRUCTURE').get('NBITS')
        kinds = ', '.join(sorted(set(dataset.dtypes)))
        kinds = f'{bits} bits' if bits else kinds
        image = f'image has {dataset.count} band(s) of {kinds}'
        if self.bands and max(self.bands) > dataset.count:
            raise RasterError(
                f'{image}, but bands={self.bands} are asked for',
                'Name bands that it has.',
            )
        if kinds == 'uint8' and np.max(self.scale or 0) > 256:
            raise RasterError(
                f'{image}, which end at 255, but scale is {self.scale}',
                'Correct scale, or store all images with as many bits.',
            )
        shown = COLOURS if names in UNNAMED else names
        places = [shown.index(name) for name in COLOURS if name in shown]
        how = {}  # what to tell gdal_translate, and the option instead
        if 'palette' in names:
            how['-expand rgb'] = ''
        elif self.bands is not None:
            places = [band - 1 for band in self.bands]
        elif len(places) < 3 or set(shown) - {*COLOURS, 'alpha'}:
            rgb = [str(place + 1) for place in places]
            if len(rgb) < 3:
                rgb = '111' if len(names) < 3 else 'RGB'
            words = '-b {} -b {} -b {} -colorinterp red,green,blue'
            how[words.format(*rgb)] = f'bands=({", ".join(rgb)})'
        odd = 'complex' in kinds
        if odd or (kinds != 'uint8' and self.scale is None):
            words = '-ot Byte -scale LOW HIGH 0 255'
            how[words] = '' if odd else 'scale=(LOW, HIGH)'
        if how:
            advice = 'onvert all files alike, with "gdal_translate '
            advice += f'{" ".join(how)} IN OUT".'
            named = ' and '.join(how.values())
            start = f'Name {named} in the dataset or command; or c'
            wanted = '8-bit RGB' if self.bands is None else 'of 8 bits'
            raise RasterError(
                f'{image} ({", ".join(names)}), not {wanted}',
                (start if all(how.values()) else 'C') + advice,
            )
        return places


RGB = Channels()  # what is seen unless something else is named


def as_mmcv(channels: np.ndarray) -> np.ndarray:
    """Put channels (..., C, H, W) in mmcv's order: of three, the last first.

    mmseg's preprocessor (bgr_to_rgb) turns three round again, and no others.
    """
    return channels[..., ::-1, :, :] if channels.shape[-3] == 3 else channels


def as_picture(channels: np.ndarray) -> np.ndarray:
    """Show channels (C, H, W) to people: three of them, (H, W, 3)."""
    shown = channels[:3] if len(channels) > 2 else channels[[0, 0, 0]]
    return np.ascontiguousarray(shown.transpose(1, 2, 0))


def _refuse_other_storage(header: Header) -> None:
    """Refuse what GDAL shows in other colours."""
    stored = header.dataset.tags(ns='IMAGE_STRUCTURE')
    space = stored.get('SOURCE_COLOR_SPACE', 'YCbCr')
    if space != 'YCbCr':
        raise RasterError(f'image is stored as {space}, not as RGB', BY_PILLOW)
    if 'MINISWHITE' in stored:
        advice = 'Rewrite it with "gdal_translate -co PHOTOMETRIC=RGB IN OUT".'
        if header.dataset.count < 3:  # GDAL would leave it inverted
            advice = BY_PILLOW
        raise RasterError('image is stored white-is-zero', advice)
