"""Support vector machines: solver, one-against-one, kernels."""
