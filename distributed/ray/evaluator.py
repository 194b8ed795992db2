"""What happens in a Ray actor: load the objective once, then evaluate what is sent."""

import logging
import multiprocessing
import os
import pickle
import sys
from typing import Any

import numpy as np

import zoopt
from zoopt.run.executor import failure
from zoopt.run.worker import (
    READY,
    UNFIT,
    Task,
    adopt_main,
    dump,
    evaluate_task,
    one_for,
    publish,
    report_of,
)

__all__ = ["Evaluator", "load", "node_here", "packed"]

#: Arrays of at least this size are shared by all workers of a node, read-only.
SHARED_BYTES = 2**20


def packed(thing: Any) -> tuple[bytes, list[Any]]:
    """Pickle what actors need, less its large buffers, which the actors of a node share."""
    shared: list[Any] = []

    def stays_in_the_pickle(buffer: Any) -> bool:
        if buffer.raw().nbytes < SHARED_BYTES:
            return True
        shared.append(np.frombuffer(buffer.raw(), np.uint8))
        return False

    return dump(thing, stays_in_the_pickle), shared


def node_here() -> str:
    """Return the id of this actor's node."""
    import ray

    node: str = ray.get_runtime_context().get_node_id()
    return node


def load(
    objective: tuple[bytes, list[Any]], main: tuple[str | None, str | None], path: list[str]
) -> Any:
    """Unpickle what was sent, where modules are found as in the driver."""
    logging.basicConfig(format="%(levelname)s:%(name)s:%(message)s")
    # Ray's threads hold locks that a fork would copy: its children may hang.
    multiprocessing.set_start_method("forkserver", force=True)
    sys.path += [folder for folder in path if folder not in sys.path]
    adopt_main(*main)
    data, buffers = objective
    thing = pickle.loads(data, buffers=buffers)
    publish(getattr(thing, "functions", ()))
    return thing


class Evaluator:
    """Evaluates tasks one after the other.

    Parameters
    ----------
    name : str
    objective : tuple
        The pickled ``evaluate``, and the large buffers that belong to it.
    main : tuple
        Name and file of the driver's main module.
    path : list of str
        Where the driver finds modules; tried after this process's own.
    """

    def __init__(
        self,
        name: str,
        objective: tuple[bytes, list[Any]],
        main: tuple[str | None, str | None],
        path: list[str],
    ) -> None:
        self._name = f"ray {name} on {os.uname().nodename}"
        self._objective = objective
        self._main = main
        self._path = path

    def __repr__(self) -> str:  # Ray shows it before each line that the objective prints
        return self._name

    def load(self) -> tuple[str, str, str, str]:
        """Unpickle the objective; say whether it went well, on which node, with which zoopt."""
        node = node_here()
        try:
            evaluate = load(self._objective, self._main, self._path)
            self._one = one_for(evaluate)
        except BaseException as error:
            return UNFIT, failure(error).error, node, zoopt.__version__
        finally:
            del self._objective
        return READY, "", node, zoopt.__version__

    def evaluate(self, message: bytes) -> bytes:
        """Evaluate a pickled list of tasks; return that of their reports.

        Bytes cost Ray least, at both ends.
        """
        tasks: list[Task] = pickle.loads(message)
        reports = [report_of(evaluate_task(self._one, task), self._name) for task in tasks]
        return pickle.dumps(reports, pickle.HIGHEST_PROTOCOL)
