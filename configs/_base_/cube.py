# What the Cube twins have in common. Each says itself which convolutions of
# its network become Cube convolutions. docs/ablation.md has what was measured:
# no router and no mask (cube_full.py has both), and a lattice kernel of 4,
# save on the levels that hold most of a decoder's weights.
cube = dict(type='CubeConv2d', lattice_kernel_size=4)
small_cube = dict(type='CubeConv2d')
# Levels of a UNetHead, coarsest first.
unet_cubes = [small_cube, small_cube, cube, cube, cube]
custom_hooks = [dict(type='CubeSummaryHook')]
