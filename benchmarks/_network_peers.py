"""What a network of skdl is measured beside: the bare products, a loop by hand, scikit-learn, torch, skorch.

All train a network of these sizes, inputs and outputs included, with rectifiers, on rows `X` and labels `y`, by Adam at
its constant rate of 0.001.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits


def products(sizes: tuple[int, ...], batch: int, steps: int, members: int = 1) -> None:
    """The bare matrix products of so many steps; several members are one stack."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(members, *shape)).astype(np.float32) for shape in pairwise(sizes)]
    rows = [rng.normal(size=(members, batch, size)).astype(np.float32) for size in sizes]
    gradients = [np.empty_like(weight) for weight in weights]
    outputs = [np.empty_like(row) for row in rows]
    for _ in range(steps):
        for i, weight in enumerate(weights):
            np.matmul(rows[i], weight, out=outputs[i + 1])
        for i in reversed(range(len(weights))):
            np.matmul(rows[i].mT, rows[i + 1], out=gradients[i])
            if i > 0:
                np.matmul(rows[i + 1], weights[i].mT, out=outputs[i])


def products_in_threads(sizes: tuple[int, ...], batch: int, steps: int, members: int) -> None:
    """The products of many networks, in stacks of ten, on all cores: the floor of a search."""
    stacks = [10] * (members // 10) + [members % 10] * (members % 10 > 0)
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda k: products(sizes, batch, steps, k), stacks))


def forward_products(sizes: tuple[int, ...], X: np.ndarray, block: int = 500) -> None:
    """The bare matrix products of a prediction, in blocks of rows that stay in the cache."""
    rng = np.random.default_rng(0)
    weights = [rng.random(shape, np.float32) for shape in pairwise(sizes)]
    outputs = [np.empty((block, size), np.float32) for size in sizes[1:]]
    for start in range(0, len(X), block):
        h = X[start : start + block]
        for weight, out in zip(weights, outputs, strict=True):
            h = np.matmul(h, weight, out=out[: len(h)])


def by_hand(sizes: tuple[int, ...], batch: int, X: np.ndarray, y: np.ndarray, epochs: int) -> None:
    """The same training without a library: one loop for these very layers, all memory taken before it begins.

    What NumPy's own passes cost on top of the products, and so what a network in NumPy can hope for.
    """
    rng = np.random.default_rng(0)
    maps = list(pairwise(sizes))
    n_weights = sum(n_in * n_out for n_in, n_out in maps)
    theta, first, second, gradient, scratch = np.zeros((5, n_weights + sum(sizes[1:])), np.float32)
    weights, slopes = ([], []), ([], [])
    for flat, (matrices, biases) in ((theta, weights), (gradient, slopes)):
        at, bias_at = 0, n_weights
        for n_in, n_out in maps:
            matrices.append(flat[at : at + n_in * n_out].reshape(n_in, n_out))
            biases.append(flat[bias_at : bias_at + n_out].reshape(1, n_out))
            at, bias_at = at + n_in * n_out, bias_at + n_out
    for weight in weights[0]:
        weight[...] = rng.uniform(-1, 1, weight.shape) * np.sqrt(6 / weight.shape[0])
    labels = np.eye(sizes[-1], dtype=np.float32)[y]
    hidden = [np.empty((batch, size), np.float32) for size in sizes]
    zeros, summed, step = np.zeros((batch, max(sizes)), np.float32), np.ones((sizes[-1], 1), np.float32), 0
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), batch):
            index = order[start : start + batch]
            n_rows, step = len(index), step + 1
            ones = np.ones((1, n_rows), np.float32)
            h = [array[:n_rows] for array in hidden]
            X.take(index, axis=0, out=h[0], mode="clip")
            for i, weight in enumerate(weights[0]):
                np.matmul(h[i], weight, out=h[i + 1])
                h[i + 1] += weights[1][i]
                if i < len(maps) - 1:
                    np.maximum(h[i + 1], zeros[:n_rows, : sizes[i + 1]], out=h[i + 1])
            d = h[-1]
            d -= d.max(axis=1, keepdims=True)
            np.exp(d, out=d)
            d /= d @ summed
            d -= labels[index]
            d *= np.float32(1 / n_rows)
            for i in reversed(range(len(maps))):
                np.matmul(h[i].T, d, out=slopes[0][i])
                np.matmul(ones, d, out=slopes[1][i])
                if i > 0:
                    d = d @ weights[0][i].T
                    d *= h[i] > 0
            gradient[:n_weights] += np.multiply(theta[:n_weights], np.float32(1e-3), out=scratch[:n_weights])
            first *= np.float32(0.9)
            first += gradient
            second *= np.float32(0.999)
            second += np.multiply(gradient, gradient, out=gradient)
            root = np.sqrt(0.001 / (1 - 0.999**step))
            np.sqrt(second, out=gradient)
            gradient += np.float32(1e-8 / root)
            np.divide(first, gradient, out=gradient)
            gradient *= np.float32(0.001 * 0.1 / ((1 - 0.9**step) * root))
            theta -= gradient


def scikit_learn(sizes: tuple[int, ...], batch: int, epochs: int) -> MLPClassifier:
    """Stops at no tolerance."""
    return MLPClassifier(sizes[1:-1], batch_size=batch, max_iter=epochs, tol=0, n_iter_no_change=epochs, random_state=0)


def torch_epochs(
    sizes: tuple[int, ...], batch: int, X: np.ndarray, y: np.ndarray, epochs: int, *, fused: bool = False
) -> None:
    """An eager training loop; `fused` takes Adam's step in one pass, by a compiled kernel of torch's."""
    import torch

    model = torch_model(sizes)
    optimizer, loss = torch.optim.Adam(model.parameters(), fused=fused or None), torch.nn.CrossEntropyLoss()
    rows, labels = torch.from_numpy(X), torch.from_numpy(y.astype(np.int64))
    for _ in range(epochs):
        for index in torch.randperm(len(X)).split(batch):
            optimizer.zero_grad()
            loss(model(rows[index]), labels[index]).backward()
            optimizer.step()


def skorch_epochs(sizes: tuple[int, ...], batch: int, X: np.ndarray, y: np.ndarray, epochs: int) -> None:
    import torch
    from skorch import NeuralNetClassifier

    NeuralNetClassifier(
        torch_model(sizes),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        batch_size=batch,
        max_epochs=epochs,
        train_split=None,
        verbose=0,
    ).fit(X, y.astype(np.int64))


def torch_model(sizes: tuple[int, ...]) -> Any:
    import torch

    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])
