"""The epochs of trainings: losses, scores, learning rates, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl.inspection._fitted import members, named, unwrapped
from skdl.inspection._style import MARKERS, QUIET, color, foreground, line, panels
from skdl.inspection._verdict import Verdict, training_verdict

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("epoch", "loss", "validation_loss", "validation_score", "learning_rate")
LABELS = {"loss": "loss", "validation_score": "validation score", "learning_rate": "learning rate"}


class TrainingCurveDisplay:
    """The training curves of one or several networks: losses, validation scores, learning rates, and a verdict.

    Made by `from_estimator`. Of an ensemble, lines are medians over its members, and bands reach from the least to the
    largest. Of a fit with early_stopping="refit", the validation losses are those of its trial, whose training loss is
    drawn in grey beside that of the training on all rows.

    Parameters
    ----------
    curves : DataFrame
        One row for each epoch: `name` of the fit, `member` (0 for a single network), `phase` ("fit", or "trial" for the
        trial before it), `epoch`, `loss`, `validation_loss`, `validation_score`, `learning_rate`; NaN for what an
        epoch did not have.
    chosen_epochs : dict
        From names to the epochs, one for each member, whose weights predict.
    diverged : sequence of str, default=()
        Names of fits that ended since their loss became infinite or NaN.

    Attributes
    ----------
    verdicts_ : dict
        From names to a `Verdict`, by the rules of `training_verdict`; of an ensemble, on the medians over its members.
    verdict_ : str
        The verdicts in words, a line for each fit.
    axes_ : array of Axes of shape (n_quantities, n_columns)
        After `plot`.
    ax_ : Axes
        The first of them.
    figure_ : Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import MLPClassifier
    >>> from skdl.inspection import TrainingCurveDisplay
    >>> from skdl.optimizers import SGD
    >>> X, y = load_digits(return_X_y=True)
    >>> textbook = {"encoding": None, "early_stopping": False, "schedule": "constant", "max_iter": 10}
    >>> slow = MLPClassifier((32,), optimizer=SGD(1e-4), **textbook, random_state=0).fit(X, y)
    >>> fast = MLPClassifier((32,), optimizer=SGD(0.1), **textbook, random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator({"rate 0.0001": slow, "rate 0.1": fast})
    >>> {name: verdict.learning_rate for name, verdict in display.verdicts_.items()}
    {'rate 0.0001': 'too low', 'rate 0.1': 'good'}
    """

    def __init__(
        self, *, curves: pd.DataFrame, chosen_epochs: Mapping[str, Sequence[int]], diverged: Sequence[str] = ()
    ):
        self.curves = curves
        self.chosen_epochs = chosen_epochs
        self.diverged = diverged

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **options: Any) -> Self:
        """Take the epochs from fitted estimators.

        Parameters
        ----------
        estimator : estimator, list of estimators, or dict from names to estimators
            Networks of skdl or ensembles of them, fitted; pipelines that end in one; searches, of which it is the best
            estimator; or scikit-learn's networks, which know of each epoch its loss, perhaps a score, and their first
            rate.
        ax, **options
            As in `plot`, which draws at once.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        import pandas as pd

        frames, chosen, diverged = [], {}, []
        for name, given in named(estimator).items():
            check_is_fitted(given)
            networks = members(unwrapped(given)[0])
            for member, network in enumerate(networks):
                for phase, records in _records(network).items():
                    frames.append(records.assign(name=name, member=member, phase=phase))
            chosen[name] = [int(getattr(network, "best_epoch_", network.n_iter_)) for network in networks]
            if any(_has_diverged(network) for network in networks):
                diverged.append(name)
        curves = pd.concat(frames, ignore_index=True)[["name", "member", "phase", *COLUMNS]]
        return cls(curves=curves, chosen_epochs=chosen, diverged=diverged).plot(ax, **options)

    @property
    def verdicts_(self) -> dict[str, Verdict]:
        """The verdict on each fit, by the trial where there was one: there, both losses are of one training."""
        found = {}
        for name in self.chosen_epochs:
            phase = "trial" if (self._of(name)["phase"] == "trial").any() else "fit"
            middle = self._summary(name, phase)["median"]
            columns = [middle[each].to_numpy() for each in ("loss", "validation_loss", "learning_rate")]
            found[name] = training_verdict(*columns, diverged=name in self.diverged)
        return found

    @property
    def verdict_(self) -> str:
        """The verdicts in words."""
        verdicts = self.verdicts_
        return "\n".join(
            f"{name}: {verdict}" if len(verdicts) > 1 else str(verdict) for name, verdict in verdicts.items()
        )

    def plot(
        self,
        ax: Any = None,
        *,
        show: Sequence[str] | None = None,
        side_by_side: bool = True,
        log_scale: bool = False,
        verdict: bool = True,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes, array of Axes or None, default=None
            One, in whose place all are drawn, or as many as there are panels; None for a new figure.
        show : sequence of {"loss", "validation_score", "learning_rate"}, default=None
            Quantities, each in a row of panels. None for the loss, and of the others those that vary.
        side_by_side : bool, default=True
            Whether each fit has a column of its own; else all are drawn over each other.
        log_scale : bool, default=False
            Whether losses and learning rates are on logarithmic axes.
        verdict : bool, default=True
            Whether the verdicts stand above the panels, in short.

        Returns
        -------
        display : TrainingCurveDisplay
            Itself.
        """
        rows = list(show or [each for each in LABELS if each == "loss" or self._varies(each)])
        unknown = [each for each in rows if each not in LABELS]
        if unknown:
            raise ValueError(f"The 'show' parameter may list {list(LABELS)}. Got {unknown[0]!r}.")
        names = list(self.chosen_epochs)
        n_columns = len(names) if side_by_side else 1
        ratios = [2 if each == "loss" else 1 for each in rows]
        self.figure_, axes = panels(
            ax, len(rows) * n_columns, n_columns, (4.5, 3.4 if len(rows) == 1 else 2.2), height_ratios=ratios,
            sharex="col", sharey="row",
        )  # fmt: skip
        self.axes_ = axes.reshape(len(rows), n_columns)
        self.ax_ = self.axes_[0, 0]
        for i, name in enumerate(names):
            column = self.axes_[:, i if side_by_side else 0]
            for quantity, place in zip(rows, column, strict=True):
                self._draw(place, quantity, name, None if side_by_side else i)
                if log_scale and quantity != "validation_score":
                    place.set_yscale("log")
            column[-1].set_xlabel("epoch")
            if side_by_side and (len(names) > 1 or verdict):
                title = self._title(name, verdict)
                column[0].set_title(title.replace(": ", "\n"), fontsize="medium")
        for quantity, place in zip(rows, self.axes_[:, 0], strict=True):
            place.set_ylabel(LABELS[quantity])
        if not side_by_side and self.curves["validation_loss"].notna().any():
            self.ax_.plot([], [], color=QUIET, linestyle="--", label="validation")
        for place in self.axes_[0]:
            place.legend(fontsize="small")
        for place in self.axes_[-1]:
            place.xaxis.get_major_locator().set_params(integer=True)
        if not side_by_side and verdict:
            self.ax_.set_title("\n".join(self._title(name, True) for name in names), fontsize="small")
        return self

    def _of(self, name: str) -> pd.DataFrame:
        return self.curves[self.curves["name"] == name]

    def _summary(self, name: str, phase: str) -> dict[str, pd.DataFrame]:
        """Median, least and largest of the members in each epoch."""
        own = self._of(name)
        groups = own[own["phase"] == phase].groupby("epoch")[list(COLUMNS[1:])]
        return {"median": groups.median(), "least": groups.min(), "most": groups.max()}

    def _varies(self, quantity: str) -> bool:
        """True if a quantity is not the same in all epochs of some fit."""
        groups = self.curves.groupby("name")[quantity]
        return bool((groups.max() > groups.min() * (1 + 1e-9)).any())

    def _title(self, name: str, verdict: bool) -> str:
        several = len(self.chosen_epochs) > 1
        if not verdict:
            return name
        found = self.verdicts_[name]
        words = {f"learning rate {found.learning_rate}": found.learning_rate, found.fit_words: found.fit}
        short = ", ".join(each for each, word in words.items() if word != "unknown")
        return f"{name}: {short}" if several else short

    def _draw(self, ax: Any, quantity: str, name: str, series: int | None) -> None:
        """Draw a quantity of a fit; with the look of `series` where several fits share the axes."""
        has_trial = bool((self._of(name)["phase"] == "trial").any())
        summary = self._summary(name, "fit")
        first = 0 if series is None else series
        if quantity == "loss":
            if has_trial:
                trial = self._summary(name, "trial")["median"]["loss"]
                label = "training, trial" if series is None else None
                ax.plot(trial.index, trial, color=QUIET, linestyle=":", label=label)
            label = "training" if series is None else name
            self._curve(ax, summary, "loss", label, {"color": color(first), "linestyle": "-"})
            look = {"color": color(1 if series is None else series), "linestyle": "--"}
            judged = self._summary(name, "trial" if has_trial else "fit")
            self._curve(ax, judged, "validation_loss", "validation" if series is None else None, look)
            if series is None:
                epoch = float(np.median(self.chosen_epochs[name]))
                ax.axvline(epoch, color=foreground(), linewidth=0.8, alpha=0.6, label=f"chosen epoch: {epoch:g}")
            return
        source = self._summary(name, "trial") if has_trial and quantity == "validation_score" else summary
        self._curve(ax, source, quantity, name, line(first))

    @staticmethod
    def _curve(
        ax: Any, summary: dict[str, pd.DataFrame], quantity: str, label: str | None, look: dict[str, Any]
    ) -> None:
        middle = summary["median"][quantity].dropna()
        if not len(middle):
            return
        sparse = len(middle) < len(summary["median"]) or len(middle) < 3  # epochs between are not known
        ax.plot(middle.index, middle, label=label, marker=MARKERS[0] if sparse else None, markersize=4, **look)
        low, high = summary["least"][quantity].dropna(), summary["most"][quantity].dropna()
        if (low < high).any():
            ax.fill_between(middle.index, low, high, color=look["color"], alpha=0.25, linewidth=0)


def _records(network: Any) -> dict[str, pd.DataFrame]:
    """The epochs of a network by phase, with the columns COLUMNS."""
    import pandas as pd

    if hasattr(network, "_training"):
        trial = network._training.state.progress[0].trial
        found = {"fit": network.history_[list(COLUMNS)]}
        if trial:
            records = pd.DataFrame(trial)[list(COLUMNS)].astype(np.float64)
            found["trial"] = records.astype({"epoch": np.int64})
        return found
    losses = getattr(network, "loss_curve_", None)
    if losses is None:
        raise TypeError(
            f"{type(network).__name__} keeps no record of its epochs. Give a network, such as MLPClassifier, "
            "SoftmaxClassifier with a first-order optimizer, or an ensemble of them."
        )
    frame = pd.DataFrame({"epoch": np.arange(1, len(losses) + 1), "loss": losses}).reindex(columns=list(COLUMNS))
    if getattr(network, "solver", "lbfgs") != "lbfgs":
        frame["learning_rate"] = float(network.learning_rate_init)
    scores = getattr(network, "validation_scores_", None)
    if scores is not None and len(scores) == len(losses):
        frame["validation_score"] = scores
    return {"fit": frame}


def _has_diverged(network: Any) -> bool:
    return hasattr(network, "_training") and network._training.stop_reason == "diverged"
