"""Derivative-free optimization of functions that can only be evaluated.

``minimize(fun, space, budget=...)`` is the function form, ``Opt.min(objective, parameter)`` the
ZOOpt API, and every solver has ``ask`` and ``tell``.
"""

import logging
from typing import Any

from zoopt import algos, utils
from zoopt.core.candidate import Candidate
from zoopt.core.dimensions import Choice, Integer, Real
from zoopt.core.errors import (
    AllEvaluationsFailed,
    EvaluationWarning,
    ExecutorError,
    Exhausted,
    JournalError,
    NothingFeasible,
    Pruned,
    ZooptError,
)
from zoopt.core.evaluation import Evaluation
from zoopt.core.registry import make_solver, register
from zoopt.core.solver import Proposer, Solver
from zoopt.core.space import Space
from zoopt.dimension import Dimension, Dimension2, ValueType
from zoopt.exp_opt import ExpOpt
from zoopt.function import minimize
from zoopt.objective import Objective
from zoopt.opt import Opt
from zoopt.parameter import Parameter
from zoopt.problem.known import best_points
from zoopt.problem.steps import Step
from zoopt.pruning import (
    HyperbandPruner,
    MedianPruner,
    PercentilePruner,
    Pruner,
    RunningTrial,
    SuccessiveHalvingPruner,
)
from zoopt.resuming import resume
from zoopt.run.callbacks import Callback
from zoopt.run.history import History, load_history
from zoopt.run.processes import ProcessExecutor
from zoopt.run.result import Result
from zoopt.run.rules import EarlyStopping, Plateau
from zoopt.run.threads import FuturesExecutor, ThreadExecutor
from zoopt.run.trials import Trial
from zoopt.solution import Solution
from zoopt.solvers import PCES, R1ES, ModelBased, Ponss, Poss, Racos, RandomSearch, SRacos, SSRacos
from zoopt.wrappers import NoisyRace, RandomEmbedding, Resample

__all__ = [
    "PCES",
    "R1ES",
    "AllEvaluationsFailed",
    "Callback",
    "Candidate",
    "Choice",
    "Dimension",
    "Dimension2",
    "EarlyStopping",
    "Evaluation",
    "EvaluationWarning",
    "ExecutorError",
    "Exhausted",
    "ExpOpt",
    "FuturesExecutor",
    "History",
    "HyperbandPruner",
    "Integer",
    "JournalError",
    "MedianPruner",
    "ModelBased",
    "NoisyRace",
    "NothingFeasible",
    "Objective",
    "Opt",
    "Parameter",
    "PercentilePruner",
    "Plateau",
    "Ponss",
    "Poss",
    "ProcessExecutor",
    "Proposer",
    "Pruned",
    "Pruner",
    "Racos",
    "RandomEmbedding",
    "RandomSearch",
    "Real",
    "Resample",
    "Result",
    "RunningTrial",
    "SRacos",
    "SSRacos",
    "Solution",
    "Solver",
    "Space",
    "Step",
    "SuccessiveHalvingPruner",
    "ThreadExecutor",
    "Trial",
    "ValueType",
    "ZooptError",
    "algos",
    "best_points",
    "load_history",
    "make_solver",
    "minimize",
    "register",
    "resume",
    "utils",
]

__version__: str

logging.getLogger("zoopt").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name in ("distributed", "plotting", "testing"):  # imported when they are first used
        from importlib import import_module

        return import_module(f"zoopt.{name}")
    if name == "__version__":  # reading it takes longer than importing the rest of zoopt
        from importlib import metadata

        return metadata.version("zoopt")
    raise AttributeError(f"module 'zoopt' has no attribute {name!r}")
