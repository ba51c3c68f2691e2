# What the Cube twins have in common. Each says itself which convolutions of
# its network become Cube convolutions. docs/ablation.md has what was measured:
# no router and no mask (cube_full.py has both), and a lattice kernel of 4
# where the savings allow it.
cube = dict(type='CubeConv2d', lattice_kernel_size=4)
small_cube = dict(type='CubeConv2d')
custom_hooks = [dict(type='CubeSummaryHook')]
