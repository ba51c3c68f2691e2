"""Time and memory of the Cube convolution against a plain one."""
