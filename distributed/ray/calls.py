"""Calls of actors that are not answered yet. An actor answers in the order of its calls."""

from collections import deque
from collections.abc import Iterator
from time import sleep
from typing import Any, Generic, TypeVar

__all__ = ["Calls"]

#: Ray is asked about more calls than these all at once, as each question costs by their number.
MANY_CALLS = 16

T = TypeVar("T")


class Calls(Generic[T]):
    """The calls of each owner, of which Ray is asked about the first only.

    Parameters
    ----------
    ray : module
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._first: dict[Any, T] = {}
        self._of: dict[T, deque[Any]] = {}

    def add(self, owner: T, call: Any) -> None:
        calls = self._of.setdefault(owner, deque())
        if not calls:
            self._first[call] = owner
        calls.append(call)

    def n_of(self, owner: T) -> int:
        return len(self._of.get(owner, ()))

    def forget(self, owner: T) -> None:
        """Have no more answers of an owner."""
        calls = self._of.pop(owner, None)
        if calls:
            del self._first[calls[0]]

    def answers(self, seconds: float) -> Iterator[tuple[T, Any, Exception | None]]:
        """Wait; yield owner, answer and error of what is there.

        An owner whose call failed is asked no more.
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
            if owner is None:  # it was forgotten meanwhile
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
