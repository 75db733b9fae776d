"""Tools around scikit-learn's searches."""

from skdl.model_selection.ledger import SearchLedger

__all__ = ["SearchLedger"]
