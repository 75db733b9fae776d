"""Problems of NIST's Statistical Reference Datasets, with certified values; more are read where they are at hand."""

import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "nist"

NORRIS = {
    "x": [
        0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5, 666.9, 338.0, 447.5,
        11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1, 118.3, 229.2,
        669.1, 448.9, 0.5,
    ],
    "y": [
        0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8, 339.3, 448.9,
        10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5, 778.9, 10.2, 117.6, 228.9,
        668.4, 449.2, 0.2,
    ],
    "certified_coef": [-0.262323073774029, 1.00211681802045],
    "certified_sd": [0.232818234301152, 0.000429796848199937],
    "residual_sd": 0.884796396144373,
    "r2": 0.999993745883712,
    "intercept": True,
    "polynomial_degree": 1,
    "df_residual": 34,
}  # fmt: skip

LONGLEY = {
    "x": [
        [83.0, 234289, 2356, 1590, 107608, 1947],
        [88.5, 259426, 2325, 1456, 108632, 1948],
        [88.2, 258054, 3682, 1616, 109773, 1949],
        [89.5, 284599, 3351, 1650, 110929, 1950],
        [96.2, 328975, 2099, 3099, 112075, 1951],
        [98.1, 346999, 1932, 3594, 113270, 1952],
        [99.0, 365385, 1870, 3547, 115094, 1953],
        [100.0, 363112, 3578, 3350, 116219, 1954],
        [101.2, 397469, 2904, 3048, 117388, 1955],
        [104.6, 419180, 2822, 2857, 118734, 1956],
        [108.4, 442769, 2936, 2798, 120445, 1957],
        [110.8, 444546, 4681, 2637, 121950, 1958],
        [112.6, 482704, 3813, 2552, 123366, 1959],
        [114.2, 502601, 3931, 2514, 125368, 1960],
        [115.7, 518173, 4806, 2572, 127852, 1961],
        [116.9, 554894, 4007, 2827, 130081, 1962],
    ],
    "y": [
        60323, 61122, 60171, 61187, 63221, 63639, 64989, 63761, 66019, 67857, 68169, 66513, 68655, 69564, 69331, 70551,
    ],
    "certified_coef": [
        -3482258.63459582, 15.0618722713733, -0.0358191792925910, -2.02022980381683, -1.03322686717359,
        -0.0511041056535807, 1829.15146461355,
    ],
    "certified_sd": [
        890420.383607373, 84.9149257747669, 0.0334910077722432, 0.488399681651699, 0.214274163161675, 0.22607320006937,
        455.478499142212,
    ],
    "residual_sd": 304.854073561965,
    "r2": 0.995479004577296,
    "intercept": True,
    "polynomial_degree": None,
    "df_residual": 9,
}  # fmt: skip


def digits(found, certified):
    """Correct digits of the worst number, at most 16; certified zeros have to be met to 1e-13."""
    found, certified = np.asarray(found, dtype=float), np.asarray(certified, dtype=float)
    error = np.abs(found - certified) / np.where(certified == 0, 1e3, np.abs(certified))
    return -np.log10(max(error.max(), 1e-16))


def problem(name):
    path = FOLDER / f"{name}.json"
    if not path.exists():  # the data are no part of the project, which carries Norris and Longley itself
        pytest.skip(f"{path} is not at hand")
    return json.loads(path.read_text())
