"""Penalties on the weights, added to the mean loss times the estimator's `alpha`; intercepts are never penalised."""

from skdl._registry import penalties
from skdl.penalties._bounds import MaxNorm
from skdl.penalties._elementwise import L1, L2, ActivityL1, ElasticNet
from skdl.penalties._sum import Sum
from skdl.penalties._tied import Tied

__all__ = ["L1", "L2", "ActivityL1", "ElasticNet", "MaxNorm", "Sum", "Tied", "names", "resolve"]

resolve, names = penalties.resolve, penalties.names
