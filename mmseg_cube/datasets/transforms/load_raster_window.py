import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_cube.datasets.contract import IGNORED, read_pair
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.rasters import raster_shape
from mmseg_cube.datasets.windows import Window, refuse_smaller
from mmseg_cube.utils.quiet import quiet_libraries


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
        """Load the window of one sample.

        Args:
            results: The sample.
        """
        with quiet_libraries():
            return self._load(results)

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'

    def _load(self, results: dict) -> dict:
        path, mask_path = results['img_path'], results.get('seg_map_path')
        with errors_of(path):
            shape = raster_shape(path)
            window = _choose_window(results, shape)
        results['img'], mask = read_pair(path, mask_path, window)
        if mask is not None:
            results['gt_seg_map'] = _keep_core(mask, window, results)
            results.setdefault('seg_fields', []).append('gt_seg_map')
        results.update(window=window, raster_shape=shape)
        size = window.height, window.width
        results['img_shape'] = results['ori_shape'] = size
        return results


def _choose_window(results: dict, shape: tuple[int, int]) -> Window:
    """Choose the window of a raster of this height and width."""
    if results.get('window') is not None:
        return Window(*results['window'])
    height, width = shape
    size = results.get('window_size')
    if size is None:
        return Window(0, 0, width, height)
    refuse_smaller(shape, size)
    x, y = np.random.randint((width - size + 1, height - size + 1))
    return Window(int(x), int(y), size, size)


def _keep_core(mask: np.ndarray, window: Window, results: dict) -> np.ndarray:
    """Ignore the pixels of a mask that count in another window."""
    if results.get('core') is None:
        return mask
    core = Window(*results['core']).inside(window)
    kept = np.full_like(mask, IGNORED)
    kept[core] = mask[core]
    return kept
