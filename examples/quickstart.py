"""Estimators of skdl at work on data that scikit-learn ships: a table, regression, digits, a search, and pictures.

Run it from a checkout with ``make quickstart``, or with ``python examples/quickstart.py`` where skdl is installed with
``pip install "skdl[plot,progress]"``. It takes about a minute on two cores.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import ConfusionMatrixDisplay, log_loss
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_validate, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdl import (
    BaggingClassifier,
    EnsembleClassifier,
    KNNClassifier,
    LeastSquaresRegressor,
    MLPClassifier,
    PolynomialRegressor,
    SoftmaxClassifier,
    TabularClassifier,
)
from skdl.optimizers import Adam
from skdl.schedules import Cosine

OUTPUT = Path("quickstart_output")
DEGREES = range(1, 13)


def table() -> str:
    """A table as it comes, with a column of categories and with holes: whose diabetes goes on fast?"""
    X, y = patients()
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    network = MLPClassifier(random_state=0)
    network.fit(X_train, y_train)
    committee = TabularClassifier(random_state=0)
    committee.fit(X_train, y_train)
    scores = {
        name: {"accuracy": model.score(X_test, y_test), "log loss": log_loss(y_test, model.predict_proba(X_test))}
        for name, model in {"MLPClassifier()": network, "TabularClassifier()": committee}.items()
    }
    return (
        f"{X_train.head(4).to_string()}\n"
        f"{len(X_train)} such rows are learned, and {len(X_test)} others judge:\n"
        f"{pd.DataFrame(scores).T.round(3).to_string()}\n"
        f"The committee had expected an accuracy of {committee.score_:.2f} +- {committee.score_std_:.2f}."
    )


def patients() -> tuple[pd.DataFrame, pd.Series]:
    """The diabetes data in units of the patients, with a tenth of the cells blanked, and two classes of y."""
    X, progression = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X["sex"] = X["sex"].map({1: "A", 2: "B"}).astype("category")
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    return X, (progression > progression.median()).map({True: "fast", False: "slow"})


def main() -> None:
    OUTPUT.mkdir(exist_ok=True)
    start = time.perf_counter()
    console = Console()
    # On a terminal a line shows what is being done; elsewhere only the results are printed.
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stdout.isatty()) as progress:
        for title, step in (
            ("(a) A table as it comes, with categories and holes", table),
            ("(b) Regression: a straight line, then polynomials", regression),
            ("(c) Digits: from neighbours to ensembles of networks", digits),
            ("(d) A grid search over a pipeline", grid_search),
        ):
            task = progress.add_task(title, total=None)
            console.print(f"\n[bold]{title}[/bold]")
            console.print(step(), highlight=False, soft_wrap=True)
            progress.remove_task(task)
    pictures = sorted(str(path) for path in OUTPUT.glob("*.png"))
    console.print(f"\nDone in {time.perf_counter() - start:.0f} s. Pictures (in {OUTPUT.resolve()}):", soft_wrap=True)
    for picture in pictures:
        console.print(f"  {picture}", highlight=False)


def regression() -> str:
    """Least squares on the diabetes data, then polynomials that measure tumours."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    folds = KFold(10, shuffle=True, random_state=0)
    line = cross_validate(LeastSquaresRegressor(), X, y, cv=folds, scoring="r2")["test_score"].mean()

    # 60 tumours show what a degree does: too low, and the curve misses the shape; too high, and it follows the noise.
    sample = load_breast_cancer(as_frame=True).frame.sample(60, random_state=0)
    radius, error = sample[["mean radius"]], sample["area error"]
    search = GridSearchCV(
        PolynomialRegressor(),
        {"degree": list(DEGREES)},
        cv=folds,
        scoring="neg_root_mean_squared_error",
        return_train_score=True,
    ).fit(radius, error)
    results = pd.DataFrame(search.cv_results_)
    table = pd.DataFrame(
        {
            "degree": results["param_degree"],
            "training error": -results["mean_train_score"],
            "validation error": -results["mean_test_score"],
        }
    ).set_index("degree")
    draw_degrees(table, radius, error, search.best_params_["degree"])
    return (
        f"Diabetes, least squares on all 10 columns: R2 = {line:.3f} (10-fold cross-validation).\n"
        "Tumours, the error of their area by their radius, root mean squared error by degree of the polynomial:\n"
        f"{table.round(1).to_string()}\n"
        f"Chosen by GridSearchCV: degree {search.best_params_['degree']}."
    )


def digits() -> str:
    """Accuracy and time of five classifiers on the handwritten digits."""
    X, y = load_digits(return_X_y=True, as_frame=True)
    mlp = MLPClassifier(random_state=0)
    classifiers = {
        "KNN": KNNClassifier(n_neighbors=3),
        "softmax": SoftmaxClassifier(standardize=False),  # all pixels have one unit
        "MLP": mlp,
        "bagged MLP (5)": BaggingClassifier(mlp, n_estimators=5, random_state=0),
        "ensemble of MLPs (5)": EnsembleClassifier(estimator=mlp, n_estimators=5, random_state=0),
    }
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    rows = {}
    for name, classifier in classifiers.items():
        scores = cross_validate(classifier, X, y, cv=folds)
        rows[name] = {
            "accuracy": f"{scores['test_score'].mean():.4f}",
            "+-": f"{scores['test_score'].std():.4f}",
            "fit (s)": f"{scores['fit_time'].mean():.3f}",
            "predict (s)": f"{scores['score_time'].mean():.3f}",
        }
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    softmax = classifiers["softmax"].fit(X_train, y_train)
    draw_weights(softmax)
    # Curves by epoch are those of one training with a rate that falls once, rather than of the defaults' two in cycles.
    plain = {"encoding": None, "early_stopping": False, "optimizer": Adam(0.01), "schedule": Cosine(end=0.03)}
    curves = {
        name: MLPClassifier(dropout=dropout, max_iter=30, random_state=0, **plain).fit(X_train, y_train)
        for name, dropout in {"without dropout": 0.0, "with dropout 0.2": 0.2}.items()
    }
    draw_training(curves)
    draw_confusion(mlp.fit(X_train, y_train), X_test, y_test)
    return pd.DataFrame(rows).T.to_string()


def grid_search() -> str:
    """Learning rate, weight decay and width of a network in a pipeline on the breast cancer data."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", MLPClassifier(random_state=0))])
    search = GridSearchCV(
        pipeline,
        {
            "mlp__optimizer__learning_rate": [0.005, 0.02],
            "mlp__optimizer__weight_decay": [0.01, 0.1],
            "mlp__hidden_layer_sizes": [(16,), (32, 32)],
        },
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    ).fit(X, y)
    results = pd.DataFrame(search.cv_results_)
    results.columns = [name.removeprefix("param_mlp__") for name in results.columns]
    results.columns = [name.removeprefix("optimizer__") for name in results.columns]
    shown = ["learning_rate", "weight_decay", "hidden_layer_sizes", "mean_test_score", "std_test_score"]
    return results.sort_values("rank_test_score")[shown].to_string(index=False, float_format="{:.4g}".format)


def draw_degrees(table: pd.DataFrame, radius: pd.DataFrame, error: pd.Series, best: int) -> None:
    fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    table.plot(ax=left, marker="o")
    left.set(ylabel="root mean squared error", title="Validation curve over the degree", ylim=(12, 32))
    left.axvline(best, color="0.7", linestyle=":")
    grid = pd.DataFrame({"mean radius": np.linspace(radius.min().item(), radius.max().item(), 300)})
    right.scatter(radius["mean radius"], error, color="0.6", s=18)
    for degree in (1, best, max(DEGREES)):
        model = PolynomialRegressor(degree).fit(radius, error)
        right.plot(grid["mean radius"], model.predict(grid), label=f"degree {degree}")
    right.set(xlabel="mean radius", ylabel="error of the area", ylim=(-20, 200), title="Under- and overfitting")
    right.legend()
    fig.savefig(OUTPUT / "validation_curve.png", dpi=110)
    plt.close(fig)


def draw_weights(softmax: SoftmaxClassifier) -> None:
    fig, axes = plt.subplots(2, 5, figsize=(9, 4.2), layout="constrained")
    limit = np.abs(softmax.coef_).max()
    for ax, weights, label in zip(axes.flat, softmax.coef_, softmax.classes_, strict=True):
        image = ax.imshow(weights.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set(title=str(label), xticks=[], yticks=[])
    fig.colorbar(image, ax=axes, shrink=0.8, label="weight of the pixel")
    fig.suptitle("What softmax regression looks for in each digit")
    fig.savefig(OUTPUT / "softmax_weights.png", dpi=110)
    plt.close(fig)


def draw_training(networks: dict[str, MLPClassifier]) -> None:
    fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, network in networks.items():
        ax.semilogy(range(1, network.n_iter_ + 1), network.loss_curve_, label=name)
    ax.set(xlabel="epoch", ylabel="objective on the training rows", title="Training curves on the digits")
    ax.legend()
    fig.savefig(OUTPUT / "training_curves.png", dpi=110)
    plt.close(fig)


def draw_confusion(network: MLPClassifier, X: pd.DataFrame, y: pd.Series) -> None:
    fig, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
    ConfusionMatrixDisplay.from_estimator(network, X, y, ax=ax, cmap="Blues", colorbar=False)
    ax.set_title(f"MLP on unseen digits: {network.score(X, y):.1%} right")
    fig.savefig(OUTPUT / "confusion_matrix.png", dpi=110)
    plt.close(fig)


if __name__ == "__main__":
    main()
