"""Tables of measured times and memory, on the terminal and in files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mmseg_cube.analysis.speed.chart import draw_ratios
from mmseg_cube.analysis.speed.comparison import MEMORY, TIME, Result
from mmseg_cube.analysis.speed.network import THROUGHPUT
from mmseg_cube.utils.report import write_report
from mmseg_cube.utils.tables import Table
