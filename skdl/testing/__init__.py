"""Checks for the authors of components: does a plug-in keep the contract of its family?

Each check raises an AssertionError that names the rule, what was measured, and the bound.
"""

from skdl.testing._built_layers import check_layer
from skdl.testing._check import check_component
from skdl.testing._gradient import check_gradient
from skdl.testing._members import check_estimator_members, check_members

__all__ = ["check_component", "check_estimator_members", "check_gradient", "check_layer", "check_members"]
