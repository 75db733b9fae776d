"""Searches that survive: a file of finished fits, and a search that goes on from it."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable
from functools import partial
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import check_scoring, get_scorer

from skdl._constraints import Instance, check_params
from skdl.model_selection._identity import data_digest, digest
from skdl.model_selection._recording import RecordedEstimator, RecordedScorer, Recording, Stopped, n_rows
from skdl.model_selection._records import n_finished, open_ledger, read, warn_of_damage
from skdl.model_selection._reports import Report, Run, collecting

if TYPE_CHECKING:
    import pandas as pd

NEEDED = {"estimator", "scoring", "refit", "error_score", "return_train_score"}
SEVERAL = (list, tuple, set, dict)


class SearchLedger:
    """A file in which a hyperparameter search keeps what it has finished, and from which it goes on.

    `ledger.fit(search, X, y)` is `search.fit(X, y)`, but each finished fit of a candidate to a fold is a line in the
    file at once. A search that was killed or interrupted is started again by the same call: what the file has is not
    fitted again, and the search ends with the results that it would have had.

    Parameters
    ----------
    path : str or path-like
        The file. It is made when it does not exist, and only ever appended to; delete it to begin anew. Any number of
        searches, of estimators and of data sets share one file, at the same time too.

    Notes
    -----
    **What is the same fit.** A record is found again by digests of the estimator (its class, the version of the package
    that it comes from, and all parameters; for classes and functions of your own their byte code), of the training and
    the test rows with targets, weights and other metadata, and of the scoring. If any of these differs, the fit is
    computed, so that nothing is mixed up; a refined grid, a longer random search, or another kind of search over the
    same folds finds what it has in common with the former one. `n_jobs`, `verbose` and scikit-learn's own callbacks do
    not count. What functions of your own call in turn is not looked into: delete the file when that has changed.

    **Folds and candidates must be drawn again as they were.** A search or a splitter that shuffles needs a
    `random_state`. An estimator may have none: its scores stay those that were recorded.

    With `verbose` of the search at 1 or more, a line says how many fits to the same data the file has.

    **Times** in `cv_results_` are those of the original fits, read from the file. Refitting the best candidate is never
    skipped.

    **Failures** of a fit or a scorer are not kept as results: the search goes on with `error_score` as ever, the error
    of a fit is recorded for you to see, and the next start tries again.

    **Damage.** Each line has a checksum. A line that does not hold is left out with a warning that names it, and its
    fit is done again. If a record cannot be written whole, as on a full disk, the search ends with an OSError.

    The best estimator, the scorers and all other attributes of the search are what they are without a ledger. It works
    with everything that has the parameters of scikit-learn's searches, under any joblib backend.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdl import SoftmaxClassifier
    >>> from skdl.model_selection import SearchLedger
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(SoftmaxClassifier(), {"alpha": [0.001, 0.01, 0.1]}, cv=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ledger = SearchLedger(os.path.join(folder, "iris.jsonl"))
    ...     search = ledger.fit(search, X, y)
    ...     wider = GridSearchCV(SoftmaxClassifier(), {"alpha": [0.0001, 0.001, 0.01, 0.1]}, cv=3)
    ...     wider = ledger.fit(wider, X, y)  # fits one candidate, finds three
    ...     results = ledger.results()
    >>> len(results), search.best_params_
    (12, {'alpha': 0.001})
    >>> list(results.columns[:5])
    ['estimator', 'param_alpha', 'fold', 'test_score', 'fit_time']
    """

    _constraints = {"path": Instance(str, os.PathLike, name="str or path-like")}

    def __init__(self, path: str | os.PathLike[str]):
        self.path = path

    def __repr__(self) -> str:
        return f"SearchLedger({self.path!r})"

    def fit(self, search: Any, X: Any, y: Any = None, **params: Any) -> Any:
        """Run a search, but for what the ledger has of it.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV or the like
            It is fitted in place, as by its own `fit`; if that raises, it stays as it is.
        X, y, **params
            As `search.fit` takes them: `sample_weight`, `groups` and so on.

        Returns
        -------
        search : object
            The search that was given, fitted.

        Raises
        ------
        TypeError
            If `search` is not a search.
        ValueError
            If the search or its splitter draws at random without a `random_state`, the file is not a ledger, or two
            values of a parameter could not be told apart.
        OSError
            If the file cannot be written or read; what was recorded before stays.

        Warns
        -----
        UserWarning
            If lines of the file are damaged.
        """
        check_params(self, self._constraints)
        _check_search(search)
        search.get_metadata_routing()  # raises at once for a scoring and a refit that do not go together
        with collecting() as (run, reports):
            restore = partial(_restored, reports=reports)
            recorded = self._recorded(search, X, y, run, restore)
            try:
                recorded.fit(X, y, **params)
            except Stopped as stopped:
                raise _explained(stopped.error, self.path) from None
            results = restore(recorded.cv_results_)

        attributes = {
            name: value for name, value in vars(recorded).items() if name not in search.get_params(deep=False)
        }
        attributes["cv_results_"] = results
        attributes["scorer_"] = _plain_scorer(search)
        if isinstance(attributes.get("best_estimator_"), RecordedEstimator):
            attributes["best_estimator_"] = recorded.best_estimator_._recorded.fitted()
        vars(search).update(attributes)
        return search

    def _recorded(self, search: Any, X: Any, y: Any, run: Run, restore: Callable[[Any], Any]) -> Any:
        """A copy of the search that looks up and records its fits."""
        recording = Recording(
            ledger=open_ledger(self.path),
            scoring=_scoring_digest(search.scoring),
            data=data_digest(X, y),
            n_rows=n_rows(X),
            train_scores=search.return_train_score,
            metrics=_metrics(search.scoring),
            run=run,
        )
        if search.verbose:
            print(f"{self.path} has {n_finished(recording.ledger, recording.data)} finished fits to these data")
        scorer = check_scoring(search.estimator, search.scoring, raise_exc=search.error_score == "raise")
        recorded = copy.copy(search).set_params(
            estimator=RecordedEstimator(search.estimator, recording),
            scoring=RecordedScorer(scorer, search.error_score),
        )
        if callable(search.refit):
            recorded.set_params(refit=lambda results: search.refit(restore(results)))
        return recorded

    def results(self) -> pd.DataFrame:
        """All records, one row for each finished or failed fit, in the order of the file.

        Returns
        -------
        results : DataFrame
            `estimator` (its class), `param_*` (values that JSON does not know are their representations), `fold` (a
            number for each pair of training and test rows of one data set, in the order in which they first appear),
            the scores (`test_score` and `train_score`, or `test_*` and `train_*` for each of several metrics),
            `fit_time` and `score_time` in seconds, `n_training_rows`, `n_test_rows`, `data` (a digest of the data
            set), `finished` (date and time), and `error`.

        Raises
        ------
        FileNotFoundError
            If nothing was ever recorded at the path.
        """
        import pandas as pd

        check_params(self, self._constraints)
        folds: dict[str, dict[Any, int]] = {}
        rows = []
        content = read(os.fspath(self.path))
        warn_of_damage(os.fspath(self.path), content)
        for record in content.records:
            seen = folds.setdefault(record["data"], {})
            if "error" not in record:
                fold = seen.setdefault((record["training_rows"], record["test_rows"]), len(seen))
            rows.append(
                {"estimator": record["estimator"]}
                | {f"param_{name}": value for name, value in record["parameters"].items()}
                | {"fold": fold if "error" not in record else None}
                | _columns("test", record.get("test_score"))
                | _columns("train", record.get("train_score"))
                | {
                    name: record.get(name)
                    for name in ("fit_time", "score_time", "n_training_rows", "n_test_rows", "data")
                }
                | {"finished": pd.Timestamp(record["finished"]), "error": record.get("error")}
            )
        results = pd.DataFrame(rows)
        return results.astype({"fold": "Int64"}) if rows else results  # a failed fit has none


def _check_search(search: Any) -> None:
    """Raise unless it is a search, and one that draws the same candidates and folds when it is started again."""
    has_params = hasattr(search, "get_params") and not isinstance(search, type)
    if not has_params or NEEDED - set(search.get_params(deep=False)):
        raise TypeError(
            f"search must be a search of scikit-learn, such as GridSearchCV(estimator, param_grid). Got {search!r}."
        )
    for name, drawing in {"search": search, "search's cv": getattr(search, "cv", None)}.items():
        if getattr(drawing, "random_state", 0) is None and getattr(drawing, "shuffle", True):
            raise ValueError(
                f"The {name}, {type(drawing).__name__}, draws at random and has random_state=None, so that a search "
                "started again would share nothing with what is recorded. Set its random_state to an int."
            )


def _scoring_digest(scoring: Any) -> str:
    """Digest of scorers and names; the estimator's own score is part of the estimator."""
    if isinstance(scoring, dict):
        return digest([[name, get_scorer(each)] for name, each in scoring.items()])
    if isinstance(scoring, SEVERAL):
        return digest([[name, get_scorer(name)] for name in scoring])
    return digest(None if scoring is None else get_scorer(scoring))


def _metrics(scoring: Any) -> tuple[str, ...] | bool | None:
    """The names of the scores, sorted; None for one without a name, False where the scoring alone knows."""
    if isinstance(scoring, SEVERAL):
        return tuple(sorted(scoring))
    return False if callable(scoring) else None


def _plain_scorer(search: Any) -> Any:
    """`scorer_` as the search would have it."""
    if isinstance(search.scoring, SEVERAL):
        by_name = search.scoring if isinstance(search.scoring, dict) else {name: name for name in search.scoring}
        return {name: check_scoring(search.estimator, each) for name, each in by_name.items()}
    return check_scoring(search.estimator, search.scoring)


def _explained(error: Exception, path: Any) -> Exception:
    """An error that came up in a task of the search; one of the system says what to do."""
    if isinstance(error, OSError):
        return type(error)(
            error.errno,
            f"{error.strerror}. The search was stopped, since what it finishes cannot be recorded or looked up. The "
            "records before are whole: mend this, and start the search again",
            os.fspath(path),
        )
    return error


def _restored(results: dict[str, Any], *, reports: dict[int, Report]) -> dict[str, Any]:
    """`cv_results_` with the times of the original fits, for each candidate of which all fits were reported."""
    restored = {name: values.copy() if name.endswith("_time") else values for name, values in results.items()}
    metrics = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
    n_folds = sum(1 for _ in takewhile(results.__contains__, (f"split{fold}_test_{metrics[0]}" for fold in count())))
    for row, params in enumerate(results["params"]):
        of_row = [reports.get(row * n_folds + fold) for fold in range(n_folds)]
        found = [each for fold, each in enumerate(of_row) if each and _agrees(each, results, row, fold, digest(params))]
        if len(found) == n_folds:
            for key in ("fit_time", "score_time"):
                mean, std = _mean_and_std(np.array([[getattr(report, key) for report in found]]))
                restored[f"mean_{key}"][row], restored[f"std_{key}"][row] = mean[0], std[0]
    return restored


def _agrees(report: Report, results: dict[str, Any], row: int, fold: int, parameters: str) -> bool:
    """True if this is the report of that fit; it is not in a search that takes its results in another order."""
    scores = report.score if isinstance(report.score, dict) else {"score": report.score}
    pairs = [(results[f"split{fold}_test_{metric}"][row], score) for metric, score in scores.items()]
    same = all(found == score or (math.isnan(found) and math.isnan(score)) for found, score in pairs)
    return same and report.parameters == parameters


def _mean_and_std(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As the searches compute them, to the last bit."""
    mean = np.average(values, axis=1)
    return mean, np.sqrt(np.average((values - mean[:, np.newaxis]) ** 2, axis=1))


def _columns(rows: str, score: Any) -> dict[str, float]:
    if score is None:
        return {}
    by_metric = score if isinstance(score, dict) else {"score": score}
    return {f"{rows}_{metric}": float(value) for metric, value in by_metric.items()}
