"""The Ray actor that evaluates: it loads the objective once, then evaluates tasks."""

import logging
import multiprocessing
import os
import pickle
import sys
from typing import Any, NamedTuple

import numpy as np

import zoopt
from zoopt.run.executor import failure
from zoopt.run.worker import (
    MainModule,
    Readiness,
    Task,
    adopt_main,
    decode,
    dump,
    encode,
    evaluate_task,
    one_for,
    publish,
    report_of,
)

__all__ = ["Evaluator", "Parcel", "load", "node_here", "packed"]

#: Arrays of at least this many bytes are shared by all actors of a node, read-only.
SHARED_BYTES = 2**20


class Parcel(NamedTuple):
    """A pickled object, and its large buffers, which Ray keeps once per node."""

    data: bytes
    buffers: list[Any]


def packed(thing: Any) -> Parcel:
    """Pickle an object for actors.

    Raises
    ------
    TypeError
        If it cannot be pickled.
    """
    shared: list[Any] = []

    def stays_in_the_pickle(buffer: Any) -> bool:
        if buffer.raw().nbytes < SHARED_BYTES:
            return True
        shared.append(np.frombuffer(buffer.raw(), np.uint8))
        return False

    return Parcel(dump(thing, stays_in_the_pickle), shared)


def node_here() -> str:
    """Return the id of this actor's node."""
    import ray

    node: str = ray.get_runtime_context().get_node_id()
    return node


def load(parcel: Parcel, main: MainModule, path: list[str]) -> Any:
    """Unpickle a parcel in an actor, with the driver's modules importable.

    Parameters
    ----------
    parcel : Parcel
    main : MainModule
        The driver's main module.
    path : list of str
        The driver's ``sys.path``, searched after this process's own.

    Returns
    -------
    object
    """
    logging.basicConfig(format="%(levelname)s:%(name)s:%(message)s")
    # A fork would copy locks held by Ray's threads, and the child might hang.
    multiprocessing.set_start_method("forkserver", force=True)
    sys.path += [folder for folder in path if folder not in sys.path]
    adopt_main(main)
    thing = pickle.loads(parcel.data, buffers=parcel.buffers)
    publish(getattr(thing, "functions", ()))
    return thing


class Evaluator:
    """Evaluate tasks one after another.

    Parameters
    ----------
    name : str
    objective : Parcel
        The packed ``evaluate``.
    main, path
        As in `load`.
    """

    def __init__(self, name: str, objective: Parcel, main: MainModule, path: list[str]) -> None:
        self._name = f"ray {name} on {os.uname().nodename}"
        self._sent = (objective, main, path)

    def __repr__(self) -> str:  # Ray prefixes the objective's output with it
        return self._name

    def load(self) -> Readiness:
        """Load the objective."""
        node = node_here()
        try:
            self._one = one_for(load(*self._sent))
        except BaseException as error:
            return Readiness(failure(error).error, node, zoopt.__version__)
        finally:
            del self._sent
        return Readiness("", node, zoopt.__version__)

    def evaluate(self, message: bytes) -> bytes:
        """Evaluate a message of tasks; return a message of reports.

        Bytes cost Ray less than any other type, on both sides.
        """
        tasks = decode(Task, message)
        return encode(report_of(evaluate_task(self._one, task), self._name) for task in tasks)
