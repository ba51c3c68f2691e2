"""Transforms that load building masks, and windows of large rasters."""

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS

from mmseg_cube.datasets.contract import read_pair
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.masks import IGNORED, read_mask
from mmseg_cube.datasets.rasters import open_raster
from mmseg_cube.datasets.windows import Window, refuse_smaller
from mmseg_cube.utils.quiet import quiet_libraries


@TRANSFORMS.register_module()
class LoadBuildingMask(BaseTransform):
    """Load a building mask as 0 (background) and 1 (building).

    Takes the place of ``LoadAnnotations``, which would hand a 0/255 mask on
    as it is: 255 is the ignore label, so every building would be ignored.

    Reads ``seg_map_path`` and, if present, ``label_map`` and ``seg_fields``.
    Adds ``gt_seg_map`` (uint8, (H, W)) and its name in ``seg_fields``.

    Args:
        backend_args: File backend of mmengine; local files by default.

    Raises:
        ValueError: If there is no mask, it cannot be read, or it is not
            0/255, 0/1 or three equal bands of these.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Load the mask of one sample."""
        path = results.get('seg_map_path')
        if path is None:
            raise ValueError(
                f'{results.get("img_path")}: this split has no masks. Leave '
                'LoadBuildingMask out of its pipeline, and set '
                'format_only=True in BuildingMetric'
            )
        if results.get('reduce_zero_label'):
            raise ValueError(
                f'{path}: reduce_zero_label=True would ignore the background '
                'class, label 0. Set it to False in the dataset'
            )
        source = path
        if self.backend_args is not None:
            source = fileio.get(path, backend_args=self.backend_args)
        with errors_of(path), quiet_libraries():
            mask = read_mask(source)
        if results.get('label_map'):
            table = np.arange(2, dtype=np.uint8)
            for old, new in results['label_map'].items():
                table[old] = new
            mask = table[mask]
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


@TRANSFORMS.register_module()
class LoadRasterWindow(BaseTransform):
    """Load a window of a large image and of its building mask.

    Takes the place of ``LoadImageFromFile`` and ``LoadBuildingMask``. Reads
    only the blocks of the files that the window touches; beyond the edges of
    the raster its pixels are reflected.

    Reads ``img_path``, ``seg_map_path`` (missing for a split without masks),
    and which window to load:

    * ``window``: x, y, width and height in pixels; and ``core``, the part of
      it that counts: the mask is 255, the label to ignore, everywhere else;
    * else ``window_size``: draw a square window of this side inside of the
      raster, by ``np.random`` as the other transforms do;
    * else the whole raster.

    Adds ``img`` (uint8, (H, W, 3), BGR), ``img_shape`` and ``ori_shape`` (of
    the window), ``gt_seg_map`` (uint8, (H, W): 0, 1 and 255) and its name in
    ``seg_fields``, ``window``, and ``raster_shape``, the height and width of
    the whole raster.

    Raises:
        ValueError: If a file is missing, damaged or cut short, the image is
            not 8-bit RGB, the mask is no building mask, both are swapped, or
            the window is larger than the raster that it is drawn from.
    """

    def transform(self, results: dict) -> dict:
        """Load the window of one sample."""
        path, mask_path = results['img_path'], results.get('seg_map_path')
        with quiet_libraries():
            with errors_of(path):
                shape = open_raster(path).shape
                window = _choose_window(results, shape)
            results['img'], mask = read_pair(path, mask_path, window)
        if mask is not None:
            if results.get('core') is not None:
                core = Window(*results['core']).inside(window)
                whole, mask = mask, np.full_like(mask, IGNORED)
                mask[core] = whole[core]
            results['gt_seg_map'] = mask
            results.setdefault('seg_fields', []).append('gt_seg_map')
        size = window.height, window.width
        results.update(window=window, raster_shape=shape)
        results.update(img_shape=size, ori_shape=size)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def _choose_window(results: dict, shape: tuple[int, int]) -> Window:
    """Choose the window of a raster of this height and width."""
    height, width = shape
    size = results.get('window_size')
    if results.get('window') is not None:
        return Window(*results['window'])
    if size is None:
        return Window(0, 0, width, height)
    refuse_smaller(shape, size)
    x, y = np.random.randint((width - size + 1, height - size + 1))
    return Window(int(x), int(y), size, size)
