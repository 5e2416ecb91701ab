"""The networks as plain modules, without I/O and without training."""
