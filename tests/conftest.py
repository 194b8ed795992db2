"""Fixtures shared by all tests: kernels of both kinds, seeds, solvers, spaces."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

# Before numpy is imported: several processes that each use all processors wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import zoopt._native
from zoopt._native import reference
from zoopt.core import seen
from zoopt.core.defaults import gl
from zoopt.core.registry import registered
from zoopt.solvers import pareto
from zoopt.solvers.model import candidates, gaussian_process, outcomes
from zoopt.solvers.racos import base
from zoopt.testing import SPACES, executors


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tier too")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Return one worker more than processors, as the one that has Ray's tests waits most."""
    return min(8, len(os.sched_getaffinity(0)) + 1)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: "ray" in item.keywords)  # their Ray lives until the end
    for item in items:
        if "ray" in item.keywords and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("ray"))  # one process, and one Ray
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords or _takes_long(item):
            item.add_marker(pytest.mark.skip(reason="slow tier: run with --slow"))


def _takes_long(item):
    """Return whether a test runs a slow solver and is not one of the few quick tests of it."""
    parameters = getattr(item, "callspec", None)
    names = (
        set() if parameters is None else {p for p in parameters.params.values() if type(p) is str}
    )
    if not names & SLOW_SOLVERS:
        return False
    return item.originalname not in QUICK_TESTS or bool(names & LONG_SPACES)


#: Solvers that take a thousand times as long as others, and where they are tested nevertheless.
SLOW_SOLVERS = {"model"}
QUICK_TESTS = {
    "test_solver_keeps_the_laws",
    "test_every_solver_owns_a_baseline_for_every_space",
    "test_every_solver_searches_active_parameters_only",
    "test_the_path_is_the_baseline",
}
LONG_SPACES = set(SPACES) - {"tiny", "one point"}

#: The twins, by name.
KERNELS = {"python": reference}
if zoopt._native.BACKEND == "cython":
    KERNELS["cython"] = zoopt._native


@pytest.fixture(params=sorted(KERNELS))
def archive_class(request):
    """Each of the twins."""
    return KERNELS[request.param].Archive


@pytest.fixture(params=sorted(KERNELS))
def population_class(request):
    """Each of the twins."""
    return KERNELS[request.param].Population


@pytest.fixture(params=sorted(KERNELS))
def seen_class(request):
    """Each of the twins."""
    return KERNELS[request.param].SeenPoints


@pytest.fixture(params=sorted(KERNELS))
def kernels(request, monkeypatch):
    """Run the solvers on each of the twins."""
    twins = KERNELS[request.param]
    monkeypatch.setattr(base, "Population", twins.Population)
    monkeypatch.setattr(seen, "SeenPoints", twins.SeenPoints)
    monkeypatch.setattr(pareto, "Archive", twins.Archive)
    for module in (candidates, gaussian_process, outcomes):
        monkeypatch.setattr(module, "matrices", twins.matrices)
    return request.param


@pytest.fixture(autouse=True)
def _restored_defaults():
    """Leave the process-wide defaults as they were."""
    before = dict(gl.__dict__)
    yield
    gl.__dict__.update(before)


@pytest.fixture
def short_folder():
    """Return a new folder whose path is short, as the names of Ray's sockets must be."""
    with tempfile.TemporaryDirectory(prefix="z", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def seed():
    return 0


@pytest.fixture
def few_solvers(monkeypatch):
    """Let the executors' laws run over a sample of the solvers: the slow tier has all of them.

    One works in batches, one on subsets. SRACOS with a window is in many other tests.
    """
    sample = {name: registered()[name] for name in ("racos", "poss")}
    monkeypatch.setattr(executors, "registered", lambda: sample)


@pytest.fixture
def ctrl_c():
    """Heed SIGINT, here and in processes started from here, as in a terminal.

    Where pytest was started with SIGINT ignored, as by nohup or by ``&`` in a script, all that it
    starts would inherit that, and a test that presses Ctrl-C would wait for ever.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
