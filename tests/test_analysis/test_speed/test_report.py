from mmseg_cube.analysis.speed import report
from mmseg_cube.analysis.speed.comparison import (
    MEMORY,
    OPERATIONS,
    TIME,
    Result,
    Setting,
)
from mmseg_cube.analysis.speed.rounds import Spread

ONE = Spread(1, 1, 1)


def results_of(task, setting):
    """A candidate with 0.8 of the time, thrice the memory, half the work."""
    results = []
    for measure, plain, cube, ratio in (
        (TIME, 5.0, 4.0, Spread(0.5, 0.8, 1)),
        (OPERATIONS, 4e9, 2e9, Spread(0.5, 0.5, 0.5)),
        (MEMORY, 2**20, 3 * 2**20, Spread(3, 3, 3)),
    ):
        about, plain, cube = (setting, task, measure), [plain] * 3, [cube] * 3
        results += [
            Result(*about, 'plain', 'plain', Spread(*plain), ONE),
            Result(*about, 'cube', 'plain', Spread(*cube), ratio),
        ]
    return results


def test_a_row_has_time_memory_and_operations():
    table = report.tabulate(results_of('inference', Setting(8, 2, 64)))
    assert table.title == 'inference, 2 images'
    setting = '64 x 8, contiguous'
    assert table.rows == [
        ['plain', setting, '5000.00', '', '4.00', '', '1.00', ''],
        ['cube', setting, '4000.00', '0.80 (0.50 - 1.00)']
        + ['2.00', '0.50', '3.00', '3.00'],
    ]
    # Throughput is in images.
    table = report.tabulate(results_of('throughput deployed', Setting(8, 20)))
    assert table.head[2] == 'images/s'
    assert [row[2] for row in table.rows] == ['4.00', '5.00']
