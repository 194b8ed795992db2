"""Every example runs, reaches what it should, and what its docstring says it reaches."""

import ast
import functools
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import zoopt

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

#: Figures that an example prints, as ``name: number``, and their greatest allowed values. Those of
#: 10,000 evaluations and the set cover are the thresholds of ZOOpt 0.4.2's own tests, or tighter.
BOUNDS = {
    "ask_tell": {"failures": 200, "value": 0.05},
    "continuous": {"sphere": 0.1, "Ackley": 0.2},
    "exp_opt": {"mean of 5": 0.2, "mean of 10": 0.2},
    "mixed": {"mixed": 0.05},
    "ordered": {"default": 200, "one at a time": 10},
    "set_cover": {"optimum": 20, "best of 10": 20, "mean of 10": 20},
    "stopping_criterion": {"evaluations": 9999, "value": 2.0},
}

FIGURE = re.compile(r"^ *([\w ]+): (\d\S*)$", re.MULTILINE)


def run_example(path, folder, *arguments):
    """Run an example as a user would, in an empty folder; any warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", path, *arguments],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def figures(text):
    return {name.strip(): float(number) for name, number in FIGURE.findall(text)}


def test_every_simple_function_is_listed_here():
    assert {path.stem for path in (EXAMPLES / "simple_functions").glob("*.py")} == set(BOUNDS)


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_simple_function_reaches_its_bound_and_its_docstring(name, tmp_path):
    if name == "exp_opt":
        pytest.importorskip("matplotlib")
    path = EXAMPLES / "simple_functions" / f"{name}.py"
    reached = figures(run_example(path, tmp_path))
    stated = figures(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
    assert reached.keys() == stated.keys() == BOUNDS[name].keys()
    for figure, bound in BOUNDS[name].items():
        assert 0 <= reached[figure] <= bound
        # Other processors round exp and cos otherwise, and a run then goes another way.
        assert stated[figure] / 4 <= reached[figure] <= 4 * stated[figure] + 1e-9
    if name == "set_cover":
        assert reached["optimum"] <= reached["best of 10"] <= reached["mean of 10"]
        assert reached["best of 10"] <= 1.1 * reached["optimum"]
        assert reached["mean of 10"] <= 1.5 * reached["optimum"]
    if name == "exp_opt":
        assert (tmp_path / "exp_opt.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("influence", marks=pytest.mark.slow),  # a dozen seconds
        "maximum_coverage",
        "sparse_regression",
    ],
)
def test_subset_selection_reaches_what_its_docstring_says(name, tmp_path):
    if name == "sparse_regression":
        pytest.importorskip("sklearn")
    path = EXAMPLES / "subset_selection" / f"{name}.py"
    reached = figures(run_example(path, tmp_path))
    stated = figures(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
    assert reached == pytest.approx(stated, rel=0.03)
    if "greedy" in reached:
        assert reached["poss"] > reached["greedy"]


def test_every_example_of_subset_selection_is_tested():
    names = {path.stem for path in (EXAMPLES / "subset_selection").glob("*.py")}
    assert names == {"influence", "maximum_coverage", "sparse_regression"}


def module_of(path):
    """Load an example without running it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_influence_in_short():
    """One short run; the slow tier has the sixteen that the docstring tells of."""
    influence = module_of(EXAMPLES / "subset_selection" / "influence.py")
    result = zoopt.minimize(
        influence.loss,
        zoopt.Space.subsets(influence.N),
        budget=300,
        algorithm=functools.partial(zoopt.Ponss, theta=0.02, b=influence.K),
        constraint=lambda mask: influence.K - mask.sum(),
        seed=0,
    )
    assert 0 < result.x.sum() <= influence.K
    share = influence.reached(result.x, np.random.default_rng(1), 200)
    others = np.zeros(influence.N, dtype=bool)
    others[-influence.K :] = True  # those who came last know few
    assert share > influence.reached(others, np.random.default_rng(1), 200)


@pytest.mark.slow
def test_the_noisy_simulator_reaches_what_its_docstring_says(tmp_path):
    path = EXAMPLES / "noisy" / "inventory.py"
    reached = figures(run_example(path, tmp_path))
    stated = figures(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
    assert reached == pytest.approx(stated, rel=0.03)
    assert reached["noisy costs"] < reached["plain costs"] - 2
    assert abs(reached["noisy believes"] - reached["noisy costs"]) < 2
    assert reached["plain believes"] < reached["plain costs"] - 5


def test_steps_among_very_many_sites_reach_what_the_docstring_says(tmp_path):
    path = EXAMPLES / "large_scale" / "coverage.py"
    reached = figures(run_example(path, tmp_path, "--sites", "5000", "--budget", "20000"))
    stated = figures(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
    assert reached == pytest.approx(stated, rel=0.03)
    assert reached["cost by steps"] < reached["cost by whole points"] / 2


@pytest.mark.slow
def test_pruning_reaches_what_its_docstring_says(tmp_path):
    pytest.importorskip("sklearn")
    path = EXAMPLES / "pruning.py"
    reached = figures(run_example(path, tmp_path))
    stated = figures(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
    assert reached.keys() == stated.keys()
    assert reached["all epochs"] == stated["all epochs"] == 1200
    assert reached["pruned epochs"] < 900
    for search in ("all", "pruned"):
        assert reached[f"{search} accuracy"] == pytest.approx(0.955, abs=0.015)


#: Each example of model tuning: what it needs, and a loss that its quick run stays below.
MODEL_TUNING = {
    "gradient_boosting": (["sklearn", "tqdm"], 1.0),
    "pipeline": (["sklearn", "tqdm"], 1.0),
    "pytorch_pruning": (["sklearn", "tqdm", "torch"], 1.0),
}


def test_every_example_of_model_tuning_is_tested():
    names = {path.stem for path in (EXAMPLES / "machine_learning").glob("*.py")}
    assert names == {*MODEL_TUNING, "comparison"}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODEL_TUNING)
def test_model_tuning_in_eight_trials(name, tmp_path):
    libraries, bound = MODEL_TUNING[name]
    for library in libraries:
        pytest.importorskip(library)
    path = EXAMPLES / "machine_learning" / f"{name}.py"
    reached = figures(run_example(path, tmp_path, "--quick"))
    stated = figures(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
    assert reached.keys() == stated.keys()
    assert stated["zoopt loss"] <= reached["zoopt loss"] < bound
    assert reached["zoopt test loss"] < bound


@pytest.mark.slow
def test_without_pytorch_its_example_says_what_to_install(tmp_path, monkeypatch):
    for library in ("sklearn", "tqdm"):
        pytest.importorskip(library)
    (tmp_path / "torch.py").write_text("raise ImportError", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = EXAMPLES / "machine_learning" / "pytorch_pruning.py"
    assert "pip install torch" in run_example(path, tmp_path)


@pytest.fixture
def comparison(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the module sets it if it is not set
    return module_of(EXAMPLES / "machine_learning" / "comparison.py")


def test_without_optuna_the_comparison_says_what_to_install(comparison, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SystemExit, match="pip install optuna"):
        comparison.require_optuna()


class RandomTrial:
    """Suggests as Optuna does; the names of parameters must be unique."""

    def __init__(self, rng):
        self.rng = rng
        self.names = []

    def suggest_int(self, name, low, high, log):
        self.names.append(name)
        return int(self.rng.integers(low, high + 1))

    def suggest_float(self, name, low, high, log):
        self.names.append(name)
        return float(self.rng.uniform(low, high))

    def suggest_categorical(self, name, values):
        self.names.append(name)
        return values[self.rng.integers(len(values))]


def test_optuna_gets_the_space_of_zoopt(comparison):
    inner = {"C": zoopt.Real(0.1, 10, log=True), "kernel": zoopt.Choice(["linear", "rbf"])}
    nodes = zoopt.Choice({None: {"depth": zoopt.Integer(1, 9)}, "number": zoopt.Integer(2, 31)})
    space = {
        "scale": zoopt.Choice([False, True]),
        "model": zoopt.Choice(
            {"svc": inner, "tree": {"nodes": nodes, "C": (0.0, 1.0)}, "mean": None}
        ),
    }
    found = []
    for seed in range(60):
        trial = RandomTrial(np.random.default_rng(seed))
        found.append(comparison.suggest(trial, space))
        assert zoopt.Space(space).contains(found[-1])
        assert len(set(trial.names)) == len(trial.names)
    assert {point["model"] for point in found} == {"svc", "tree", "mean"}
    nodes_found = {type(point["nodes"]) for point in found if point["model"] == "tree"}
    assert nodes_found == {int, type(None)}


def test_quickstart(tmp_path):
    for library in ("matplotlib", "sklearn", "tqdm"):
        pytest.importorskip(library)
    printed = run_example(EXAMPLES / "quickstart.py", tmp_path, "--quick")
    ackley = re.search(r"best value (\S+) after (\d+) evaluations", printed)
    assert float(ackley[1]) < 2.5  # a random point has about 4
    assert int(ackley[2]) == 1000
    # Both runs tell of their progress in ten lines, each with the best so far.
    lines = re.findall(r"(\d+) of (\d+) evaluations, +\S+ s, best (\S+)$", printed, re.MULTILINE)
    assert len(lines) == 20
    for part in (lines[:10], lines[10:]):
        bests = [float(best) for _, _, best in part]
        assert bests == sorted(bests, reverse=True)
    # Accuracies: cross-validated, and on what was held out. Of the first, tuning has the best.
    rows = re.findall(r"^(.+?) +(\d+\.\d+)% +(\d+\.\d+)%$", printed, re.MULTILINE)
    names, cross_validated, held_out = zip(*rows, strict=True)
    assert names == ("StandardScaler and SVC", "SVC alone", "tuned")
    assert float(cross_validated[2]) >= float(cross_validated[0])
    assert float(held_out[2]) > 95
    assert (tmp_path / "convergence.png").read_bytes().startswith(b"\x89PNG")


def load_ray_tune():
    try:
        import ray.tune  # noqa: F401
    except ImportError as error:
        pytest.skip(f'Ray Tune is not installed: pip install "zoopt[tune]" ({error})')
    pytest.importorskip("sklearn")


@pytest.mark.filterwarnings("default")  # Ray's own are not ours to turn into errors
def test_a_trial_of_ray_tune(monkeypatch):
    """One trial, without a Ray; the slow tier has the whole job."""
    load_ray_tune()
    example = module_of(EXAMPLES / "ray_tune.py")
    reports = []
    monkeypatch.setattr(example.tune, "report", reports.append)
    search = example.ZOOptSearch(example.SPACE, "accuracy", "max", seed=1, max_t=example.EPOCHS)
    example.train(search.suggest("trial"))
    assert len(reports) == example.EPOCHS
    assert reports[-1]["accuracy"] > 0.2  # a guess has 0.1


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.xdist_group("Ray of one's own")
def test_ray_tune(short_folder, monkeypatch):
    load_ray_tune()
    for name, value in {
        "HOME": str(short_folder),
        "RAY_TMPDIR": str(short_folder),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    path = EXAMPLES / "ray_tune.py"
    done = subprocess.run(
        [sys.executable, path], cwd=short_folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    stated = figures(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
    assert abs(figures(done.stdout)["accuracy"] - stated["accuracy"]) < 0.05
    trials, whole = re.search(r"trials: (\d+), of which (\d+) ran", done.stdout).groups()
    assert int(trials) == 24
    assert 1 <= int(whole) < 24
    epochs = re.search(r"epochs: (\d+) instead of 216", done.stdout)
    assert 24 + 8 * int(whole) <= int(epochs[1]) < 216
