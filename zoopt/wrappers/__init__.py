"""Solvers that ask other solvers. Importing this package registers them."""

from zoopt.wrappers.embedding import RandomEmbedding
from zoopt.wrappers.noisy import NoisyRace
from zoopt.wrappers.resample import Resample

__all__ = ["NoisyRace", "RandomEmbedding", "Resample"]
