"""Runs on Ray that are disturbed, and objectives that do harm at one point."""

import ctypes
import logging
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import zoopt

SPACE, WINDOW, SEED = [(-1.0, 1.0)] * 5, 8, 1
BUDGET, SLEEP = 160, 0.1
MB = 2**20

# ---------------------------------------------------------------- objectives


def eat(step: int = 32 * MB) -> None:
    """Allocate memory until the limit."""
    limit = psutil.Process().memory_info().vms + 4 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    held = []
    while True:
        held.append(np.ones(step // 8))
        time.sleep(0.02)


def eat_in_a_cgroup(procs: str) -> None:
    if procs:
        Path(procs).write_text(str(os.getpid()))
        eat()
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel would do


def eat_up_to_a_limit() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = psutil.Process().memory_info().vms + 600 * MB
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        bytearray(1200 * MB)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def spin() -> None:
    while True:
        pass


def sleep_deaf() -> None:
    """Sleep in C while holding the interpreter's lock, with all signals blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ctypes.PyDLL(None).sleep(3600)


def fail() -> None:
    raise RuntimeError("the undisturbed run fails here, too")


class Objective:
    """Sleep; at one point do harm, always or once.

    The times of harm are written to the file "harmed".
    """

    def __init__(
        self,
        folder: str,
        bad: tuple[float, ...] | None = None,
        harm: Callable[[], None] = fail,
        once: bool = False,
        seconds: float = SLEEP,
    ) -> None:
        self.harmed, self.bad, self.harm, self.once = Path(folder, "harmed"), bad, harm, once
        self.seconds = seconds

    def __call__(self, x: Any) -> float:
        if tuple(x) == self.bad and not (self.once and self.harmed.exists()):
            with self.harmed.open("a") as file:
                file.write(f"{time.time()}\n")
            self.harm()
        time.sleep(self.seconds)
        return float(((x - 0.2) ** 2).sum())


# ---------------------------------------------------------------- a disturbed run


class Disturbance:
    """Act once a quarter of the evaluations is told; record wall-clock times of all tells."""

    def __init__(self, act: Callable[[], Any] = lambda: None, n: int = BUDGET // 4) -> None:
        self.act, self.n, self.at, self.first, self.origin = act, n, 0.0, 0.0, 0.0

    def on_tell(self, search: Any, candidate: Any, evaluation: Any) -> None:
        self.origin = time.time() - search.elapsed
        if not search.replaying and not self.first:
            self.first = time.time()
        if search.nfev == self.n:
            self.at = time.time()
            self.act()


class Lines(logging.Handler):
    """Collect zoopt's log records."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())

    def with_(self, word: str) -> str:
        found = [text for text in self.texts if word in text]
        return f"{found[0].split(chr(10))[0][:150]}" if found else f"no line says {word!r}"


def undisturbed(folder: str, budget: int, bad: tuple[float, ...] | None = None) -> Any:
    objective = Objective(folder, bad, seconds=0.0)
    return zoopt.minimize(
        objective, SPACE, budget=budget, seed=SEED, window=WINDOW, on_error="record"
    )


def same(a: Any, b: Any) -> bool:
    return bool(
        np.array_equal(a.timeline["id"], b.timeline["id"])
        and a.history.tobytes() == b.history.tobytes()
        and a.x.tobytes() == b.x.tobytes()
    )


def a_point(folder: str) -> tuple[float, ...]:
    """Return the point that the undisturbed run evaluates when a quarter is told."""
    seen: list[tuple[float, ...]] = []
    zoopt.minimize(
        lambda x: seen.append(tuple(x)) or float(((x - 0.2) ** 2).sum()),
        SPACE, budget=BUDGET, seed=SEED, window=WINDOW,
    )  # fmt: skip
    return seen[BUDGET // 4]


def account(result: Any, folder: str, budget: int, at: float, bad: Any = None) -> dict[str, Any]:
    """Describe a run after a fault, given the fault's time in seconds from the start."""
    started, finished = result.timeline["started"], result.timeline["finished"]
    workers = np.asarray(result.timeline["worker"])
    after = np.sort(finished[finished > at])
    known = set(workers[started < at])
    new = [f for w, f in zip(workers, finished, strict=True) if w not in known and f > at]
    return {
        "told": f"{result.nfev} of {budget}",
        "not ok": dict(Counter(s for s in result.statuses if s != "ok")),
        "same": same(result, undisturbed(folder, budget, bad)),
        "silence": float(np.diff(after, prepend=at).max()),
        "replaced": float(min(new)) - at if new else None,
        "failure": result.failures[0].error if result.failures else "",
    }


def disturbed(
    folder: str,
    act: Callable[[], Any],
    address: str | None = None,
    budget: int = BUDGET,
    **options: Any,
) -> dict[str, Any]:
    from zoopt.distributed import RayExecutor

    event = Disturbance(act)
    result = zoopt.minimize(
        Objective(folder), SPACE, budget=budget, seed=SEED, window=WINDOW,
        backend=RayExecutor(address=address, **options), callbacks=[event],
    )  # fmt: skip
    return account(result, folder, budget, event.at - event.origin)


def harmed(
    folder: str, harm: Callable[[], None], once: bool = False, **options: Any
) -> dict[str, Any]:
    """Run an objective with one bad point."""
    from zoopt.distributed import RayExecutor

    bad = a_point(folder)
    event = Disturbance()
    result = zoopt.minimize(
        Objective(folder, bad, harm, once), SPACE, budget=BUDGET, seed=SEED, window=WINDOW,
        on_error="record", backend=RayExecutor(2, **options), callbacks=[event],
    )  # fmt: skip
    times = [float(line) for line in Path(folder, "harmed").read_text().split()]
    at = times[0] - event.origin
    return account(result, folder, BUDGET, at, None if once else bad) | {"tries": len(times)}
