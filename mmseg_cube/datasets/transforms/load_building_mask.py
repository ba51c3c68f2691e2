import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS

from mmseg_cube.datasets.contract import read_mask
from mmseg_cube.datasets.errors import errors_of
from mmseg_cube.datasets.rasters import Source
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
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Load the mask of one sample.

        Args:
            results: The sample, with ``seg_map_path``.

        Raises:
            ValueError: If there is no mask, it cannot be read, or it is not
                0/255, 0/1 or three equal bands of these.
        """
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
        with errors_of(path), quiet_libraries():
            mask = read_mask(self._source(path))
        label_map = results.get('label_map')
        if label_map:
            table = np.arange(2, dtype=np.uint8)
            for old, new in label_map.items():
                table[old] = new
            mask = table[mask]
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'

    def _source(self, path: str) -> Source:
        if self.backend_args is None:
            return path
        return fileio.get(path, backend_args=self.backend_args)
