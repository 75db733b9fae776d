"""Parameters that were pruned stay zero in every training, and members with a mask train as alone."""

from dataclasses import replace

import numpy as np
import pytest
from nets import classification, member, regression

from skdl import losses, optimizers, penalties
from skdl.execution import train_members
from skdl.execution.plan import groups_of
from skdl.testing import check_members

ROWS = classification(40, 4, 3)
FIRST_ORDER = [name for name in optimizers.names() if not optimizers.resolve(name).full_batch]


def pruned(task, *, seed=0):
    """The task, going on from two epochs of training, half of whose parameters are pruned now."""
    [outcome] = train_members([replace(task, n_epochs=2)])
    mask = np.random.default_rng(seed).random(outcome.state.theta.shape) < 0.5
    state = replace(outcome.state, theta=outcome.state.theta * mask, mask=mask)
    return replace(task, state=state)


@pytest.mark.parametrize("penalty", penalties.names())
@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_stacks_have_equal_bits_and_zeros_stay(optimizer, penalty):
    """With a prior that draws them away from zero, and with momenta of the time before."""
    changes = {"optimizer": optimizers.resolve(optimizer), "penalty": penalties.resolve(penalty), "alpha": 0.1}
    if not (changes["penalty"].projects or changes["penalty"].on_activations):
        changes["prior"] = np.full(44, 0.5, np.float32)  # 4 x 4, 4 x 4 and 4 x 3 weights
    members = [pruned(member(ROWS, (4, 4), seed=i, **changes), seed=i) for i in range(3)]  # of which two may be tied
    for each, outcome in zip(members, check_members(members), strict=True):
        free = each.state.mask[0]
        assert not outcome.theta[0][~free].any()
        assert (outcome.theta != each.state.theta)[0][free].mean() > 0.5
        assert np.array_equal(outcome.state.mask, each.state.mask)


def test_a_mask_of_ones_changes_nothing():
    task = member(ROWS, penalty=penalties.L1(), optimizer=optimizers.AdamW(weight_decay=0.1, clip_norm=0.5))
    [outcome] = train_members([task])
    whole = replace(task, state=outcome.state)
    masked = replace(task, state=replace(outcome.state, mask=np.ones_like(outcome.state.theta, dtype=bool)))
    assert len(groups_of([whole, masked])) == 2
    one, other = train_members([whole, masked])
    assert np.array_equal(one.theta, other.theta)


def test_the_gradient_is_clipped_by_its_free_part():
    """A step of plain descent from a pruned state is the gradient's, by the free parameters alone."""
    task = member(ROWS, optimizer=optimizers.SGD(0.5), batch_size=40, shuffle=False, alpha=0.0, dtype=np.float64)
    start = pruned(replace(task, rows=classification(40, 4, 3, dtype=np.float64)))
    start = replace(start, n_epochs=1)
    [free] = train_members([start])
    step = free.theta - start.state.theta
    clipped = replace(start, optimizer=optimizers.SGD(0.5, clip_norm=1e-3))
    [short] = train_members([clipped])
    expected = step / np.linalg.norm(step) * 0.5e-3
    np.testing.assert_allclose(short.theta - start.state.theta, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(free.state.progress[0].history[-1]["gradient_norm"], np.linalg.norm(step) / 0.5)


def test_a_search_over_all_rows_has_no_slope_where_it_may_not_go():
    rows = regression(40, 4, 2, dtype=np.float64)
    task = member(rows, dtype=np.float64, loss=losses.SquaredError(), optimizer=optimizers.LBFGS(), batch_size=40)
    start = replace(pruned(task), n_epochs=300, tol=1e-6)
    [outcome] = train_members([start])
    free = start.state.mask[0]
    assert outcome.stop_reason == "converged"  # all of the gradient that counts is below tol
    assert not outcome.theta[0][~free].any()
    assert (outcome.theta != start.state.theta)[0][free].mean() > 0.8
