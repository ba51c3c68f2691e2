# Routers apply a permutation throughout; cooling makes their gradient fade
# out, so that the order comes to rest. The report shows when it did.
custom_hooks = [
    dict(type='RouterTemperatureHook'),
    dict(type='RouterReportHook'),
]
