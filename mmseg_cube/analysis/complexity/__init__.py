"""Parameters and operations of networks and their twins."""
