"""Names: one owner each, found in other processes too, and helpful when they are not found."""

import copy
import os
import pickle
import subprocess
import sys
import textwrap

import cloudpickle
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier, activations
from skdl._registry import REGISTRIES, Registry, adopt_references, plug_in_references
from skdl.activations import ReLU, Tanh
from skdl.plugins import Component, register


@pytest.fixture(autouse=True)
def registries_as_before():
    """What a test registers or installs is forgotten after it."""
    kept = {family: (dict(registry._classes), dict(registry._plug_ins)) for family, registry in REGISTRIES.items()}
    modules = set(sys.modules)
    for registry in REGISTRIES.values():
        registry._entry_points = None
    yield
    for family, (classes, plug_ins) in kept.items():
        registry = REGISTRIES[family]
        registry._classes, registry._plug_ins, registry._entry_points = classes, plug_ins, None
    for name in set(sys.modules) - modules:
        if name.startswith("plug_in"):
            del sys.modules[name]


@pytest.fixture
def registry():
    """An empty family, which no entry point belongs to."""
    made = Registry("tests_only", type("OfTests", (Component,), {}))
    yield made
    del REGISTRIES["tests_only"]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, (X[:, 0] > 0).astype(int)


def classifier(**params):
    return MLPClassifier(**{"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0, **params})


def search(param_grid, **options):
    return GridSearchCV(classifier(), param_grid, cv=2, error_score="raise", **options)


def by_pickle(estimator):
    return pickle.loads(cloudpickle.dumps(estimator))


quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class TestNames:
    def test_built_in_names(self):
        assert {"relu", "tanh"} <= set(activations.names())
        assert activations.names() == sorted(activations.names())
        assert type(activations.resolve("tanh")) is Tanh

    def test_an_instance_stands_for_itself(self):
        tanh = Tanh()
        assert activations.resolve(tanh) is tanh

    @pytest.mark.parametrize("spec", [None, 3, Tanh, ["relu"]])
    def test_anything_else_is_refused(self, spec):
        with pytest.raises(ValueError, match=r"Expected one of \[.*'relu'.*\] or an instance of Activation .*Got "):
            activations.resolve(spec)

    def test_component_of_another_family_is_refused(self):
        with pytest.raises(ValueError, match=r"instance of Activation \(skdl.activations\). Got Adam\(\)"):
            activations.resolve(REGISTRIES["optimizers"].resolve("adam"))

    def test_unknown_name_lists_the_known_and_the_nearest(self):
        with pytest.raises(ValueError, match=r"'rellu' in skdl.activations. Did you mean 'relu'\? .*'identity'"):
            activations.resolve("rellu")
        with pytest.raises(ValueError, match=r"'qqqq' in skdl.activations. Known names"):
            activations.resolve("qqqq")


class TestRegister:
    def test_decorator_returns_the_class(self, registry):
        class Mine(registry.base):
            pass

        assert register("mine")(Mine) is Mine
        assert registry.get("mine") is Mine
        assert registry.names() == ["mine"]

    @pytest.mark.parametrize("family", sorted(REGISTRIES))
    def test_the_family_follows_from_the_base(self, family):
        cls = type("Mine", (REGISTRIES[family].base,), {})
        register("mine")(cls)
        assert [each for each in REGISTRIES if "mine" in REGISTRIES[each].names()] == [family]
        assert REGISTRIES[family].get("mine") is cls

    def test_duplicate_raises(self, registry):
        register("mine")(type("First", (registry.base,), {}))
        with pytest.raises(ValueError, match=r"'mine' is already registered in skdl.tests_only, by tests?"):
            register("mine")(type("Second", (registry.base,), {}))
        assert registry.get("mine").__name__ == "First"

    def test_built_in_cannot_be_shadowed(self):
        with pytest.raises(ValueError, match=r"'relu' is already registered in skdl.activations, by skdl.activations"):
            register("relu")(type("ReLU", (Tanh,), {}))
        impostor = type("ReLU", (Tanh,), {"__module__": "skdl.activations"})
        with pytest.raises(ValueError, match="already registered"):
            register("relu")(impostor)
        assert activations.resolve("relu")([-1.0]) == 0

    def test_a_reloaded_module_registers_again(self, registry):
        """In a notebook a cell with a class is run twice: the later class has the name."""
        namespace = {"register": register, "Base": registry.base, "__name__": "notebook"}
        cell = '@register("mine")\nclass Mine(Base):\n    version = {}'
        for version in (1, 2):
            exec(cell.format(version), namespace)
        assert registry.get("mine").version == 2

    @pytest.mark.parametrize(
        "wrong", [int, Tanh(), lambda: Tanh(), Component, type("Both", (Tanh, REGISTRIES["losses"].base), {})]
    )
    def test_what_is_not_a_component_of_one_family(self, wrong):
        with pytest.raises(TypeError, match=r"must be a class derived from exactly one of .*Activation.* as 'mine'"):
            register("mine")(wrong)
        assert not [family for family, registry in REGISTRIES.items() if "mine" in registry.names()]


def install(directory, name, source, entries):
    """A package with metadata, as pip would leave it."""
    (directory / f"{name}.py").write_text(textwrap.dedent(source))
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{entry}\n" for entry in chosen) for group, chosen in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))


SOURCE = """
    from skdl.plugins import Activation

    class Halved(Activation):
        def forward(self, x):
            x *= 0.5
            return x, lambda dy: (0.5 * dy, {})
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A directory on the path, of this process and of those that it starts."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    get_reusable_executor().shutdown(wait=True)  # loky's workers have the path of the time when they started
    yield tmp_path
    get_reusable_executor().shutdown(wait=True)


def in_new_process(code, **options):
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, **options)


@quiet
class TestEntryPoints:
    def test_by_name(self, site, data):
        install(site, "plug_in_a", SOURCE, {"skdl.activations": ["halved = plug_in_a:Halved"]})
        assert "halved" in activations.names()
        assert "plug_in_a" not in sys.modules  # its name is known without importing it
        fitted = classifier(activation="halved").fit(*data)
        assert type(activations.resolve("halved")).__module__ == "plug_in_a"
        assert np.isfinite(fitted.predict_proba(data[0])).all()

    def test_known_names_read_no_entry_points(self, monkeypatch):
        def fail(**kwargs):
            raise AssertionError("entry points were read")

        monkeypatch.setattr("skdl._registry.entry_points", fail)
        assert activations.resolve("relu").validate()
        with pytest.raises(AssertionError, match="were read"):
            activations.resolve("unknown")

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_in_a_search(self, site, data, n_jobs):
        install(site, "plug_in_a", SOURCE, {"skdl.activations": ["halved = plug_in_a:Halved"]})
        found = search({"activation": ["relu", "halved"]}, n_jobs=n_jobs).fit(*data)
        assert np.isfinite(found.cv_results_["mean_test_score"]).all()
        expected = search({"activation": ["relu", "halved"]}).fit(*data)
        assert np.array_equal(found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])

    def test_after_pickling_in_another_process(self, site, data, tmp_path):
        install(site, "plug_in_a", SOURCE, {"skdl.activations": ["halved = plug_in_a:Halved"]})
        fitted = classifier(activation="halved").fit(*data)
        (tmp_path / "fitted.pickle").write_bytes(pickle.dumps(fitted))
        np.save(tmp_path / "X.npy", data[0])
        code = """
            import pickle, numpy as np
            fitted = pickle.load(open("fitted.pickle", "rb"))
            np.save("proba.npy", fitted.predict_proba(np.load("X.npy")))
            fitted.fit(np.load("X.npy"), [0, 1] * 30)
        """
        done = in_new_process(code, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert np.array_equal(np.load(tmp_path / "proba.npy"), fitted.predict_proba(data[0]))

    def test_built_ins_cannot_be_shadowed(self, site):
        install(site, "plug_in_b", SOURCE, {"skdl.activations": ["relu = plug_in_b:Halved"]})
        assert activations.resolve("relu")([-1.0]) == 0
        assert type(activations.resolve("relu")) is ReLU
        assert activations.names().count("relu") == 1

    def test_a_broken_one_fails_only_when_asked_for(self, site, data):
        source = "raise RuntimeError('needs a licence')"
        install(site, "plug_in_c", source, {"skdl.activations": ["licensed = plug_in_c:Licensed"]})
        assert "licensed" in activations.names()
        classifier(activation="relu").fit(*data)
        with pytest.raises(ValueError, match=r"Known names.*'licensed'"):
            activations.resolve("unknown")
        message = r"The plug-in 'licensed' of skdl.activations \(plug_in_c:Licensed\) cannot be imported: needs a lic"
        with pytest.raises(ImportError, match=message):
            activations.resolve("licensed")
        with pytest.raises(ImportError, match="'licensed'"):
            classifier(activation="licensed").fit(*data)

    def test_a_missing_module(self, site):
        (site / "gone-1.0.dist-info").mkdir()
        (site / "gone-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: gone\nVersion: 1.0\n")
        (site / "gone-1.0.dist-info" / "entry_points.txt").write_text("[skdl.activations]\ngone = gone:Gone\n")
        with pytest.raises(ImportError, match=r"The plug-in 'gone' .* No module named 'gone'"):
            activations.resolve("gone")

    def test_what_is_no_component(self, site):
        install(site, "plug_in_d", "Dict = dict", {"skdl.activations": ["d = plug_in_d:Dict"]})
        with pytest.raises(TypeError, match=r"The plug-in 'd' .* must be a class derived from Activation"):
            activations.resolve("d")

    def test_module_that_also_registers(self, site):
        source = SOURCE.replace("import Activation", "import Activation, register").replace(
            "class Halved", '@register("halved")\n    class Halved'
        )
        install(site, "plug_in_e", source, {"skdl.activations": ["halved = plug_in_e:Halved"]})
        assert activations.resolve("halved")([2.0]) == 1


REGISTERING = """
    from skdl.plugins import Activation, register

    @register("mine")
    class Mine(Activation):
        def forward(self, x):
            x *= 0.5
            return x, lambda dy: (0.5 * dy, {})
"""


@quiet
class TestDecorator:
    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_importable_module_in_a_search(self, site, data, n_jobs):
        (site / "plug_in_f.py").write_text(textwrap.dedent(REGISTERING))
        __import__("plug_in_f")
        found = search({"activation": ["relu", "mine"]}, n_jobs=n_jobs).fit(*data)
        expected = search({"activation": ["relu", "mine"]}).fit(*data)
        assert np.array_equal(found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])

    def test_importable_module_after_pickling(self, site, data, tmp_path):
        (site / "plug_in_f.py").write_text(textwrap.dedent(REGISTERING))
        __import__("plug_in_f")
        (tmp_path / "est.pickle").write_bytes(pickle.dumps(classifier()))
        code = """
            import pickle, sys
            from skdl import activations
            assert "mine" not in activations.names()
            est = pickle.load(open("est.pickle", "rb"))
            assert "mine" in activations.names()
            assert "plug_in_f" not in sys.modules
            est.set_params(activation="mine").fit([[0.0], [1.0]] * 10, [0, 1] * 10)
            assert type(activations.resolve("mine")).__module__ == "plug_in_f"
        """
        done = in_new_process(code, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("backend", ["loky", "threading"])
    def test_main_script_in_a_search(self, tmp_path, backend):
        """A name of `__main__` reaches loky's workers, as one candidate of a search and as the estimator's own."""
        code = textwrap.dedent(REGISTERING) + textwrap.dedent(f"""
            import warnings
            import numpy as np
            from joblib import parallel_config
            from sklearn.model_selection import GridSearchCV
            from skdl import MLPClassifier

            if __name__ == "__main__":
                X = np.random.default_rng(0).normal(size=(60, 3))
                y = (X[:, 0] > 0).astype(int)
                warnings.simplefilter("ignore")
                scores = []
                for n_jobs in (1, 2):
                    for own in ("relu", "mine"):
                        est = MLPClassifier(4, activation=own, max_iter=3, random_state=0)
                        with parallel_config("{backend}"):
                            search = GridSearchCV(
                                est, {{"activation": ["relu", "mine"]}}, cv=2, n_jobs=n_jobs, error_score="raise"
                            )
                            scores.append(search.fit(X, y).cv_results_["mean_test_score"])
                assert all(np.array_equal(score, scores[0]) for score in scores), scores
                print("done")
        """)
        script = tmp_path / "script.py"
        script.write_text(code)
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path)
        assert done.stdout == "done\n", done.stderr

    def test_local_class_travels_by_value(self):
        class Local(Tanh):
            factor = 7

        register("local_tanh")(Local)
        references = pickle.loads(pickle.dumps(plug_in_references()))
        assert references["activations", "local_tanh"] is Local
        registry = REGISTRIES["activations"]
        del registry._classes["local_tanh"], registry._plug_ins["local_tanh"]
        with pytest.raises(ValueError, match="Unknown name"):
            activations.resolve("local_tanh")
        adopt_references(references)
        assert activations.resolve("local_tanh").factor == 7

    @pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
    def test_a_class_with_hyperparameters_travels_by_value(self, dumps):
        class Scaled(Tanh):
            def __init__(self, factor=2.0):
                self.factor = factor

        register("scaled_tanh")(Scaled)
        registry = REGISTRIES["activations"]
        content = dumps(classifier(activation="scaled_tanh"))
        del registry._classes["scaled_tanh"], registry._plug_ins["scaled_tanh"]
        again = pickle.loads(content).set_params(activation__factor=3.0)
        assert again._resolve("activation").factor == 3.0
        with pytest.raises(TypeError, match="Invalid parameter 'fctor' for Scaled"):
            registry.get("scaled_tanh")(fctor=1)

    def test_what_comes_along_replaces_nothing(self):
        adopt_references({("activations", "relu"): "plug_in_g:Gone", ("activations", "new_one"): "plug_in_g:Gone"})
        assert activations.resolve("relu")([-1.0]) == 0
        with pytest.raises(ImportError, match=r"'new_one' of skdl.activations \(plug_in_g:Gone\), known from another"):
            activations.resolve("new_one")

    @pytest.mark.parametrize("found", ["os:getcwd", "subprocess:Popen", "skdl.optimizers:Adam", Tanh(), print, int])
    def test_what_comes_along_is_called_only_if_it_is_a_component_of_the_family(self, found):
        adopt_references({("activations", "new_one"): found})
        with pytest.raises((TypeError, ImportError), match=r"'new_one' of skdl\.activations"):
            activations.resolve("new_one")

    def test_an_estimator_without_plug_ins_carries_nothing(self):
        assert b"plug_in" not in pickle.dumps(classifier())
        assert not [key for key in classifier().__getstate__() if "plug_in" in key]

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, clone, by_pickle])
    def test_an_estimator_with_plug_ins_is_copied(self, copied, data):
        class Local(Tanh):
            pass

        register("local_tanh")(Local)
        fitted = classifier(activation="local_tanh").fit(*data)
        again = copied(fitted)
        assert again.get_params() == fitted.get_params()
        assert type(again._resolve("activation")) is Local
        if copied is not clone:
            np.testing.assert_array_equal(again.predict_proba(data[0]), fitted.predict_proba(data[0]))
