"""Units: what one is, what its process needs, how it is run and what is kept of it."""
