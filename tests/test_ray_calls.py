"""The calls of actors, and how Ray is joined, with a Ray that does as it is told."""

import pytest

from zoopt import ExecutorError
from zoopt.distributed.ray.calls import MANY_CALLS, Calls
from zoopt.distributed.ray.connection import connected


class Obedient:
    """Stands for Ray: what is in ``done`` was answered, with a value or an error."""

    def __init__(self):
        self.done = {}

    def wait(self, calls, num_returns, timeout):
        ready = [call for call in calls if call in self.done]
        return ready[:num_returns], []

    def get(self, call):
        if isinstance(self.done[call], Exception):
            raise self.done[call]
        return self.done[call]


def test_an_actor_s_answers_come_in_the_order_of_its_calls():
    ray = Obedient()
    calls = Calls(ray)
    for call in ("a1", "a2"):
        calls.add("a", call)
    ray.done["a2"] = "second"
    assert list(calls.answers(0.0)) == []  # the first is not there
    ray.done["a1"] = "first"
    assert list(calls.answers(0.0)) == [("a", "first", None)]
    assert list(calls.answers(0.0)) == [("a", "second", None)]
    assert calls.n_of("a") == 0


@pytest.mark.parametrize("n", [2, MANY_CALLS, MANY_CALLS + 1, 3 * MANY_CALLS])
def test_all_that_is_there_is_had_without_waiting(n):
    ray = Obedient()
    calls = Calls(ray)
    for i in range(n):
        calls.add(i, f"call {i}")
        ray.done[f"call {i}"] = i
    assert [answer for _, answer, _ in calls.answers(0.0)] == list(range(n))


def test_of_many_calls_all_answers_are_had_after_a_wait_too():
    ray = Obedient()
    calls = Calls(ray)
    for i in range(MANY_CALLS + 1):
        calls.add(i, f"call {i}")
        ray.done[f"call {i}"] = i
    assert len(list(calls.answers(1.0))) == MANY_CALLS + 1


def test_who_failed_or_is_forgotten_meanwhile_answers_no_more():
    ray = Obedient()
    calls = Calls(ray)
    for owner in "abc":
        calls.add(owner, f"{owner}1")
        calls.add(owner, f"{owner}2")
    ray.done = dict.fromkeys(("a1", "b1", "c1", "a2", "c2"), "answer")
    ray.done["a1"] = error = ValueError("died")
    heard = []
    for owner, _, failed in calls.answers(0.0):
        heard.append((owner, failed))
        calls.forget("b")
    assert heard == [("a", error), ("c", None)]
    assert [calls.n_of(owner) for owner in "abc"] == [0, 0, 1]
    assert [owner for owner, *_ in calls.answers(0.0)] == ["c"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(Exception("it timed out"), ExecutorError), (ConnectionError("refused"), ConnectionError)],
)
def test_a_ray_that_does_not_start_is_explained_and_cleared_away(raised, expected, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ended = []

    class Unwilling:
        def is_initialized(self):
            return False

        def init(self, **settings):
            raise raised

        def shutdown(self):
            ended.append(True)

    with pytest.raises(expected, match=str(raised)), connected(Unwilling(), "somewhere:1", 1):
        raise AssertionError("it was joined")
    assert ended == [True]
