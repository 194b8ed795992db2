"""What the errors of Ray's calls mean: an installation that never works, a node, or a worker."""

from typing import Any

from zoopt.core.errors import ExecutorError

__all__ = ["raise_if_it_cannot_start", "reason_of", "tells_of_a_node"]


def raise_if_it_cannot_start(ray: Any, error: BaseException) -> None:
    """Raise if another attempt to start an actor would fail as this one did.

    Raises
    ------
    ExecutorError
        With what Ray says, and what to do.
    """
    exceptions = ray.exceptions
    if (
        getattr(error, "actor_init_failed", False)
        or isinstance(error, (exceptions.RayTaskError, exceptions.RuntimeEnvSetupError))
        or "ModuleNotFoundError" in str(error)
    ):
        raise ExecutorError(
            f"a worker could not be started:\n{error}\n"
            "zoopt and what the objective imports must be installed where the workers are, in "
            "the image or by runtime_env"
        ) from error


def tells_of_a_node(ray: Any, error: BaseException) -> bool:
    """Return whether it was a node that was lost, as far as Ray knows."""
    exceptions = ray.exceptions
    lost = (exceptions.ActorUnavailableError, exceptions.NodeDiedError)
    return isinstance(error, lost) or "node" in _cause(str(error))


def reason_of(error: BaseException) -> str:
    """Return a line for logs and failures."""
    text = _cause(str(error)).strip() or str(error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    return f"({type(error).__name__}: {line[:300]})"


def _cause(text: str) -> str:
    """Return what Ray says of a dead actor, without the names of its fields."""
    return text.partition("The actor is dead because")[2].partition("Worker exit")[0]
