"""The results of a search over one or two of its parameters."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl.inspection._search_results import distinct, key, of_ledger, of_search, same
from skdl.inspection._style import SEQUENTIAL, color, foreground, line, panel

if TYPE_CHECKING:
    import pandas as pd

FULL_GRID = 0.5  # share of the cells that have a result, from which on they are drawn as a grid
MOST_NUMBERS = 60  # cells that have their number written in
STAR = {"marker": "*", "markersize": 12, "linestyle": "none"}


class SweepDisplay:
    """The scores of a search over one hyperparameter, as a line with the band of its folds, or over two, as a map.

    Of candidates that are alike in these parameters the best one counts.

    Parameters
    ----------
    results : DataFrame
        A row for each candidate and fold: `candidate` (a number), `fold`, `test_score`, perhaps `train_score`, and a
        column for each parameter.
    parameters : tuple of one or two str
        Those that are drawn.
    score_name : str, default="score"

    Attributes
    ----------
    scores : DataFrame
        A row for each value of the parameters, or pair of values: these, the number of the best `candidate` with it,
        and the `mean`, `least` and `most` of its folds' scores, and `train`, the mean training score, if known.
    best : dict
        The values of `parameters` with the best mean score.
    ax_ : Axes
        After `plot`.
    figure_ : Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdl import SoftmaxClassifier
    >>> from skdl.inspection import SweepDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> search = GridSearchCV(SoftmaxClassifier(), {"alpha": [1e-4, 1e-2, 1.0]}, cv=3).fit(X, y)
    >>> display = SweepDisplay.from_search(search)
    >>> display.parameters, display.best == search.best_params_
    (('alpha',), True)
    """

    def __init__(self, *, results: pd.DataFrame, parameters: Sequence[str], score_name: str = "score"):
        self.results = results
        self.parameters = tuple(parameters)
        self.score_name = score_name

    @classmethod
    def from_search(
        cls,
        search: Any,
        parameters: str | Sequence[str] | None = None,
        *,
        metric: str | None = None,
        only: Mapping[str, Any] | None = None,
        ax: Any = None,
    ) -> Self:
        """Take the results of a search of scikit-learn, or the records of one.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV, or the like, or SearchLedger
            Fitted; or the ledger of one search, finished or not.
        parameters : str or sequence of one or two str, default=None
            Parameters to draw, the second one up the page. None for those that vary, if these are one or two.
        metric : str, default=None
            One of several; None for the one that refits, or the only one.
        only : dict, default=None
            Values of other parameters, by name: candidates with others are left out.
        ax : Axes, array of Axes or None, default=None
            As in `plot`, which draws at once.

        Returns
        -------
        display : SweepDisplay
        """
        if hasattr(search, "results"):  # a ledger
            results, metric = of_ledger(search.results(), metric)
        else:
            check_is_fitted(search)
            if not hasattr(search, "cv_results_"):
                raise TypeError(f"{type(search).__name__} has no cv_results_. Give a fitted search, or a SearchLedger.")
            refit = getattr(search, "refit", None)
            results, metric = of_search(search.cv_results_, metric or (refit if isinstance(refit, str) else None))
        known = [name for name in results.columns if name not in ("candidate", "fold", "test_score", "train_score")]
        for name, value in (only or {}).items():
            if name not in known:
                raise ValueError(f"The 'only' parameter names {name!r}, and the search varies {known}.")
            results = results[[same(each, value) for each in results[name]]]
            if not len(results):
                raise ValueError(f"No candidate has {name}={value!r}.")
        chosen = [parameters] if isinstance(parameters, str) else parameters
        if chosen is None:
            chosen = [name for name in known if len(distinct(results[name])) > 1] or known[:1]
        wrong = [name for name in chosen if name not in known]
        if wrong or len(chosen) not in (1, 2):
            raise ValueError(
                f"The 'parameters' parameter names one or two of those that the search varies, which are {known}. Got "
                f"{list(chosen)}."
            )
        return cls(results=results.reset_index(drop=True), parameters=chosen, score_name=metric).plot(ax)

    @property
    def scores(self) -> pd.DataFrame:
        """The best candidate for each value, or pair of values."""
        import pandas as pd

        groups = self.results.groupby("candidate", sort=True)
        table = pd.DataFrame(
            {
                "mean": groups["test_score"].mean(),
                "least": groups["test_score"].min(),
                "most": groups["test_score"].max(),
            }
        )
        if "train_score" in self.results:
            table["train"] = groups["train_score"].mean()
        for name in self.parameters:
            table[name] = groups[name].first()
        table = table.reset_index().dropna(subset=["mean"]).sort_values("mean", ascending=False, kind="stable")
        keys = [[key(value) for value in table[name]] for name in self.parameters]
        first = ~pd.DataFrame(dict(enumerate(keys)), index=table.index).duplicated()
        table = table[first]
        order = np.lexsort([self._axis(name, table[name]).places for name in self.parameters[::-1]])
        columns = [*self.parameters, *(name for name in table.columns if name not in self.parameters)]
        return table.iloc[order][columns].reset_index(drop=True)

    @property
    def best(self) -> dict[str, Any]:
        """The values with the best mean score."""
        scores = self.scores
        best = _best(scores)
        return {name: scores[name].iloc[best] for name in self.parameters}

    def plot(self, ax: Any = None) -> Self:
        """Draw the scores, and mark the best.

        Values that grow geometrically have a logarithmic axis; what is no number has its places in order.

        Parameters
        ----------
        ax : Axes or None, default=None
            None for a new figure.

        Returns
        -------
        display : SweepDisplay
            Itself.
        """
        self.figure_, self.ax_ = panel(ax)
        (self._line if len(self.parameters) == 1 else self._map)()
        return self

    def _axis(self, name: str, values: Any) -> _Axis:
        return _axis_of(list(values), distinct(self.results[name]))

    def _line(self) -> None:
        scores, [name] = self.scores, self.parameters
        axis = self._axis(name, scores[name])
        best = _best(scores)
        self.ax_.fill_between(axis.places, scores["least"], scores["most"], color=color(0), alpha=0.25, linewidth=0)
        self.ax_.plot(axis.places, scores["mean"], label="mean and range of folds", marker="o", **line(0))
        if "train" in scores and scores["train"].notna().any():
            self.ax_.plot(axis.places, scores["train"], label="training", **line(1))
        where = f"best: {_word(scores[name][best])}"
        self.ax_.plot([axis.places[best]], [scores["mean"][best]], label=where, **STAR, color=foreground())
        axis.label(self.ax_, "x", name)
        self.ax_.set_ylabel(self.score_name)
        self.ax_.legend(fontsize="small")

    def _map(self) -> None:
        scores, (across, up) = self.scores, self.parameters
        best = _best(scores)
        x, y = self._axis(across, scores[across]), self._axis(up, scores[up])
        is_grid = len(scores) >= FULL_GRID * len(x.labels) * len(y.labels)
        if is_grid:
            x, y = x.as_categories(), y.as_categories()
            grid = np.full((len(y.labels), len(x.labels)), np.nan)
            grid[y.places.astype(int), x.places.astype(int)] = scores["mean"]
            drawn = self.ax_.imshow(grid, cmap=SEQUENTIAL, origin="lower", aspect="auto")
            if grid.size <= MOST_NUMBERS:
                for column, row, value in zip(x.places, y.places, scores["mean"], strict=True):
                    shade = "white" if drawn.norm(value) < 0.5 else "black"  # on the cell's own colour
                    self.ax_.text(column, row, f"{value:.3g}", ha="center", va="center", color=shade)
        else:
            look = {"cmap": SEQUENTIAL, "s": 50, "edgecolor": foreground(), "linewidth": 0.5}
            drawn = self.ax_.scatter(x.places, y.places, c=scores["mean"], **look)
        x.label(self.ax_, "x", across)
        y.label(self.ax_, "y", up)
        where = ", ".join(f"{name}={_word(scores[name][best])}" for name in self.parameters)
        self.ax_.set_title(f"best: {where}", fontsize="medium")
        self.ax_.plot(x.places[[best]], y.places[[best]] + 0.3 * is_grid, **STAR, color=color(1))
        self.figure_.colorbar(drawn, ax=self.ax_, label=self.score_name)


class _Axis(NamedTuple):
    """The places of values on an axis."""

    places: np.ndarray  # of each value
    labels: list[str]  # of the distinct values, in order
    kind: str  # "linear", "log" or "categories", whose places are 0, 1, ...

    def as_categories(self) -> _Axis:
        places = np.unique(self.places, return_inverse=True)[1].reshape(-1).astype(float)
        return _Axis(places, self.labels, "categories")

    def label(self, ax: Any, which: str, name: str) -> None:
        getattr(ax, f"set_{which}label")(name)
        if self.kind == "log":
            getattr(ax, f"set_{which}scale")("log")
        elif self.kind == "categories":
            getattr(ax, f"set_{which}ticks")(np.arange(len(self.labels)), self.labels)


def _axis_of(values: list[Any], known: list[Any]) -> _Axis:
    """Numbers at their places, logarithmic if they grow geometrically; what is no number in the order of the search."""
    if all(isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)) for value in known):
        places = np.array(values, np.float64)
        kind = "log" if is_geometric(places) else "linear"
        return _Axis(places, [_word(value) for value in np.unique(places)], kind)
    keys = {key(value) for value in values}
    known = [value for value in known if key(value) in keys]
    order = {key(value): place for place, value in enumerate(known)}
    return _Axis(np.array([order[key(value)] for value in values], float), list(map(_word, known)), "categories")


def _best(scores: pd.DataFrame) -> int:
    """The row of the largest mean score; of several, that of the candidate that came first, as searches choose."""
    return int(np.lexsort([scores["candidate"], -scores["mean"]])[0])


def is_geometric(values: np.ndarray) -> bool:
    """True for positive numbers over two decades, or over one if their logarithms are spaced more evenly than they."""
    places = np.unique(values)
    if len(places) < 3 or places[0] <= 0 or places[-1] < 10 * places[0]:
        return False

    def unevenness(at: np.ndarray) -> float:
        steps = np.diff(at)
        return float(steps.std() / steps.mean())

    return bool(places[-1] >= 100 * places[0]) or unevenness(np.log(places)) < unevenness(places)


def _word(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)) else str(value)
