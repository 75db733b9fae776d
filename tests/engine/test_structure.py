"""The structure of a fit: every field counts that is not marked, and what does not count never changes a result."""

from dataclasses import dataclass, field, fields, replace

import numpy as np
import pytest
from nets import architecture, classification, member

from skdl import activations, initializers, optimizers, penalties, schedules
from skdl._augmenting import Augmenter
from skdl._protocols import RowLayout
from skdl._structure import PER_MEMBER, RUN_TIME, counts_by, stand_in, structure_of
from skdl.augmentations import GaussianNoise, Masking
from skdl.engine import FullFunction, Network, Progress, TrainingSpec
from skdl.execution import train_members
from skdl.execution.plan import groups_of
from skdl.layers.architecture import Architecture
from skdl.testing import check_members

ROWS = classification(40, 4, 3)
OTHER_ROWS = classification(41, 4, 3, seed=1)
NOISE = Augmenter([GaussianNoise()], RowLayout(None, np.ones(4, bool)))
HALF = replace(ROWS, index=np.arange(20))


def described(**changes):
    network = replace(architecture(4, (5, 5), 3, dropout=0.2), activity=penalties.ActivityL1(), activity_alpha=0.01)
    return replace(network, **changes)


def one(**changes):
    return member(changes.pop("rows", ROWS), **{"architecture": described(), **changes})


def marks(description):
    """The fields of a description by their metadata: not marked, counted by a function, not counted."""
    by = {name: [] for name in ("value", "function", "nothing")}
    for each in fields(description):
        mark = next(iter(each.metadata.values()), "value")
        by["nothing" if mark is None else "function" if callable(mark) else mark].append(each.name)
    return by


@pytest.mark.parametrize("description", [described(), one()], ids=["architecture", "member"])
def test_each_field_counts_unless_it_is_marked(description):
    by = marks(description)
    assert len(by["value"]) >= 6
    for name in by["value"]:
        value = getattr(description, name)
        other = value + 1 if type(value) is int else object()
        assert replace(description, **{name: other}).structure != description.structure, name
    for name in by["nothing"]:
        assert replace(description, **{name: object()}).structure == description.structure, name


# What a field that counts by a function tells apart, and what it does not: two values each.
FUNCTIONS = {
    "dropouts": ([(0.1, 0.2, 0.0), (0.0, 0.2, 0.2)], [(0.1, 0.2, 0.2), (0.3, 0.1, 0.4)]),
    "noise": ([0.0, 0.1], [0.1, 0.4]),
    "penalty": (
        [penalties.L1(), penalties.ElasticNet(0.0), penalties.ElasticNet(0.5)],
        [penalties.ElasticNet(0.5), penalties.ElasticNet(0.7)],
    ),
    "alpha": (
        [0.0, 0.1, np.zeros(60, np.float32), np.full(60, 0.1, np.float32)],
        [np.full(60, 0.1, np.float32), np.linspace(0, 1, 60, dtype=np.float32)],
    ),
    "rows": ([ROWS, classification(49, 4, 3)], [ROWS, OTHER_ROWS]),
    "dtype": ([np.float32, np.float64], [np.float32, np.dtype("float32")]),
    "n_epochs": ([0, 1], [1, 3]),
    "validation": ([None, ROWS], [ROWS, replace(OTHER_ROWS, index=np.arange(40)), HALF, OTHER_ROWS, ROWS]),
    "state": (["trained", "pruned"], [None, "trained"]),
    "pruned": ([None, {1: {"bias": np.ones((1, 5), bool)}}], [{1: {"bias": np.eye(5, dtype=bool)[:1]}}, {2: {}}]),
    "augmenter": ([None, NOISE], [NOISE, Augmenter([Masking(0.2)], NOISE.layout)]),
    "prior": ([None, np.zeros(60, np.float32)], [np.zeros(60, np.float32), np.ones(60, np.float32)]),
}
# What does not count, and has a part in the numbers: members of one stack may differ in it.
UNCOUNTED = {
    "initializers": [(initializers.resolve(name),) * 3 for name in ("glorot_uniform", "he_normal")],
    "activity_alpha": [0.0, 0.1],
    "generator": [np.random.default_rng(0), np.random.Generator(np.random.MT19937(1))],
    "shuffle": [True, False],
    "tol": [0.0, 10.0],
    "patience": [None, 0, 1],
    "score": [lambda raw: float(raw.mean()), lambda raw: -float(raw.mean())],
    "max_time": [None, 1e-12],
    "function": [None, FullFunction],  # optimizers of all rows train one member at a time
    "resume": [False, True],
    "idle": [(None, None), (np.arange(4) > 2, np.arange(3) > 1)],
    "keeps": [None, "loss", "validation_loss"],
    "report": [None, lambda record: record["epoch"] == 2],
    "begin": [None, lambda copy: copy()],
    "abandoned": [None, lambda: True],
    "learning_rate_factors": [{}, {"bias": 0.1}, {"weight": 0.5, "last_weight": 0.1}],
    "weight_decay_factors": [{}, {"bias": 1.0}, {"weight": 0.5}],
    "watch": [None, lambda record, reason: None],
    "judged": [None, {2}],
    "evaluates_all": [False, True],
    "scaling": [None, lambda raw: np.full(3, 0.5, raw.dtype)],
    "progress": [None, Progress(phase=1)],
    "taken": [None, {1: {"weight": np.full((4, 5), 0.1), "bias": np.ones((1, 5))}}],
    "moving": [None, np.ones(4, bool)],
}


SCORED = (
    "score",
    "keeps",
    "judged",
    "evaluates_all",
    "scaling",
)  # what has a part in it only where there are validation rows


def test_all_marked_fields_are_tested():
    found = [marks(description) for description in (described(), one())]
    assert {name for by in found for name in by["function"]} == set(FUNCTIONS)
    assert {name for by in found for name in by["nothing"]} == set(UNCOUNTED)


def with_value(name, value, **changes):
    """The member with one field changed, its architecture's or its own."""
    if name in {each.name for each in fields(Architecture)}:
        return one(**changes, architecture=described(**{name: value}))
    if name == "state" and value is not None:
        [outcome] = train_members([one()])
        is_kept = np.arange(outcome.theta.size)[None] % 3 > 0
        masked = replace(outcome.state, theta=outcome.theta * is_kept, mask=is_kept)
        value = masked if value == "pruned" else outcome.state
    return one(**{**changes, name: value})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_field_that_counts_by_a_function(name):
    different, alike = FUNCTIONS[name]
    changes = {"penalty": penalties.L1()} if name in ("alpha", "prior") else {}
    members = [with_value(name, value, **changes) for value in different]
    assert len(groups_of(members)) == len(members)
    check_members(members)
    members = [with_value(name, value, **changes) for value in alike]
    assert len(groups_of(members)) == 1
    check_members(members)


@pytest.mark.parametrize("name", UNCOUNTED)
def test_what_does_not_count_may_differ_in_a_stack(name):
    changes = {"validation": HALF, "score": lambda raw: float(raw.std())} if name in SCORED else {}
    changes |= {"judged": {2}} if name == "evaluates_all" else {}
    changes |= {"optimizer": optimizers.AdamW(weight_decay=0.1)} if name.endswith("_factors") else {}
    values = UNCOUNTED[name]
    if name == "resume":
        [outcome] = train_members([one(n_epochs=1)])
        changes["state"] = outcome.state
    members = [with_value(name, value, **changes) for value in values]
    assert len(groups_of(members)) == 1
    check_members(members)


def test_a_new_field_of_a_network_keeps_fits_apart(monkeypatch):
    """A field that somebody adds, and that changes the training, without a thought for stacks."""

    @dataclass(frozen=True)
    class Doubling(Architecture):
        doubled: bool = False

    class DoublingNetwork(Network):
        def __init__(self, members, dtype):
            super().__init__(members, dtype)
            self.doubled = members[0].doubled

        def forward(self, x, arrays, run):
            y, backprop = super().forward(x, arrays, run)
            factor = 1 + self.doubled
            return y * factor, lambda dy, gradients, needed: backprop(dy * factor, gradients, needed)

    monkeypatch.setattr("skdl.engine.train.Network", DoublingNetwork)
    described = vars(architecture(4, (5,), 3))
    members = [member(ROWS, architecture=Doubling(**described, doubled=doubled)) for doubled in (False, True)]
    assert groups_of(members) == [[0], [1]]
    plain, doubled = check_members(members)
    assert plain.state.progress[0].losses != doubled.state.progress[0].losses


def test_a_new_field_of_a_member_keeps_fits_apart():
    @dataclass(frozen=True)
    class Longer(TrainingSpec):
        n_draws: int = 1

    given = vars(one())
    assert len({Longer(**given, n_draws=n_draws).structure for n_draws in (1, 2, 2)}) == 2
    assert Longer(**given).structure != one().structure


@dataclass
class Description:
    """Fields of all kinds; equal arrays and lists are equal, though they are not the same."""

    value: object
    own: float = field(default=0.0, metadata=PER_MEMBER)
    called: object = field(default=None, metadata=RUN_TIME)
    sign: float = field(default=1.0, metadata=counts_by(lambda this: this.sign > 0))
    documented: int = field(default=0, metadata={"doc": "Metadata of another kind leave a field counted."})


def test_a_description_counts_by_its_fields():
    structure = structure_of(Description(1))
    assert hash(structure) == hash(structure_of(Description(1)))
    assert structure == structure_of(Description(1, own=3.0, called=print, sign=0.5))
    assert structure not in {
        structure_of(Description(2)),
        structure_of(Description(1, sign=-1.0)),
        structure_of(Description(1, documented=1)),
    }


class Unhashable:
    """An object of which nothing is known, not even its repr."""

    __hash__ = None

    def __repr__(self):
        return "Unhashable()"


@pytest.mark.parametrize(
    ("value", "equal", "others"),
    [
        (np.arange(3), np.arange(3), [np.arange(3.0), np.arange(3)[:, None], np.arange(1, 4)]),
        (np.arange(5000.0), np.arange(5000.0), [np.arange(5000.0) + (np.arange(5000) == 2500)]),  # of one repr
        ([1, [2, 3]], [1, [2, 3]], [[1, 2, 3], [1, [2, 4]]]),
        ({"a": [1]}, {"a": [1]}, [{"a": [2]}, {"b": [1]}]),
        ((activations.LeakyReLU(0.1), None), (activations.LeakyReLU(0.2), None), [(activations.ReLU(), None), (None,)]),
        (Description(np.ones(2)), Description(np.ones(2), own=2.0), [Description(np.zeros(2))]),
        (optimizers.Adam(0.1), optimizers.Adam(0.2), [optimizers.Adam(0.1, clip_norm=1.0), schedules.Constant()]),
        (shared := Unhashable(), shared, [Unhashable()]),
        (None, None, [0, ()]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_stand_for_others(value, equal, others):
    found = stand_in(value)
    assert found == stand_in(equal)
    assert hash(found) == hash(stand_in(equal))
    assert found not in [stand_in(other) for other in others]
