"""The RacosCommon class of ZOOpt 0.4.2: positive and negative sets as lists of solutions.

Runs are made by `zoopt.opt`; afterwards the sets are copied back for scripts that use them.
"""

import copy
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from zoopt.algos.opt_algorithms.racos.racos_classification import RacosClassification
from zoopt.core.defaults import gl
from zoopt.objective import Objective
from zoopt.opt import OptContent, minimize_objective
from zoopt.parameter import Parameter
from zoopt.run.callbacks import Callback
from zoopt.run.result import Result
from zoopt.run.view import SearchView
from zoopt.solution import Solution
from zoopt.utils.tool_function import ToolFunction

__all__ = ["STRATEGIES", "RacosCommon", "check_strategy", "order"]

STRATEGIES = ("WR", "RR", "LM")

#: Number of attempts to draw a distinct sample.
TRIES = 100


def check_strategy(strategy: str) -> str:
    """Return a replacement strategy after checking its name.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be 'WR', 'RR' or 'LM', got {strategy!r}")
    return strategy


def order(solution: Solution) -> tuple[bool, Any]:
    """Return the sort key of a solution: by value, with NaN last."""
    value = solution.get_value()
    return (True, 0.0) if value != value else (False, value)


class RacosCommon:
    """Data and methods shared by the algorithms of the RACOS family.

    Examples
    --------
    >>> from zoopt import Dimension, Objective, Parameter
    >>> common = RacosCommon()
    >>> common.set_objective(Objective(lambda s: sum(s.get_x()), Dimension(1, [[0, 1]], [True])))
    >>> common.set_parameters(Parameter(budget=50, seed=0))
    >>> common.init_attribute()
    >>> len(common.get_positive_data()), len(common.get_negative_data())
    (1, 3)
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget objective, parameter and all data."""
        self._parameter: Parameter | None = None
        self._objective: Objective | None = None
        self._data: list[Solution] = []
        self._positive_data: list[Solution] = []
        self._negative_data: list[Solution] = []
        self._possible_solution_list: list[Solution] = []
        self._best_solution: Solution | None = None
        self._generator: np.random.Generator | None = None
        self._suggested: list[Solution] = []

    # ------------------------------------------------------------- initial design

    def init_attribute(self) -> None:
        """Evaluate the initial design and select the sets.

        Raises
        ------
        ValueError
            If objective or parameter are missing.
        """
        objective = self._needed()[0]
        for solution in self._initial_design():
            if math.isnan(solution.get_value()):
                objective.eval(solution)
            self._data.append(solution)
        self.selection()

    def parallel_init_attribute(self, unevaluated_queue: Any, evaluated_queue: Any) -> None:
        """Select the sets from an initial design that other processes evaluate.

        Parameters
        ----------
        unevaluated_queue, evaluated_queue : queue
            Solutions are put into the first one and taken, evaluated, from the second one.
        """
        waiting = 0
        for solution in self._initial_design():
            if math.isnan(solution.get_value()):
                unevaluated_queue.put(solution)
                waiting += 1
            else:
                self._data.append(solution)
        self._data.extend(evaluated_queue.get() for _ in range(waiting))
        self.selection()

    def tune_init_attribute(self) -> tuple[Solution | None, bool | None]:
        """Return the next point of the initial design to evaluate.

        Returns
        -------
        (solution, distinct)
            As `distinct_sample` returns it.
        """
        objective, parameter = self._needed()
        samples = parameter.get_init_samples() or []
        while len(self._suggested) < len(samples):
            solution = _own(objective, samples[len(self._suggested)])
            self._suggested.append(solution)
            if math.isnan(solution.get_value()):
                return solution, True
        sample, distinct = self.distinct_sample(objective.get_dim(), self._suggested)
        if sample is not None and distinct:
            self._suggested.append(sample)
        return sample, distinct

    def _initial_design(self) -> Iterable[Solution]:
        """Yield the user's samples, then distinct uniform ones, up to ``train_size``."""
        objective, parameter = self._needed()
        design = [_own(objective, sample) for sample in parameter.get_init_samples() or ()]
        yield from list(design)
        while len(design) < parameter.get_train_size():
            sample, distinct = self.distinct_sample(objective.get_dim(), design)
            if sample is None or not distinct:
                return
            design.append(sample)
            yield sample

    def _needed(self) -> tuple[Objective, Parameter]:
        if self._objective is None or self._parameter is None:
            raise ValueError("call set_objective and set_parameters first")
        return self._objective, self._parameter

    def selection(self) -> None:
        """Keep the best ``train_size`` solutions; the best of these form the positive set."""
        parameter = self._needed()[1]
        n_positive = parameter.get_positive_size()
        self._data = sorted(self._data, key=order)[: parameter.get_train_size()]
        self._positive_data = self._data[:n_positive]
        self._negative_data = self._data[n_positive:]
        self._best_solution = self._data[0] if self._data else None

    # ------------------------------------------------------------- samples

    @property
    def _rng(self) -> np.random.Generator:
        if self._generator is None:
            seed = None if self._parameter is None else self._parameter.get_seed()
            self._generator = np.random.default_rng(gl.next_seed() if seed is None else seed)
        return self._generator

    def distinct_sample(
        self,
        dim: Any,
        data_list: Iterable[Solution],
        check_distinct: bool = True,
        data_num: int = 0,
    ) -> tuple[Solution | None, bool | None]:
        """Draw a uniform point that is not in a list.

        Parameters
        ----------
        dim : Dimension or Dimension2
        data_list : iterable of Solution
        check_distinct : bool
            Whether the point must differ from those of the list.
        data_num : int
            Number of points used already, if larger than the list.

        Returns
        -------
        (solution, True), (solution, False) or (None, None)
            False if no distinct point was found after 100 attempts. None if, in addition, the
            space has no more points than are used already.
        """
        return self._distinct(
            lambda: dim.rand_sample(self._rng), dim, list(data_list), check_distinct, data_num
        )

    def distinct_sample_classifier(
        self,
        classifier: RacosClassification,
        data_list: Iterable[Solution],
        check_distinct: bool = True,
        data_num: int = 0,
    ) -> tuple[Solution | None, bool | None]:
        """Draw a point of a classifier's region that is not in a list.

        Parameters
        ----------
        classifier : RacosClassification
            Trained by ``mixed_classification``.
        data_list, check_distinct, data_num
            As in `distinct_sample`.

        Returns
        -------
        (solution, True), (solution, False) or (None, None)
            As `distinct_sample` returns it.
        """
        return self._distinct(
            classifier.rand_sample,
            classifier.get_sample_space(),
            list(data_list),
            check_distinct,
            data_num,
        )

    def _distinct(
        self, draw: Any, dim: Any, known: Sequence[Solution], check: bool, data_num: int
    ) -> tuple[Solution | None, bool | None]:
        for _ in range(TRIES):
            solution = self._construct(draw())
            if not check or self.is_distinct(known, solution):
                return solution, True
        limited, size = dim.limited_space()
        return (None, None) if limited and size <= max(data_num, len(known)) else (solution, False)

    def _construct(self, x: Any) -> Solution:
        return Solution(x=x) if self._objective is None else self._objective.construct_solution(x)

    @staticmethod
    def is_distinct(sol_list: Iterable[Solution], sol: Solution) -> bool:
        """Return whether a solution differs from all members of a list.

        Parameters
        ----------
        sol_list : iterable of Solution
        sol : Solution

        Returns
        -------
        bool
        """
        return not sol.exist_equal(sol_list)

    @staticmethod
    def extend(seta: Sequence[Any], setb: Sequence[Any]) -> list[Any]:
        """Return deep copies of the members of both lists, in order.

        Parameters
        ----------
        seta, setb : sequence

        Returns
        -------
        list
        """
        return [copy.deepcopy(member) for member in (*seta, *setb)]

    # ------------------------------------------------------------- a run

    def run(
        self,
        objective: Objective,
        parameter: Parameter,
        sequential: bool,
        strategy: str,
        ub: int,
        suppression: bool = False,
    ) -> Solution:
        """Minimize with the current solvers and keep the final sets.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
        sequential : bool
            Whether to run SRACOS rather than batch RACOS.
        strategy : {"WR", "RR", "LM"}
            The replacement strategy of SRACOS.
        ub : int
            Number of coordinates that a proposal redraws.
        suppression : bool
            Whether to use value suppression.

        Returns
        -------
        Solution

        Raises
        ------
        ValueError
            If the strategy is unknown.
        """
        check_strategy(strategy)
        self.clear()
        self.set_objective(objective)
        self.set_parameters(parameter)
        settings = copy.copy(parameter)
        settings.set_algorithm("racos")  # even where another algorithm would be the default
        settings.set_sequential(sequential)
        settings.suppression = suppression
        settings.high_dim_handling = settings.reducedim = False  # a stage of an embedding runs here
        settings.noise_handling = suppression or (settings.resampling and settings.noise_handling)
        settings.set_uncertain_bits(ub)
        settings.callbacks = (_KeepSets(self), *parameter.callbacks)
        options = {"replacement": strategy} if sequential else {}
        best = minimize_objective(objective, settings, **options)
        self.set_best_solution(best)
        return best

    def show_best_solution(
        self, intermediate_print: bool = False, times: int = 0, freq: int = 100
    ) -> None:
        """Print the best solution every ``freq`` evaluations.

        Parameters
        ----------
        intermediate_print : bool
            Whether to print at all.
        times : int
            Number of evaluations so far.
        freq : int
        """
        best = self._best_solution
        if intermediate_print and times % freq == 0 and best is not None:
            ToolFunction.log(f"budget {times}, fx result: {best.get_value()}")
            ToolFunction.log(f"x: {best.get_x()}")

    # ------------------------------------------------------------- accessors

    def set_parameters(self, parameter: Parameter) -> None:
        """Set the parameter."""
        self._parameter = parameter
        self._generator = None

    def get_parameters(self) -> Parameter | None:
        """Return the parameter, if any."""
        return self._parameter

    def set_objective(self, objective: Objective) -> None:
        """Set the objective."""
        self._objective = objective

    def get_objective(self) -> Objective | None:
        """Return the objective, if any."""
        return self._objective

    def set_best_solution(self, solution: Solution | None) -> None:
        """Set the best solution."""
        self._best_solution = solution

    def get_best_solution(self) -> Solution | None:
        """Return the best solution, if any."""
        return self._best_solution

    def get_data(self) -> list[Solution]:
        """Return all solutions."""
        return self._data

    def get_positive_data(self) -> list[Solution]:
        """Return the positive set."""
        return self._positive_data

    def get_negative_data(self) -> list[Solution]:
        """Return the negative set."""
        return self._negative_data

    def print_data(self) -> None:
        """Print all solutions."""
        _print("data", self._data)

    def print_positive_data(self) -> None:
        """Print the positive set."""
        _print("positive_data", self._positive_data)

    def print_negative_data(self) -> None:
        """Print the negative set."""
        _print("negative_data", self._negative_data)


class _KeepSets(Callback):
    """Copy the sets at the end of a run."""

    def __init__(self, common: RacosCommon) -> None:
        self._common = common

    def on_end(self, search: SearchView, result: Result) -> None:
        content = OptContent(search.solver)
        self._common._positive_data = content.get_positive_data()
        self._common._negative_data = content.get_negative_data()
        self._common._data = self._common._positive_data + self._common._negative_data


def _own(objective: Objective, sample: Any) -> Solution:
    """Return a new solution for a user's sample."""
    return (
        sample.deep_copy() if isinstance(sample, Solution) else objective.construct_solution(sample)
    )


def _print(name: str, solutions: Sequence[Solution]) -> None:
    ToolFunction.log(f"------print {name}------")
    ToolFunction.log(f"the size of {name} is: {len(solutions)}")
    for solution in solutions:
        solution.print_solution()
