"""Schedules against their formulas, step by step in plain Python."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdl import MLPRegressor, schedules
from skdl.testing import check_estimator_members
from skdl.testing._rules import variants

STEPS, EPOCHS = 3, 8  # an epoch's, and the fit's


def factors(schedule, n_steps=STEPS * EPOCHS):
    """The factors in all steps, asked epoch by epoch as the engine does."""
    done = [np.arange(a, min(a + STEPS, n_steps), dtype=float)[None] for a in range(0, n_steps, STEPS)]
    parts = [schedule.factor(step, steps_per_epoch=STEPS, max_epochs=EPOCHS) for step in done]
    return np.concatenate([np.broadcast_to(part, step.shape)[0] for part, step in zip(parts, done, strict=True)])


def half_wave(u):
    return (1 + math.cos(math.pi * u)) / 2


def one_cycle(u, rise=0.3, start=0.04, end=4e-6):
    if u < rise:
        return start + (1 - start) * (1 - half_wave(u / rise))
    return end + (1 - end) * half_wave((u - rise) / (1 - rise))


def cos_log(u, n):
    return (1 - math.cos(2 * math.pi * math.log2(1 + (2**n - 1) * u))) / 2


TOTAL = STEPS * EPOCHS
CASES = [
    (schedules.Constant(), lambda t: 1.0),
    (schedules.Exponential(0.9), lambda t: 0.9 ** (t // STEPS)),
    (schedules.StepDecay(3, gamma=0.1), lambda t: 0.1 ** (t // STEPS // 3)),
    (schedules.InverseTime(0.5), lambda t: 1 / (1 + 0.5 * t / STEPS)),
    (schedules.Polynomial(), lambda t: 1 - t / TOTAL),
    (schedules.Polynomial(2.5, end=0.2), lambda t: 0.2 + 0.8 * (1 - t / TOTAL) ** 2.5),
    (schedules.Cosine(), lambda t: half_wave(t / TOTAL)),
    (schedules.Cosine(2, end=0.1), lambda t: 0.1 + 0.9 * half_wave(t % (2 * STEPS) / (2 * STEPS))),
    (schedules.OneCycle(), lambda t: one_cycle(t / TOTAL)),
    (schedules.OneCycle(0.5, start=0.0, end=0.2), lambda t: one_cycle(t / TOTAL, 0.5, 0.0, 0.2)),
    (schedules.CosLog(), lambda t: cos_log(t / TOTAL, 4)),
    (schedules.CosLog(2), lambda t: cos_log(t / TOTAL, 2)),
    (schedules.FlatCos(), lambda t: 1.0 if t <= TOTAL / 2 else half_wave(2 * t / TOTAL - 1)),
    (schedules.FlatCos(0.2, end=0.1), lambda t: 0.1 + 0.9 * half_wave(max(t / TOTAL - 0.2, 0) / 0.8)),
    (schedules.Warmup(epochs=2), lambda t: min((t + 1) / (2 * STEPS), 1)),
    (
        schedules.Warmup("cosine", epochs=2),
        lambda t: (t + 1) / 6 if t < 6 else half_wave((t - 6) / (TOTAL - 6)),
    ),
    (schedules.Warmup(schedules.Exponential(0.5), epochs=0.34), lambda t: 0.5 ** (max(t - 1, 0) // STEPS)),
    (schedules.Plateau(), lambda t: 1.0),
]


@pytest.mark.parametrize(("schedule", "formula"), CASES, ids=lambda case: repr(case) if not callable(case) else "")
def test_schedule_is_its_formula(schedule, formula):
    assert_allclose(factors(schedule), [formula(t) for t in range(TOTAL)], rtol=1e-13, atol=1e-15)


def test_every_schedule_is_here():
    assert {type(schedule) for schedule, _ in CASES} == {type(schedules.resolve(name)) for name in schedules.names()}


@pytest.mark.parametrize("growth", [1.0, 1.5, 2.0])
def test_warm_restarts(growth):
    """Each cycle begins at 1 and falls; its length is the one before, times the growth."""
    found = factors(schedules.Cosine(2, growth=growth), 4 * TOTAL)
    starts = np.flatnonzero(np.r_[True, np.diff(found) > 0])
    lengths = [2 * STEPS * growth**i for i in range(len(starts))]
    expected = np.ceil(np.r_[0, np.cumsum(lengths)][: len(starts)])
    assert starts.tolist() == expected.tolist()
    if growth != 1.5:  # whole numbers of steps
        assert np.array_equal(found[starts], np.ones(len(starts)))


@pytest.mark.parametrize(
    ("epochs", "ends"), [(21, [3, 9, 21]), (7, [1, 3, 7]), (10, [1, 4, 10]), (2, [1, 2]), (1, [1])]
)
def test_cycles_over_the_whole_fit(epochs, ends):
    """Three cycles, each twice as long as the one before, of whole epochs: 1, 3 and 7 sevenths of the fit."""
    cosine = schedules.Cosine(n_cycles=3, growth=2.0, end=0.25)
    found = cosine.factor(np.arange(4.0 * epochs)[None], steps_per_epoch=4, max_epochs=epochs)[0]
    expected = []
    for begin, end in zip([0, *ends], ends, strict=False):
        u = np.arange(4 * (end - begin)) / (4 * (end - begin))
        expected += [*(0.25 + 0.75 * (1 + np.cos(np.pi * u)) / 2)]
    assert_allclose(found, expected, rtol=1e-14)
    assert list(cosine.annealed_epochs(epochs)) == ends
    assert cosine.factor(np.array([[4.0 * epochs, 1e6]]), steps_per_epoch=4, max_epochs=epochs).tolist() == [
        [0.25, 0.25]
    ]


def test_cycles_without_an_end_are_not_counted():
    with pytest.raises(ValueError, match="n_cycles=3 has no effect with cycle=2"):
        schedules.Cosine(2, n_cycles=3).validate()
    assert len(schedules.Cosine(n_cycles=100, growth=1e9).annealed_epochs(30)) == 30  # all of one length is all


def test_after_the_planned_end():
    assert_allclose(factors(schedules.Cosine(end=0.1), 2 * TOTAL)[TOTAL:], 0.1)
    assert_allclose(factors(schedules.Polynomial(end=0.1), 2 * TOTAL)[TOTAL:], 0.1)
    assert_allclose(factors(schedules.OneCycle(end=0.1), 2 * TOTAL)[TOTAL:], 0.1)
    assert_allclose(factors(schedules.FlatCos(end=0.1), 2 * TOTAL)[TOTAL:], 0.1)
    assert_allclose(factors(schedules.CosLog(), 2 * TOTAL)[TOTAL:], 0.0, atol=1e-15)


def test_cycles_of_growing_length():
    """The zeros of the reference's coslog4 are at 0, 1/15, 3/15, 7/15 and 1, and between them it comes to 1."""
    zeros = schedules.CosLog().factor(np.array([[0.0, 1, 3, 7, 15]]), steps_per_epoch=5, max_epochs=3)
    assert_allclose(zeros, 0, atol=1e-14)
    peaks = (2 ** (np.arange(4) + 0.5) - 1) / 15
    found = schedules.CosLog().factor(1000 * peaks[None], steps_per_epoch=100, max_epochs=10)
    assert_allclose(found, 1, rtol=1e-14)


class TestPlateau:
    def test_falls_after_patience_epochs_without_progress(self):
        plateau = schedules.Plateau(0.1, patience=2, threshold=0.1, min_factor=0.005)
        losses = [1.0, 0.95, 0.8, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.1]
        found = [plateau.epoch_factor(losses[:epoch]) for epoch in range(len(losses) + 1)]
        assert found == pytest.approx([1, 1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.005, 0.005])

    def test_all_others_do_not_react(self):
        for name in schedules.names():
            if name != "plateau":
                assert schedules.resolve(name).epoch_factor([1.0] * 100) == 1.0

    def test_after_a_warmup(self):
        warm = schedules.Warmup(schedules.Plateau(0.1, patience=2), epochs=3)
        assert warm.epoch_factor([1.0] * 5) == 1.0
        assert warm.epoch_factor([1.0] * 6) == 0.1


def test_what_follows_a_warmup():
    with pytest.raises(ValueError, match="'schedule' parameter of Warmup must be one of"):
        schedules.Warmup("constantly").validate()
    with pytest.raises(ValueError, match="'gamma' parameter of Exponential"):
        schedules.Warmup(schedules.Exponential(2.0)).validate()
    warm = schedules.Warmup(schedules.Exponential()).set_params(schedule__gamma=0.5)
    assert warm.get_params() == {"schedule": warm.schedule, "schedule__gamma": 0.5, "epochs": 1}


@pytest.mark.parametrize("schedule", [schedule for schedule, _ in CASES], ids=repr)
def test_members_of_a_stack_equal_their_lone_fits(schedule):
    X = np.random.default_rng(0).normal(size=(60, 3))
    members = [
        MLPRegressor((5,), schedule=member, max_iter=4, batch_size=16, random_state=i)
        for i, member in enumerate(variants(schedule))
    ]
    check_estimator_members(members, X, X[:, 0] ** 2)
