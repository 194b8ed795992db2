"""The process-wide defaults under the import path of ZOOpt 0.4.2, and three constants."""

import math

from zoopt.core.defaults import Global, gl

__all__ = ["Global", "gl", "nan", "neg_inf", "pos_inf"]

pos_inf: float = math.inf
neg_inf: float = -math.inf
nan: float = math.nan
