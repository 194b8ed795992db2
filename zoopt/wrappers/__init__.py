"""Solvers over solvers. Importing this package registers them."""

from zoopt.wrappers.resample import Resample

__all__ = ["Resample"]
