"""Tables with categories and missing cells as matrices of floats, one column for each of theirs."""

from skdl.tables._columns import becomes_sparse, holds_plain_numbers, in_order, is_table, names_of
from skdl.tables._schema import TableSchema, sort_key

__all__ = ["TableSchema", "becomes_sparse", "holds_plain_numbers", "in_order", "is_table", "names_of", "sort_key"]
