"""The sheet a scene is drawn on: metres go in, pixels come out."""

import cv2
import numpy as np

# Fixed-point bits of the corners handed to OpenCV: 1/16 pixel.
SUBPIXEL_BITS = 4


class Canvas:
    """The rasters of one scene.

    World coordinates are metres, x to the right and y downwards, with the
    origin in the upper left corner of the image.

    Attributes:
        ground: Material numbers, uint8 of shape (size, size).
        image: Colours, uint8 RGB of shape (size, size, 3).
        shadow: 255 where no sun falls, uint8 of shape (size, size).
        mask: 255 on buildings, uint8 of shape (size, size).

    Args:
        size: Side of the image in pixels.
        gsd: Side of a pixel in metres.
    """

    def __init__(self, size: int, gsd: float) -> None:
        self.size = size
        self.gsd = gsd
        self.extent = size * gsd
        self.ground = np.zeros((size, size), np.uint8)
        self.image = np.zeros((size, size, 3), np.uint8)
        self.shadow = np.zeros((size, size), np.uint8)
        self.mask = np.zeros((size, size), np.uint8)

    def sees(self, points: np.ndarray, margin: float = 0.0) -> bool:
        """Tell whether the bounding box of points (n, 2) meets the image.

        Args:
            points: World coordinates in metres.
            margin: Extra room around the image in metres.
        """
        x, y = points.T.tolist()
        far = self.extent + margin
        return (
            max(x) > -margin
            and max(y) > -margin
            and min(x) < far
            and min(y) < far
        )

    def pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """Return (row, column) of a point in metres, None outside."""
        row, column = int(y // self.gsd), int(x // self.gsd)
        if 0 <= row < self.size and 0 <= column < self.size:
            return row, column
        return None

    def fill(
        self,
        layer: np.ndarray,
        points: np.ndarray,
        value: float | tuple[float, ...],
        smooth: bool = False,
    ) -> None:
        """Fill a polygon of world coordinates (n, 2).

        Args:
            layer: One of the canvas' rasters.
            points: Corners in metres.
            value: Number or RGB colour.
            smooth: Soften the border; never for label rasters.
        """
        if self.sees(points):
            kind = cv2.LINE_AA if smooth else cv2.LINE_8
            cv2.fillPoly(
                layer, [self._fixed(points)], value, kind, SUBPIXEL_BITS
            )

    def stroke(
        self,
        layer: np.ndarray,
        points: np.ndarray,
        value: float | tuple[float, ...],
        width: float,
        closed: bool = False,
    ) -> None:
        """Draw a line of ``width`` metres, at least one pixel wide."""
        if self.sees(points, width):
            kind = cv2.LINE_AA if layer.ndim == 3 else cv2.LINE_8
            thickness = max(1, round(width / self.gsd))
            cv2.polylines(
                layer,
                [self._fixed(points)],
                closed,
                value,
                thickness,
                kind,
                SUBPIXEL_BITS,
            )

    def _fixed(self, points: np.ndarray) -> np.ndarray:
        # OpenCV counts from pixel centres, the world from pixel corners.
        pixels = np.asarray(points) / self.gsd - 0.5
        return np.round(pixels * (1 << SUBPIXEL_BITS)).astype(np.int32)


def hull(points: np.ndarray) -> np.ndarray:
    """Return the convex hull (m, 2) of points (n, 2)."""
    return cv2.convexHull(points.astype(np.float32))[:, 0]
