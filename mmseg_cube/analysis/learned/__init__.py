"""Pictures of what a Cube network has learned, and where it is wrong."""
