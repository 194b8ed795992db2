"""One baseline a solver: the path of a fixed run. A changed path is a deliberate change.

Baselines are recorded by ``python tests/golden/record.py NAME``.
"""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from zoopt.core import registry
from zoopt.core.registry import registered
from zoopt.testing import spaces_for

HERE = Path(__file__).parent


def _recorder():
    spec = importlib.util.spec_from_file_location("record", HERE / "record.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


recorder = _recorder()


def baseline(solver, space):
    """Return what is recorded; say which solver lacks a baseline, and how to record it."""
    recorded = recorder.read().get(solver, {}).get(space)
    if recorded is None:
        pytest.fail(
            f"the solver {solver!r} has no baseline on the space {space!r}; "
            f"record it: python tests/golden/record.py {solver}",
            pytrace=False,
        )
    return recorded


@pytest.mark.parametrize("solver", recorder.solvers())
def test_every_solver_owns_a_baseline_for_every_space(solver):
    for space in spaces_for(solver):
        baseline(solver, space)
    assert sorted(recorder.read()[solver]) == sorted(spaces_for(solver))


def test_no_baseline_is_left_of_a_solver_that_is_gone():
    assert set(recorder.read()) <= set(registered())


@pytest.mark.parametrize(
    ("solver", "space"), [(s, n) for s in recorder.solvers() for n in spaces_for(s)]
)
def test_the_path_is_the_baseline(solver, space, kernels):
    assert recorder.path_digest(solver, space) == baseline(solver, space)


def test_a_solver_without_a_baseline_is_named_with_the_command_that_records_it(monkeypatch):
    monkeypatch.setattr(recorder, "read", dict)
    with pytest.raises(pytest.fail.Exception, match=r"'racos' has no baseline .*record.py racos$"):
        baseline("racos", "mixed")


def test_recording_adds_what_is_missing_and_keeps_the_rest(tmp_path, capsys):
    file = tmp_path / "paths.json"
    shutil.copy(recorder.FILE, file)
    whole = recorder.read(file)
    marked = {**whole, "gone": {"mixed": "0"}, "sracos": {"mixed": "changed", "gone": "0"}}
    del marked["random"]
    file.write_text(json.dumps(marked))

    recorder.main(["random", "sracos", "poss"], file)
    printed = capsys.readouterr().out
    assert f"sracos: {len(whole['sracos']) - 1} recorded" in printed
    assert "poss: kept as it was" in printed
    kept = {**whole, "sracos": {**whole["sracos"], "mixed": "changed"}}
    assert recorder.read(file) == kept

    recorder.main(["sracos", "--overwrite"], file)
    assert file.read_text() == recorder.FILE.read_text()
    with pytest.raises(SystemExit):
        recorder.main(["no such solver"], file)


def test_recording_knows_a_solver_that_others_registered(tmp_path, monkeypatch):
    file = tmp_path / "paths.json"
    shutil.copy(recorder.FILE, file)
    monkeypatch.setitem(registry._REGISTRY, "mine", registry._REGISTRY["random"])
    recorder.main([], file)
    assert recorder.read(file)["mine"] == recorder.read()["random"]
