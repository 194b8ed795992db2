"""Callbacks: objects and functions that watch a run, and may stop it."""

import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.run.result import Result
from zoopt.run.view import SearchView

__all__ = ["Callback", "ProgressBar", "as_callbacks", "one_or_several"]

METHODS = ("on_start", "on_tell", "on_end")


class Callback:
    """Base class of callbacks. Each method may raise StopIteration to end the run.

    A plain function ``f(search)`` is a callback too: it is called after every evaluation.
    Inside a callback, ``search`` is the running `zoopt.run.search.Search`, with attributes such as
    ``nfev``, ``best``, ``last_value`` and ``elapsed``.

    Examples
    --------
    >>> import zoopt
    >>> class Announce(zoopt.Callback):
    ...     def on_end(self, search, result):
    ...         print(result.nfev, "evaluations")
    >>> _ = zoopt.minimize(lambda x: x[0], [(0, 1)], budget=7, seed=0, callbacks=[Announce()])
    7 evaluations
    """

    def on_start(self, search: SearchView) -> None:
        """Called before the first evaluation."""

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        """Called after each evaluation, once the solver knows its outcome.

        Parameters
        ----------
        search : Search
        candidate : Candidate
        evaluation : Evaluation
        """

    def on_end(self, search: SearchView, result: Result) -> None:
        """Called when the run has ended, even if an exception ended it.

        Parameters
        ----------
        search : Search
        result : Result
            Its status is "error" after an exception.
        """


class ProgressBar(Callback):
    """A live line with the best value, speed, failures, pruned trials and time left.

    Shows nothing if the stream is not a terminal, or if there is no stream.

    Parameters
    ----------
    stream : text stream, optional
        By default standard error.

    Raises
    ------
    ImportError
        If tqdm is not installed: ``pip install "zoopt[progress]"``.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        try:
            import tqdm  # noqa: F401
        except ImportError as error:
            raise ImportError('progress needs tqdm: pip install "zoopt[progress]"') from error
        self._stream = stream
        self._bar: Any = None

    def on_start(self, search: SearchView) -> None:
        from tqdm import tqdm

        stream = sys.stderr if self._stream is None else self._stream
        if stream is not None:  # there is none in a windowed program
            self._bar = tqdm(
                total=search.budget, file=stream, unit="eval", disable=None, dynamic_ncols=True
            )

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        if self._bar is None or self._bar.disable:
            return
        best = search.best
        self._bar.set_postfix(
            best="none" if best is None else f"{best.value:.6g}",
            failed=search.n_failed,
            **({"pruned": search.n_pruned} if search.n_pruned else {}),
            refresh=False,
        )
        self._bar.update()

    def on_end(self, search: SearchView, result: Result) -> None:
        if self._bar is not None:
            self._bar.close()


class _Function(Callback):
    def __init__(self, function: Callable[[SearchView], Any]) -> None:
        self._function = function

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        self._function(search)


def as_callbacks(callbacks: Any) -> list[Any]:
    """Make every callback an object with all the methods.

    Parameters
    ----------
    callbacks : iterable of callbacks, or a single one, or None

    Raises
    ------
    TypeError
        If a callback is not callable and has none of the methods.
    """
    return [_as_callback(callback) for callback in one_or_several(callbacks)]


def one_or_several(callbacks: Any) -> list[Any]:
    """Return one callback, several, or None as a list."""
    if callbacks is None:
        return []
    is_one = _is_callback(callbacks) or not isinstance(callbacks, Iterable)
    return [callbacks] if is_one else list(callbacks)


def _is_callback(thing: Any) -> bool:
    return callable(thing) or any(hasattr(thing, method) for method in METHODS)


def _as_callback(callback: Any) -> Any:
    """Complete an object that has only some of the methods, or wrap a function."""
    if not _is_callback(callback):
        raise TypeError(f"a callback must be callable or have on_tell, got {callback!r}")
    if not any(hasattr(callback, method) for method in METHODS):
        return _Function(callback)
    if all(hasattr(callback, method) for method in METHODS):
        return callback
    complete = Callback()
    for method in METHODS:
        if hasattr(callback, method):
            setattr(complete, method, getattr(callback, method))
    return complete
