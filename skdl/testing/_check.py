"""The contract of a component, by its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdl import _protocols
from skdl._component import Component
from skdl.testing._augmentations import check_augmentation
from skdl.testing._blocks import check_block
from skdl.testing._encodings import check_category_encoding, check_number_encoding
from skdl.testing._hyperparameters import check_hyperparameters
from skdl.testing._layers import check_activation, check_normalization
from skdl.testing._objectives import check_loss, check_penalty
from skdl.testing._training import check_initializer, check_optimizer, check_schedule

FAMILIES: dict[type, Callable[[Any], None]] = {
    _protocols.Activation: check_activation,
    _protocols.Augmentation: check_augmentation,
    _protocols.Block: check_block,
    _protocols.CategoryEncoding: check_category_encoding,
    _protocols.Initializer: check_initializer,
    _protocols.Loss: check_loss,
    _protocols.Normalization: check_normalization,
    _protocols.NumberEncoding: check_number_encoding,
    _protocols.Optimizer: check_optimizer,
    _protocols.Penalty: check_penalty,
    _protocols.Schedule: check_schedule,
}


def check_component(component: Component | type[Component]) -> None:
    """Check that a component keeps the contract of its family.

    All families: a component holds its hyperparameters and nothing else; `get_params`, `set_params`, `clone`, pickle
    and `repr` keep them; numbers among them have a constraint; `validate` accepts the defaults and refuses nonsense;
    float32 stays float32 and float64 stays float64; a second call on fresh copies gives the same bits; member i of a
    stack of 3, with other numbers for each, gives the same bits as alone. Then, by family:

    ============== =====================================================================================================
    activations    gradients by x and learned parameters; rows do not affect each other; finite in float32 at +-1e4
    augmentations  shapes; all random numbers are those of the generator; finite; targets stay between those of the
                   batch, and weights are positive
    encodings      those of the layer that it builds, see `check_layer`; its width; each column is encoded by itself;
                   finite far from the training rows, and where numbers are missing in them
    initializers   shape, float64, drawn from the given generator only
    layers         those of the layers that a block builds, see `check_layer`: of one width and of two, in a stack and
                   in a batch ensemble, with normalization and without
    losses         gradient by the scores; weights count rows; the link's range; exact in float32 at scores of +-1e4
    normalizations gradients by x and learned parameters, in training and prediction; prediction changes no buffer
    optimizers     all of the state used, and in place; downhill on a quadratic; full-batch ones: to its exact minimum
    penalties      gradient away from zero, finite at zero; not negative; l1_weight, degree and projects as declared
    schedules      finite and not negative, past the planned end too; broadcasts to the steps
    ============== =====================================================================================================

    Rules and derivatives that are scalar mathematics can be traced, and give the bits of plain NumPy in each way in
    which they run. Gradients are compared with central differences in float64, to a relative error of 1e-6.

    Parameters
    ----------
    component : Component or class
        An instance, or a class to be built with its defaults.

    Raises
    ------
    AssertionError
        For the first rule that is broken, with what was measured and the bound.

    Examples
    --------
    >>> from skdl.activations import LeakyReLU
    >>> from skdl.testing import check_component
    >>> check_component(LeakyReLU(alpha=0.2))
    >>> class Wrong(LeakyReLU):
    ...     def forward(self, x):
    ...         y, backprop = super().forward(x)
    ...         return y, lambda dy: backprop(2 * dy)
    >>> check_component(Wrong)
    Traceback (most recent call last):
        ...
    AssertionError: Wrong: gradient by x: relative error 1.0e+00 against central differences, allowed 1.0e-06
    """
    if isinstance(component, type):
        component = component()
    checks = [check for base, check in FAMILIES.items() if isinstance(component, base)]
    if len(checks) != 1:
        families = ", ".join(base.__name__ for base in FAMILIES)
        raise AssertionError(f"{type(component).__name__}: must derive from exactly one of {families}")
    for check in (check_hyperparameters, *checks):
        try:
            with np.errstate(all="raise", under="ignore"):
                check(component)
        except AssertionError:
            raise
        except Exception as error:
            rule = check.__name__.removeprefix("check_")
            raise AssertionError(f"{type(component).__name__}: {rule}: raised {error!r}") from error
