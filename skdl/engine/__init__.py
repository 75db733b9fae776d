"""Networks trained as stacks: k members of one structure share every array, and never feel each other.

Parameters are one array `theta` of shape (k, P). k = 1 is the ordinary fit; there is no second path, and on a CPU
member i of a stack ends in the same bits as the same fit done alone.
"""

from skdl.engine.batch_statistics import with_batch_statistics
from skdl.engine.data_initialization import learn_numbers
from skdl.engine.dataset import Dataset
from skdl.engine.epoch_end import RECORD, gain
from skdl.engine.full_batch import FullFunction
from skdl.engine.network import Network
from skdl.engine.objective import Objective
from skdl.engine.state import Progress, State
from skdl.engine.training_spec import TrainingResult, TrainingSpec

__all__ = [
    "RECORD",
    "Dataset",
    "FullFunction",
    "Network",
    "Objective",
    "Progress",
    "State",
    "TrainingResult",
    "TrainingSpec",
    "gain",
    "learn_numbers",
    "with_batch_statistics",
]
