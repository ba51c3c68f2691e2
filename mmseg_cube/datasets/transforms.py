"""Transforms that load images and building masks, or windows of them."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations, PhotoMetricDistortion
from mmseg.registry import TRANSFORMS

from mmseg_cube.datasets.bands import RGB, Channels, Scale
from mmseg_cube.datasets.contract import read_image, refuse_mismatch
from mmseg_cube.datasets.decision import Declared, decide
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.masks import read_mask
from mmseg_cube.datasets.meaning import IGNORED
from mmseg_cube.datasets.rasters import open_raster
from mmseg_cube.datasets.validity import read_valid
from mmseg_cube.datasets.windows import Window, refuse_smaller
from mmseg_cube.utils.quiet import quiet_libraries

LOCAL = None, dict(backend='local')
# Options of OpenMMLab's loaders that ours can honour.
HONOURED = {
    LoadImageFromFile: dict(
        color_type=['color'],
        imdecode_backend=['cv2'],
        ignore_empty=[False],
        file_client_args=[None],
        backend_args=LOCAL,
    ),
    LoadAnnotations: dict(reduce_zero_label=[None, False], backend_args=LOCAL),
}


@TRANSFORMS.register_module()
class LoadBuildingMask(BaseTransform):
    """Load a building mask as 0 (background) and 1 (building).

    Takes the place of ``LoadAnnotations``, in our datasets by itself, which
    would hand 255 of a 0/255 mask on as the label to ignore.

    The mask is that of the window that was loaded. It is 255, the label to
    ignore, outside of the window's ``core`` and where the image declares to
    hold no data (by a nodata value, an alpha band or a mask).

    Reads ``seg_map_path``, and what there is of ``label_map``,
    ``seg_fields``, ``window``, ``core``, ``raster_shape``, ``channels`` and
    ``mask_meaning``, what the values mean by all masks of a dataset. Adds
    ``gt_seg_map`` (uint8, (H, W)) and its name in ``seg_fields``, unless
    there is no mask or it is loaded.

    Args:
        backend_args: File backend of mmengine; local files by default.
        building_values: As of ``BuildingDataset``, for other datasets;
            without it, each mask is judged by the values that are in it.
        ignore_values: Likewise.

    Raises:
        ValueError: If the mask cannot be read, has another size than its
            image, or values that mean nothing.
    """

    def __init__(
        self,
        backend_args: dict | None = None,
        building_values: Declared = None,
        ignore_values: Declared = None,
    ) -> None:
        self.backend_args = backend_args
        self.options = building_values, ignore_values
        decide({}, *self.options)  # refuses wrong values

    def transform(self, results: dict) -> dict:
        """Load the mask of one sample."""
        path = results.get('seg_map_path')
        if path is None or 'gt_seg_map' in results:
            return results
        source = path
        if self.backend_args is not None:
            source = fileio.get(path, backend_args=self.backend_args)
        window, shape = results.get('window'), results.get('raster_shape')
        meaning = results.get('mask_meaning')
        channels = results.get('channels', RGB)
        with quiet_libraries():
            with errors_of(path):
                if shape is not None:
                    refuse_mismatch(shape, open_raster(source).shape)
                mask = read_mask(source, window, meaning, *self.options)
            if results.get('label_map'):
                table = np.arange(256, dtype=np.uint8)
                for old, new in results['label_map'].items():
                    table[old] = new
                mask = table[mask]
            if shape is not None:
                image = results['img_path']
                with errors_of(image):
                    valid = read_valid(image, window, channels)
                if valid is not None:
                    mask[~valid] = IGNORED
        if results.get('core') is not None:
            core = Window(*results['core']).inside(Window(*window))
            whole, mask = mask, np.full_like(mask, IGNORED)
            mask[core] = whole[core]
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


@TRANSFORMS.register_module()
class LoadRasterWindow(BaseTransform):
    """Load an image, or a window of a large one, and its building mask.

    Takes the place of ``LoadImageFromFile`` and ``LoadBuildingMask``. Beyond
    the edges of the raster its pixels are reflected.

    Reads ``img_path``, ``seg_map_path`` (missing for a split without masks),
    and which window to load:

    * ``window``: x, y, width and height in pixels; and ``core``, the part of
      it that counts;
    * else ``window_size``: a square window of this side inside of the
      raster, drawn by ``np.random``;
    * else the whole raster.

    Adds ``img`` (uint8, (H, W, 3), BGR; of other than three ``bands``
    (H, W, C) in their order), ``img_shape`` and ``ori_shape`` (of the
    window), ``window``, ``raster_shape``, the height and width of the whole
    raster, and what ``LoadBuildingMask`` adds.

    Args:
        with_mask: Whether to load the mask too; else ``LoadBuildingMask``
            may do so later.
        to_float32: Whether ``img`` is float32.
        bands: As of ``BuildingDataset``, for other datasets.
        scale: Likewise.

    Raises:
        ValueError: If a file cannot be read, the image is not what ``bands``
            and ``scale`` say, or smaller than the window to draw; or as of
            ``LoadBuildingMask``.
    """

    def __init__(
        self,
        with_mask: bool = True,
        to_float32: bool = False,
        bands: Sequence[int] | None = None,
        scale: Scale | None = None,
    ) -> None:
        self.load_mask = LoadBuildingMask() if with_mask else None
        self.to_float32 = to_float32
        self.channels = Channels(bands, scale)

    def transform(self, results: dict) -> dict:
        """Load the window of one sample."""
        path = results['img_path']
        if self.channels != RGB:
            results['channels'] = self.channels
        channels = results.get('channels', RGB)
        with quiet_libraries(), errors_of(path):
            shape = open_raster(path).shape
            window = _choose_window(results, shape)
            part = None if window == (0, 0, *shape[::-1]) else window
            pixels = read_image(path, part, channels)
        size = window.height, window.width
        results.update(window=window, raster_shape=shape)
        results.update(img_shape=size, ori_shape=size)
        results['img'] = np.float32(pixels) if self.to_float32 else pixels
        return self.load_mask(results) if self.load_mask else results


def use_one_reader(steps: list, channels: Channels = RGB) -> None:
    """Put our loaders in place of those of OpenMMLab in a pipeline.

    OpenCV and Pillow see other pixels than GDAL in some files, and others are
    damaged for one of them only. This way training sees what was checked.

    Raises:
        ValueError: If a loader has options that cannot be honoured, or a
            step cannot deal with the channels.
    """
    for place, step in enumerate(steps):
        for views in getattr(step, 'subroutines', []):  # of TestTimeAug
            use_one_reader(views.transforms, channels)
        loader = type(step)
        own = getattr(step, 'channels', RGB)
        if loader is LoadRasterWindow and own not in (RGB, channels):
            raise ValueError(
                'LoadRasterWindow has other bands or scale than its dataset. '
                'Give them to the dataset only'
            )
        if isinstance(step, PhotoMetricDistortion) and channels.count != 3:
            raise ValueError(
                'PhotoMetricDistortion takes three channels, but the bands of '
                f'this dataset make {channels.count}. Take it out'
            )
        for name, values in HONOURED.get(loader, {}).items():
            value = getattr(step, name)
            if value not in values:
                raise ValueError(
                    f'{loader.__name__}: {name}={value!r} cannot be honoured, '
                    'for building datasets read local files by the reader '
                    'that checks them. Leave it out'
                )
        if loader is LoadImageFromFile:
            steps[place] = LoadRasterWindow(False, step.to_float32)
        elif loader is LoadAnnotations:
            steps[place] = LoadBuildingMask()


def _choose_window(results: dict, shape: tuple[int, int]) -> Window:
    """Choose the window of a raster of this height and width."""
    size = results.get('window_size')
    if results.get('window') is not None:
        return Window(*results['window'])
    if size is None:
        return Window(0, 0, *shape[::-1])
    refuse_smaller(shape, size)
    x, y = np.random.randint(np.subtract(shape[::-1], size - 1)).tolist()
    return Window(x, y, size, size)
