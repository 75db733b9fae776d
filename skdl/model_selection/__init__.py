"""Tools around scikit-learn's searches."""

from skdl._search_space import Integers, LogUniform, Uniform
from skdl.model_selection.ledger import SearchLedger

__all__ = ["Integers", "LogUniform", "SearchLedger", "Uniform"]
