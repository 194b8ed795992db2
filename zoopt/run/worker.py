"""The worker's side of the process executor: load the objective once, then evaluate tasks.

The driver's side is `zoopt.run.processes`. Each message is a pickle preceded by its length in
eight bytes. A worker loads only data that the driver sent.
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
from typing import Any, NamedTuple, TypeVar

import numpy as np

from zoopt.core.candidate import Candidate, PackedCandidate, is_repeat
from zoopt.core.evaluation import Evaluation, Reports
from zoopt.run.executor import Evaluate, SerialExecutor, failure

__all__ = [
    "LENGTH",
    "Introduction",
    "MainModule",
    "Readiness",
    "Report",
    "Shipment",
    "Task",
    "decode",
    "encode",
    "evaluation_of",
    "run_shipment",
    "task_of",
]

LENGTH = struct.Struct("<Q")

#: Stands for the cutoffs of a candidate in a run without a pruner.
NO_CUTOFFS = object()

R = TypeVar("R", bound=tuple[Any, ...])


class MainModule(NamedTuple):
    """Name and file of the driver's main module, if it has them."""

    name: str | None
    file: str | None


class Introduction(NamedTuple):
    """The first message to a worker process: its name, the main module and the objective."""

    worker: str
    main: MainModule
    objective: bytes


class Readiness(NamedTuple):
    """A worker's answer after loading the objective.

    Attributes
    ----------
    error : str
        Why the objective could not be loaded; empty if it was loaded.
    node, version : str
        On Ray, the worker's node and its version of zoopt.
    """

    error: str = ""
    node: str = ""
    version: str = ""


class Task(NamedTuple):
    """A candidate on its way to a worker. Its space is already there, in ``evaluate``.

    Attributes
    ----------
    id : int
    data : bytes
        The encoded point: float64 values, or packed bits.
    is_packed : bool
        Whether ``data`` holds packed bits.
    origin : object
        As in `Candidate`.
    move : tuple of int or None
        Sent only for a point that is evaluated again.
    cutoffs : bytes or None
        Pickled separately, as they may be of the user's classes; None without a pruner.
    """

    id: int
    data: bytes
    is_packed: bool
    origin: Any
    move: tuple[int, ...] | None
    cutoffs: bytes | None


class Report(NamedTuple):
    """An `Evaluation` on its way to the driver.

    Attributes
    ----------
    value, status, violation, error, worker
        As in `Evaluation`.
    started, finished : float
        Readings of the worker's clock.
    exception, extra : bytes or None
        Pickled separately: a driver that cannot load them still gets the rest.
    reports : tuple of pairs (int, float)
    """

    value: float
    status: str
    violation: float
    error: str
    started: float
    finished: float
    worker: str
    exception: bytes | None
    extra: bytes | None
    reports: Reports


def encode(records: Iterable[tuple[Any, ...]]) -> bytes:
    """Pickle tasks or reports as plain tuples, which takes a third of the time."""
    return pickle.dumps([tuple(record) for record in records], pickle.HIGHEST_PROTOCOL)


def decode(kind: type[R], data: bytes | bytearray) -> list[R]:
    """Return the records of one kind, `Task` or `Report`, that `encode` pickled."""
    new = tuple.__new__  # the constructor of the class costs three times as much
    return [new(kind, fields) for fields in pickle.loads(data)]


def report_of(evaluation: Evaluation, worker: str) -> Report:
    """Return the report of an evaluation."""
    return Report(
        evaluation.value,
        evaluation.status,
        evaluation.violation,
        evaluation.error,
        evaluation.started,
        evaluation.finished,
        worker,
        _pickled(evaluation.exception),
        _pickled(evaluation.extra),
        evaluation.reports,
    )


def evaluation_of(report: Report, origin: float) -> Evaluation:
    """Return the evaluation that was reported.

    Parameters
    ----------
    report : Report
    origin : float
        The reading of the worker's clock at the start of the run.
    """
    exception = None
    if report.exception is not None:
        exception = _unpickled(report.exception)
        if not isinstance(exception, BaseException):
            text = report.error.splitlines()[-1] if report.error else "the objective raised"
            exception = RuntimeError(text)
        with contextlib.suppress(Exception):  # an exception may refuse attributes
            exception.add_note(f"zoopt: in {report.worker},\n{report.error}")
    return Evaluation(
        report.value,
        report.status,
        report.violation,
        report.error,
        report.started - origin,
        report.finished - origin,
        report.worker,
        exception,
        None if report.extra is None else _unpickled(report.extra),
        report.reports,
    )


def _pickled(thing: Any) -> bytes | None:
    if thing is None:
        return None
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(thing)
    except BaseException:  # pickling runs code of the objective's classes
        return b""
    return data


def _unpickled(data: bytes) -> Any:
    try:
        return pickle.loads(data)
    except BaseException:  # loading runs code of the objective's classes
        return None


def task_of(candidate: Candidate) -> Task:
    """Return the task of evaluating a candidate."""
    move = candidate.move if is_repeat(candidate) else None
    cutoffs = getattr(candidate, "cutoffs", NO_CUTOFFS)
    sent = None if cutoffs is NO_CUTOFFS else dumped_cutoffs(cutoffs)
    if candidate.bits is not None:
        return Task(candidate.id, candidate.bits.tobytes(), True, candidate.origin, move, sent)
    return Task(candidate.id, candidate.u.tobytes(), False, candidate.origin, move, sent)


def dumped_cutoffs(cutoffs: Any) -> bytes:
    """Pickle the cutoffs that a pruner returned for a trial.

    Raises
    ------
    TypeError
        If it cannot be pickled.
    """
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(cutoffs, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise TypeError(
            f"the cutoffs of the pruner cannot be sent to workers: {error}, got {cutoffs!r:.100}"
        ) from error
    return data


def evaluate_task(one: SerialExecutor, task: Task) -> Evaluation:
    """Evaluate a task; its times are readings of this process's clock."""
    if task.is_packed:
        bits = np.frombuffer(task.data, np.uint8)
        candidate: Candidate = PackedCandidate(task.id, bits, one.space, task.move, task.origin)
    else:
        u = np.frombuffer(task.data)
        candidate = Candidate(task.id, u, one.space, task.move, task.origin)
    try:
        if task.cutoffs is not None:
            candidate.cutoffs = pickle.loads(task.cutoffs)
        return one.submit(candidate)
    except BaseException as error:  # a KeyboardInterrupt that the objective itself raised
        return failure(error)


class Shipment:
    """A pickled ``evaluate`` for the user's pools; each process loads it once."""

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
    """Return the executor that evaluates inside a worker; its origin is the clock's zero."""
    one = SerialExecutor()
    one.start(evaluate, 0, 0.0)
    return one


def run_shipment(shipment: Shipment, task: Task) -> Report:
    """Evaluate a task in a process of the user's pool."""
    return report_of(evaluate_task(shipment.load(), task), f"process {os.getpid()}")


def dump(evaluate: Evaluate, buffer_callback: Callable[[Any], Any] | None = None) -> bytes:
    """Pickle ``evaluate``, with the modules that workers could not import included by value.

    Parameters
    ----------
    evaluate : callable
    buffer_callback : callable, optional
        As in `pickle.dumps`: receives the buffers to keep out of the bytes.

    Returns
    -------
    bytes

    Raises
    ------
    TypeError
        If it cannot be pickled; the message gives the reason.
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
            f"the objective cannot be sent to worker processes: {error}; everything it refers to "
            "must be picklable (open files, locks and connections are not: open them inside the "
            "objective)"
        ) from error
    finally:
        for module in modules.values():
            cloudpickle.unregister_pickle_by_value(module)
    return data


def unimportable_module(function: Any) -> types.ModuleType | None:
    """Return the module of a function if another process could not import it, else None.

    Test runners load such modules from files by hand. cloudpickle itself handles the main module.
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


def main_module() -> MainModule:
    """Return name and file of this program's main module."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    return MainModule(getattr(spec, "name", None), getattr(main, "__file__", None))


def adopt_main(theirs: MainModule) -> None:
    """Pretend to be the driver's main module, for objectives that start processes themselves.

    Processes that `multiprocessing` spawns import the main module again, and must find the user's
    script, not the worker's.
    """
    main = types.ModuleType("__main__")
    if theirs.name is not None:
        main.__spec__ = types.SimpleNamespace(name=theirs.name)  # type: ignore[assignment]
    if theirs.file is not None:
        main.__file__ = theirs.file
    sys.modules["__main__"] = main


def publish(functions: Iterable[Any]) -> None:
    """Copy the globals of the user's main script to where pickles look for them by name."""
    for function in functions:
        if getattr(function, "__module__", None) == "__main__" and hasattr(function, "__globals__"):
            known = {k: v for k, v in function.__globals__.items() if not k.startswith("__")}
            vars(sys.modules["__main__"]).update(known, **{function.__name__: function})


def serve(descriptor: int) -> None:
    """Evaluate for the driver until it closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides when workers end
    channel = socket.socket(fileno=descriptor)
    channel.setblocking(True)
    stream = channel.makefile("rb")  # reads everything available in one system call
    try:
        first = receive(stream)
        if first is None:
            return
        introduction: Introduction = pickle.loads(first)
        try:
            adopt_main(introduction.main)
            evaluate = pickle.loads(introduction.objective)
            publish(getattr(evaluate, "functions", ()))
            one = one_for(evaluate)
        except BaseException as error:
            send(channel, pickle.dumps(Readiness(failure(error).error)))
            return
        send(channel, pickle.dumps(Readiness()))
        while (message := receive(stream)) is not None:
            tasks = decode(Task, message)
            reports = [report_of(evaluate_task(one, task), introduction.worker) for task in tasks]
            send(channel, encode(reports))
    except (BrokenPipeError, ConnectionResetError):
        pass  # the driver is gone
    leave()


def leave() -> None:
    """Run the objective's exit handlers, then end without further delay: the driver waits."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(0)


def send(channel: socket.socket, data: bytes) -> None:
    channel.sendall(LENGTH.pack(len(data)) + data)


def receive(stream: io.BufferedReader) -> bytes | None:
    """Return the next message, or None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    n: int = LENGTH.unpack(head)[0]
    data = stream.read(n)
    return data if len(data) == n else None
