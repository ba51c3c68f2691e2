import pytest
import torch
import torch.nn.functional as F

from mmseg_cube.analysis.benchmark.rounds import DisagreementError, Spread
from mmseg_cube.analysis.operator_speed import candidates
from mmseg_cube.analysis.operator_speed.candidates import (
    AUTO,
    BLOCK,
    CONV,
    CONV_BLOCK,
    LAYOUTS,
    REFERENCES,
    Setting,
    inference_calls,
    training_calls,
)
from mmseg_cube.analysis.operator_speed.comparison import (
    INFERENCE,
    MEASURES,
    MEMORY,
    TRAINING,
    Result,
    compare,
)
from mmseg_cube.layers import CubeConv2d
from mmseg_cube.ops import FORMS

SMALL = Setting(channels=8, size=6)
CANDIDATES = {CONV, *FORMS, AUTO, CONV_BLOCK, BLOCK}


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_candidates_compute_what_was_asked_for(dtype, layout):
    setting = Setting(channels=8, size=6, batch=3, dtype=dtype, layout=layout)
    for calls in (inference_calls(setting), training_calls(setting)):
        assert set(calls) == CANDIDATES
        for name, call in calls.items():
            results = call()
            output = results if torch.is_tensor(results) else results[0]
            assert output.shape == (3, 8, 6, 6)
            assert output.dtype == dtype
            # Whether a Cube convolution keeps the layout is its own matter.
            if name in (CONV, CONV_BLOCK):
                assert output.is_contiguous(memory_format=LAYOUTS[layout])


def test_inference_has_neither_gradients_nor_norms(monkeypatch):
    calls = inference_calls(SMALL)
    monkeypatch.setattr(F, 'batch_norm', None)
    assert not any(call().requires_grad for call in calls.values())


def test_training_gives_all_gradients_and_keeps_none(monkeypatch):
    calls = training_calls(SMALL)
    for name, call in calls.items():
        first, second = call(), call()
        # Output; gradients of the input, the weight, and a norm.
        counts = {CONV_BLOCK: {5}, BLOCK: range(6, 99)}
        assert len(first) in counts.get(name, {3}), name
        for one, other in zip(first, second, strict=True):
            torch.testing.assert_close(one, other)
            assert one.abs().max() > 0, name
    monkeypatch.setattr(F, 'batch_norm', None)
    with pytest.raises(TypeError):
        calls[BLOCK]()


@pytest.mark.parametrize('build', [inference_calls, training_calls])
@pytest.mark.parametrize('wrong', FORMS[1:])
def test_a_wrong_form_is_not_timed(build, wrong, monkeypatch):
    class Wrong(CubeConv2d):
        def forward(self, input):
            return super().forward(input) * (1 + (self.form == wrong) / 100)

    monkeypatch.setattr(candidates, 'CubeConv2d', Wrong)
    with pytest.raises(DisagreementError, match=wrong):
        build(SMALL)


def test_a_wrong_deployment_is_not_timed(monkeypatch):
    monkeypatch.setattr(
        candidates, 'switch_to_deploy', lambda module: module.conv
    )
    with pytest.raises(DisagreementError, match='deployed Conv-BN-ReLU'):
        inference_calls(SMALL)


@pytest.mark.parametrize('measure', MEASURES)
def test_compare_refers_each_to_its_reference(measure):
    results = {r.name: r for r in compare(SMALL, measure, repeats=2)}
    assert set(results) == CANDIDATES
    for name, result in results.items():
        assert result.measure == measure
        assert result.value.low > 0
        assert result.reference == REFERENCES.get(name, name)
        if name in (CONV, CONV_BLOCK):
            assert result.ratio == (1, 1, 1)
            assert result.is_reference
        elif measure == MEMORY:
            reference = results[REFERENCES[name]].value.median
            assert result.ratio.median == result.value.median / reference


def test_memory_counts_the_step_and_not_what_was_there():
    shape = dict(channels=8, size=32, batch=2)
    results = compare(Setting(**shape), MEMORY, repeats=1)
    image = 2 * 8 * 32 * 32 * 4
    conv = next(r for r in results if r.name == CONV).value.median
    # Output and gradient of the input; the rest is small, or work space.
    assert 2 * image <= conv <= 6 * image


@pytest.mark.parametrize(
    ('channels', 'device', 'dtype', 'name', 'measure', 'bar'),
    [
        (128, 'cpu', torch.float32, AUTO, INFERENCE, 0.35),
        (96, 'cpu', torch.float32, AUTO, INFERENCE, 0.45),
        (768, 'cpu', torch.float32, AUTO, TRAINING, 0.45),
        (64, 'cpu', torch.float32, BLOCK, TRAINING, 1.0),
        (256, 'cpu', torch.float32, BLOCK, INFERENCE, 0.45),
        (64, 'cpu', torch.float32, BLOCK, MEMORY, 1.1),
        (64, 'cpu', torch.float32, FORMS[0], INFERENCE, None),
        (64, 'cpu', torch.float32, CONV, INFERENCE, None),
        (64, 'cpu', torch.bfloat16, AUTO, INFERENCE, None),
        (128, 'cuda', torch.bfloat16, AUTO, INFERENCE, 0.45),
        (128, 'cuda', torch.bfloat16, AUTO, TRAINING, 0.65),
        (64, 'cuda', torch.bfloat16, AUTO, TRAINING, None),
    ],
)
def test_bars(channels, device, dtype, name, measure, bar):
    setting = Setting(channels, 16, 2, dtype, device=torch.device(device))
    time = Spread(1, 1, 1)

    def result(ratio):
        spread = Spread(0, ratio, 9)
        return Result(setting, measure, name, CONV, time, spread)

    assert result(1).bar == bar
    if bar is None:
        assert result(0.1).passes is None
    else:
        assert result(bar).passes
        assert not result(bar + 0.01).passes
