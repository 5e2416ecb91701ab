"""How a net is trained: schedule, loop, checkpoints, windows, scoring."""
