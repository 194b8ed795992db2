"""Model-based solvers, for few evaluations."""

from zoopt.solvers.model.solver import ModelBased

__all__ = ["ModelBased"]
