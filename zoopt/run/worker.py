"""What happens in a worker process: load the objective once, then evaluate what is sent.

The driver's side of the conversation is `zoopt.run.processes`. Messages are pickles behind their
length in eight bytes. Nothing but what the driver sends is ever loaded.
"""

import atexit
import contextlib
import functools
import io
import os
import pickle
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from zoopt.core.candidate import Candidate, is_repeat
from zoopt.core.evaluation import Evaluation
from zoopt.run.executor import Evaluate, SerialExecutor, failure

__all__ = ["LENGTH", "READY", "UNFIT", "Shipment", "evaluation_of", "run_shipment", "task_of"]

LENGTH = struct.Struct("<Q")
READY, UNFIT = "ready", "unfit"

#: id, bytes of the encoded point, whether they are packed bits, origin, the move of a repeat
Task: TypeAlias = tuple[int, bytes, bool, Any, tuple[int, ...] | None]
#: value, status, violation, error, started, finished, worker, exception, extra
Report: TypeAlias = tuple[Any, ...]


def report_of(evaluation: Evaluation, worker: str) -> Report:
    """Turn an Evaluation into what travels: the exception and the extra are pickled apart."""
    return (
        evaluation.value,
        evaluation.status,
        evaluation.violation,
        evaluation.error,
        evaluation.started,
        evaluation.finished,
        worker,
        _pickled(evaluation.exception),
        _pickled(evaluation.extra),
    )


def evaluation_of(report: Report, origin: float) -> Evaluation:
    """Make the Evaluation of a report, in the seconds of the run."""
    value, status, violation, error, started, finished, worker, raised, extra = report
    exception = None
    if raised is not None:
        exception = _unpickled(raised)
        if not isinstance(exception, BaseException):
            exception = RuntimeError(error.splitlines()[-1] if error else "the objective raised")
        with contextlib.suppress(Exception):  # an exception may refuse attributes
            exception.add_note(f"zoopt: in {worker},\n{error}")
    return Evaluation(
        value,
        status,
        violation,
        error,
        started - origin,
        finished - origin,
        worker,
        exception,
        None if extra is None else _unpickled(extra),
    )


def _pickled(thing: Any) -> bytes | None:
    if thing is None:
        return None
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(thing)
    except BaseException:  # pickling runs the objective's code
        return b""
    return data


def _unpickled(data: bytes) -> Any:
    try:
        return pickle.loads(data)
    except BaseException:  # what the objective made may not load, or do anything, elsewhere
        return None


def task_of(candidate: Candidate) -> Task:
    """Return what is sent of a candidate: not its space, an attribute of ``evaluate``.

    Nor its move, unless it is a point that was asked before.
    """
    move = candidate.move if is_repeat(candidate) else None
    if candidate.bits is not None:
        return candidate.id, candidate.bits.tobytes(), True, candidate.origin, move
    return candidate.id, candidate.u.tobytes(), False, candidate.origin, move


def evaluate_task(one: SerialExecutor, task: Task) -> Evaluation:
    """Evaluate what was sent; times are readings of the clock."""
    ident, data, is_packed, origin, move = task
    if is_packed:
        bits = np.frombuffer(data, np.uint8)
        candidate = Candidate.packed(ident, bits, one.space, move, origin)
    else:
        candidate = Candidate(ident, np.frombuffer(data), one.space, move, origin)
    try:
        return one.submit(candidate)
    except BaseException as error:  # a KeyboardInterrupt of the objective's own
        return failure(error)


class Shipment:
    """A pickled ``evaluate`` for pools of others, loaded once a process."""

    _loaded: tuple[int, SerialExecutor] | None = None

    def __init__(self, data: bytes) -> None:
        self.data = data

    @classmethod
    def of(cls, evaluate: Evaluate) -> "Shipment":
        return cls(dump(evaluate))

    def load(self) -> SerialExecutor:
        key = hash(self.data)
        if Shipment._loaded is None or Shipment._loaded[0] != key:
            Shipment._loaded = key, one_for(pickle.loads(self.data))
        return Shipment._loaded[1]


def one_for(evaluate: Evaluate) -> SerialExecutor:
    """Return what evaluates in a worker; its times are readings of the clock."""
    one = SerialExecutor()
    one.start(evaluate, 0, 0.0)
    return one


def run_shipment(shipment: Shipment, task: Task) -> Report:
    """Evaluate in a process of somebody else's pool."""
    return report_of(evaluate_task(shipment.load(), task), f"process {os.getpid()}")


def dump(evaluate: Evaluate, buffer_callback: Callable[[Any], Any] | None = None) -> bytes:
    """Pickle what the workers need, by value where they could not import it.

    Parameters
    ----------
    evaluate : callable
    buffer_callback : callable, optional
        As pickle's: takes the buffers that shall not be among the bytes.

    Raises
    ------
    TypeError
        If it cannot be pickled; names the reason.
    """
    import cloudpickle

    found = map(unimportable_module, getattr(evaluate, "functions", ()))
    modules = {module.__name__: module for module in found if module is not None}
    try:
        for module in modules.values():
            cloudpickle.register_pickle_by_value(module)
        data: bytes = cloudpickle.dumps(evaluate, pickle.HIGHEST_PROTOCOL, buffer_callback)
    except Exception as error:
        raise TypeError(
            f"the objective cannot be sent to worker processes: {error}; what it refers to must "
            "pickle (open files, locks and connections do not: make them inside the objective)"
        ) from error
    finally:
        for module in modules.values():
            cloudpickle.unregister_pickle_by_value(module)
    return data


def unimportable_module(function: Any) -> types.ModuleType | None:
    """Return the module of a function if no other process would find it.

    Such are modules that were loaded from a file by hand, as test runners do. cloudpickle takes
    care of the main module itself.
    """
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__module__", None) or type(function).__module__
    if name == "__main__" or name not in sys.modules:
        return None
    top = name.partition(".")[0]
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    if top in sys.builtin_module_names or any(f.find_spec(top, None) for f in finders):
        return None
    return sys.modules[name]


def main_module() -> tuple[str | None, str | None]:
    """Return name and file of the driver's main module, as far as it has them."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    return getattr(spec, "name", None), getattr(main, "__file__", None)


def adopt_main(name: str | None, file: str | None) -> None:
    """Stand in for the driver's main module, for objectives that start processes themselves.

    Processes that `multiprocessing` spawns import the main module again: they shall find the
    user's, not this one.
    """
    main = types.ModuleType("__main__")
    if name is not None:
        main.__spec__ = types.SimpleNamespace(name=name)  # type: ignore[assignment]
    if file is not None:
        main.__file__ = file
    sys.modules["__main__"] = main


def publish(functions: Iterable[Any]) -> None:
    """Let pickles by reference find what the user's main script defined."""
    for function in functions:
        if getattr(function, "__module__", None) == "__main__" and hasattr(function, "__globals__"):
            known = {k: v for k, v in function.__globals__.items() if not k.startswith("__")}
            vars(sys.modules["__main__"]).update(known, **{function.__name__: function})


def serve(descriptor: int) -> None:
    """Be a worker until the driver hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=descriptor)
    channel.setblocking(True)
    stream = channel.makefile("rb")  # takes all that is there with one call of the system
    try:
        first = receive(stream)
        if first is None:
            return
        worker, name, file, data = pickle.loads(first)
        try:
            adopt_main(name, file)
            evaluate = pickle.loads(data)
            publish(getattr(evaluate, "functions", ()))
            one = one_for(evaluate)
        except BaseException as error:
            send(channel, (UNFIT, failure(error).error))
            return
        send(channel, (READY, ""))
        while (message := receive(stream)) is not None:
            tasks = pickle.loads(message)
            send(channel, [report_of(evaluate_task(one, task), worker) for task in tasks])
    except (BrokenPipeError, ConnectionResetError):
        pass  # the driver is gone
    leave()


def leave() -> None:
    """End at once, after what the objective wants done at exit: the driver waits for it."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(0)


def send(channel: socket.socket, message: Any) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    channel.sendall(LENGTH.pack(len(data)) + data)


def receive(stream: io.BufferedReader) -> bytes | None:
    """Return the next message; None when the other side hung up."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    n: int = LENGTH.unpack(head)[0]
    data = stream.read(n)
    return data if len(data) == n else None
