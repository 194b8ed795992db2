"""Fixtures shared by all tests: kernels of both kinds, seeds, solvers, spaces."""

import pytest

import zoopt._native
from zoopt._native import reference
from zoopt.core import seen
from zoopt.core.defaults import gl
from zoopt.solvers import pareto
from zoopt.solvers.racos import racos


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tier too")


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: "ray" in item.keywords)  # their Ray lives until the end
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow tier: run with --slow"))


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
    monkeypatch.setattr(racos, "Population", twins.Population)
    monkeypatch.setattr(seen, "SeenPoints", twins.SeenPoints)
    monkeypatch.setattr(pareto, "Archive", twins.Archive)
    return request.param


@pytest.fixture(autouse=True)
def _restored_defaults():
    """Leave the process-wide defaults as they were."""
    before = dict(gl.__dict__)
    yield
    gl.__dict__.update(before)


@pytest.fixture
def seed():
    return 0
