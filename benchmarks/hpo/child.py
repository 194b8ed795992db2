"""Proposals for `runs.py`, in the environment of a library: one JSON request a line.

    python child.py

A request either starts a run, or reports losses and asks for points. The answer to the latter holds
the points and the CPU time that the library spent.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from hpo.solvers import Adapter, make
from hpo.spaces import read


def native(value: Any) -> Any:
    """Turn a number of numpy into one of Python."""
    return value.item() if hasattr(value, "item") else value


class Run:
    """The pending proposals of one run, by their numbers."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._pending: dict[int, Any] = {}
        self._asked = 0

    def answer(self, tells: list[tuple[int, float]], asks: int) -> dict[str, Any]:
        start = time.process_time()
        for number, loss in tells:
            self._adapter.tell(self._pending.pop(number), loss)
        points = []
        for _ in range(asks):
            handle, point = self._adapter.ask()
            self._pending[self._asked] = handle
            self._asked += 1
            points.append({name: native(value) for name, value in point.items()})
        return {"points": points, "ms": 1000 * (time.process_time() - start)}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints
    run = None
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            settings = request["start"]
            space = read(settings.pop("space"))
            run = Run(make(space=space, **settings))
            answer: dict[str, Any] = {}
        else:
            assert run is not None
            answer = run.answer(request["tell"], request["ask"])
        print(json.dumps(answer), file=replies, flush=True)


if __name__ == "__main__":
    main()
