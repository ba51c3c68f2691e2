# The whole operator: Cube kernels with router and mask.
cube = dict(type='CubeConv2d', router=dict(method='sinkhorn'), mask=dict())
# Routers apply a permutation throughout; cooling makes their gradient fade
# out, so that the order comes to rest. The summary says what became a Cube.
custom_hooks = [
    dict(type='CubeSummaryHook'),
    dict(type='RouterTemperatureHook'),
]
