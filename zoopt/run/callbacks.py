"""Callbacks: what may watch a run and stop it."""

import sys
from typing import TYPE_CHECKING, Any, TextIO

from zoopt.contract import Candidate, Evaluation

if TYPE_CHECKING:
    from zoopt.run.result import Result
    from zoopt.run.search import Search

__all__ = ["Callback", "ProgressBar"]


class Callback:
    """Base class with the three moments of a run; each may raise StopIteration to end it.

    A plain function ``f(search)`` is a callback too: it is called after every tell.

    Examples
    --------
    >>> import zoopt
    >>> class Announce(zoopt.Callback):
    ...     def on_end(self, search, result):
    ...         print(result.nfev, "evaluations")
    >>> _ = zoopt.minimize(lambda x: x[0], [(0, 1)], budget=7, seed=0, callbacks=[Announce()])
    7 evaluations
    """

    def on_start(self, search: "Search") -> None:
        """Be told that the run begins."""

    def on_tell(self, search: "Search", candidate: Candidate, evaluation: Evaluation) -> None:
        """Be told an outcome, after the solver was."""

    def on_end(self, search: "Search", result: "Result") -> None:
        """Be told that the run ended."""


class ProgressBar(Callback):
    """A live line with the best value, evaluations per second, failures and time left.

    Quiet when the stream is not a terminal.

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

    def on_start(self, search: "Search") -> None:
        from tqdm import tqdm

        stream = sys.stderr if self._stream is None else self._stream
        self._bar = tqdm(
            total=search.budget, file=stream, unit="eval", disable=None, dynamic_ncols=True
        )

    def on_tell(self, search: "Search", candidate: Candidate, evaluation: Evaluation) -> None:
        if self._bar.disable:
            return
        best = search.best
        self._bar.set_postfix(
            best="none" if best is None else f"{best.value:.6g}",
            failed=search.n_failed,
            refresh=False,
        )
        self._bar.update()

    def on_end(self, search: "Search", result: "Result") -> None:
        self._bar.close()
