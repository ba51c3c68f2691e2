from mmseg_cube.analysis.operator_speed.candidates import Setting
from mmseg_cube.analysis.operator_speed.profile import Operation, profile
from mmseg_cube.analysis.operator_speed.report import tabulate_profile


def test_operations_of_a_pass():
    found = profile(Setting(8, 6))
    assert list(found) == ['nn.Conv2d', 'auto', 'Conv-BN-ReLU', 'block']
    for operations in found.values():
        seconds = [operation.seconds for operation in operations]
        assert seconds == sorted(seconds, reverse=True) and seconds[0] > 0
    calls = {
        name: {operation.name: operation.calls for operation in operations}
        for name, operations in found.items()
    }
    # The convolution of the mask is the second one of a block.
    convolutions = {name: x['aten::conv2d'] for name, x in calls.items()}
    assert convolutions == {**dict.fromkeys(found, 1), 'block': 2}
    assert 'aten::amax' in calls['block']
    assert 'aten::amax' not in calls['auto']


def test_table():
    operations = [
        Operation('long', 2, 0.006),
        Operation('short', 1, 0.0039),
        Operation('lost', 0.5, 0.0001),
    ]
    assert tabulate_profile(operations) == [
        ['operation', 'calls', 'ms', '%'],
        ['all', '', '10.00', '100.0'],
        ['long', '2', '6.00', '60.0'],
        ['short', '1', '3.90', '39.0'],
    ]
