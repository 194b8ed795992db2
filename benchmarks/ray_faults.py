"""Faults of runs on Ray: workers, nodes, links and drivers that die, hang or fall silent.

    python benchmarks/ray_faults.py [--quick]

Each fault is injected in a fresh process with its own Ray, three times, the slow ones twice. A run
of sleeping evaluations with a window is disturbed when a quarter of its answers has arrived: a
process is killed or stopped, a node disconnected, or the run reaches a point at which the objective
hangs or allocates memory.

"told" is the number of evaluations that ended, and "not ok" lists statuses other than "ok". "same"
shows whether ids, values and the best point equal, bit for bit, those of a serial run without the
fault; if a point is given up, those of a serial run that fails at this point. "silence" is the
longest time without an answer after the fault. "replaced" is the time from the fault to the first
answer of a new worker. If the run itself ends, these are the times until its error is raised, and
from the start of `zoopt.resume` to its first new answer. Times are medians in seconds.

Ray's monitor acts when 2 GiB more than before are in use, including Ray itself; the kernel acts at
600 MB. A limit on the address space protects the machine. The silent link needs root and `ip`;
without them, raylet and workers are stopped by SIGSTOP. All processes of a fault carry a mark in
their environment; those still running after 20 s are counted and killed. This needs Linux and
psutil.
"""

import functools
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _clusters
import psutil
from _common import answer, arguments, heading, table
from _disturbed import (
    BUDGET,
    MB,
    SEED,
    SLEEP,
    SPACE,
    WINDOW,
    Disturbance,
    Lines,
    Objective,
    account,
    disturbed,
    eat,
    eat_in_a_cgroup,
    eat_up_to_a_limit,
    harmed,
    sleep_deaf,
    spin,
)

import zoopt

PATIENCE = 20.0  # for processes that a fault leaves behind
LIMIT = 180.0  # seconds after which a fault counts as hanging
VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # everything stays on the loopback and in separate namespaces
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}

# ---------------------------------------------------------------- the faults


def worker_killed(folder: str, lines: Lines) -> dict[str, Any]:
    def act() -> None:
        while not (at_work := at_evaluation()):
            time.sleep(0.005)
        at_work[0].kill()

    row = disturbed(folder, act, workers=2)
    return row | {"seen": lines.with_("died")}


def at_evaluation() -> list[psutil.Process]:
    return [p for p in _clusters.descendants() if "Evaluator.evaluate" in _clusters.title(p)]


def node_killed(folder: str, lines: Lines) -> dict[str, Any]:
    cluster, nodes = _clusters.cluster(("second",))
    row = disturbed(
        folder, lambda: _clusters.kill(_clusters.tree_of(nodes["second"])), cluster.address
    )
    cluster.shutdown()
    return row | {"seen": lines.with_("died")}


def partition(folder: str, lines: Lines, heals: bool) -> dict[str, Any]:
    import ray

    with _clusters.node_behind_a_link("second") as link:
        ray.init(link.address, logging_level=logging.ERROR)
        until = time.time() + 60.0
        while sum(node["Alive"] for node in ray.nodes()) < 2 and time.time() < until:
            time.sleep(0.2)

        def act() -> None:
            link.cut()
            if heals:
                threading.Timer(12.0, link.heal).start()

        row = disturbed(folder, act, budget=3 * BUDGET, node_timeout=4.0)
        believes = sum(node["Alive"] for node in ray.nodes()) == 2
        row["how"] = link.how
        row["seen"] = lines.with_("silent") + (
            f"; {lines.with_('again')}, after 12 s" if heals
            else f"; at the end Ray {'still' if believes else 'no longer'} believed in it"
        )  # fmt: skip
        ray.shutdown()
    return row


def monitor_kills(folder: str, lines: Lines) -> dict[str, Any]:
    memory = psutil.virtual_memory()
    share = (memory.total - memory.available + 2 * 2**30) / memory.total
    os.environ |= {"RAY_memory_usage_threshold": f"{share:.4f}"}
    os.environ |= {"RAY_memory_monitor_refresh_ms": "100"}
    row = harmed(folder, eat)
    return row | {"seen": f"tries: {row['tries']}; {lines.with_('died')}"}


def kernel_kills(folder: str, lines: Lines) -> dict[str, Any]:
    with _clusters.memory_cgroup(600 * MB) as procs:
        row = harmed(folder, functools.partial(eat_in_a_cgroup, str(procs or "")))
        row["how"] = "by the kernel, in a memory cgroup" if procs else "SIGKILL in its stead"
    return row | {"seen": f"tries: {row['tries']}; {lines.with_('died')}"}


def limit_kills(folder: str, lines: Lines) -> dict[str, Any]:
    row = harmed(folder, eat_up_to_a_limit)
    return row | {"seen": f"tries: {row['tries']}; {last_line(row['failure'])}"}


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1][:150] if text.strip() else "no failure"


def hung(folder: str, lines: Lines, harm: Callable[[], None]) -> dict[str, Any]:
    row = harmed(folder, harm, eval_timeout=2.0)
    return row | {"seen": last_line(row["failure"])}


def straggler(folder: str, lines: Lines) -> dict[str, Any]:
    row = harmed(folder, spin, once=True, reassign_after=2.0)
    return row | {"seen": lines.with_("died")}


def driver_killed(folder: str, lines: Lines, joins: bool) -> dict[str, Any]:
    cluster = _clusters.cluster(())[0] if joins else None
    path, address = Path(folder, "run.db"), cluster.address if cluster else None
    task = {"fault": "drive", "folder": folder, "address": address}
    driver = subprocess.Popen(
        [sys.executable, __file__, "--worker", json.dumps(task)], stdout=subprocess.DEVNULL
    )
    while not Path(folder, "quarter").exists():
        time.sleep(0.01)
        if driver.poll() is not None:
            raise RuntimeError("the driver ended by itself")
    left = _clusters.descendants(driver.pid)
    if joins:  # the others belong to the cluster
        left = at_evaluation()
    agents = [process for process in left if is_agent(process)]
    others = [process for process in left if process not in agents]
    driver.kill()
    driver.wait()
    gone: list[float] = []
    thread = threading.Thread(
        target=lambda: gone.extend(
            _clusters.seconds_until_gone(p, LIMIT / 2) for p in (others, left)
        )
    )
    thread.start()
    row = resumed(folder, path, address)
    thread.join()
    seen = f"its {len(others)} {'workers' if joins else 'servers and workers'} were gone after "
    seen += f"{gone[0]:.1f} s" + (
        f", Ray's {len(agents)} agents after {sum(gone):.0f} s" if agents else ""
    )
    if cluster:
        cluster.shutdown()
    return row | {"silence": None, "seen": seen}


def is_agent(process: psutil.Process) -> bool:
    """Return whether a process is one of those that Ray ends last."""
    return "Agent" in _clusters.title(process)


def drive(folder: str, address: str | None) -> None:
    from zoopt.distributed import RayExecutor

    event = Disturbance(Path(folder, "quarter").touch)
    zoopt.minimize(
        Objective(folder), SPACE, budget=BUDGET, seed=SEED, window=WINDOW, callbacks=[event],
        backend=RayExecutor(2, address=address), checkpoint=Path(folder, "run.db"),
    )  # fmt: skip


def resumed(folder: str, path: Path, address: str | None, budget: int = BUDGET) -> dict[str, Any]:
    from zoopt.distributed import RayExecutor

    event, started = Disturbance(), time.time()
    quick = Objective(folder, seconds=SLEEP if budget == BUDGET else 0.001)
    result = zoopt.resume(path, quick, backend=RayExecutor(2, address=address), callbacks=[event])
    row = account(result, folder, budget, 0.0)
    return row | {"replaced": event.first - started}


def ray_gone(folder: str, lines: Lines, names: tuple[str, ...]) -> dict[str, Any]:
    """Kill processes of Ray while the driver lives; continue with a new Ray."""
    from zoopt.distributed import RayExecutor

    def act() -> None:
        found = [(p, _clusters.title(p)) for p in _clusters.descendants()]
        _clusters.kill([p for p, words in found if any(name in words for name in names)])

    path, event, budget = Path(folder, "run.db"), Disturbance(act), 8 * BUDGET
    try:
        zoopt.minimize(
            Objective(folder), SPACE, budget=budget, seed=SEED, window=WINDOW, callbacks=[event],
            backend=RayExecutor(2), checkpoint=path,
        )  # fmt: skip
        seen = "no error"
    except zoopt.ExecutorError as error:
        seen = f"ExecutorError: {error}"[:150]
    seconds = time.time() - event.at
    return resumed(folder, path, None, budget) | {"silence": seconds, "seen": seen}


FAULTS: dict[str, tuple[Callable[..., dict[str, Any]], dict[str, Any]]] = {
    "a worker, SIGKILL": (worker_killed, {}),
    "a raylet and its workers, SIGKILL": (node_killed, {}),
    "a silent link, node_timeout=4": (partition, {"heals": False}),
    "a silent link, back after 12 s": (partition, {"heals": True}),
    "out of memory, Ray's monitor": (monitor_kills, {}),
    "out of memory, the kernel": (kernel_kills, {}),
    "out of memory, MemoryError": (limit_kills, {}),
    "`while True`, eval_timeout=2": (hung, {"harm": spin}),
    "deaf sleep in C, eval_timeout=2": (hung, {"harm": sleep_deaf}),
    "a straggler, reassign_after=2": (straggler, {}),
    "the driver and its Ray, SIGKILL": (driver_killed, {"joins": False}),
    "the driver in a cluster, SIGKILL": (driver_killed, {"joins": True}),
    "the head's GCS, SIGKILL": (ray_gone, {"names": ("gcs_server",)}),
    "the driver's raylet, SIGKILL": (ray_gone, {"names": ("raylet/raylet",)}),
    "all of Ray, SIGKILL": (ray_gone, {"names": ("ray",)}),
}
SLOW = "silent link", "driver and its Ray", "GCS"  # tried twice


def work(task: dict[str, Any]) -> Any:
    """Inject a fault once."""
    os.chdir(task["folder"])
    if task["fault"] == "drive":
        return drive(task["folder"], task["address"])
    lines = Lines()
    logging.getLogger("zoopt").addHandler(lines)
    logging.getLogger("zoopt").setLevel(logging.INFO)
    function, options = FAULTS[task["fault"]]
    return {**function(task["folder"], lines, **options), "log": lines.texts}


# ---------------------------------------------------------------- in the parent


def attempt(fault: str) -> tuple[dict[str, Any] | None, Counter[str]]:
    """Inject a fault in a fresh process; return its answer and the processes that it left."""
    with tempfile.TemporaryDirectory(prefix="f", ignore_cleanup_errors=True) as folder:
        place = {"HOME": folder, "RAY_TMPDIR": folder}
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        environment[_clusters.MARK] = mark = f"{os.getpid()}-{folder}"
        process = subprocess.Popen(
            [sys.executable, __file__, "--worker", json.dumps({"fault": fault, "folder": folder})],
            env={**environment, **VARIABLES, **place},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            _clusters.kill(_clusters.marked(mark))
            out, err = process.communicate()
            _clusters.clean_up_after(process.pid)
        left = _clusters.marked(mark)
        _clusters.seconds_until_gone(left, PATIENCE)
        left = [p for p in left if _clusters.is_alive(p)]
        n_left = Counter("agents" if is_agent(p) else "others" for p in left)
        if n_left["others"]:
            print(f"left of {fault}: {[_clusters.title(p) for p in left]}", file=sys.stderr)
        _clusters.kill(left)
        if process.returncode:
            print(f"{fault}: exit code {process.returncode}\n{err[-4000:]}", file=sys.stderr)
            return None, n_left
        row = json.loads(out.splitlines()[-1])
        print(f"{fault}: {row}", file=sys.stderr)
        return row, n_left


def median(rows: list[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    return f"{statistics.median(values):.1f}" if values else "-"


def one(values: list[Any]) -> str:
    """Return the common answer, or all answers."""
    texts = dict.fromkeys(", ".join(f"{n} {s}" for s, n in v.items()) or "-" if isinstance(v, dict)
                          else str(v) for v in values)  # fmt: skip
    return " / ".join(texts)


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument(
        "--only", metavar="WORD", default="", help="run only faults that contain this word"
    )
    options = parser.parse_args()
    if options.worker:
        answer(work, options.worker)
        return
    from importlib.metadata import version

    print(heading())
    print(f"- Ray {version('ray')}")
    rows, notes, n_left = [], [], Counter({"agents": 0, "others": 0})
    for fault in [name for name in FAULTS if options.only in name]:
        tried, failed = [], 0
        n_times = 1 if options.quick else 2 if any(word in fault for word in SLOW) else 3
        for _ in range(n_times):
            row, left = attempt(fault)
            n_left += left
            failed += row is None
            tried += [row] if row else []
        if tried:
            rows.append(
                [
                    fault,
                    str(len(tried)) + (f", **{failed} broke**" if failed else ""),
                    one([row["told"] for row in tried]),
                    one([row["not ok"] for row in tried]),
                    one(["yes" if row["same"] else "**no**" for row in tried]),
                    median(tried, "silence"),
                    median(tried, "replaced"),
                ]
            )
            how = f" ({tried[-1]['how']})" if "how" in tried[-1] else ""
            notes.append([fault + how, tried[-1]["seen"]])
        else:
            rows.append([fault, f"**{failed} broke**", *["-"] * 5])
    table(
        f"Runs of {BUDGET} evaluations of {SLEEP * 1000:g} ms on two workers a node, window="
        f"{WINDOW}",
        ["fault", "times", "told", "not ok", "same", "silence, s", "replaced, s"],
        rows,
    )
    table("What was seen, at the last time", ["fault", "zoopt said"], notes)
    n_now = len(_clusters.marked(f"{os.getpid()}-"))
    print(
        f"\nProcesses killed by this program, because they still ran {PATIENCE:g} s after a fault: "
        f"{n_left['agents']} of Ray's agents, {n_left['others']} others; now there: {n_now}"
    )


if __name__ == "__main__":
    main()
