"""Classification-based solvers: RACOS, SRACOS (asynchronous: ASRACOS) and SSRACOS."""

from zoopt.solvers.racos.racos import Racos
from zoopt.solvers.racos.sracos import SRacos
from zoopt.solvers.racos.suppression import SSRacos

__all__ = ["Racos", "SRacos", "SSRacos"]
