"""Pending calls of actors. An actor answers its calls in order."""

from collections import deque
from collections.abc import Iterator
from time import sleep
from typing import Any, Generic, TypeVar

__all__ = ["Calls"]

#: With more pending calls than this, all finished calls are fetched at once, because the time of
#: each `ray.wait` is proportional to the number of calls.
MANY_CALLS = 16

T = TypeVar("T")


class Calls(Generic[T]):
    """The pending calls of each owner; Ray is asked only about the first call of each owner.

    Parameters
    ----------
    ray : module
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._first: dict[Any, T] = {}
        self._of: dict[T, deque[Any]] = {}

    def add(self, owner: T, call: Any) -> None:
        """Add the newest call of an owner."""
        calls = self._of.setdefault(owner, deque())
        if not calls:
            self._first[call] = owner
        calls.append(call)

    def n_of(self, owner: T) -> int:
        """Return the number of pending calls of an owner."""
        return len(self._of.get(owner, ()))

    def forget(self, owner: T) -> None:
        """Drop all pending calls of an owner."""
        calls = self._of.pop(owner, None)
        if calls:
            del self._first[calls[0]]

    def answers(self, seconds: float) -> Iterator[tuple[T, Any, Exception | None]]:
        """Wait for answers and yield them.

        The calls of an owner are dropped after its first error.

        Parameters
        ----------
        seconds : float
            Time to wait for the first answer.

        Yields
        ------
        owner, answer, error
            Either ``answer`` or ``error`` is None.
        """
        ray, calls = self._ray, list(self._first)
        if not calls:
            sleep(seconds)
            return
        done = ray.wait(calls, num_returns=1, timeout=seconds)[0]
        if done and (seconds == 0.0 or len(calls) > MANY_CALLS):
            done = ray.wait(calls, num_returns=len(calls), timeout=0)[0]
        for call in done:
            owner = self._first.get(call)
            if owner is None:  # forgotten while the caller handled another answer
                continue
            try:
                answer = ray.get(call)
            except Exception as error:
                self.forget(owner)
                yield owner, None, error
            else:
                del self._first[call]
                rest = self._of[owner]
                rest.popleft()
                if rest:
                    self._first[rest[0]] = owner
                yield owner, answer, None
