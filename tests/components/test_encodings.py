"""Encodings compute what their sources say, learn it from weighted rows, and keep their contract in all forms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, RobustScaler
from sklearn.tree import DecisionTreeRegressor

from skdl._quantiles import weighted_quantiles
from skdl.category_encodings import Embedding, OneHot
from skdl.encodings import Periodic, Piecewise, Quantile, Robust
from skdl.encodings._edges import FIRST_ROWS, LEAST_LEAF, column_edges, tree_thresholds
from skdl.layers import with_shared_rows
from skdl.plugins import ForwardContext
from skdl.testing import check_component

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(101, 3)) * [1.0, 50.0, 1e-3] + [0.0, 7.0, -2.0]
TARGETS = rng.normal(size=(101, 2))
FORMS = [
    Piecewise(3, bins="tree"),
    Piecewise(2, linear=False),
    Piecewise(1),
    Piecewise(2, clip=5.0),
    Robust(0.7),
    Piecewise(3, n_units=2),
    Piecewise(3, n_units=2, linear=False),
    Periodic(2, n_units=2, phase=False, linear=False, activation="relu", sigma=0.5),
    Periodic(2, n_units=2, phase=False, linear=False),
    Periodic(3, n_units=None, phase=False, linear=False, robust=False),
    Periodic(2, n_units=None, activation="relu"),
    Quantile(2),
    Quantile(5),
    Embedding(2, min_categories=1),
    Embedding(3, min_categories=3, sigma=0.1),
    OneHot(None),
]


@pytest.mark.parametrize("encoding", FORMS, ids=repr)
def test_contract_in_all_forms(encoding):
    check_component(encoding)


def learned(layer, rows=ROWS, weight=None, targets=TARGETS, seed=0):
    """The arrays of each leaf of a member that has learned from rows."""
    generator = np.random.default_rng(seed)
    arrays = []
    for leaf in layer.leaves():
        drawn = {**leaf.initial(0, generator), **leaf.buffers()}
        named = {name: np.array(value, float) for name, value in drawn.items()}
        if leaf.learns_from_rows:
            leaf.from_rows(rows.copy(), weight, targets, named, generator)
        arrays.append({name: value[None] for name, value in named.items()})
    return arrays


def encoded(encoding, x, **given):
    layer = encoding.build(x.shape[1])
    arrays = learned(layer, **given)
    return layer.forward(x[None], arrays[layer.place(0)], ForwardContext(training=False))[0][0]


def test_quantiles_are_numpys_with_weights():
    weight = rng.integers(1, 5, size=101).astype(float)
    levels = np.array([0.0, 0.05, 0.25, 0.5, 0.77, 1.0])
    for given in (None, weight, weight / 7):
        expected = np.quantile(ROWS, levels, axis=0, method="inverted_cdf", weights=given)
        assert_array_equal(weighted_quantiles(ROWS, given, levels), expected)
    repeated = np.repeat(ROWS, weight.astype(int), axis=0)
    assert_array_equal(weighted_quantiles(repeated, None, levels), weighted_quantiles(ROWS, weight, levels))
    holes = ROWS.copy()
    holes[::3, 1] = np.nan
    known = np.delete(ROWS[:, 1], np.s_[::3])
    assert_array_equal(weighted_quantiles(holes, None, levels)[:, 1], np.quantile(known, levels, method="inverted_cdf"))
    assert_array_equal(weighted_quantiles(np.full((3, 1), np.nan), None, levels), np.zeros((6, 1)))


@pytest.mark.parametrize("encoding", [Robust(), Quantile(), Piecewise(5), Piecewise(5, bins="tree")], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_of_weight_2_is_the_row_twice(encoding, dtype):
    """In the last bit, also where weights were divided by their mean and rounded, as those of a training are."""
    rows = np.round(ROWS, 1).astype(dtype)
    counts = rng.integers(1, 4, size=101)
    layer = encoding.build(3)
    weight = (counts / counts.mean()).astype(dtype).astype(float)
    found, expected = (
        learned(layer, rows, weight)[0],
        learned(layer, np.repeat(rows, counts, axis=0), None, np.repeat(TARGETS, counts, axis=0))[0],
    )
    for name, array in expected.items():
        assert_array_equal(found[name], array)


def test_robust_scaling():
    x = rng.normal(size=(7, 3)) * 100
    z = RobustScaler().fit(ROWS[:100].repeat(2, axis=0)).transform(x)  # quantiles that are values
    z = (x - np.quantile(ROWS, 0.5, axis=0)) / np.subtract(*np.quantile(ROWS, [0.75, 0.25], axis=0))
    assert_allclose(encoded(Robust(), x), z / np.sqrt(1 + (z / 3) ** 2))
    assert_allclose(encoded(Robust(0.5), x), z / np.sqrt(1 + (z / 0.5) ** 2))
    assert np.abs(encoded(Robust(), 1e30 * x)).max() <= 3.0
    few = np.repeat([[0.0, 5.0, 2.0], [0.0, 5.0, 2.0], [0.0, 5.0, 2.0], [4.0, 5.0, 2.0]], 3, axis=0)
    few[0, 1] = 6.0
    z = np.array([[2.0, 2.0, 0.0]])  # equal quartiles: half the range; a constant column: nothing
    found = encoded(Robust(), np.array([[4.0, 6.0, 1e9]]), rows=few, targets=np.zeros((12, 1)))
    assert_allclose(found, z / np.sqrt(1 + (z / 3) ** 2))


def test_piecewise_linear_bins():
    edges = np.quantile(ROWS, np.linspace(0, 1, 5), axis=0, method="inverted_cdf").T
    x = np.concatenate([ROWS[:5] + 1e-5, ROWS.max(axis=0, keepdims=True) * 100, ROWS.min(axis=0, keepdims=True) - 1e6])
    found = encoded(Piecewise(4), x).reshape(len(x), 3, 5)
    assert_allclose(found[..., 0], encoded(Robust(), x))
    assert_allclose(encoded(Piecewise(4, clip=7.0), x).reshape(len(x), 3, 5)[..., 0], encoded(Robust(7.0), x))
    for row, column, t in np.ndindex(len(x), 3, 4):
        low, high = edges[column, t : t + 2]
        share = (x[row, column] - low) / (high - low)
        assert_allclose(found[row, column, t + 1], min(max(share, 0), 1), atol=1e-12)
    assert_array_equal(encoded(Piecewise(4, linear=False), x).reshape(len(x), 3, 4), found[..., 1:])


def test_a_column_of_few_values_has_an_edge_at_each_and_a_constant_one_none():
    rows = np.stack([np.arange(101) % 3 == 1, np.full(101, 4.0), np.append(np.arange(100) % 2, 9)], axis=1).astype(
        float
    )
    x = np.array([[0.0, 4.0, 0.0], [1.0, 1e6, 1.0], [0.5, -3.0, 9.0], [7.0, 4.0, 5.0]])
    found = encoded(Piecewise(4, linear=False), x, rows=rows).reshape(4, 3, 4)
    assert_array_equal(found[:, 0], [[0, 0, 0, 0], [1, 0, 0, 0], [0.5, 0, 0, 0], [1, 0, 0, 0]])
    assert not found[:, 1].any()
    assert_array_equal(found[:, 2], [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 0.5, 0, 0]])


@pytest.mark.parametrize("bins", ["quantile", "tree"])
def test_edges_do_not_depend_on_the_order_of_rows(bins):
    """Which of the first rows tell how many values a column has, too."""
    rng = np.random.default_rng(0)
    constant_first = np.append(np.zeros(3 * FIRST_ROWS), np.arange(1.0, 3 * FIRST_ROWS))
    few = np.append(np.zeros(4 * FIRST_ROWS), np.repeat([1.0, 5.0], FIRST_ROWS)[1:])
    x = np.stack([constant_first, few, np.where(few == 1, np.nan, few)], axis=1)
    targets, order = rng.normal(size=(len(x), 2)), rng.permutation(len(x))
    found = list(column_edges(x, None, targets, 3, bins))
    shuffled = column_edges(x[order], None, targets[order], 3, bins)
    for edges, again in zip(found, shuffled, strict=True):
        assert_allclose(again, edges, rtol=1e-12)
    if bins == "quantile":
        expected = np.unique(np.quantile(constant_first, [0, 1 / 3, 2 / 3, 1], method="inverted_cdf"))
        for edges, values in zip(found, (expected, [0, 1, 5], [0, 5]), strict=True):
            assert_array_equal(edges, values)


def test_bins_with_units_begin_as_the_number_itself():
    layer = Piecewise(4, n_units=6).build(3)
    arrays = learned(layer)
    x = ROWS[None, :8]
    y = layer.forward(x, arrays, ForwardContext(training=False))[0][0].reshape(8, 3, 6)
    weight = arrays[1]["weight"][0].reshape(3, 6, 5)
    assert not weight[..., 1:].any()
    z = encoded(Robust(), ROWS[:8])
    assert_allclose(y, z[..., None] * weight[..., 0] + arrays[1]["bias"][0])
    assert 0.3 < np.abs(weight[..., 0]).max() <= 1 / np.sqrt(6)


@pytest.mark.parametrize("weighted", [False, True])
def test_thresholds_are_those_of_a_tree(weighted):
    x = np.round(rng.normal(size=300), 1)
    x = x if weighted else rng.normal(size=250)
    targets = np.stack([np.sin(3 * x), x > 0.4], axis=1) + 0.3 * rng.normal(size=(len(x), 2))
    weight = rng.uniform(0.5, 2, 300) if weighted else None
    for n_leaves in (2, 5, 11):
        tree = DecisionTreeRegressor(max_leaf_nodes=n_leaves, min_weight_fraction_leaf=LEAST_LEAF / n_leaves)
        tree.fit(x[:, None].astype(np.float32), targets, sample_weight=weight)
        expected = np.sort(tree.tree_.threshold[tree.tree_.feature == 0])
        found = tree_thresholds(x.astype(np.float32).astype(float), weight, targets, n_leaves)
        assert_allclose(found, expected, rtol=1e-6)


def test_a_tree_finds_where_targets_jump_and_no_more():
    x = (np.arange(200) + 0.5) / 200
    targets = (np.digitize(x, [0.1, 0.15, 0.7]) * 1.0)[:, None]
    assert_allclose(tree_thresholds(x, None, targets, 16), [0.1, 0.15, 0.7])
    assert len(tree_thresholds(x, None, np.ones((200, 2)), 16)) == 0
    x = rng.uniform(size=5000)  # of many values, quantiles next to where it jumps
    found = tree_thresholds(x, None, (x[:, None] > 0.3) * 1.0, 16)
    assert np.abs(found - 0.3).min() < 1 / 256
    assert np.abs(found - 0.3).max() < 1 / 64
    assert len(tree_thresholds(np.array([1.0]), None, np.ones((1, 1)), 4)) == 0


def test_quantiles_to_normal_deviates():
    rows = np.exp(rng.normal(size=(20_000, 2)))
    x = np.exp(rng.normal(size=(500, 2)))
    targets = np.zeros((20_000, 1))
    found = encoded(Quantile(1000), x, rows=rows, targets=targets)
    assert_allclose(found[np.abs(np.log(x)) < 2.5], np.log(x[np.abs(np.log(x)) < 2.5]), atol=0.15)
    assert np.abs(found - np.log(x)).mean() < 0.02
    expected = QuantileTransformer(n_quantiles=1000, output_distribution="normal", subsample=None).fit(rows)
    middle = np.abs(np.log(x)) < 2
    assert_allclose(found[middle], expected.transform(x)[middle], atol=0.02)
    ends = encoded(Quantile(11), np.array([[-1e9, 1e9], [1e9, 0.0]]), rows=rows, targets=targets)
    assert_allclose(np.abs(ends), norm.ppf(1 - 1 / 40))  # of 10 shares of rows, half of half of one
    knots = np.quantile(rows, [0.3, 0.5, 0.9], axis=0, method="inverted_cdf")
    assert_allclose(encoded(Quantile(11), knots, rows=rows, targets=targets), norm.ppf([[0.3], [0.5], [0.9]]) * [1, 1])
    ties = np.concatenate([np.zeros((50, 1)), np.linspace(1, 2, 50)[:, None]])
    value = encoded(Quantile(101), np.zeros((1, 1)), rows=ties, targets=np.zeros((100, 1)))
    assert norm.cdf(value.item()) == pytest.approx(0.25, abs=0.25)
    assert -3 < value.item() < -1


def test_waves():
    x = rng.normal(size=(6, 3))
    z = encoded(Robust(), x)
    for form, linear in (
        ({}, True),
        ({"phase": False, "linear": False, "n_units": 5}, False),
        ({"phase": False, "linear": False, "activation": "relu"}, False),
    ):
        encoding = Periodic(4, sigma=0.7, **form)
        layer = encoding.build(3)
        named = learned(layer)[1]
        y = layer.forward(x[None], learned(layer), ForwardContext(training=False))[0][0].reshape(6, 3, -1)
        for j in range(3):
            angle = 2 * np.pi * z[:, j, None] * named["frequency"][0, j]
            if encoding.phase:
                waves = np.cos(angle + named["phase"][0, j])
            else:
                waves = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
            units = waves @ named["weight"][0].reshape(3, encoding.n_units, -1)[j].T + named["bias"][0, j]
            units = np.maximum(units, 0) if encoding.activation else units
            assert_allclose(y[:, j, : encoding.n_units], units)
        if linear:
            assert_allclose(y[..., -1], z)
    drawn = Periodic(400, sigma=0.25).build(50).leaves()[1].initial(0, np.random.default_rng(0))
    assert drawn["frequency"].std() == pytest.approx(0.25, rel=0.05)
    assert drawn["phase"].min() < -3.1 < 3.1 < drawn["phase"].max() <= np.pi
    assert 0.049 < np.abs(drawn["weight"]).max() <= 1 / 20


def test_one_hot_and_embeddings():
    sizes = (3, 2, 11)
    codes = np.stack([rng.integers(1, n + 1, size=50) for n in sizes], axis=-1).astype(float)
    layer = OneHot().build(sizes)
    y = layer.forward(codes[None], {}, ForwardContext(training=False))[0][0]
    expected = OneHotEncoder(categories=[np.arange(1, n + 1) for n in sizes], sparse_output=False).fit_transform(codes)
    assert_array_equal(y, expected)
    unseen = np.array([[0.0, 2.0, 0.0]])
    y = layer.forward(unseen[None], {}, ForwardContext(training=False))[0][0, 0]
    assert_array_equal(np.flatnonzero(y), [4])
    encoding = Embedding(4, min_categories=3)
    assert encoding.widths(sizes) == (4, 2, 4)
    layer = encoding.build(sizes)
    table = learned(layer)[0]["table"][0]
    y = layer.forward(codes[None], {"table": table[None]}, ForwardContext(training=False))[0][0]
    rows = codes.astype(int) - 1
    assert_array_equal(y, np.hstack([table[rows[:, 0]], expected[:, 3:5], table[3 + rows[:, 2]]]))
    y = layer.forward(unseen[None], {"table": table[None]}, ForwardContext(training=False))[0][0, 0]
    assert_array_equal(y, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    assert table.shape == (14, 4)
    sigma = np.array([0.5]).reshape(1, 1, 1)
    drawn = Embedding(50, sigma=sigma).build((200,)).initial(0, np.random.default_rng(0))["table"]
    assert drawn.std() == pytest.approx(0.5, rel=0.05)


def test_what_members_that_share_rows_compute_once():
    x = rng.normal(size=(2, 5, 3))
    alike = {"a": np.repeat(rng.normal(size=(2, 1, 3)), 3, axis=0)}
    kept, arrays = with_shared_rows(x, alike)
    assert kept is x
    assert_array_equal(arrays["a"], alike["a"][::3])
    own = {"a": rng.normal(size=(6, 1, 3))}
    repeated, arrays = with_shared_rows(x, own)
    assert arrays is own
    assert_array_equal(repeated, np.repeat(x, 3, axis=0))
    whole = rng.normal(size=(6, 5, 3))
    assert with_shared_rows(whole, own)[0] is whole
