"""The first layer of a network for a table: numbers, holes and categories, each at its place."""

from dataclasses import replace

import numpy as np
import pytest
from nets import architecture, member
from numpy.testing import assert_allclose, assert_array_equal

from skdl import category_encodings, encodings, initializers
from skdl._protocols import InputColumns
from skdl.engine import Dataset, Network
from skdl.engine.train import initial_state
from skdl.layers import Categories, ColumnEncoding, Dense, Scale
from skdl.layers.architecture import build_layers
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.plugins import ForwardContext
from skdl.testing import check_gradient, check_layer, check_members

COLUMNS = InputColumns((0, 3, 0, 5, 0), (True, False, False, False, True))
rng = np.random.default_rng(0)
CODES = {1: 3, 3: 5}


def table(n_rows, *, holes=0.3, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n_rows, 5))
    for column, size in CODES.items():
        x[:, column] = generator.integers(size + 1, size=n_rows)
    for column in (0, 4):
        x[generator.random(n_rows) < holes, column] = np.nan
    return x


def built(kind, members=(0,), n_numbers=3):
    numbers = {
        "none": lambda: None,
        "robust": lambda: encodings.Robust().build(n_numbers),
        "piecewise": lambda: encodings.Piecewise(2).build(n_numbers),
        "units": lambda: encodings.Piecewise(2, n_units=2).build(n_numbers),
        "periodic": lambda: encodings.Periodic(2, n_units=2, sigma=np.full((len(members), 1, 1), 0.3)).build(n_numbers),
    }[kind]()
    embed = kind in ("units", "periodic")
    return ColumnEncoding(COLUMNS, numbers, Categories((3, 5), (False, embed), 2))


@pytest.mark.parametrize("kind", ["none", "robust", "piecewise", "units", "periodic"])
def test_contract(kind):
    x = np.stack([table(5, holes=0.0, seed=i) for i in range(3)])
    check_layer(lambda members: built(kind, members), 5, x=x)


def test_a_factor_of_each_input():
    check_layer(lambda members: Scale(4), 4)
    y = Scale(2).forward(np.ones((1, 3, 2)), {"scale": np.array([[[2.0, -1.0]]])}, ForwardContext(True))[0]
    assert_array_equal(y, np.tile([2.0, -1.0], (1, 3, 1)))


@pytest.mark.parametrize("kind", ["none", "robust", "piecewise"])
def test_each_column_is_encoded_at_its_place(kind):
    layer, x = built(kind), table(40)
    arrays = [
        {name: rng.uniform(0.5, 1.5, (1, *np.shape(value))) for name, value in leaf.buffers().items()}
        for leaf in layer.leaves()
    ]
    y = layer.forward(x[None], arrays, ForwardContext(training=True))[0][0]
    numbers = x[:, [0, 2, 4]]
    missing = np.isnan(numbers)
    alone = np.where(missing, 7.0, numbers)
    if layer.numbers is not None:
        alone = layer.numbers.forward(alone[None], arrays[layer.numbers.place(0)], ForwardContext(training=True))[0][0]
    width = alone.shape[1] // 3
    expected = np.where(np.repeat(missing, width, axis=1), 0.0, alone)
    assert_array_equal(y[:, : 3 * width], expected)
    assert_array_equal(y[:, 3 * width : 3 * width + 2], missing[:, [0, 2]])
    one_hot = np.concatenate(
        [np.eye(size + 1)[x[:, column].astype(int)][:, 1:] for column, size in CODES.items()], axis=1
    )
    assert_array_equal(y[:, 3 * width + 2 :], one_hot)
    assert y.shape[1] == 3 * width + 2 + 8


def test_numbers_that_were_never_missing_may_be_so_later():
    """They become zeros, without a flag."""
    x = table(4, holes=0.0)
    x[1, 2] = np.nan
    y = built("none").forward(x[None], [{}], ForwardContext(training=False))[0][0]
    assert_array_equal(y[1, :5], [x[1, 0], 0, x[1, 4], 0, 0])


@pytest.mark.parametrize("kind", ["units", "periodic"])
def test_missing_numbers_take_no_part_in_gradients(kind):
    """Of all that is learned, in a table with holes and unseen categories, by central differences."""
    layer, x = built(kind, (0, 1)), np.stack([table(9, seed=i) for i in range(2)])
    arrays = []
    for leaf in layer.leaves():
        named = {spec.name: rng.normal(size=(2, *spec.shape)) for spec in leaf.parameters()}
        arrays.append({**named, **{n: rng.uniform(0.5, 1.5, (2, *np.shape(v))) for n, v in leaf.buffers().items()}})
    y, backprop = layer.forward(x, arrays, ForwardContext(training=True))
    dy = rng.normal(size=y.shape)
    gradients = [{name: np.full_like(value, np.nan) for name, value in named.items()} for named in arrays]
    assert backprop(dy.copy(), gradients, False) is None
    for i, leaf in enumerate(layer.leaves()):
        for spec in leaf.parameters():

            def objective(value, i=i, name=spec.name):
                moved = [dict(named) for named in arrays]
                moved[i][name] = value
                return (layer.forward(x, moved, ForwardContext(training=True))[0] * dy).sum()

            check_gradient(objective, gradients[i][spec.name], arrays[i][spec.name], name=spec.name)


def network(**changes):
    table = {"category_encoding": category_encodings.OneHot(), "columns": COLUMNS}
    return replace(architecture(5, (4,), 2), **{**table, **changes})


def specs(architecture_of, rows_of, n=3):
    return [replace(member(rows_of(i), seed=i), architecture=architecture_of(i)) for i in range(n)]


X = table(60).astype(np.float32)
TARGETS = np.eye(2, dtype=np.float32)[rng.integers(2, size=60)]
KINDS = {
    "numbers": {},
    "robust": {"encoding": encodings.Robust(), "input_scale": True},
    "quantile": {"encoding": encodings.Quantile(8)},
    "piecewise": {"encoding": encodings.Piecewise(3)},
    "tree": {"encoding": encodings.Piecewise(3, bins="tree", n_units=2)},
    "periodic": {
        "encoding": encodings.Periodic(3),
        "category_encoding": category_encodings.Embedding(2, min_categories=4),
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [True, False])
def test_a_member_of_a_stack_ends_in_the_bits_of_a_lone_fit(kind, shared):
    """On folds of its own, or on rows that all have in common and whose encodings are computed once."""
    folds = [None] * 3 if shared else [np.arange(60)[np.arange(60) % 3 != i] for i in range(3)]
    members = specs(lambda i: network(**KINDS[kind]), lambda i: Dataset(X, TARGETS, index=folds[i]))
    if shared:  # the same order of rows, and other initial weights
        wholes = [
            initializers.resolve("he_uniform"),
            initializers.resolve("glorot_normal"),
            initializers.resolve("he_normal"),
        ]
        members = [
            replace(
                each,
                generator=np.random.default_rng(0),
                architecture=replace(each.architecture, initializers=(wholes[i],) * 2),
            )
            for i, each in enumerate(members)
        ]
    check_members(members)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_rows(kind):
    """What is learned from rows: a row of weight 2 is the row twice, and one of weight 0 is absent."""
    counts = np.arange(60) % 3
    weighted = Dataset(X, TARGETS, weight=(counts / counts.mean()).astype(np.float32))
    repeated = Dataset(X, TARGETS, index=np.repeat(np.arange(60), counts))
    one, two = (
        initial_state(specs(lambda i: network(**KINDS[kind]), lambda i, rows=rows: rows, 1)[0])
        for rows in (weighted, repeated)
    )
    assert_array_equal(one.buffers, two.buffers)
    assert_array_equal(one.theta, two.theta)


def test_rows_in_common_are_encoded_once(monkeypatch):
    """What is alike among members goes to the first affine map as it is; what differs is computed for each."""
    seen = []
    forward = Dense.forward
    monkeypatch.setattr(Dense, "forward", lambda self, x, *rest: (seen.append(len(x)), forward(self, x, *rest))[1])
    members = [network(encoding=encodings.Piecewise(3))] * 3
    layers = Network(members, np.float32)
    theta, buffers = layers.initial([np.random.default_rng(i) for i in range(3)])
    buffers[...] = np.linspace(0.1, 1, buffers.shape[1])
    together = layers.scores(X[None], layers.arrays(theta, buffers))
    assert seen[0] == 1
    assert_array_equal(layers.scores(np.repeat(X[None], 3, axis=0), layers.arrays(theta, buffers)), together)
    buffers[1] += 0.1
    seen.clear()
    own = layers.scores(X[None], layers.arrays(theta, buffers))
    assert seen[0] == 3
    assert_array_equal(own[[0, 2]], together[[0, 2]])
    assert np.abs(own[1] - together[1]).max() > 1e-3
    scaled = Network([network(input_scale=True, dropouts=(0.1, 0.1))] * 3, np.float32)  # layers in between
    theta, buffers = scaled.initial([np.random.default_rng(i) for i in range(3)])
    arrays = scaled.arrays(theta, buffers)
    assert_array_equal(scaled.scores(np.repeat(X[None], 3, axis=0), arrays), scaled.scores(X[None], arrays))


def test_without_columns_and_encoding_there_is_no_layer():
    plain = architecture(5, (4,), 2)
    assert type(build_layers([plain], float).layers[0]) is Dense
    first = build_layers([network()], float).layers[0]
    assert isinstance(first, ColumnEncoding)
    assert_allclose(network().outline.coefficients[0], (3 + 2 + 8, 4))
    wide = network(encoding=encodings.Piecewise(4), category_encoding=category_encodings.Embedding(2, min_categories=4))
    assert wide.outline.coefficients[0] == (3 * 5 + 2 + 3 + 2, 4)
    assert network(columns=InputColumns((0, 3, 0, 6, 0), COLUMNS.has_missing)).structure != network().structure
    only = replace(network(encoding=encodings.Robust()), n_inputs=2, columns=InputColumns((2, 2), (False, False)))
    assert only.outline.coefficients[0] == (4, 4)


def test_a_member_of_a_batch_ensemble_turns_whole_columns():
    """All that one column has become has one random number: a sign, and of bins of numbers a normal one, as in TabM."""
    categories = category_encodings.OneHot()
    for encoding, widths in ((encodings.Robust(), [1] * 3), (encodings.Piecewise(3), [4] * 3)):
        table = network(encoding=encoding, category_encoding=categories, maps=BatchEnsembleMaps(40))
        layers = Network([table], np.float64)
        theta, _ = layers.initial([np.random.default_rng(0)])
        scale = next(named["in_scale"][0] for named in layers.layout.views(theta) if "in_scale" in named)
        parts = np.split(scale, np.cumsum([*widths, 1, 1, 3, 5])[:-1], axis=1)
        assert all((part == part[:, :1]).all() for part in parts)
        first = np.stack([part[:, 0] for part in parts])
        assert len(np.unique(first, axis=0)) == 7  # forty draws for each
        if widths == [1] * 3:
            assert set(scale.ravel()) == {-1.0, 1.0}
        else:
            assert len(np.unique(first)) == 280
            assert abs(first.mean()) < 0.2
            assert abs(first.std() - 1) < 0.15
