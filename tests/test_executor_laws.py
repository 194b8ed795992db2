"""The conformance suite over all executors but Ray's, which tests/distributed has."""

import concurrent.futures
import multiprocessing

import pytest

from zoopt import FuturesExecutor, ProcessExecutor, ThreadExecutor
from zoopt.distributed import Cluster, SimulatedExecutor
from zoopt.run.executor import SerialExecutor
from zoopt.testing import EXECUTOR_LAWS, FaultyExecutor, check_executor

SLOW_KIND = pytest.param("threads", marks=pytest.mark.slow)  # the least unlike the others
KINDS = ["serial", "thread", "process", SLOW_KIND, "processes", "simulated"]


@pytest.fixture(scope="module")
def pools():
    context = multiprocessing.get_context("spawn")
    with (
        concurrent.futures.ThreadPoolExecutor(2) as threads,
        concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as processes,
    ):
        yield {"threads": threads, "processes": processes}


@pytest.fixture
def maker(kind, pools):
    return {
        "serial": SerialExecutor,
        "thread": lambda: ThreadExecutor(2),
        "process": lambda: ProcessExecutor(2),
        "threads": lambda: FuturesExecutor(pools["threads"]),
        "simulated": lambda: SimulatedExecutor(Cluster(workers=5)),
        "processes": lambda: FuturesExecutor(pools["processes"]),
    }[kind]


@pytest.mark.parametrize("law", EXECUTOR_LAWS.values(), ids=EXECUTOR_LAWS)
@pytest.mark.parametrize("kind", KINDS)
def test_executor_keeps_the_law(kind, law, maker, request):
    if kind == "process":  # which starts two processes for each solver and space
        request.getfixturevalue("few_solvers")
    law(maker)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["process"])
def test_processes_keep_the_law_of_the_window_with_every_solver(maker):
    EXECUTOR_LAWS["with_a_window_every_solver_goes_the_way_of_one_worker"](maker)


class Hasty(ThreadExecutor):
    """Hands out what was cancelled."""

    def cancel(self, ident):
        pass


class Mute(ThreadExecutor):
    """Loses what went wrong."""

    def collect(self, timeout=None):
        outcomes = super().collect(timeout)
        for _, evaluation in outcomes:
            evaluation.error = ""
        return outcomes


class Forgetful(ThreadExecutor):
    """Gives no trial what it should compare with."""

    def submit(self, candidate):
        if hasattr(candidate, "cutoffs"):
            candidate.cutoffs = None
        super().submit(candidate)


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Hasty, "what_is_cancelled_is_not_collected"),
        (Mute, "failures_are_told_as_such"),
        (Forgetful, "with_a_window_the_same_trials_are_pruned"),
    ],
)
def test_the_laws_can_be_broken(broken, law):
    with pytest.raises(AssertionError):
        EXECUTOR_LAWS[law](lambda: broken(2))


def test_check_executor_checks_all_laws():
    with pytest.raises(AssertionError, match="were collected"):
        check_executor(lambda: Hasty(2))


@pytest.mark.parametrize(
    "law", [name for name in EXECUTOR_LAWS if name.startswith("with_a_window")]
)
def test_the_faulty_executor_keeps_the_laws_of_the_window(law):
    EXECUTOR_LAWS[law](lambda: FaultyExecutor(5, [4, 3, 2, 1] * 20))
