"""Tables and metafiles of the configs."""
