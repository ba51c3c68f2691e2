import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.analysis.speed import operator
from mmseg_cube.analysis.speed.comparison import LAYOUTS, Setting
from mmseg_cube.analysis.speed.operator import Operator, check_agreement
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import FORMS

SMALL = Setting(6, 2, 8)
INFERENCE, STEP = Operator.tasks
REFERENCES = ('nn.Conv2d', 'Conv-BN-ReLU')
CANDIDATES = {*REFERENCES, *FORMS, 'auto', 'block'}


@pytest.mark.parametrize('task', Operator.tasks)
@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_candidates_compute_what_was_asked_for(
    task, dtype, layout, monkeypatch
):
    setting = Setting(6, 3, 8, dtype, layout)
    calls = Operator().build(task, setting)
    assert set(calls) == CANDIDATES
    for name, call in calls.items():
        output, *gradients = call()
        assert output.shape == (3, 8, 6, 6)
        assert output.dtype == dtype and not output.requires_grad
        # Those of the input, the weight, and a norm.
        counts = {'Conv-BN-ReLU': [4], 'block': range(5, 99)}.get(name, [2])
        assert len(gradients) in (counts if task == STEP else [0]), name
        for one, other in zip([output, *gradients], call(), strict=True):
            torch.testing.assert_close(one, other)
            assert one.abs().max() > 0, name
        # Whether a Cube convolution keeps the layout is its own matter.
        if name in REFERENCES:
            assert output.is_contiguous(memory_format=LAYOUTS[layout])
    monkeypatch.setattr(F, 'batch_norm', None)
    if task == INFERENCE:  # norms are folded
        assert all(len(call()) == 1 for call in calls.values())
    else:
        with pytest.raises(TypeError):
            calls['block']()


def test_shared_weights_have_two_forms():
    calls = Operator(lattice_stride=1, channels=[8]).build(STEP, SMALL)
    assert set(calls) == CANDIDATES - {'parity'}
    assert calls['auto']()[2].shape == (2, 2, 3, 3)


@pytest.mark.parametrize('task', Operator.tasks)
def test_a_wrong_form_is_not_timed(task, monkeypatch):
    class Wrong(CubeConv2d):
        def forward(self, input):
            return super().forward(input) * (1 + (self.form == 'parity') / 9)

    monkeypatch.setattr(operator, 'CubeConv2d', Wrong)
    with pytest.raises(ValueError, match='parity and lattice differ'):
        Operator().build(task, SMALL)
    monkeypatch.undo()
    monkeypatch.setattr(operator, 'switch_to_deploy', lambda x: x.conv)
    with pytest.raises(ValueError, match='deployed Conv-BN-ReLU'):
        Operator().build(INFERENCE, SMALL)


def test_disagreement_is_said():
    one = torch.tensor([1.0, -200.0])
    check_agreement(dict(one=[one], near=[one * (1 + 1e-6)]), SMALL)
    # Relative to the largest value.
    for value, gap in (2.0, '5.0e-03'), (torch.nan, 'nan'):
        two = torch.tensor([value, -200.0])
        with pytest.raises(ValueError, match=f'two and one differ by {gap}'):
            check_agreement(dict(one=[one, one], two=[one, two]), SMALL)
