"""Likelihoods over a parameter, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from skdl.inspection._style import color, foreground, line, panel
from skdl.likelihood import LikelihoodCurve, LikelihoodModel

LABELS = {"likelihood": "likelihood", "relative": "likelihood / maximum", "log": "log likelihood"}


class LikelihoodDisplay:
    """The likelihood of data over one parameter, with its maximum and the standard error of that.

    Made by `from_data`. A dot is at the estimate of maximum likelihood, and the bar beside it reaches one standard
    error to both sides.

    Parameters
    ----------
    curves : dict
        From names to a `skdl.likelihood.LikelihoodCurve`.

    Attributes
    ----------
    curves : dict
    ax_ : Axes
        After `plot`.
    figure_ : Figure

    Examples
    --------
    >>> from skdl.inspection import LikelihoodDisplay
    >>> from skdl.likelihood import Bernoulli
    >>> display = LikelihoodDisplay.from_data(Bernoulli("H"), {"4 of 8": "HTHHTTHT", "6 of 8": "HHTHHHTH"})
    >>> display.curves["6 of 8"].estimate
    0.75
    """

    def __init__(self, curves: Mapping[str, LikelihoodCurve]):
        self.curves = dict(curves)

    @classmethod
    def from_data(
        cls,
        model: LikelihoodModel,
        data: Any,
        *,
        parameter: str | None = None,
        theta: Any = None,
        n: int = 201,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Compute the curves.

        Parameters
        ----------
        model : LikelihoodModel
            Such as `skdl.likelihood.Bernoulli("H")`.
        data : sequence, or dict from names to sequences
        parameter : str or None, default=None
            Along which; None for the first of the model.
        theta : array-like or None, default=None
            Its values; None for the model's range.
        n : int, default=201
            How many values, where `theta` is None.
        ax, **options
            As in `plot`, which draws at once.

        Returns
        -------
        display : LikelihoodDisplay
        """
        named = data if isinstance(data, Mapping) else {"": data}
        return cls(
            {name: model.curve(each, parameter=parameter, theta=theta, n=n) for name, each in named.items()}
        ).plot(ax, **options)

    def plot(self, ax: Any = None, *, scale: str = "likelihood") -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or None, default=None
            None for a new figure.
        scale : {"likelihood", "relative", "log"}, default="likelihood"
            The likelihood, the likelihood over its maximum (for data of different size), or its logarithm.

        Returns
        -------
        self : LikelihoodDisplay
        """
        if scale not in LABELS:
            raise ValueError(f"The 'scale' parameter of plot must be one of {list(LABELS)}. Got {scale!r} instead.")
        self.figure_, self.ax_ = panel(ax)
        for i, (name, curve) in enumerate(self.curves.items()):
            heights = {
                "likelihood": curve.likelihood,
                "relative": curve.relative_likelihood,
                "log": np.where(np.isfinite(curve.log_likelihood), curve.log_likelihood, np.nan),
            }[scale]
            top = {"likelihood": np.exp(curve.max_log_likelihood), "relative": 1.0, "log": curve.max_log_likelihood}
            label = f"maximum at {curve.estimate:.3g} ± {curve.standard_error:.2g}"
            self.ax_.plot(curve.theta, heights, **line(i), label=f"{name}: {label}" if name else label)
            self.ax_.errorbar(
                curve.estimate, top[scale], xerr=np.nan_to_num(curve.standard_error), fmt="o", color=color(i), capsize=3
            )
        self.ax_.set_xlabel(next(iter(self.curves.values())).parameter)
        self.ax_.set_ylabel(LABELS[scale])
        self.ax_.legend(labelcolor=foreground())
        return self
