"""Networks trained as stacks: k members of one structure share every array, and never feel each other.

Parameters are one array `theta` of shape (k, P). k = 1 is the ordinary fit; there is no second path, and on a CPU
member i of a stack ends in the same bits as the same fit done alone.
"""

from skdl.engine.batches import Rows
from skdl.engine.full_batch import FullFunction
from skdl.engine.judge import RECORD, gain
from skdl.engine.member import Member, Outcome
from skdl.engine.network import Network
from skdl.engine.objective import Objective
from skdl.engine.population import settled
from skdl.engine.state import Progress, State

__all__ = [
    "RECORD",
    "FullFunction",
    "Member",
    "Network",
    "Objective",
    "Outcome",
    "Progress",
    "Rows",
    "State",
    "gain",
    "settled",
]
