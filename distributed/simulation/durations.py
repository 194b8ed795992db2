"""Durations of simulated evaluations: random models, and functions of the user.

This module does not depend on workers or events. All random numbers come from the generator passed
in.
"""

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.candidate import Candidate
from zoopt.core.checks import number

__all__ = ["Durations", "LogNormal", "Pareto", "as_durations"]

#: Number of durations drawn at once. A block takes a twentieth of the time of single draws.
BLOCK = 1024


@dataclass(frozen=True)
class LogNormal:
    """Lognormal durations: most are shorter than the mean, a few are much longer.

    Parameters
    ----------
    mean : float
        Mean duration in seconds, above 0.
    cv : float
        Coefficient of variation, the standard deviation divided by the mean; at least 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.

    Examples
    --------
    >>> import numpy as np
    >>> LogNormal(60, cv=0).sample(np.random.default_rng(0), 2).round(6)
    array([60., 60.])
    """

    mean: float = 1.0
    cv: float = 1.0

    def __post_init__(self) -> None:
        _positive(self.mean, "mean")
        number(self.cv, "cv", least=0.0, finite=True)

    def sample(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
        """Draw durations.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int

        Returns
        -------
        array of n floats
        """
        variance = math.log1p(self.cv**2)
        return rng.lognormal(math.log(self.mean) - variance / 2, math.sqrt(variance), n)


@dataclass(frozen=True)
class Pareto:
    """Heavy-tailed durations: the longest of many takes as long as many others together.

    Parameters
    ----------
    mean : float
        Mean duration in seconds, above 0.
    shape : float
        Above 1. A smaller shape gives a heavier tail; up to 2 the variance is infinite.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.

    Examples
    --------
    >>> import numpy as np
    >>> bool(Pareto(60, shape=1.5).sample(np.random.default_rng(0), 100).min() >= 20)
    True
    """

    mean: float = 1.0
    shape: float = 1.5

    def __post_init__(self) -> None:
        _positive(self.mean, "mean")
        if not number(self.shape, "shape", finite=True) > 1.0:
            raise ValueError(f"shape must be above 1 for a finite mean, got {self.shape!r}")

    def sample(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
        """Draw durations.

        Parameters
        ----------
        rng : numpy.random.Generator
        n : int

        Returns
        -------
        array of n floats
        """
        least = self.mean * (self.shape - 1.0) / self.shape
        return (rng.pareto(self.shape, n) + 1.0) * least


def _positive(value: Any, name: str) -> None:
    if not number(value, name, least=0.0, finite=True) > 0.0:
        raise ValueError(f"{name} must be above 0, got {value!r}")


class Durations:
    """A stream of durations, one for each evaluation.

    Parameters
    ----------
    model : number, LogNormal, Pareto or callable
        A callable is called as ``model(rng)`` or ``model(rng, x)``, where ``x`` is the point in
        the form in which the objective receives it.
    rng : numpy.random.Generator

    Attributes
    ----------
    draw : callable
        ``draw(candidate)`` returns the duration of its evaluation.
    """

    def __init__(self, model: Any, rng: np.random.Generator) -> None:
        self._model = as_durations(model)
        self._rng = rng
        self.draw: Callable[[Candidate], float]
        if isinstance(self._model, float):
            self.draw = lambda candidate: self._model
        elif isinstance(self._model, (LogNormal, Pareto)):
            self._drawn = self._blocks()
            self.draw = lambda candidate: next(self._drawn)
        else:
            self._takes_point = _n_arguments(self._model) == 2
            self.draw = self._call

    def _blocks(self) -> Iterator[float]:
        while True:
            yield from self._model.sample(self._rng, BLOCK).tolist()

    def _call(self, candidate: Candidate) -> float:
        if self._takes_point:
            space, row = candidate.space, candidate.u
            x = space.decode_array(row) if space.names is None else space.decode(row)
            seconds = self._model(self._rng, x)
        else:
            seconds = self._model(self._rng)
        return number(seconds, "the result of duration", least=0.0, finite=True)


def as_durations(model: Any) -> Any:
    """Check a model of durations, and convert numbers to float.

    Parameters
    ----------
    model : number, LogNormal, Pareto or callable

    Returns
    -------
    float, LogNormal, Pareto or callable

    Raises
    ------
    TypeError, ValueError
        If the model is none of these.

    Examples
    --------
    >>> as_durations(2)
    2.0
    """
    if isinstance(model, (LogNormal, Pareto)):
        return model
    if callable(model):
        _n_arguments(model)
        return model
    try:
        return number(model, "duration", least=0.0, finite=True)
    except TypeError:
        raise TypeError(
            "duration must be a number of seconds, LogNormal, Pareto, or a function of (rng) or "
            f"(rng, x), got {model!r}"
        ) from None


def _n_arguments(model: Any) -> int:
    """Return the number of positional arguments of a user's function, 2 if possible, else 1."""
    try:
        signature = inspect.signature(model)
    except ValueError:  # some functions in C have no signature
        return 1
    for n in (2, 1):
        try:
            signature.bind(*[None] * n)
        except TypeError:
            continue
        return n
    raise TypeError(f"duration must be a function of (rng) or (rng, x), got {model!r}")
