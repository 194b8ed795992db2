"""Executors: the same run on each, who evaluates, what reaches the caller, what is left behind."""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import objectives
import pytest
from objectives import BOX, jittery, sphere

import zoopt
from zoopt import (
    ExecutorError,
    Objective,
    Opt,
    Parameter,
    ProcessExecutor,
    ThreadExecutor,
    minimize,
)

KINDS = ["thread", "process", "futures threads", "futures processes"]


@pytest.fixture
def backend(request):
    """Make the setting that chooses an executor of two workers, and close the user's own."""
    kind = request.param
    if kind in ("thread", "process"):
        yield {"backend": kind, "workers": 2}
        return
    if kind == "futures threads":
        pool = concurrent.futures.ThreadPoolExecutor(2)
    else:
        context = multiprocessing.get_context("spawn")
        pool = concurrent.futures.ProcessPoolExecutor(2, mp_context=context)
    with pool:
        yield {"backend": pool}


def every_backend(test):
    return pytest.mark.parametrize("backend", KINDS, indirect=True)(test)


def processes(word):
    """Return the processes whose command line holds a word."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if word.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            continue
    return found


def my_workers():
    """Return the worker processes that are children of this one."""
    mine = []
    for pid in processes("zoopt.run.worker"):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == os.getpid():
                    mine.append(pid)
        except OSError:
            continue
    return mine


def run_script(tmp_path, text, *arguments, **options):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, "-P", str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        **options,
    )


@every_backend
def test_the_budget_is_exact_and_every_evaluation_is_told(backend):
    result = minimize(jittery, BOX, budget=61, seed=0, **backend)
    assert result.nfev == 61
    assert sorted(result.timeline["id"]) == list(range(61))
    assert result.fun == min(result.history)
    assert (result.timeline["finished"] > result.timeline["started"]).all()
    assert all(result.timeline["worker"])


@every_backend
def test_more_than_one_works_at_once(backend):
    def slow(x):
        time.sleep(0.05)
        return float(x[0])

    result = minimize(slow, BOX, budget=12, seed=0, **backend)
    started, finished = result.timeline["started"], result.timeline["finished"]
    together = [(started < f).sum() - (finished < f).sum() for f in finished]
    assert max(together) == 2


@every_backend
def test_closures_and_lambdas_serve(backend):
    shift = np.full(4, 0.3)
    result = minimize(lambda x: float(((x - shift) ** 2).sum()), BOX, budget=20, seed=0, **backend)
    assert result.n_failed == 0


@every_backend
def test_errors_reach_the_caller_with_their_type_and_nothing_stays(backend):
    with pytest.raises(objectives.CustomError) as caught:
        minimize(objectives.raise_custom, BOX, budget=30, seed=0, **backend)
    assert caught.value.code == 42
    assert caught.value.zoopt_result.n_failed == 3
    assert not my_workers()


@every_backend
def test_a_window_makes_the_run_independent_of_workers_and_timing(backend):
    alone = minimize(jittery, BOX, budget=80, seed=3, window=8)
    together = minimize(jittery, BOX, budget=80, seed=3, window=8, **backend)
    assert (alone.history == together.history).all()
    assert (together.timeline["id"] == np.arange(80)).all()


@pytest.mark.parametrize(
    "objective",
    [objectives.raise_unloadable, objectives.raise_unpicklable],
    ids=lambda f: f.__name__,
)
def test_errors_that_do_not_travel_arrive_as_text(objective):
    with pytest.raises(RuntimeError) as caught:
        minimize(objective, BOX, budget=30, seed=0, workers=2)
    assert "zoopt: in process" in caught.value.__notes__[0]
    assert objective.__name__ in caught.value.__notes__[0]


def test_an_objective_that_cannot_travel_is_refused_before_any_call():
    lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot be sent"):
        minimize(lambda x: lock.locked(), BOX, budget=30, seed=0, workers=2)
    assert not my_workers()


def test_an_objective_that_does_not_load_there_ends_the_run_with_the_reason():
    class Strange:
        def __call__(self, x):
            return 0.0

        def __reduce__(self):
            return (int, ("not a number",))

    with pytest.raises(ExecutorError, match="could not load the objective"):
        minimize(Strange(), BOX, budget=30, seed=0, workers=2)
    assert not my_workers()


def test_libraries_get_one_thread_a_worker_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    fun = objectives.threads_of_libraries
    assert minimize(fun, BOX, budget=4, seed=0, workers=2).fun == 1.0
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert minimize(fun, BOX, budget=4, seed=0, workers=2).fun == 3.0


def test_an_objective_may_use_processes_itself():
    result = minimize(objectives.squares_in_a_pool, BOX, budget=6, seed=0, workers=2)
    assert result.n_failed == 0
    assert result.fun > 0


def test_an_objective_of_a_module_that_is_nowhere_on_the_path_travels(tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "mine.py").write_text(
        "class Mine:\n"
        "    def __call__(self, x):\n"
        "        return helper(x)\n"
        "def helper(x):\n"
        "    return float((x**2).sum())\n"
    )
    ran = run_script(
        tmp_path,
        """
        import functools, importlib.util, sys, zoopt

        spec = importlib.util.spec_from_file_location("mine", "hidden/mine.py")
        mine = sys.modules["mine"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(mine)
        for fun in (mine.helper, mine.Mine(), functools.partial(mine.helper)):
            print(zoopt.minimize(fun, [(-1, 1)] * 2, budget=10, seed=0, workers=2).n_failed)
        """,
    )
    assert ran.stdout == "0\n0\n0\n", ran.stderr


def test_a_script_needs_no_main_guard(tmp_path):
    ran = run_script(
        tmp_path,
        """
        import zoopt

        def fun(x):
            return helper(x)

        def helper(x):
            return float((x**2).sum())

        print(zoopt.minimize(fun, [(-1, 1)] * 2, budget=30, seed=0, workers=2).nfev)
        """,
    )
    assert ran.stdout == "30\n", ran.stderr


NESTED = """
import multiprocessing
import zoopt

def square(v):
    return v * v

def fun(x):
    with multiprocessing.get_context({method!r}).Pool(1) as pool:
        return sum(pool.map(square, x.tolist()))

{guard}print(zoopt.minimize(fun, [(-1, 1)] * 2, budget=4, seed=0, workers=2).n_failed)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_guarded_script_may_start_processes_in_its_objective(tmp_path, method):
    guard = 'if __name__ == "__main__":\n    '
    ran = run_script(tmp_path, NESTED.format(method=method, guard=guard))
    assert ran.stdout == "0\n", ran.stderr


def test_an_unguarded_script_that_is_imported_again_says_so(tmp_path):
    text = NESTED.format(method="spawn", guard="").replace(
        "Pool(1) as pool:\n        return sum(pool.map(square, x.tolist()))",
        "Process(target=square, args=(1,)) as pool:\n        return 0.0",
    )
    text = text.replace(
        "with multiprocessing.get_context('spawn').Process(target=square, args=(1,)) as pool:",
        "p = multiprocessing.get_context('spawn').Process(target=square, args=(1,))\n"
        "    p.start(); p.join()\n    if True:",
    )
    ran = run_script(tmp_path, text)
    assert ran.stdout == "0\n"
    assert 'under if __name__ == "__main__"' in ran.stderr


def test_what_an_objective_starts_ends_with_the_run():
    minimize(objectives.leaves_a_child, BOX, budget=4, seed=0, workers=2)
    deadline = time.monotonic() + 5
    mark = f"zoopt-test-child of {os.getpid()}"
    while processes(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not processes(mark)


def test_what_an_objective_wants_done_at_exit_is_done(tmp_path):
    mark = tmp_path / "done"

    def fun(x):
        import atexit

        atexit.unregister(mark.touch)
        atexit.register(mark.touch)
        return sphere(x)

    minimize(fun, BOX, budget=6, seed=0, workers=1, backend="process")
    assert mark.exists()


def test_nothing_stays_when_the_driver_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import time, zoopt\n"
        "def fun(x):\n"
        "    open(f'{x.tobytes().hex()[:40]}.mark', 'w').close()\n"
        "    time.sleep(600)\n"
        "zoopt.minimize(fun, [(-1, 1)] * 2, budget=30, seed=0, workers=2)\n"
    )
    driver = subprocess.Popen([sys.executable, "-P", str(script)], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.mark"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    with open(f"/proc/{driver.pid}/task/{driver.pid}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    assert len(children) == 3, "two workers and the guardian"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in children):
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    alive = [pid for pid in children if os.path.exists(f"/proc/{pid}") and not _is_zombie(pid)]
    assert not alive


def _is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


INTERRUPTED = """
import os, signal, sys, threading, time
import zoopt

def fun(x):
    time.sleep(0.02)
    return float((x**2).sum())

def interrupt(search):
    if search.nfev == 20:
        os.kill(os.getpid(), signal.SIGINT)

result = zoopt.minimize(
    fun, [(-1, 1)] * 2, budget=10_000, seed=0, workers=2, backend=sys.argv[1], callbacks=[interrupt]
)
print(result.status, result.nfev >= 20, result.fun == min(result.history))
"""


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("backend", ["thread", "process"])
def test_ctrl_c_returns_the_best_so_far(tmp_path, backend):
    ran = run_script(tmp_path, INTERRUPTED, backend)
    assert ran.stdout == "interrupted True True\n", ran.stderr


def ignore_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_a_program_started_to_ignore_ctrl_c_goes_on(tmp_path, backend):
    """As under nohup, or in the background of a script."""
    text = INTERRUPTED.replace("10_000", "60")
    ran = run_script(tmp_path, text, backend, preexec_fn=ignore_ctrl_c)
    assert ran.stdout == "budget True True\n", ran.stderr


IN_WORKERS = """
import os, signal, zoopt

def fun(x):
    os.kill(os.getpid(), signal.SIGINT)
    return float(signal.getsignal(signal.SIGINT) is not signal.SIG_IGN)

result = zoopt.minimize(fun, [(-1, 1)], budget=20, seed=0, workers=2)
print(result.nfev, result.n_failed, result.fun)
"""


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("options", [{}, {"preexec_fn": ignore_ctrl_c}], ids=["heard", "ignored"])
def test_workers_ignore_ctrl_c(tmp_path, options):
    ran = run_script(tmp_path, IN_WORKERS, **options)
    assert ran.stdout == "20 0 0.0\n", ran.stderr


TWICE = """
import os, signal, threading, time
import zoopt

def fun(x):
    time.sleep(30)

def interrupt():
    for _ in range(2):
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    zoopt.minimize(fun, [(-1, 1)] * 2, budget=30, seed=0, workers=2, backend="thread")
except KeyboardInterrupt as error:
    print("again", error.zoopt_result.status)
"""


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_does_not_wait(tmp_path):
    started = time.monotonic()
    ran = run_script(tmp_path, TWICE)
    assert ran.stdout == "again error\n", ran.stderr
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("budget", "most"), [(1000, 4), (40, 4), (30, 3), (20, 2), (8, 2)], ids=str
)
def test_what_is_in_flight_is_bounded(budget, most):
    """At most twice the workers and a tenth of the budget, but at least one per worker."""
    flights = []
    watch = lambda search: flights.append(len(search.solver.in_flight))  # noqa: E731
    minimize(sphere, BOX, budget=budget, seed=0, workers=2, callbacks=[watch])
    assert max(flights) <= most - 1  # looked at after a tell, before the next ask


def test_the_user_may_say_how_much_is_in_flight():
    pool = ProcessExecutor(2, max_in_flight=20)
    flights = []
    watch = lambda search: flights.append(len(search.solver.in_flight))  # noqa: E731
    result = minimize(sphere, BOX, budget=300, seed=0, backend=pool, callbacks=[watch])
    assert max(flights) == 19
    assert result.nfev == 300


class Growing(ProcessExecutor):
    """Has one worker for the first evaluation's first fifth of a second, then three."""

    def _n_wanted(self):
        busy = [w.since for w in self._team if w.ready and w.messages]
        if busy and time.perf_counter() > min(busy) + 0.2:
            self.workers = 3
        return super()._n_wanted()


@pytest.mark.parametrize("name", ["run.db", pytest.param(None, marks=pytest.mark.slow)])
def test_workers_that_come_while_all_are_busy_are_used_at_once(name, tmp_path):
    result = minimize(
        lambda x: time.sleep(2.0) or 0.0,
        BOX,
        budget=3,
        seed=0,
        backend=Growing(1),
        checkpoint=name and tmp_path / name,
    )
    assert result.timeline["started"].max() < result.timeline["finished"].min()


def test_an_executor_serves_one_run_after_another_but_not_two_at_once():
    pool = ProcessExecutor(2)
    runs = [minimize(sphere, BOX, budget=30, seed=0, window=4, backend=pool) for _ in range(2)]
    assert (runs[0].history == runs[1].history).all()

    def nested(search):
        if search.nfev == 5:
            with pytest.raises(RuntimeError, match="in use"):
                minimize(sphere, BOX, budget=5, seed=0, backend=pool)

    assert minimize(sphere, BOX, budget=30, seed=0, backend=pool, callbacks=[nested]).nfev == 30


def test_large_points_travel():
    space = [(-1.0, 1.0)] * 50_000  # several times what a pipe holds
    result = minimize(lambda x: float(x @ x), space, budget=12, seed=0, workers=2)
    assert result.nfev == 12
    assert result.n_failed == 0


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("algorithm", [None, "asracos", "racos"])
def test_opt_min_runs_in_parallel(workers, algorithm):
    objective = Objective(lambda s: sphere(s.x), zoopt.Dimension(4, [[-1, 1]] * 4, [True] * 4))
    objective.set_inherit_func(lambda parent: "attached")
    objective.set_post_inherit_func(lambda: "after")
    parameter = Parameter(algorithm, budget=60, seed=0, parallel=True, server_num=workers)
    solution = Opt.min(objective, parameter)
    assert len(objective.get_history()) == 60
    assert solution.get_value() == min(objective.get_history())
    assert (solution.get_attach(), solution.get_post_attach()) == ("attached", "after")


def test_batches_in_parallel_are_the_serial_ones():
    """A barrier makes batch RACOS independent of workers once tells come in order."""
    runs = [
        minimize(jittery, BOX, budget=100, seed=0, algorithm="racos", window=20, workers=workers)
        for workers in (1, 3)
    ]
    assert (runs[0].history == runs[1].history).all()


def test_stop_rules_end_parallel_runs():
    result = minimize(jittery, BOX, budget=10_000, seed=0, workers=2, terminal_value=0.05)
    assert result.status == "terminal_value"
    assert result.history[-1] <= 0.05
    assert not my_workers()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backend": "serial", "workers": 2}, "backend='serial'"),
        ({"backend": "serial", "eval_timeout": 1}, "eval_timeout needs"),
        ({"backend": "thread", "eval_timeout": 1}, "eval_timeout needs"),
        ({"backend": "thread", "workers": 2, "retries": 1}, "retries needs"),
        ({"retries": 1}, "retries needs"),
        ({"backend": "julia"}, "backend must be"),
        ({"vectorized": True, "workers": 2}, "vectorized=True"),
        ({"vectorized": True, "backend": "process"}, "vectorized=True"),
        ({"workers": 0}, "workers must be"),
        ({"window": 0}, "window must be"),
        ({"retries": -1, "workers": 2}, "retries must be"),
        ({"eval_timeout": -1.0}, "eval_timeout must be"),
        ({"backend": ThreadExecutor(2), "workers": 2}, "on the executor"),
        ({"backend": ProcessExecutor(2), "eval_timeout": 1.0}, "on the executor"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_settings_that_contradict_are_refused_before_any_call(options, words):
    def fun(x):
        raise AssertionError("called")

    with pytest.raises(ValueError, match=words):
        minimize(fun, BOX, budget=10, **options)


def test_what_is_no_backend_is_refused():
    with pytest.raises(TypeError, match="backend must be"):
        minimize(sphere, BOX, budget=10, backend=3)
    with pytest.raises(TypeError, match="workers must be"):
        ProcessExecutor("2")


@pytest.mark.parametrize("kind", ["thread", "futures"])
def test_executors_of_threads_can_be_used_again_but_not_twice_at_once(kind):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        backend = ThreadExecutor(3) if kind == "thread" else zoopt.FuturesExecutor(pool)
        first = minimize(jittery, BOX, budget=500, seed=0, backend=backend, terminal_value=0.1)
        assert first.status == "terminal_value"

        def stop(search):
            if search.nfev == 10:
                with pytest.raises(RuntimeError, match="in use"):
                    minimize(sphere, BOX, budget=5, seed=0, backend=backend)
                raise StopIteration

        second = minimize(jittery, BOX, budget=50, seed=0, backend=backend, callbacks=[stop])
        assert second.status == "callback"
        assert minimize(jittery, BOX, budget=50, seed=0, backend=backend).nfev == 50


@every_backend
def test_a_time_budget_and_a_checkpoint_bear_slow_evaluations(backend, tmp_path):
    """Collecting in vain, for the sake of either, is no end."""

    def slow(x):
        time.sleep(0.3)
        return float(x[0])

    options = {"budget": 4, "seed": 0, "checkpoint": tmp_path / "run.db", **backend}
    assert minimize(slow, BOX, time_budget=60.0, **options).nfev == 4


class Unfriendly:
    """Looks like a number and is none."""

    def __float__(self):
        raise RuntimeError("two elements")


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
@pytest.mark.parametrize("value", [10**400, Unfriendly()], ids=["huge", "unfriendly"])
@pytest.mark.parametrize(
    "options", [{}, {"workers": 2, "backend": "thread"}, {"workers": 2}], ids=str
)
def test_a_value_that_is_no_float_is_invalid_everywhere(options, value):
    def fun(x):
        return value if x[0] > 0.5 else sphere(x)

    result = minimize(fun, BOX, budget=40, seed=1, on_error="record", **options)
    assert result.nfev == 40
    assert 0 < result.n_failed == result.failure_counts["invalid"]


@pytest.mark.parametrize("error", [StopIteration, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("on_error", ["auto", "raise"])
def test_an_objective_s_own_stop_iteration_is_not_a_callback_s(error, on_error):
    def fun(x):
        raise error("mine")

    if error is StopIteration:
        with pytest.raises(StopIteration, match="mine"):
            minimize(fun, BOX, budget=20, seed=0, on_error=on_error)
    with pytest.raises(error, match="mine"):
        minimize(fun, BOX, budget=20, seed=0, workers=2, on_error=on_error)


FORKING = """
import os, threading, time
import zoopt

def fun(x):
    open(f"{x.tobytes().hex()[:40]}.mark", "w").close()
    time.sleep(600)

def fork():
    while len([name for name in os.listdir(".") if name.endswith(".mark")]) < 2:
        time.sleep(0.02)
    pid = os.fork()
    if pid == 0:
        open("forked", "w").write(str(os.getpid()))
        time.sleep(600)
        os._exit(0)

threading.Thread(target=fork, daemon=True).start()
zoopt.minimize(fun, [(-1, 1)] * 2, budget=30, seed=0, workers=2)
"""


def test_nothing_stays_though_the_driver_had_forked(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(FORKING)
    driver = subprocess.Popen([sys.executable, "-P", str(script)], cwd=tmp_path)
    forked = tmp_path / "forked"
    deadline = time.monotonic() + 60
    while not (forked.exists() and forked.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    stranger = int(forked.read_text())
    try:
        with open(f"/proc/{driver.pid}/task/{driver.pid}/children") as file:
            children = {int(pid) for pid in file.read().split()} - {stranger}
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        deadline = time.monotonic() + 10
        while not all(map(_is_zombie, children)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert all(map(_is_zombie, children))
    finally:
        os.kill(stranger, signal.SIGKILL)


def test_a_missing_ray_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    calls = []
    with pytest.raises(ImportError, match=r"zoopt\[ray\]"):
        minimize(calls.append, BOX, budget=5, backend="ray", workers=2)
    assert not calls
