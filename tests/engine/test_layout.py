"""Where parameters lie: penalised ones first, each in its own place, and views that write through."""

import numpy as np
import pytest
from nets import architecture

from skdl.engine import Network
from skdl.engine.layout import Layout
from skdl.plugins import ParameterSpec

LEAVES = [
    [ParameterSpec("weight", (3, 4), "weight"), ParameterSpec("bias", (1, 4), "bias")],
    [ParameterSpec("gamma", (1, 4))],
    [ParameterSpec("weight", (4, 2), "weight"), ParameterSpec("bias", (1, 2), "bias")],
]
ENTRIES = [(leaf, spec) for leaf, specs in enumerate(LEAVES) for spec in specs]


@pytest.fixture
def layout():
    return Layout(LEAVES)


def test_sizes(layout):
    assert layout.size == 12 + 4 + 4 + 8 + 2
    assert layout.n_penalised == 12 + 8


def test_a_tied_weight_is_the_other_one_transposed():
    lower, upper = ParameterSpec("weight", (3, 4), "weight", tie="a"), ParameterSpec("bias", (1, 4), "bias")
    layout = Layout([[lower, upper], [ParameterSpec("weight", (4, 3), "weight", tie="a", is_transposed=True)]])
    assert (layout.size, layout.n_penalised) == (16, 12)
    views = layout.views(np.arange(32.0).reshape(2, 16))
    assert np.shares_memory(views[0]["weight"], views[1]["weight"])
    np.testing.assert_array_equal(views[1]["weight"], views[0]["weight"].transpose(0, 2, 1))


def test_views_partition_the_flat_array(layout):
    flat = np.zeros((2, layout.size))
    for number, (leaf, spec) in enumerate(ENTRIES, start=1):
        layout.views(flat)[leaf][spec.name] += number
    counts = {number: np.count_nonzero(flat == number) for number in range(1, 6)}
    assert counts == {number: 2 * spec.size for number, (_, spec) in enumerate(ENTRIES, start=1)}  # nothing overlaps
    assert not (flat == 0).any()


def test_penalised_parameters_come_first(layout):
    flat = np.zeros((1, layout.size))
    for leaf, spec in ENTRIES:
        layout.views(flat)[leaf][spec.name][...] = spec.role == "weight"
    assert flat[0, : layout.n_penalised].all()
    assert not flat[0, layout.n_penalised :].any()


def test_views_have_the_members_first_and_share_memory(layout):
    flat = np.arange(3.0 * layout.size).reshape(3, -1)
    views = layout.views(flat)
    for leaf, spec in ENTRIES:
        view = views[leaf][spec.name]
        assert view.shape == (3, *spec.shape)
        assert np.shares_memory(view, flat)
        one = layout.views(flat[1:2])[leaf][spec.name]
        assert np.array_equal(view[1:2], one)  # a member lies in a row


def test_fill_writes_one_member(layout):
    rng = np.random.default_rng(0)
    values = [{}, {}, {}]
    for leaf, spec in ENTRIES:
        values[leaf][spec.name] = rng.normal(size=spec.shape)
    flat = np.zeros((3, layout.size), np.float32)
    layout.fill(flat, 1, values)
    assert not flat[0].any()
    assert not flat[2].any()
    for leaf, spec in ENTRIES:
        stored = layout.views(flat)[leaf][spec.name][1]
        assert np.array_equal(stored, values[leaf][spec.name].astype(np.float32))


def test_no_parameters():
    layout = Layout([[], []])
    assert layout.size == 0
    assert layout.views(np.zeros((3, 0))) == [{}, {}]


def test_parameters_of_a_network_by_hand():
    network = Network([architecture(3, (4, 2), 5, normalization="batch")], np.float32)
    weights, biases, scales = 3 * 4 + 4 * 2 + 2 * 5, 4 + 2 + 5, 2 * (4 + 2)
    assert network.layout.size == weights + biases + scales
    assert network.layout.n_penalised == weights
    assert network.buffer_layout.size == 2 * (4 + 2)


def test_initial_parameters():
    networks = [architecture(3, (4,), 2, normalization="batch")] * 2
    network = Network(networks, np.float32)
    theta, buffers = network.initial([np.random.default_rng(seed) for seed in (5, 6)])
    assert theta.dtype == buffers.dtype == np.float32
    for i, seed in enumerate((5, 6)):
        generator = np.random.default_rng(seed)
        first = networks[0].initializers[0].draw(generator, 3, 4).astype(np.float32)
        last = networks[0].initializers[1].draw(generator, 4, 2).astype(np.float32)
        arrays = network.arrays(theta[i : i + 1], buffers[i : i + 1])
        found = [named for named in arrays if "weight" in named]
        assert np.array_equal(found[0]["weight"][0], first)
        assert np.array_equal(found[1]["weight"][0], last)
        assert all(not named["bias"].any() for named in found)
        [between] = [named for named in arrays if "gamma" in named]
        assert (between["gamma"] == 1).all()
        assert not between["beta"].any()
        assert not between["mean"].any()
        assert (between["variance"] == 1).all()
