"""A simulator of micro-expression and expression databases with ground truth.

`simulate(folder, settings, workers=2)` writes databases in the layouts of CASME, CASME II, SMIC, KDEF and
RaFD; `true_displacement(clip_folder, frame)` gives the dense field that optical flow should find.
"""

from data_prep.simulator.settings import SimulatorSettings
from data_prep.simulator.truth import Truth, TruthError, read_truth, true_displacement
from data_prep.simulator.write import SimulatedData, SimulatorError, simulate

__all__ = [
    "SimulatedData",
    "SimulatorError",
    "SimulatorSettings",
    "Truth",
    "TruthError",
    "read_truth",
    "simulate",
    "true_displacement",
]
