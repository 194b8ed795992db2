"""Pruning: trials that report intermediate values, and the rules that stop them early."""

from zoopt.pruning.halving import HyperbandPruner, SuccessiveHalvingPruner
from zoopt.pruning.names import described, pruner_of, restored
from zoopt.pruning.percentile import MedianPruner, PercentilePruner
from zoopt.pruning.pruner import Pruner
from zoopt.pruning.trial import RunningTrial

__all__ = [
    "HyperbandPruner",
    "MedianPruner",
    "PercentilePruner",
    "Pruner",
    "RunningTrial",
    "SuccessiveHalvingPruner",
    "described",
    "pruner_of",
    "restored",
]
