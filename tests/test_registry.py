from mmengine.registry import HOOKS, MODELS, VISUALIZERS

import mmseg_cube  # noqa: F401


def test_scope_of_the_package_finds_what_mmseg_and_the_root_have():
    wanted = [
        (MODELS, 'EncoderDecoder'),
        (MODELS, 'CubeConv2d'),
        (VISUALIZERS, 'SegLocalVisualizer'),
        (HOOKS, 'CheckpointHook'),
    ]
    for registry, name in wanted:
        with registry.switch_scope_and_registry('mmseg_cube') as inner:
            assert inner.scope == 'mmseg_cube'
            assert inner.get(name) is not None, name


def test_dict_with_the_scope_is_built():
    cfg = dict(type='SegLocalVisualizer', _scope_='mmseg_cube', name='v')
    assert type(VISUALIZERS.build(cfg)).__name__ == 'SegLocalVisualizer'
