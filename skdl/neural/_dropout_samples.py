"""Dropout as an ensemble: the networks that are left when units are dropped, as members (Monte Carlo dropout)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._constraints import Integer, InvalidParameterError, RandomState
from skdl._encoding import Labels
from skdl._typing import MatrixLike, RandomStateLike
from skdl._uncertainty import class_entropies, member_spread
from skdl._validation import warn_of_overflow
from skdl.execution.predict import predict
from skdl.neural._base import BaseNetwork
from skdl.neural._calibration import scaled
from skdl.neural._coefficients import unfold
from skdl.neural._parameters import unfolded_layers

if TYPE_CHECKING:
    import pandas as pd

CONSTRAINTS = {"n_samples": Integer(1), "random_state": RandomState()}


class DropoutSamples(BaseNetwork):
    """Networks of which samples can be taken by dropout."""

    @abstractmethod
    def _output(self, scores: np.ndarray) -> Any:
        """What a network with these scores predicts."""

    def _samples(self, X: Any, n_samples: Any, random_state: Any, method: str) -> Iterator[Any]:
        """What each of some networks that are left by dropout predicts; a further one leaves the others as they are."""
        for name, value in (("n_samples", n_samples), ("random_state", random_state)):
            if not CONSTRAINTS[name].accepts(value):
                owner = f"{type(self).__name__}.{method}"
                raise InvalidParameterError(
                    f"The {name!r} parameter of {owner} must be {CONSTRAINTS[name]}. Got {value!r} instead."
                )
        check_is_fitted(self)
        if not any(self._training.architecture.dropouts):
            raise ValueError(
                f"{method} samples networks by dropout, and this {type(self).__name__} was trained without any. Fit it "
                "with dropout=0.1, or input_dropout=0.1; for members that were trained each, take an ensemble."
            )
        if isinstance(random_state, np.random.RandomState):
            random_state = random_state.randint(2**31 - 1)
        entropy = np.random.SeedSequence(random_state).entropy
        X = self._with_all_numbers(self._validated(X))
        return (self._output(scores) for scores in self._sampled_scores(X, n_samples, entropy))

    def _sampled_scores(self, X: Any, n_samples: int, entropy: Any) -> Iterator[np.ndarray]:
        """Scores (n, n_outputs) of checked rows, by the layers in which nothing is folded.

        An input that is dropped is zero when it is standardised, and not in X.
        """
        training = self._training
        if self._is_edited():
            coefs, intercepts = self._coefficients()
            training = unfold(training, coefs, intercepts, self._output_map(training.encoding))
        layers, arrays = unfolded_layers(training, X.dtype)
        output_map = scaled(self._output_map(training.encoding), training.state.progress[0].factors)

        for i in range(n_samples):

            def masks(i: int = i) -> np.random.Generator:
                return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(i,)))

            scores = predict(layers, X, arrays, masks=masks)
            if output_map is not None:
                scores = (scores * output_map[0] + output_map[1]).astype(X.dtype)
            yield warn_of_overflow(self, X, scores)


class ProbabilitySamples(DropoutSamples):
    """Classifiers of which samples can be taken by dropout."""

    def _output(self, scores: np.ndarray) -> Any:
        return self._probabilities(scores)

    def predict_members(
        self, X: MatrixLike, n_samples: int = 100, random_state: RandomStateLike | None = None
    ) -> np.ndarray | list[np.ndarray]:
        """Class probabilities by networks that dropout leaves: members of an ensemble (Monte Carlo dropout).

        Each member is the network with units dropped at random, as in a step of its training, but the same for all
        rows. Their average is another prediction than `predict_proba`, which takes the whole network once, with what
        comes out of a unit times the probability that it is kept (the weight scaling rule). For one layer of dropout
        below the softmax, the rule gives the renormalised geometric mean of all 2^N members.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_rows, n_features)
            Rows to predict.
        n_samples : int, default=100
            Members, at least 1.
        random_state : int, RandomState instance or None, default=None
            Seed of what is dropped. With an int, a member is the same in each call, whatever the rows and the number
            of members are.

        Returns
        -------
        probabilities : array of shape (n_samples, n_rows, n_classes)
            Of each member as `predict_proba`; for columns of labels a list with an array for each.

        References
        ----------
        Y. Gal, Z. Ghahramani, "Dropout as a Bayesian approximation: representing model uncertainty in deep learning",
        ICML 2016. N. Srivastava et al., "Dropout", JMLR 15, 2014 (the members, and the rule).

        Examples
        --------
        >>> import numpy as np
        >>> from skdl import MLPClassifier
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> network = MLPClassifier((16,), dropout=0.2, random_state=0).fit(X, X[:, 0] > 0)
        >>> members = network.predict_members(X[:4], n_samples=20, random_state=0)
        >>> members.shape, members.mean(axis=0).shape
        ((20, 4, 2), (4, 2))
        """
        outputs = list(self._samples(X, n_samples, random_state, "predict_members"))
        if isinstance(outputs[0], list):
            return [np.stack(columns) for columns in zip(*outputs, strict=True)]
        return np.stack(outputs)

    def predict_uncertainty(
        self, X: MatrixLike, n_samples: int = 100, random_state: RandomStateLike | None = None
    ) -> pd.DataFrame:
        """The uncertainty of each row's class, and the part of it that is disagreement of members (see
        `predict_members`).

        The entropy of the average is the members' mean entropy plus the mutual information of class and member.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_rows, n_features)
            Rows to predict.
        n_samples : int, default=100
            Members, at least 1.
        random_state : int, RandomState instance or None, default=None
            Seed of what is dropped.

        Returns
        -------
        entropies : pandas.DataFrame of shape (n_rows, 3)
            In nats, from 0 to log(n_classes): `total_entropy` of the members' average, `expected_entropy`, the mean of
            their own (data or aleatoric uncertainty), and `knowledge_entropy`, the rest (their disagreement, epistemic
            uncertainty), as the ensembles have them.
        """
        outputs = self._samples(X, n_samples, random_state, "predict_uncertainty")
        if not isinstance(self._training.encoding, Labels):
            raise ValueError(
                "predict_uncertainty is of one label a row, and this network has learned several. Take predict_members."
            )
        return class_entropies(outputs, np.full(n_samples, 1 / n_samples), X)


class PredictionSamples(DropoutSamples):
    """Regressors of which samples can be taken by dropout."""

    def _output(self, scores: np.ndarray) -> Any:
        return self._predictions(scores)

    def predict_members(
        self, X: MatrixLike, n_samples: int = 100, random_state: RandomStateLike | None = None
    ) -> np.ndarray:
        """Predictions by networks that dropout leaves: members of an ensemble (Monte Carlo dropout).

        Each member is the network with units dropped at random, as in a step of its training, but the same for all
        rows: it is a function of X. Their average is another prediction than `predict`, which takes the whole network
        once, with what comes out of a unit times the probability that it is kept (the weight scaling rule). Where
        nothing above the dropout bends, the rule gives the mean of all 2^N members.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_rows, n_features)
            Rows to predict.
        n_samples : int, default=100
            Members, at least 1.
        random_state : int, RandomState instance or None, default=None
            Seed of what is dropped. With an int, a member is the same in each call, whatever the rows and the number
            of members are.

        Returns
        -------
        predictions : array of shape (n_samples, n_rows) or (n_samples, n_rows, n_outputs)

        References
        ----------
        Y. Gal, Z. Ghahramani, "Dropout as a Bayesian approximation: representing model uncertainty in deep learning",
        ICML 2016. N. Srivastava et al., "Dropout", JMLR 15, 2014 (the members, and the rule).

        Examples
        --------
        >>> import numpy as np
        >>> from skdl import MLPRegressor
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> network = MLPRegressor((16,), dropout=0.2, random_state=0).fit(X, X[:, 0])
        >>> network.predict_members(X[:4], n_samples=20, random_state=0).shape
        (20, 4)
        >>> network.predict_uncertainty(X[:4], random_state=0).columns.tolist()
        ['member_spread']
        """
        return np.stack(list(self._samples(X, n_samples, random_state, "predict_members")))

    def predict_uncertainty(
        self, X: MatrixLike, n_samples: int = 100, random_state: RandomStateLike | None = None
    ) -> pd.DataFrame:
        """The spread of members' predictions of each row (see `predict_members`).

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_rows, n_features)
            Rows to predict.
        n_samples : int, default=100
            Members, at least 1.
        random_state : int, RandomState instance or None, default=None
            Seed of what is dropped.

        Returns
        -------
        spread : pandas.DataFrame of shape (n_rows, n_outputs)
            `member_spread`, the members' standard deviation around their average, in the units of y; of several outputs
            `member_spread_0`, `member_spread_1`, ..., as the ensembles have it. It tells what the network does not
            know, not the noise of the targets: it is not a predictive interval.
        """
        outputs = np.stack(list(self._samples(X, n_samples, random_state, "predict_uncertainty")))
        return member_spread(outputs, np.full(n_samples, 1 / n_samples), X)
