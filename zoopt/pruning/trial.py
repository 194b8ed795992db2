"""The trial that an objective reports to. Its decisions depend on its reports and cutoffs only."""

import math
from typing import TYPE_CHECKING, Any

from zoopt.core.checks import whole
from zoopt.core.evaluation import Reports, as_number

if TYPE_CHECKING:
    from zoopt.pruning.pruner import Pruner

__all__ = ["RunningTrial"]


class RunningTrial:
    """An evaluation under way; objectives get it as their argument ``trial``.

    Parameters
    ----------
    number : int, optional
        Number of the evaluation.
    pruner : Pruner, optional
        The rule that decides. Without one, `should_prune` is always False.
    cutoffs : object, optional
        The object that `Pruner.cutoffs` returned for this trial.

    Attributes
    ----------
    number : int
        Number of the evaluation, as in `Trial.number`.
    steps : list of int
        The steps reported so far, in increasing order.
    values : list of float
        Their values.

    Examples
    --------
    >>> import zoopt
    >>> trial = zoopt.RunningTrial()
    >>> trial.report(0, 0.9)
    >>> trial.report(1, 0.5)
    >>> trial.reports, trial.best, trial.should_prune()
    ({0: 0.9, 1: 0.5}, 0.5, False)
    """

    __slots__ = ("_best_before", "_cutoffs", "_pruner", "number", "steps", "values")

    def __init__(
        self, number: int = 0, pruner: "Pruner | None" = None, cutoffs: Any = None
    ) -> None:
        self.number = number
        self.steps: list[int] = []
        self.values: list[float] = []
        self._pruner = pruner
        self._cutoffs = cutoffs
        self._best_before = math.nan

    def report(self, step: int, value: float) -> None:
        """Report an intermediate value.

        Parameters
        ----------
        step : int
            Number of the step, at least that of the last report. A report at the same step
            replaces the last one.
        value : float
            The smaller the better. NaN means that the training has diverged.

        Raises
        ------
        TypeError, ValueError
            If the step is not a whole number or is less than the last one, or if the value is not a
            number.

        Examples
        --------
        >>> import zoopt
        >>> trial = zoopt.RunningTrial()
        >>> trial.report(step=3, value=0.5)
        >>> trial.reports
        {3: 0.5}
        """
        try:
            step = whole(step, "step", least=0)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{error}; the order is report(step, value)") from None
        try:
            number = as_number(value)
        except (TypeError, ValueError):
            raise TypeError(f"value must be a number, got {value!r:.100}") from None
        steps = self.steps
        if steps and step < steps[-1]:
            raise ValueError(
                f"step must be at least {steps[-1]}, that of the last report, got {step}"
            )
        if steps and step == steps[-1]:
            self.values[-1] = number
            return
        self._best_before = self.best
        steps.append(step)
        self.values.append(number)

    def should_prune(self) -> bool:
        """Return whether the trial should stop here. If so, raise `Pruned`.

        Returns
        -------
        bool
            The decision of the pruner after the last report; False before the first one.

        Examples
        --------
        >>> import zoopt
        >>> def train(rate, trial):
        ...     for step in range(100):
        ...         loss = (1 - rate) ** step
        ...         trial.report(step, loss)
        ...         if trial.should_prune():
        ...             raise zoopt.Pruned
        ...     return loss
        >>> result = zoopt.minimize(train, {"rate": (0, 1)}, budget=50, seed=0, pruner="median")
        >>> result.nfev, result.n_pruned > 0
        (50, True)
        """
        if self._pruner is None or not self.steps:
            return False
        return bool(self._pruner.should_prune(self._cutoffs, self))

    @property
    def step(self) -> int:
        """The last step; -1 before the first report."""
        return self.steps[-1] if self.steps else -1

    @property
    def value(self) -> float:
        """The last value; NaN before the first report."""
        return self.values[-1] if self.values else math.nan

    @property
    def best(self) -> float:
        """The least value reported so far; NaN if no number was reported."""
        last, before = self.value, self._best_before
        return before if last != last or before <= last else last

    @property
    def reports(self) -> dict[int, float]:
        """The values reported so far, by step."""
        return dict(self.pairs)

    @property
    def pairs(self) -> Reports:
        """The reports as they travel: pairs of step and value."""
        return tuple(zip(self.steps, self.values, strict=True))

    def __repr__(self) -> str:
        return f"RunningTrial(number={self.number}, reports={self.reports})"
