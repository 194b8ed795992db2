"""The base class of pruning rules, which decide whether a trial is stopped early."""

import inspect
from abc import ABC, abstractmethod
from typing import Any

from zoopt.core.evaluation import Evaluation
from zoopt.pruning.trial import RunningTrial

__all__ = ["Pruner", "settings_of"]


class Pruner(ABC):
    """Decides which trials to stop early. A subclass implements `should_prune`.

    `tell` and `cutoffs` are called in the program that runs the search. `should_prune` is called
    where the trial is evaluated, on a copy of the object as it was before the run. Decisions are
    repeatable if `should_prune` depends on its arguments and on settings alone. A run works on its
    own copy of the object, so that an object can be passed to several runs.

    Examples
    --------
    >>> import zoopt
    >>> class Diverged(zoopt.Pruner):
    ...     def should_prune(self, cutoffs, trial):
    ...         return trial.value > 10 * trial.best
    >>> trial = zoopt.RunningTrial(pruner=Diverged())
    >>> for step, loss in enumerate([1.0, 0.5, 70.0]):
    ...     trial.report(step, loss)
    >>> trial.should_prune()
    True
    """

    def tell(self, number: int, evaluation: Evaluation) -> None:  # noqa: B027 - some learn nothing
        """Take in a trial that has ended. By default, do nothing.

        Parameters
        ----------
        number : int
            Number of the trial.
        evaluation : Evaluation
            With the ``status`` and, if the trial reported, ``reports``: pairs of step and value.

        Examples
        --------
        >>> import zoopt
        >>> pruner = zoopt.MedianPruner(n_startup_trials=1)
        >>> pruner.tell(0, zoopt.Evaluation(0.5, reports=((0, 0.9), (1, 0.5))))
        >>> pruner.cutoffs(1)
        {0: 0.9, 1: 0.5}
        """

    def cutoffs(self, number: int) -> Any:
        """Return the data that a new trial needs for all its decisions; by default None.

        Parameters
        ----------
        number : int
            Number of the trial.

        Returns
        -------
        object
            A small object that pickles, such as a number or a dictionary. It is sent to the worker
            and must not change afterwards.

        Examples
        --------
        >>> import zoopt
        >>> zoopt.MedianPruner().cutoffs(0) is None  # too few trials to compare with
        True
        """
        return None

    @abstractmethod
    def should_prune(self, cutoffs: Any, trial: RunningTrial) -> bool:
        """Return whether to stop a trial after its last report.

        Parameters
        ----------
        cutoffs : object
            The object that `cutoffs` returned for this trial.
        trial : RunningTrial
            The trial, with at least one report.

        Returns
        -------
        bool

        Examples
        --------
        >>> import zoopt
        >>> trial = zoopt.RunningTrial()
        >>> trial.report(0, 1.5)
        >>> zoopt.MedianPruner().should_prune({0: 0.9, 1: 0.5}, trial)
        True
        """

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in settings_of(self).items())
        return f"{type(self).__name__}({settings})"


def settings_of(pruner: Pruner) -> dict[str, Any]:
    """Return the arguments of a rule that are also its attributes."""
    attributes = vars(pruner)
    names = inspect.signature(type(pruner)).parameters
    return {name: attributes[name] for name in names if name in attributes}
