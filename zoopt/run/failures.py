"""What a run does when the objective fails: record it, warn once, or raise."""

import contextlib

from zoopt.core.errors import EvaluationWarning, FirstStepsFailed
from zoopt.core.evaluation import FAILED, Evaluation
from zoopt.core.warn import warn

__all__ = ["FIRST_CALLS", "ON_ERROR", "FailurePolicy", "ObjectiveRaised"]

ON_ERROR = ("auto", "raise", "record")

#: If this many first calls of a run all raise, the objective probably has a bug.
FIRST_CALLS = 3


class ObjectiveRaised(Exception):
    """Carries the objective's own exception through the loop, whatever its type."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class FailurePolicy:
    """Decides whether a failed evaluation ends the run.

    Parameters
    ----------
    on_error : {"auto", "raise", "record"}
        "record" never ends the run, and "raise" always does. "auto" ends it if the first three
        calls all raise or return no number. All other failures are recorded, and the first of them
        causes a warning.
    """

    def __init__(self, on_error: str) -> None:
        self._on_error = on_error
        self._first: tuple[int, Evaluation] | None = None
        self._first_error: BaseException | None = None
        self._n_raised_first = 0
        self._has_warned = False

    def judge(self, ident: int, evaluation: Evaluation, nfev: int, replaying: bool) -> None:
        """Take in a failed evaluation.

        Parameters
        ----------
        ident : int
            Number of the candidate.
        evaluation : Evaluation
            Its exception is dropped, which frees the frames that it refers to.
        nfev : int
            Number of evaluations reported so far, including this one.
        replaying : bool
            Whether the evaluation failed in an earlier part of a resumed run.

        Raises
        ------
        ObjectiveRaised
            If the run must end.
        """
        error, evaluation.exception = evaluation.exception, None
        self._first = self._first or (ident, evaluation)
        if isinstance(error, FirstStepsFailed):
            error = error.__cause__
            if self._on_error == "auto" and error is not None:
                raise ObjectiveRaised(_noted(error, "calls of delta"))
        if self._on_error == "raise" and not replaying:
            text = f"evaluation {ident} was {evaluation.status}: {evaluation.error}"
            raise ObjectiveRaised(ValueError(text) if error is None else error)
        if self._on_error == "auto":
            self._judge_first_calls(error, nfev)

    def _judge_first_calls(self, error: BaseException | None, nfev: int) -> None:
        if nfev > FIRST_CALLS:
            self._first_error = None
        elif error is not None:
            self._n_raised_first += 1
            self._first_error = self._first_error or error
            if self._n_raised_first == FIRST_CALLS:
                raise ObjectiveRaised(_noted(self._first_error, "evaluations"))
        # While every call so far has raised, the run may still end with the first error.
        if self._n_raised_first < nfev:
            self._warn_once()

    def end(self) -> None:
        """Announce failures that have not been announced yet."""
        if self._on_error == "auto":
            self._warn_once()

    def _warn_once(self) -> None:
        if self._has_warned or self._first is None:
            return
        self._has_warned = True
        ident, evaluation = self._first
        how = "failed" if evaluation.status == FAILED else f"was {evaluation.status}"
        where = f" in {evaluation.worker}" if evaluation.worker else ""
        why = evaluation.error.splitlines()[-1] if evaluation.error else "no reason is known"
        warn(
            f"evaluation {ident} {how}{where}: {why}. Recorded; later failures are recorded "
            "without further warnings.",
            EvaluationWarning,
        )


def _noted(error: BaseException, what: str) -> BaseException:
    with contextlib.suppress(Exception):  # an exception may refuse attributes
        error.add_note(
            f"zoopt: the first {FIRST_CALLS} {what} all failed; on_error='record' records failures "
            "instead"
        )
    return error
