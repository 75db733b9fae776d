"""Tables with categories and missing cells as matrices of floats, one column for each of theirs."""

from skdl.tables._columns import holds_plain_numbers, in_order, is_table, names_of
from skdl.tables._schema import TableSchema, sort_key

__all__ = ["TableSchema", "holds_plain_numbers", "in_order", "is_table", "names_of", "sort_key"]
