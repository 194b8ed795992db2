"""Fixtures shared by all tests: kernels of both kinds, seeds, solvers, spaces."""

import pytest

import zoopt._native
from zoopt._native import reference, reference_archive
from zoopt.core.defaults import gl
from zoopt.solvers import pareto, random_search
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


def _populations():
    populations = {"python": reference.Population}
    if zoopt._native.BACKEND == "cython":
        populations["cython"] = zoopt._native.Population
    return populations


def _archives():
    archives = {"python": reference_archive.Archive}
    if zoopt._native.BACKEND == "cython":
        archives["cython"] = zoopt._native.Archive
    return archives


@pytest.fixture(params=sorted(_archives()))
def archive_class(request):
    """Each of the twins."""
    return _archives()[request.param]


@pytest.fixture(params=sorted(_populations()))
def population_class(request):
    """Each of the twins."""
    return _populations()[request.param]


@pytest.fixture(params=sorted(_populations()))
def kernels(request, monkeypatch):
    """Run the solvers on each of the twins."""
    for module in (racos, random_search):
        monkeypatch.setattr(module, "Population", _populations()[request.param])
    monkeypatch.setattr(pareto, "Archive", _archives()[request.param])
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
