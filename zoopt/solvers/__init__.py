"""The solvers that propose points, by family. Importing this package registers them."""

from zoopt.solvers.evolution.pces import PCES
from zoopt.solvers.evolution.r1es import R1ES
from zoopt.solvers.model import ModelBased
from zoopt.solvers.pareto import Ponss, Poss
from zoopt.solvers.racos.racos import Racos
from zoopt.solvers.racos.sracos import SRacos
from zoopt.solvers.racos.suppression import SSRacos
from zoopt.solvers.random_search import RandomSearch

__all__ = [
    "PCES",
    "R1ES",
    "ModelBased",
    "Ponss",
    "Poss",
    "Racos",
    "RandomSearch",
    "SRacos",
    "SSRacos",
]
