"""Parameters, operations and activations of networks and their twins."""
