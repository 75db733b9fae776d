"""Least squares, polynomials, neighbours and softmax side by side with their peers: one table an estimator.

    SKDL_COMPILED=eager python benchmarks/classical.py [--only PART ...] [--rounds 5] [--data FOLDER]

The parts are least_squares, polynomial, neighbors, neighbor_kinds (data of all kinds) and softmax. Without
SKDL_COMPILED=eager, the loops of the neighbours are loaded after three seconds of searching.

Peers run in the same process, in turn, with rests; ratios are medians of paired rounds.
"""

from __future__ import annotations

import argparse
import warnings
from importlib import import_module
from pathlib import Path

PARTS = ("least_squares", "polynomial", "neighbors", "neighbor_kinds", "softmax")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for part in arguments.only:
        import_module(f"_{part}").run(arguments.rounds, arguments.data)


if __name__ == "__main__":
    main()
