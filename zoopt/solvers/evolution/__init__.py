"""Evolution strategies: PCES for noise, R1ES for very many variables."""

from zoopt.solvers.evolution.pces import PCES
from zoopt.solvers.evolution.r1es import R1ES

__all__ = ["PCES", "R1ES"]
