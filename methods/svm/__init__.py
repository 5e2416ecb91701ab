"""Support vector machines: solver, one-against-one, kernels.

What a descriptor's method is built on is named here.
"""

from methods.svm.kernels import Kernel
from methods.svm.solver import SVMMethod, SVMSettings

__all__ = ["Kernel", "SVMMethod", "SVMSettings"]
