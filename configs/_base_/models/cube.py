# What Cube twins have in common: a lattice kernel of 4 where the savings allow
# it, no router and no mask (those are in cube-full.py). docs/ablation.md has
# what was measured.
cube = dict(type='CubeConv2d', lattice_kernel_size=4)
custom_hooks = [dict(type='CubeSummaryHook')]
