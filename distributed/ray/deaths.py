"""Interpret Ray's errors: a broken installation, a lost node or a dead worker."""

from typing import Any

from zoopt.core.errors import ExecutorError

__all__ = ["raise_if_it_cannot_start", "reason_of", "tells_of_a_node"]


def raise_if_it_cannot_start(ray: Any, error: BaseException) -> None:
    """Raise if starting another actor would fail in the same way.

    Raises
    ------
    ExecutorError
        With Ray's message and advice.
    """
    exceptions = ray.exceptions
    if (
        getattr(error, "actor_init_failed", False)
        or isinstance(error, (exceptions.RayTaskError, exceptions.RuntimeEnvSetupError))
        or "ModuleNotFoundError" in str(error)
    ):
        raise ExecutorError(
            f"a worker could not be started:\n{error}\n"
            "zoopt and all modules that the objective imports must be installed on the workers' "
            "nodes, in their image or through runtime_env"
        ) from error


def tells_of_a_node(ray: Any, error: BaseException) -> bool:
    """Return whether an error reports the loss of a node."""
    exceptions = ray.exceptions
    lost = (exceptions.ActorUnavailableError, exceptions.NodeDiedError)
    return isinstance(error, lost) or "node" in _cause(str(error))


def reason_of(error: BaseException) -> str:
    """Return a one-line reason for logs and failures."""
    text = _cause(str(error)).strip() or str(error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    return f"({type(error).__name__}: {line[:300]})"


def _cause(text: str) -> str:
    """Return the cause that Ray gives for the death of an actor, if any."""
    return text.partition("The actor is dead because")[2].partition("Worker exit")[0]
