from mmseg_cube.analysis.speed import report
from mmseg_cube.analysis.speed.comparison import MEMORY, TIME, Result, Setting
from mmseg_cube.analysis.speed.rounds import Spread


def results_of(task, *settings):
    """A candidate with 0.8 of the time and three times the memory."""
    results = []
    for setting in settings:
        for measure, value, ratio, bar in (
            (TIME, 4.0, Spread(0.5, 0.8, 1), 0.85),
            (MEMORY, 3 * 2**20, Spread(3, 3, 3), 1.0),
        ):
            about = setting, task, measure
            plain = Spread(*[value / ratio.median] * 3)
            cube = Spread(*[value] * 3)
            results += [
                Result(*about, 'plain', 'plain', plain, Spread(1, 1, 1)),
                Result(*about, 'cube', 'plain', cube, ratio, bar),
            ]
    return results


def test_a_row_has_time_and_memory():
    large, small = Setting(8, 2, 64), Setting(4, 2, 64)
    table = report.tabulate(results_of('inference', large, small))
    assert table.title == 'inference, 2 images'
    plain, cube = (
        ['5000.00', '', '', '1.0', '', ''],
        ['4000.00', '0.80 (0.50 - 1.00)', '0.85 pass']
        + ['3.0', '3.00', '1.00 miss'],
    )
    assert table.rows == [
        ['plain', '64 x 8, contiguous', *plain],
        ['plain', '64 x 4, contiguous', *plain],
        ['cube', '64 x 8, contiguous', *cube],
        ['cube', '64 x 4, contiguous', *cube],
    ]
    # Throughput is in images.
    table = report.tabulate(results_of('throughput deployed', Setting(8, 20)))
    assert table.head[2] == 'images/s'
    assert [row[2] for row in table.rows] == ['4.00', '5.00']


def test_profile_has_the_long_operations():
    plain = dict(convolve=0.03, copy=0.00001)
    table = report.tabulate_profile(
        'x', dict(plain=plain, cube=dict(gather=0.01))
    )
    assert table.head == ['operation, ms', 'plain', 'cube']
    assert table.rows == [
        ['whole', '30.01', '10.00'],
        ['convolve', '30.00', '0.00'],
        ['gather', '0.00', '10.00'],
    ]


def test_a_reference_alone_has_no_chart(tmp_path, capsys):
    results = results_of('inference', Setting(8))[::2]
    report.report(results, dict(device='a processor', size=8), tmp_path)
    printed = capsys.readouterr().out
    assert printed.startswith('device a processor, size 8\n')
    assert 'no bars are set' in printed
    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert names == ['speed.json', 'speed.md']


def test_chart_has_a_group_per_task_and_setting():
    settings = Setting(8), Setting(4, layout='channels_last')
    results = results_of('inference', *settings)
    time, memory = report.draw_ratios(results[1::2]).axes
    groups = [x.get_text() for x in memory.get_xticklabels()]
    assert groups == [
        'inference\n3 x 8, contiguous',
        'inference\n3 x 4, channels_last',
    ]
    assert [column.get_height() for column in time.patches] == [0.8, 0.8]
    assert [column.get_height() for column in memory.patches] == [3, 3]
