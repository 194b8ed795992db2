"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import zoopt

MODULES = [
    info.name
    for info in pkgutil.walk_packages(zoopt.__path__, "zoopt.")
    if not info.name.startswith("zoopt.distributed")
]

#: What the examples of a module need beside zoopt and its hard dependencies.
NEEDS = {"zoopt.plotting": "matplotlib", "zoopt.run.trials": "pandas"}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_every_public_class_and_function_has_an_example():
    public = {name: getattr(zoopt, name) for name in zoopt.__all__}
    missing = [
        name
        for name, thing in public.items()
        if callable(thing)
        and not (isinstance(thing, type) and issubclass(thing, Exception))
        and not any(test.examples for test in doctest.DocTestFinder().find(thing, name))
    ]
    assert missing == []
