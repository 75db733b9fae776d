r"""
Initialisation: how variance travels
====================================

With independent weights of mean zero, a layer of :math:`n_{in}` inputs :math:`h` has units
:math:`z = \sum_i w_i h_i` of the variance

.. math:: Var[z] = n_{in} \, Var[w] \, E[h^2],

and on the way back a gradient has :math:`n_{out} Var[w]` times the variance of the one above. Over many layers these
factors multiply: below one, all that is known of the input vanishes; above one, it explodes. The lecture's cures choose
:math:`Var[w]`: :math:`1/n_{in}` (Xavier), :math:`2/(n_{in} + n_{out})` (Glorot, both ways), :math:`2/n_{in}` (He,
since a rectifier lets half of the square pass). Here each is seen on a deep network, before any training.
"""

# %%
# Six ways to begin
# -----------------
# "N(0, 0.01)" is written with its variance: ``Normal(std=0.1)``. The uniform distribution of Glorot has the variance
# :math:`2/(n_{in} + n_{out})` for the bound :math:`\sqrt{6/(n_{in} + n_{out})}`.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdl import MLPClassifier
from skdl.initializers import GlorotNormal, GlorotUniform, HeNormal, Normal, Xavier
from skdl.inspection import ActivationDisplay
from skdl.optimizers import SGD

X, y = load_digits(return_X_y=True)
DEPTH, WIDTH = 8, 100
INITIALIZERS = {
    "N(0, 0.01)": Normal(std=0.1),
    "N(0, 1)": Normal(std=1.0),
    "Xavier": Xavier(),
    "Glorot": GlorotNormal(),
    "Glorot, uniform": GlorotUniform(),
    "He": HeNormal(),
}
bound = np.sqrt(6 / (WIDTH + WIDTH))
drawn = GlorotUniform().draw(np.random.default_rng(0), WIDTH, WIDTH)
assert np.abs(drawn).max() <= bound
assert np.isclose(drawn.var(), bound**2 / 3, rtol=0.05)  # the variance of a uniform distribution
assert np.isclose(bound**2 / 3, 2 / (WIDTH + WIDTH))


def untrained(activation, names, **options):
    """Deep networks with each initialisation."""
    options = {"encoding": None, "random_state": 0, **options}
    return {
        name: MLPClassifier(
            (WIDTH,) * DEPTH, activation=activation, initializer=INITIALIZERS[name], **options
        ).initialize(X, y)
        for name in names
    }


# %%
# Rectifiers
# ----------
# Forward and back, the deviation of each layer. With He's variance both stay; with N(0, 1) each of the eight layers
# multiplies the square by :math:`100 / 2 = 50`.

look = {"kind": "statistics", "show": ["std", "gradient_std"]}
relu = ActivationDisplay.from_estimator(untrained("relu", INITIALIZERS), X[:300], y[:300], **look)
plt.show()
table = relu.statistics.pivot(index="layer", columns="network", values="std")[list(INITIALIZERS)]
print(table.to_string(float_format="{:.3g}".format))


def squares(display, name):
    """The mean square of what each hidden layer gives."""
    return np.array([(after**2).mean() for _, after in display.values[name].values()])


for name, factor in {"N(0, 0.01)": 0.5, "N(0, 1)": 50.0, "Xavier": 0.5, "He": 1.0}.items():
    found = np.exp(np.diff(np.log(squares(relu, name))).mean())
    print(f"{name:11} each layer multiplies the mean square by {found:.2f}, the theory says {factor}")
    assert np.isclose(found, factor, rtol=0.2)

# %%
# Hyperbolic tangents
# -------------------
# Their slope is one at zero, and the factor is one for Xavier's variance. With N(0, 1) nearly all units are at a limit:
# their slopes are zero, and what comes back is lost in another way.

starts = untrained("tanh", ["N(0, 0.01)", "N(0, 1)", "Xavier"])
tanh = ActivationDisplay.from_estimator(starts, X[:300], y[:300], kind="statistics", show=["std", "saturated"])
shares = tanh.statistics.pivot(index="layer", columns="network", values="saturated")
print(shares.dropna().to_string(float_format="{:.2f}".format))
assert shares.loc["hidden_5", "N(0, 1)"] > 0.7 > 0.1 > shares.loc["hidden_5", "Xavier"]

shallow = {
    name: MLPClassifier((WIDTH,) * 3, activation="tanh", initializer=start, encoding=None, random_state=0).initialize(
        X, y
    )
    for name, start in {"small, N(0, 0.0001)": Normal(std=0.01), "Xavier": Xavier(), "N(0, 1)": Normal(1.0)}.items()
}
ActivationDisplay.from_estimator(shallow, X[:300])
plt.show()

# %%
# Does it matter?
# ---------------
# Five epochs of plain gradient descent, at the best of three rates. A normalization of each layer repairs what a bad
# initialisation has done.


def accuracy(name, **options):
    """After five epochs, at the best of three rates; chance is 0.1."""
    options = {
        "encoding": None,
        "schedule": "constant",
        "early_stopping": False,
        "max_iter": 5,
        "random_state": 0,
        **options,
    }
    scores = []
    for rate in (0.001, 0.01, 0.1):
        network = MLPClassifier(
            (WIDTH,) * DEPTH, activation="relu", initializer=INITIALIZERS[name], optimizer=SGD(rate), **options
        )
        try:
            scores.append(network.fit(X[:1200], y[:1200]).score(X[1200:], y[1200:]))
        except ValueError:  # the loss became infinite in the first epoch
            scores.append(0.1)
    return max(scores)


plain = {name: accuracy(name) for name in ("N(0, 1)", "Xavier", "He")}
repaired = accuracy("N(0, 1)", normalization="batch")
print({name: round(value, 3) for name, value in plain.items()}, "N(0, 1) with batch normalization:", round(repaired, 3))
assert plain["He"] > plain["Xavier"] > plain["N(0, 1)"]
assert repaired > plain["N(0, 1)"] + 0.3
