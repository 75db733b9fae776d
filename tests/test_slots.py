"""Parameters that hold a component: a name or an instance, reached into by set_params."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.activations import LeakyReLU
from skdl.encodings import Piecewise
from skdl.initializers import HeNormal
from skdl.normalizations import BatchNorm
from skdl.optimizers import LBFGS, SGD, Adam, AdamW, Momentum
from skdl.schedules import Cosine

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, (X[:, 0] > 0).astype(int)


def small(**params):
    return MLPClassifier(4, **{"max_iter": 3, "random_state": 0, **params})


class TwoArguments(MLPClassifier):
    """A user's own network, with fewer arguments."""

    def __init__(self, width=4, optimizer="adam"):
        super().__init__(width, encoding=None, optimizer=optimizer, max_iter=3, random_state=0)
        self.width = width


class TestGetParams:
    def test_a_subclass_may_take_fewer_arguments(self, data):
        one = clone(TwoArguments(3).set_params(optimizer__learning_rate=0.1))
        params = one.get_params()
        assert {name for name in params if "__" not in name} == {"width", "optimizer"}
        assert params["optimizer__learning_rate"] == 0.1
        assert one.fit(*data).coefs_[0].shape == (3, 3)

    def test_a_name_shows_its_hyperparameters(self):
        params = small(optimizer="adam").get_params()
        assert params["optimizer"] == "adam"
        assert params["optimizer__learning_rate"] == Adam().learning_rate
        assert params["optimizer__beta_2"] == Adam().beta_2

    def test_a_word_that_stands_for_a_component_shows_its_hyperparameters(self):
        params = small().get_params()
        assert (params["optimizer"], params["schedule"]) == ("auto", "auto")
        assert params["encoding"] == "auto"
        assert (params["encoding__n_bins"], params["encoding__clip"]) == (2, 5.0)
        assert (params["optimizer__learning_rate"], params["optimizer__weight_decay"]) == (0.02, 0.1)
        assert (params["optimizer__beta_1"], params["optimizer__beta_2"]) == (0.8, 0.95)
        assert (params["schedule__n_cycles"], params["schedule__growth"], params["schedule__end"]) == (3, 2.0, 0.03)

    def test_shallow(self):
        assert not [name for name in small(optimizer=SGD()).get_params(deep=False) if "__" in name]

    def test_an_instance_shows_its_own(self):
        params = small(optimizer=SGD(0.5), activation=LeakyReLU(0.2)).get_params()
        assert params["optimizer__learning_rate"] == 0.5
        assert params["activation__alpha"] == 0.2
        assert "optimizer__beta_2" not in params

    def test_words_and_lists_show_nothing(self):
        params = small(activation=["relu"], normalization=None, initializer="auto", loss="auto").get_params()
        slots = ("activation__", "normalization__", "initializer__", "loss__")
        assert not [name for name in params if name.startswith(slots)]

    def test_an_unknown_name_is_no_error_before_fit(self, data):
        estimator = small(optimizer="adamm")
        assert "optimizer__learning_rate" not in estimator.get_params()
        assert "adamm" in repr(estimator)
        with pytest.raises(ValueError, match="Did you mean 'adam'"):
            estimator.fit(*data)


class TestSetParams:
    def test_a_name_becomes_a_changed_copy(self):
        estimator = small(optimizer="adam").set_params(optimizer__learning_rate=0.01)
        assert isinstance(estimator.optimizer, Adam)
        assert estimator.optimizer.get_params() == {**Adam().get_params(), "learning_rate": 0.01}
        assert Adam().learning_rate == 0.001

    def test_a_word_that_stands_for_a_component_becomes_a_changed_copy(self):
        estimator = small().set_params(optimizer__beta_1=0.5, schedule__end=0.1, encoding__n_bins=8)
        auto = MLPClassifier._auto
        assert isinstance(estimator.optimizer, AdamW)
        assert estimator.optimizer.get_params() == {**auto["optimizer"]().get_params(), "beta_1": 0.5}
        assert isinstance(estimator.schedule, Cosine)
        assert estimator.schedule.get_params() == {**auto["schedule"]().get_params(), "end": 0.1}
        assert isinstance(estimator.encoding, Piecewise)
        assert estimator.encoding.get_params() == {**auto["encoding"]().get_params(), "n_bins": 8}

    def test_several_at_once(self):
        estimator = small().set_params(optimizer__learning_rate=0.01, optimizer__beta_1=0.5, alpha=1.0)
        assert (estimator.optimizer.learning_rate, estimator.optimizer.beta_1, estimator.alpha) == (0.01, 0.5, 1.0)

    @pytest.mark.parametrize("backwards", [False, True])
    def test_slot_and_inside_in_one_call(self, backwards):
        changes = {"optimizer": "momentum", "optimizer__momentum": 0.5}
        estimator = small().set_params(**dict(reversed(changes.items())) if backwards else changes)
        assert type(estimator.optimizer) is Momentum
        assert estimator.optimizer.momentum == 0.5

    def test_an_instance_is_not_changed(self):
        shared = SGD(0.1)
        first, second = small(optimizer=shared), small(optimizer=shared)
        first.set_params(optimizer__learning_rate=0.5)
        assert first.optimizer.learning_rate == 0.5
        assert first.optimizer is not shared
        assert second.optimizer is shared
        assert shared.learning_rate == 0.1

    def test_round_trip_changes_nothing(self):
        for estimator in (small(), small(optimizer=SGD(0.5)), small(normalization="batch"), SoftmaxClassifier()):
            before = estimator.get_params(deep=False)
            estimator.set_params(**estimator.get_params())
            after = estimator.get_params(deep=False)
            assert repr(after) == repr(before)
            assert all(isinstance(after[name], str) for name in before if isinstance(before[name], str))

    def test_the_default_value_set_keeps_the_name(self):
        assert small(optimizer="adam").set_params(optimizer__learning_rate=0.001).optimizer == "adam"
        assert small().set_params(optimizer__learning_rate=0.02).optimizer == "auto"
        assert small().set_params(encoding__n_bins=2).encoding == "auto"

    def test_returns_the_estimator(self):
        estimator = small()
        assert estimator.set_params(optimizer__learning_rate=0.1) is estimator
        assert estimator.set_params() is estimator

    def test_unknown_hyperparameter(self):
        estimator = small(optimizer="adam")
        with pytest.raises(ValueError, match=r"Invalid parameter 'rate' for Adam. Its parameters are: .*learning_rate"):
            estimator.set_params(optimizer__rate=0.1)
        assert estimator.optimizer == "adam"

    def test_unknown_parameter(self):
        with pytest.raises(ValueError, match="Invalid parameter 'optimiser'"):
            small().set_params(optimiser__learning_rate=0.1)

    def test_a_component_without_hyperparameters(self):
        with pytest.raises(ValueError, match=r"Invalid parameter 'alpha' for ReLU. It has no parameters"):
            small(activation="relu").set_params(activation__alpha=0.1)

    @pytest.mark.parametrize(
        ("slot", "value", "shown"), [("normalization", None, "None"), ("initializer", "auto", "'auto'")]
    )
    def test_an_empty_slot(self, slot, value, shown):
        message = (
            f"Cannot set {slot}__epsilon: the slot '{slot}' of MLPClassifier holds {shown}, which has no parameters"
        )
        with pytest.raises(ValueError, match=message):
            small(**{slot: value}).set_params(**{f"{slot}__epsilon": 0.1})

    def test_filling_an_empty_slot_first(self):
        estimator = small().set_params(normalization="batch", normalization__momentum=0.5)
        assert estimator.normalization.momentum == 0.5


class TestUse:
    def test_search_over_the_default_optimizers_rate(self, data):
        rates = [1e-6, 0.1]
        grid = {"optimizer__learning_rate": rates}
        estimator = small(optimizer="adam", max_iter=30, n_iter_no_change=30)
        search = GridSearchCV(estimator, grid, cv=3, error_score="raise").fit(*data)
        assert search.best_params_ == {"optimizer__learning_rate": 0.1}
        assert search.best_estimator_.optimizer.learning_rate == 0.1
        assert estimator.optimizer == "adam"

    def test_search_through_a_pipeline(self, data):
        pipeline = make_pipeline(StandardScaler(), small())
        grid = {"mlpclassifier__optimizer": [Momentum()], "mlpclassifier__optimizer__momentum": [0.0, 0.9]}
        search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(*data)
        assert [params["mlpclassifier__optimizer__momentum"] for params in search.cv_results_["params"]] == [0.0, 0.9]
        assert (
            search.best_estimator_[-1].optimizer.momentum == search.best_params_["mlpclassifier__optimizer__momentum"]
        )

    def test_the_hyperparameter_that_is_set_is_used(self, data):
        slow, fast = (small().set_params(optimizer__learning_rate=rate).fit(*data) for rate in (1e-8, 0.1))
        assert slow.loss_ > fast.loss_

    def test_a_name_and_its_instance_are_one(self, data):
        named = small(optimizer="sgd", activation="leaky_relu", normalization="batch", initializer="he_normal")
        built = small(optimizer=SGD(), activation=LeakyReLU(), normalization=BatchNorm(), initializer=HeNormal())
        for a, b in zip(named.fit(*data).coefs_, built.fit(*data).coefs_, strict=True):
            assert np.array_equal(a, b)

    def test_fit_changes_no_slot(self, data):
        optimizer = SGD(0.1)
        estimator = small(optimizer=optimizer, activation="relu").fit(*data)
        assert estimator.optimizer is optimizer
        assert vars(optimizer) == vars(SGD(0.1))
        assert estimator.activation == "relu"

    def test_clone(self):
        estimator = small(optimizer=SGD(0.3), activation=["relu"], normalization=[BatchNorm(0.5)])
        copy = clone(estimator)
        assert copy.optimizer is not estimator.optimizer
        assert copy.optimizer.learning_rate == 0.3
        copy.set_params(optimizer__learning_rate=0.7)
        assert estimator.optimizer.learning_rate == 0.3
        assert copy.activation == ["relu"]
        assert repr(clone(small())) == repr(small())

    def test_pickle(self):
        loaded = pickle.loads(pickle.dumps(small(optimizer=SGD(0.3), normalization="batch")))
        assert loaded.optimizer.learning_rate == 0.3
        assert loaded.normalization == "batch"

    def test_one_entry_for_each_layer(self, data):
        estimator = MLPRegressor(
            (4, 3), activation=["tanh", LeakyReLU(0.3)], normalization=[None, "batch"], max_iter=2, random_state=0
        ).fit(*data)
        architecture = estimator._training.architecture
        assert [type(activation).__name__ for activation in architecture.activations] == ["Tanh", "LeakyReLU"]
        assert architecture.normalizations[0] is None
        assert type(architecture.normalizations[1]) is BatchNorm

    @pytest.mark.parametrize("slot", ["activation", "normalization"])
    def test_lists_of_wrong_length(self, slot, data):
        entries = {"activation": ["relu"] * 3, "normalization": ["batch"] * 3}[slot]
        with pytest.raises(ValueError, match=f"The '{slot}' parameter of MLPClassifier lists 3 entries for 1 hidden"):
            small(**{slot: entries}).fit(*data)

    def test_errors_name_the_slot(self, data):
        with pytest.raises(ValueError, match=r"The 'optimizer' parameter of MLPClassifier: .*'learning_rate'.*Got -1"):
            small(optimizer=Adam(-1)).fit(*data)
        with pytest.raises(ValueError, match="The 'schedule' parameter of MLPClassifier: Unknown name 'constand'"):
            small(schedule="constand").fit(*data)
        with pytest.raises(
            ValueError, match=r"The 'encoding' parameter .*'robust'\]. It may also be 'auto' or None\.$"
        ):
            small(encoding="none").fit(*data)
        with pytest.raises(
            ValueError, match=r"'optimizer' parameter .*Did you mean 'adamw'.* It may also be 'auto'\.$"
        ):
            small(optimizer="adamW").fit(*data)
        with pytest.raises(ValueError, match=r"'dropout_schedule' parameter .*Got 0.5. It may also be None\.$"):
            small(dropout_schedule=0.5).fit(*data)
        with pytest.raises(ValueError, match=r"The 'encoding' parameter .*'n_bins'.*Got 0 instead\.$"):
            small(encoding=Piecewise(0)).fit(*data)
        with pytest.raises(ValueError, match="The 'activation' parameter of MLPClassifier: Expected one of"):
            small(activation=[None]).fit(*data)
        with pytest.raises(ValueError, match=r"The 'optimizer' parameter of SoftmaxClassifier: .*'memory'"):
            SoftmaxClassifier(optimizer=LBFGS(0)).fit(*data)
