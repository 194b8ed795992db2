"""The solvers, one file an algorithm family. Importing this package registers them."""

from zoopt.solvers.large_scale import R1ES
from zoopt.solvers.pareto import Ponss, Poss
from zoopt.solvers.population import PCES
from zoopt.solvers.racos import Racos, SRacos
from zoopt.solvers.random_search import RandomSearch
from zoopt.solvers.suppression import SSRacos

__all__ = ["PCES", "R1ES", "Ponss", "Poss", "Racos", "RandomSearch", "SRacos", "SSRacos"]
