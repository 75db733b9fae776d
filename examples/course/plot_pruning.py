r"""
Pruning: most weights are not needed
====================================

A trained network has many weights near zero. Magnitude pruning sets those with :math:`|w| \le t` to zero for good, and
trains on with the rest. The lecture claims: most weights can go at little cost; to prune step by step, with training in
between, is better than to prune at once; and an L1 penalty prepares a network for it. Here each claim is tried on the
digits, with :func:`skdl.prune`, and in the end whole units are taken out.
"""

# %%
# A dense network
# ---------------
# Two hidden layers of 64 units, and the same once more with an L1 penalty, which makes some weights exactly zero.

import pickle
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier, prune
from skdl.optimizers import Adam

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)
plain = {
    "encoding": None,
    "early_stopping": False,
    "optimizer": Adam(learning_rate=0.002),
    "schedule": "constant",
    "max_iter": 40,
}
SEEDS = range(2)
dense = [MLPClassifier((64, 64), alpha=0.0, random_state=seed, **plain).fit(X_train, y_train) for seed in SEEDS]
with_l1 = [
    MLPClassifier((64, 64), penalty="l1", alpha=0.002, random_state=seed, **plain).fit(X_train, y_train)
    for seed in SEEDS
]


def accuracy(networks):
    """The mean over the seeds, on rows that were not trained on."""
    return np.mean([network.score(X_test, y_test) for network in networks])


def weights(network):
    """All weights of the hidden layers: what is pruned by default."""
    return np.concatenate([coef.ravel() for coef in network.coefs_[:-1]])


print(f"dense:   accuracy {accuracy(dense):.3f}, weights at zero {np.mean(weights(dense[0]) == 0):.0%}")
print(f"with L1: accuracy {accuracy(with_l1):.3f}, weights at zero {np.mean(weights(with_l1[0]) == 0):.0%}")

# %%
# What is pruned
# --------------
# Magnitudes are those of the weights for *standardised* inputs. The public ``coefs_`` are for the pixels as they are,
# and depend on their units: in other units other weights are large, but the same ones are pruned.

units = np.random.default_rng(0).choice([0.01, 1.0, 100.0], X.shape[1])
other_units = MLPClassifier((64, 64), alpha=0.0, random_state=0, dtype="float64", **plain).fit(X_train * units, y_train)
same_units = MLPClassifier((64, 64), alpha=0.0, random_state=0, dtype="float64", **plain).fit(X_train, y_train)
pruned = [prune(network, amount=0.9).coefs_[0] == 0 for network in (other_units, same_units)]
assert np.array_equal(*pruned)

# %%
# By steps, or at once
# --------------------
# Training goes on from the weights that are left: zeros stay zero. The network that is pruned by steps is trained for
# five epochs after each; one that is pruned at once gets as many epochs as the other had on its way.

SHARES = [1.0, 0.3, 0.1, 0.05, 0.02, 0.01]  # of the weights that are left
EPOCHS = 5


def trained(networks, n_epochs):
    """The networks, trained on."""
    if not n_epochs:
        return networks
    return [network.set_params(warm_start=True, max_iter=n_epochs).fit(X_train, y_train) for network in networks]


curves = {"at once, not trained on": [], "at once": [], "by steps": [], "at once, after L1": []}
steps = dense
for i, share in enumerate(SHARES):
    at_once = [prune(network, amount=1 - share) for network in dense]
    curves["at once, not trained on"].append(accuracy(at_once))
    curves["at once"].append(accuracy(trained(at_once, EPOCHS * i)))
    steps = trained([prune(network, amount=1 - share) for network in steps], EPOCHS if i else 0)
    curves["by steps"].append(accuracy(steps))
    after_l1 = [prune(network, amount=1 - share) for network in with_l1]
    curves["at once, after L1"].append(accuracy(trained(after_l1, EPOCHS * i)))

n_hidden = weights(dense[0]).size
assert np.count_nonzero(weights(steps[0])) <= round(0.01 * n_hidden) + 1  # trained on in five rounds, and as sparse
print("share of weights ", *(f"{share:6.0%}" for share in SHARES))
for name, curve in curves.items():
    print(f"{name:24}", *(f"{value:6.3f}" for value in curve))

figure, ax = plt.subplots(layout="constrained")
for (name, curve), marker in zip(curves.items(), "sov^", strict=True):
    ax.plot(SHARES, curve, marker=marker, label=name)
ax.set(xscale="log", xlabel="share of the hidden layers' weights that is left", ylabel="accuracy on the test rows")
ax.set_xticks(SHARES, [f"{share:.0%}" for share in SHARES])
ax.xaxis.set_minor_locator(plt.NullLocator())
ax.invert_xaxis()
ax.legend()
plt.show()

# %%
# Nine weights of ten can go, and after a few epochs of training the accuracy is as before; without them it breaks down
# much earlier. To prune by steps, or after an L1 penalty, pays where next to nothing is left: at one weight of a
# hundred.
#
# A smaller network
# -----------------
# Zeros still take memory and time: the matrices have the shapes they had. ``structured=True`` takes out whole units,
# those with the least product of the norms of weights into them and out of them. What is left is an ordinary network
# with smaller layers.

N_UNITS = [64, 32, 16, 8, 4]
small = {"units at once, not trained on": [], "units at once": []}
sizes = []
for i, n_units in enumerate(N_UNITS):
    networks = [prune(network, amount=1 - n_units / 64, structured=True) for network in dense]
    assert networks[0].hidden_layer_sizes == (n_units, n_units)
    sizes.append(networks[0].n_parameters_)
    small["units at once, not trained on"].append(accuracy(networks))
    small["units at once"].append(accuracy(trained(networks, EPOCHS * i)))

print("units       ", *(f"{n:6}" for n in N_UNITS))
print("parameters  ", *(f"{n:6}" for n in sizes))
for name, curve in small.items():
    print(f"{name:30}", *(f"{value:6.3f}" for value in curve))

figure, ax = plt.subplots(layout="constrained")
for (name, curve), marker in zip(small.items(), "so", strict=True):
    ax.plot(sizes, curve, marker=marker, label=name)
n_kept = [share * n_hidden + dense[0].n_parameters_ - n_hidden for share in SHARES]
ax.plot(n_kept, curves["at once"], marker="v", label="weights at once")
ax.set(xscale="log", xlabel="numbers in the network that are not zero", ylabel="accuracy on the test rows")
ax.invert_xaxis()
ax.legend()
plt.show()

# %%
# Down to some 1500 numbers, single weights are the better choice, for any of them may go. Then the output layer and the
# biases, which are pruned only with their units, are most of what is left, and smaller layers are better. They are also
# really smaller, as the file and the time to predict show for larger ones.

large = MLPClassifier((512, 256), random_state=0, **{**plain, "max_iter": 1}).fit(X_train, y_train)
half = prune(large, amount=0.5, structured=True)
rows = np.tile(X, (5, 1))
for name, network in (("all units", large), ("half of them", half)):
    started = time.perf_counter()
    network.predict(rows)
    seconds = time.perf_counter() - started
    size = f"{network.n_parameters_:7} numbers, {len(pickle.dumps(network)) // 1000:5} kB"
    print(f"{name:12} {size}, {1e3 * seconds:5.1f} ms for {len(rows)} rows")
assert len(pickle.dumps(half)) < 0.5 * len(pickle.dumps(large))

# %%
# Units that do nothing
# ---------------------
# A unit without weights out of it, or without weights into it, adds the same to each row. To take it out changes no
# prediction, if what it has added goes to the biases of the layer above: that is what ``prune`` does.

network = MLPClassifier((64, 64), random_state=0, dtype="float64", **plain).fit(X_train, y_train)
network.coefs_[0][:, :10] = 0.0  # ten units that give the same for all rows
network.coefs_[1][10:20] = 0.0  # ten to which nobody listens
without = prune(network, threshold=0.0, structured=True)
print("units:", network.hidden_layer_sizes, "->", without.hidden_layer_sizes)
assert without.hidden_layer_sizes == (44, 64)
assert np.allclose(without.predict_proba(X_test), network.predict_proba(X_test), rtol=1e-6)

# %%
# A rectifier is *dead* when what comes to it is negative for each row. Its weights do not show that, but with ``X`` a
# unit counts by the standard deviation of what it gives for these rows.

rectifiers = MLPClassifier((64, 64), activation="relu", random_state=0, dtype="float64", **plain).fit(X_train, y_train)
rectifiers.intercepts_[0][:7] -= 100.0  # as after too long a step
alive = prune(rectifiers, threshold=0.0, structured=True, X=X_train)
hidden = np.maximum(X_train @ rectifiers.coefs_[0] + rectifiers.intercepts_[0], 0)
n_dead = int((hidden == 0).all(axis=0).sum())
print(
    "dead units of the first layer:",
    n_dead,
    "and units:",
    rectifiers.hidden_layer_sizes,
    "->",
    alive.hidden_layer_sizes,
)
assert alive.hidden_layer_sizes[0] == 64 - n_dead
assert np.allclose(alive.predict_proba(X_train), rectifiers.predict_proba(X_train), rtol=1e-6)
