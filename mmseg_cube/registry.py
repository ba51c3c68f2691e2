"""The scope ``mmseg_cube``, an empty child of the scope ``mmseg``.

Everything of this package is registered in ``mmseg`` or in the root. But
mmengine gives what a config takes from ``_base_ = 'mmseg_cube::...'`` the
scope ``mmseg_cube`` and imports this module to find it. From an empty child
each search goes on in ``mmseg``, so those types are found.
"""

from mmengine.registry import Registry
from mmseg import registry as mmseg_registry

REGISTRIES = {
    name: Registry(parent.name, parent=parent, scope='mmseg_cube')
    for name, parent in vars(mmseg_registry).items()
    if isinstance(parent, Registry)
}
for registry in REGISTRIES.values():
    # A search that comes from a child would not do this.
    registry.parent.import_from_location()
