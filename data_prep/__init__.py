"""From the user's databases to memory-mapped, aligned, equally long clips."""
