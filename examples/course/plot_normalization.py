r"""
Batch, layer and group normalization
====================================

Between the affine map and the activation, the values are standardised, and then scaled and shifted by what is learned:

.. math:: y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta.

They differ in what the mean and the variance are taken over: of a unit over the rows of a batch (batch), of a row over
all units (layer), or over groups of units (group). Layers above then see inputs of one scale whatever happens below,
and the network bears higher learning rates.
"""

# %%
# Over what
# ---------
# The three of one array of 4 rows and 6 units, by hand and by the components.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier
from skdl.inspection import TrainingCurveDisplay
from skdl.normalizations import BatchNorm, GroupNorm, LayerNorm
from skdl.optimizers import SGD

rng = np.random.default_rng(0)
x = rng.normal(3, 5, (1, 4, 6))
axes_of = {
    "batch": (BatchNorm(), x, 1),
    "layer": (LayerNorm(), x, 2),
    "group": (GroupNorm(2), x.reshape(1, 4, 2, 3), 3),
}
shown = {"as it came": x[0]}
for name, (component, seen, axis) in axes_of.items():
    mean, variance = seen.mean(axis, keepdims=True), seen.var(axis, keepdims=True)
    by_hand = ((seen - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    arrays = {key: value[None] for key, value in {**component.parameters(6), **component.buffers(6)}.items()}
    y, _ = component.forward(x.copy(), training=True, **arrays)
    assert np.allclose(y, by_hand), name
    shown[name] = y[0]
    print(f"{name:6} means over rows {y[0].mean(0).round(1)}, over units {y[0].mean(1).round(1)}")

fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained", sharey=True)
for ax, (name, values) in zip(axes, shown.items(), strict=True):
    picture = ax.imshow(values, cmap="RdBu", vmin=-abs(values).max(), vmax=abs(values).max())
    fig.colorbar(picture, ax=ax, shrink=0.7)
    ax.set(title=name, xlabel="units")
axes[0].set(ylabel="rows")
plt.show()

# %%
# Higher learning rates
# ---------------------
# Two hidden layers on digits, plain gradient descent. Without normalization a rate of 3 destroys the network in its
# first epoch; with it, training goes on.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
params = {"schedule": "constant", "max_iter": 8, "early_stopping": False, "encoding": None, "batch_size": 128}
accuracy = pd.DataFrame(index=pd.Index([0.03, 0.3, 3.0], name="rate"), columns=["none", "batch", "layer"], dtype=float)
fits = {}
for rate in accuracy.index:
    for name in accuracy.columns:
        normalization = None if name == "none" else name
        network = MLPClassifier((64, 64), normalization=normalization, optimizer=SGD(rate), random_state=0, **params)
        try:
            network.fit(X_train, y_train)
        except ValueError as error:
            print(f"{name}, rate {rate:g}: {error}")
            continue
        fits[f"{name}, rate {rate:g}"] = network
        accuracy.loc[rate, name] = network.score(X_test, y_test)
print(accuracy.round(3))
assert np.isnan(accuracy.loc[3.0, "none"])
assert accuracy.loc[3.0, "batch"] > 0.95
assert accuracy.loc[3.0, "layer"] > 0.95
shown = {name: fits[name] for name in ("none, rate 0.3", "batch, rate 0.3", "batch, rate 3")}
TrainingCurveDisplay.from_estimator(shown)
plt.show()

# %%
# At prediction
# -------------
# A row must not depend on what else is predicted with it: batch normalization takes statistics from training then, so
# that it is a fixed scale and shift, which are folded into the weights. Layer normalization needs none.

network = fits["batch, rate 0.3"]
together, alone = (
    network.predict_proba(X_test[:20]),
    np.vstack([network.predict_proba(row[None]) for row in X_test[:20]]),
)
assert np.allclose(together, alone, atol=1e-6)
print("a row alone has the probabilities that it has among others")
