"""
Autoencoders
============

A network may learn without labels, by giving its inputs again: z = g(h(x)), with the loss ||z - x||^2. In between is a
*code* h(x), which has fewer numbers than x: what it keeps is what images of digits have in common. With linear units,
z = x W V, the best code is the plane of the first principal components; with hidden layers it may be bent.
"""

# %%
# Linear units are principal components
# -------------------------------------
# Eight linear units between 64 pixels and 64 pixels. The optimum is known: the subspace of the first eight principal
# components, and no other. Neither W nor V are the components themselves, for x W A (A^-1 V) is the same, but the rows
# of V span the same subspace, and the share of the variance that is reconstructed is the same.

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skdl import Autoencoder
from skdl.inspection import ReconstructionDisplay

images, y = load_digits().images / 16, load_digits().target
X = images.reshape(len(images), -1)
train, test = slice(1200), slice(1200, None)

pca = PCA(8).fit(X[train])
linear = Autoencoder(8, standardize=False, optimizer="lbfgs", alpha=0, tol=1e-6, max_iter=2000, random_state=0)
linear.fit(X[train])

angles = np.degrees(subspace_angles(linear.coefs_[1].T, pca.components_.T))
print(f"variance that 8 linear units reconstruct: {linear.score(X[train]):.4f}")
print(f"variance that 8 components explain:       {pca.explained_variance_ratio_.sum():.4f}")
print(f"largest angle between both subspaces:     {angles.max():.2f} degrees")
assert abs(linear.score(X[train]) - pca.explained_variance_ratio_.sum()) < 1e-4
assert angles.max() < 2

# %%
# Hidden layers, and weights that are tied
# ----------------------------------------
# A layer of 128 rectifiers on either side of the same code reconstructs more of images that it has not seen. The
# decoder may have the encoder's weights, transposed: half as many parameters, and nearly the same.


def reconstructed(model):
    """The share of the variance of the test images that their reconstruction explains."""
    error = X[test] - model.inverse_transform(model.transform(X[test]))
    return 1 - (error**2).sum() / ((X[test] - X[test].mean(axis=0)) ** 2).sum()


settings = {"standardize": False, "max_iter": 60, "random_state": 0}
deep = Autoencoder((128, 8), **settings).fit(X[train])
tied = Autoencoder((128, 8), tied=True, **settings).fit(X[train])

for name, model in {"8 components": pca, "8 linear units": linear, "64-128-8-128-64": deep, "tied": tied}.items():
    n_numbers = getattr(model, "n_parameters_", pca.components_.size + pca.mean_.size)
    print(f"{name:16s} {reconstructed(model):.3f} of the variance by {n_numbers:5d} numbers")
assert np.isclose(deep.score(X[test]), reconstructed(deep))
assert np.allclose(tied.coefs_[2:][::-1][0].T, tied.coefs_[0], rtol=1e-5)
assert reconstructed(deep) > reconstructed(pca) + 0.1

ReconstructionDisplay.from_estimator(pca, X[test], image_shape=(8, 8))
plt.gcf().suptitle("8 principal components")
ReconstructionDisplay.from_estimator(deep, images[test])
plt.gcf().suptitle("8 units of code, with hidden layers")
plt.show()

# %%
# A code of two numbers is a picture
# ----------------------------------
# Nobody has told the network which digit is which.

flat = Autoencoder((128, 64, 2), **settings).fit(X)
codes = {"2 components": PCA(2).fit_transform(X), "code of 2 units": flat.transform(X)}
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for place, (name, code) in zip(axes, codes.items(), strict=True):
    drawn = place.scatter(*code.T, c=y, cmap="tab10", vmin=-0.5, vmax=9.5, s=8)
    place.set(title=name, xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes, ticks=range(10), label="digit")
plt.show()


def purity(code):
    """The share of images whose nearest neighbour in the code is the same digit."""
    distances = ((code[:, None] - code[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    return (y[distances.argmin(axis=1)] == y).mean()


found = {name: purity(code) for name, code in codes.items()}
print("nearest neighbour is the same digit:", {name: round(float(share), 2) for name, share in found.items()})
assert found["code of 2 units"] > found["2 components"] + 0.1

# %%
# Denoising
# ---------
# With as many units as pixels, the network would learn to copy. If its inputs are noisy and its targets are not, it has
# to know digits. One that was trained on clean images lets the noise pass.

noisy = images + np.random.default_rng(0).normal(0, 0.3, images.shape)
settings |= {"code_activation": "relu", "hidden_layer_sizes": 128}
networks = {
    "trained on clean images": Autoencoder(**settings),
    "trained with noise": Autoencoder(noise=0.3, **settings),
}
errors = {}
for name, network in networks.items():
    errors[name] = ((network.fit(images[train]).reconstruct(noisy[test]) - images[test]) ** 2).mean()
errors["no network"] = ((noisy[test] - images[test]) ** 2).mean()
for name, error in errors.items():
    print(f"{name:24s} mean squared error {error:.4f}")
assert errors["trained with noise"] < 0.7 * errors["trained on clean images"]

ReconstructionDisplay.from_estimator(networks["trained with noise"], images[test], inputs=noisy[test])
plt.show()

# %%
# Sparse codes
# ------------
# Another way not to copy: many units, of which few may be active in each image. A penalty on the activations,
# alpha mean ``|h|``, puts a price on each: half of them are left, and most of the variance.

dense = networks["trained on clean images"]
sparse = Autoencoder(penalty="activity_l1", alpha=0.001, **settings).fit(images[train])
for name, network in {"without a penalty": dense, "with activity_l1": sparse}.items():
    active = (network.transform(images[test]) > 0).sum(axis=1).mean()
    print(f"{name:18s} {active:5.1f} of 128 units active in an image, R^2 {network.score(images[test]):.3f}")
assert (sparse.transform(images) > 0).mean() < 0.8 * (dense.transform(images) > 0).mean()
