"""Tables with categories and missing cells as matrices of floats, one column for each of theirs."""

from skdl.tables._schema import TableSchema

__all__ = ["TableSchema"]
