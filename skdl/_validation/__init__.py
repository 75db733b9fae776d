"""The border: the only caller of scikit-learn's data validation. What passes here is trusted everywhere inside."""

from skdl._validation.rows import (
    check_rows,
    names_of_features,
    require_finite,
    validate_code,
    validate_table,
    validate_training_X,
    validate_X,
    warn_of_overflow,
)
from skdl._validation.targets import (
    in_units,
    label_array,
    named_columns,
    target_array,
    validate_groups,
    validate_label_targets,
    validate_labels,
    validate_regression,
    validate_sample_weight,
    validate_targets,
    validate_tasks,
)

__all__ = [
    "check_rows",
    "in_units",
    "label_array",
    "named_columns",
    "names_of_features",
    "require_finite",
    "target_array",
    "validate_X",
    "validate_code",
    "validate_groups",
    "validate_label_targets",
    "validate_labels",
    "validate_regression",
    "validate_sample_weight",
    "validate_table",
    "validate_targets",
    "validate_tasks",
    "validate_training_X",
    "warn_of_overflow",
]
