"""Do runs survive faults? Objectives that fail, hang and die, and drivers that are killed.

    python benchmarks/faults.py [--quick]

The first part makes 10,000 evaluations on 8 worker processes. The objective raises, returns NaN,
hangs or kills its own process. Its behavior depends on the point only, so that a repeated
evaluation fails again, and so that the driver can predict each outcome from the journal.

The second part kills the driver 200 times. A script runs with a checkpoint, is killed by SIGKILL at
a random moment in its first 1.5 s, and is started again, with the same call or with `zoopt.resume`,
until its run is finished; then a new run with another seed begins. After each kill the journal must
contain all earlier evaluations and agree with an uninterrupted run so far. The final result must be
identical to that of the uninterrupted run, bit for bit. The objective is noisy through the
generator passed to it, fails at some points, and takes 0 to 2 ms. All processes of a script carry a
mark in their environment. This needs Linux, because it searches /proc.
"""

import hashlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from _common import answer, arguments, heading, table, verdict

import zoopt

FATES = {  # share of the points, and the resulting status
    "exception": (0.05, "failed"),
    "NaN": (0.02, "invalid"),
    "hang": (0.01, "timeout"),
    "SIGKILL": (0.01, "lost"),
    "none": (0.91, "ok"),
}
D = 10

MODES: dict[str, dict[str, Any]] = {
    "serial": {"budget": 4000},
    "3 processes, window 8": {"budget": 3000, "workers": 3, "window": 8},
    "4 threads, window 4": {"budget": 8000, "workers": 4, "window": 4, "backend": "thread"},
}
DELAYS = 0.3, 1.5
PATIENCE = 5.0  # for processes that a killed script leaves behind
MARK = "ZOOPT_FAULTS"
CRASH = "crash"


def draw(x: Any, purpose: bytes) -> float:
    """Return a number in [0, 1) that depends on all coordinates of the point."""
    digest = hashlib.blake2b(np.asarray(x, float).tobytes(), key=purpose, digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def fate_of(x: Any) -> str:
    place = draw(x, b"fate")
    for fate, (share, _) in FATES.items():
        place -= share
        if place < 0.0:
            return fate
    return "none"


def faulty(x: Any) -> float:
    fate = fate_of(x)
    if fate == "exception":
        raise RuntimeError("this point raises")
    if fate == "hang":
        time.sleep(3600)
    if fate == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    return float("nan") if fate == "NaN" else float(((x - 0.2) ** 2).sum())


def noisy(x: Any, rng: np.random.Generator) -> float:
    time.sleep(0.002 * draw(x, b"seconds"))
    if draw(x, b"fate") < 0.02:
        raise RuntimeError("this point raises")
    return float(((x - 0.2) ** 2).sum() + 0.01 * rng.normal())


# ---------------------------------------------------------------- processes


def children() -> list[int]:
    """Return the child processes that this one has not waited for."""
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def mentions(pid: int | str, file: str, text: str) -> bool:
    """Return whether a text occurs in environment or command line of a living process."""
    try:
        return text.encode() in Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:  # ended, or of another user
        return False


def wait_for_the_end(mark: str) -> tuple[list[int], float]:
    """Wait until no process has the mark; return the remaining ones and the seconds waited."""
    started = time.perf_counter()
    while True:
        pids = [int(p) for p in os.listdir("/proc") if p.isdigit() and mentions(p, "environ", mark)]
        waited = time.perf_counter() - started
        if not pids or waited > PATIENCE:
            return pids, waited
        time.sleep(0.005)


# ---------------------------------------------------------------- faults of the objective


def endure(budget: int, workers: int, folder: Path) -> None:
    """Run the faulty objective; print the outcomes of its evaluations."""
    path = folder / "faulty.db"
    started = time.perf_counter()
    result = zoopt.minimize(
        faulty,
        [(-1.0, 1.0)] * D,
        budget=budget,
        seed=1,
        workers=workers,
        eval_timeout=0.5,
        retries=1,
        checkpoint=path,
        on_error="record",
    )
    seconds = time.perf_counter() - started
    left = children()
    n_workers = sum(mentions(pid, "cmdline", "zoopt.run.worker") for pid in left)

    history = zoopt.load_history(path)
    fates = {ident: fate_of(history.point(ident)) for ident in history.ids.tolist()}
    pairs = list(zip(history.ids.tolist(), history.statuses.tolist(), strict=True))
    n_drawn = Counter(fates.values())
    n_ended = Counter(status for _, status in pairs)
    differ = [(i, fates[i], status) for i, status in pairs if FATES[fates[i]][1] != status]
    for ident, fate, status in differ:
        print(f"evaluation {ident}: {fate}, but {status}", file=sys.stderr)

    table(
        f"{budget:,} evaluations on {workers} worker processes, eval_timeout=0.5, retries=1",
        ["fate of the point", "share", "points", "status", "evaluations", ""],
        [
            [
                fate,
                f"{share:.0%}",
                str(n_drawn[fate]),
                status,
                str(n_ended[status]),
                verdict(n_drawn[fate] == n_ended[status]),
            ]
            for fate, (share, status) in FATES.items()
        ],
    )
    exact: dict[str, tuple[Any, Any]] = {
        "evaluations in the result": (result.nfev, budget),
        "evaluations in the journal": (len(history), budget),
        "ids from 0 to budget - 1 once": (sorted(history.ids.tolist()) == [*range(budget)], True),
        "in flight at the end": (len(history.in_flight), 0),
        "statuses that are not the point's": (len(differ), 0),
        "journal and result agree": (
            history.values.tobytes() == result.history.tobytes()
            and history.ids.tobytes() == result.timeline["id"].tobytes(),
            True,
        ),
        "worker processes left": (n_workers, 0),
        "child processes left": (len(left), 0),
        "files beside the journal": (len(list(folder.iterdir())) - 1, 0),
    }
    rows = [[name, str(a), str(b), verdict(a == b)] for name, (a, b) in exact.items()]
    rows.append(["best value", f"{result.fun:.3g}", "-", "-"])
    rows.append(["wall time, s", f"{seconds:.1f}", "-", "-"])
    table("What the run left", ["", "is", "should be", ""], rows)


# ---------------------------------------------------------------- kills of the driver


def run_noisy(task: dict[str, Any]) -> str:
    """Start or continue a run, as a script; return a digest of its result."""
    path = Path(task["path"])
    if task["resume"] and path.exists():  # a run killed very early has no file
        result = zoopt.resume(path, noisy)
    else:
        settings = {**MODES[task["mode"]], "budget": task["budget"]}
        result = zoopt.minimize(
            noisy,
            [(-1.0, 1.0)] * D,
            seed=task["seed"],
            checkpoint=path,
            on_error="record",
            **settings,
        )
    parts = (result.timeline["id"], result.history, result.x, np.float64(result.fun))
    ends = f"{result.status} {' '.join(result.statuses)}"
    return hashlib.sha256(b"".join(map(bytes, parts)) + ends.encode()).hexdigest()


def start(task: dict[str, Any], mark: str, delay: float | None, log: Path) -> str | None:
    """Run the script, at most for some seconds; return its answer, or None if it was killed."""
    with open(log.with_suffix(".out"), "w+") as out, open(log.with_suffix(".err"), "w+") as err:
        process = subprocess.Popen(
            [sys.executable, __file__, "--worker", json.dumps(task)],
            env={**os.environ, MARK: mark},
            stdout=out,
            stderr=err,
        )
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()
            process.wait()
        if process.returncode == -signal.SIGKILL:
            return None
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            print(f"{task}: exit code {process.returncode}\n{err.read()}", file=sys.stderr)
            return CRASH
        answered: str = json.loads(out.read().splitlines()[-1])
        return answered


def content(path: Path) -> tuple[bytes, bytes]:
    """Return ids and values of a journal."""
    if not path.exists():
        return b"", b""
    history = zoopt.load_history(path)
    return history.ids.tobytes(), history.values.tobytes()


def kill_often(
    mode: str, budget: int, kills: int, folder: Path, moments: random.Random
) -> Counter[str]:
    """Kill and continue runs of one mode; return a count of each event."""
    tally: Counter[str] = Counter()
    marks = (f"{os.getpid()}-{mode}-{i}-" for i in itertools.count())

    def go(task: dict[str, Any], delay: float | None) -> str | None:
        mark = next(marks)
        answered = start(task, mark, delay, folder / "log")
        left, waited = wait_for_the_end(f"{MARK}={mark}")
        for pid in left:
            print(f"process {pid} is left of {task}", file=sys.stderr)
            os.kill(pid, signal.SIGKILL)
        tally["processes left"] += len(left)
        tally["ms to the last exit"] = max(tally["ms to the last exit"], round(1000 * waited))
        tally["crashes"] += answered == CRASH
        return answered

    while tally["kills"] < kills and not tally["crashes"]:
        place = folder / f"{mode} {tally['runs']}"
        place.mkdir()
        task = {"mode": mode, "budget": budget, "seed": tally["runs"], "resume": False}
        wanted = go({**task, "path": str(folder / "whole.db")}, None)
        whole = content(folder / "whole.db")
        (folder / "whole.db").unlink()

        path = place / "run.db"
        n, answered = 0, None
        while answered is None:
            delay = moments.uniform(*DELAYS) if tally["kills"] < kills else None
            task |= {"path": str(path), "resume": moments.random() < 0.5}
            answered = go(task, delay)
            now = content(path)
            n_before, n = n, len(now[0]) // 8
            if answered is None:
                tally["kills"] += 1
                tally["kept"] += n - n_before
            if n < n_before or not all(a.startswith(b) for a, b in zip(whole, now, strict=True)):
                tally["journals broken"] += 1
                print(f"journal of {task}: {n_before} evaluations, then {n}", file=sys.stderr)
        tally["runs"] += 1
        tally["equal"] += answered == wanted != CRASH and now == whole
        beside = sorted(file.name for file in place.iterdir() if file != path)
        tally["files left"] += len(beside)
        if beside:
            print(f"after {task}: {', '.join(beside)}", file=sys.stderr)
    return tally


def survive(kills: int, share: float, folder: Path) -> None:
    """Kill runs of all modes; print the results."""
    columns = ["kills", "runs", "equal", "kept", "ms to the last exit"]
    faults = ["journals broken", "crashes", "processes left", "files left"]
    moments = random.Random(1)
    rows = []
    for i, (mode, settings) in enumerate(MODES.items()):
        started = time.perf_counter()
        budget = int(settings["budget"] * share)
        tally = kill_often(mode, budget, (kills + i) // len(MODES), folder, moments)
        good = tally["equal"] == tally["runs"] and not any(tally[name] for name in faults)
        tally["kept"] = round(tally["kept"] / max(1, tally["kills"]))
        numbers = [str(tally[name]) for name in columns + faults]
        seconds = f"{time.perf_counter() - started:.0f}"
        rows.append([mode, str(budget), *numbers, seconds, verdict(good)])
    table(
        f"{kills} kills of the driver: mean number of evaluations kept between kills, and runs "
        "equal to uninterrupted ones",
        ["mode", "budget", *columns, *faults, "wall time, s", ""],
        rows,
    )


def main() -> None:
    options = arguments(__doc__, old=False).parse_args()
    if options.worker:
        answer(run_noisy, options.worker)
        return
    print(heading())
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "faults"), Path(folder, "kills")
        first.mkdir()
        second.mkdir()
        endure(400 if options.quick else 10_000, 8, first)
        survive(6 if options.quick else 200, 0.3 if options.quick else 1.0, second)


if __name__ == "__main__":
    main()
