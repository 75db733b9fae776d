"""Embeddings: what becomes of each number of the inputs before the first hidden layer."""

from skdl._registry import embeddings
from skdl.embeddings._periodic import PeriodicEmbedding

__all__ = ["PeriodicEmbedding", "names", "resolve"]

resolve, names = embeddings.resolve, embeddings.names
