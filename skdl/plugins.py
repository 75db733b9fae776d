"""The public surface for authors of components: bases, constraints, array operations and `register`.

The page docs/plugins.md walks through an example. A component is a class derived from the base of its family, whose
docstring gives the methods and the shapes; `skdl.testing.check_component` says whether it keeps the contract.
"""

from skdl._array import (
    Array,
    column_sum,
    namespace,
    normal_cdf,
    power,
    rectify,
    row_max,
    row_sum,
    weighted_sum,
)
from skdl._component import Component
from skdl._constraints import (
    NONE,
    Boolean,
    Constraint,
    Function,
    Instance,
    Integer,
    InvalidParameterError,
    ListOf,
    OneOf,
    Real,
    Text,
)
from skdl._protocols import (
    NO_GRADIENTS,
    Activation,
    Backprop,
    FirstOrderOptimizer,
    FullBatchOptimizer,
    Gradients,
    Initializer,
    Loss,
    Normalization,
    Optimizer,
    Penalty,
    Schedule,
)
from skdl._registry import register

__all__ = [
    "NONE",
    "NO_GRADIENTS",
    "Activation",
    "Array",
    "Backprop",
    "Boolean",
    "Component",
    "Constraint",
    "FirstOrderOptimizer",
    "FullBatchOptimizer",
    "Function",
    "Gradients",
    "Initializer",
    "Instance",
    "Integer",
    "InvalidParameterError",
    "ListOf",
    "Loss",
    "Normalization",
    "OneOf",
    "Optimizer",
    "Penalty",
    "Real",
    "Schedule",
    "Text",
    "column_sum",
    "namespace",
    "normal_cdf",
    "power",
    "rectify",
    "register",
    "row_max",
    "row_sum",
    "weighted_sum",
]
