"""Imports obey the layers of the house, and importing zoopt stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: The rooms, from the ground up: a module imports from its own room and from those above it here.
ROOMS = (
    "zoopt._native",
    "zoopt.core",
    "zoopt.solvers",
    "zoopt.wrappers",
    "zoopt.pruning",
    "zoopt.run",
    "zoopt.problem",
    "zoopt",  # the faces that users import
    "zoopt.testing",
    "zoopt.utils",
    "zoopt.algos",
    "zoopt.distributed",
)
#: Rooms side by side: they reach concrete solvers and wrappers through the registry.
FORBIDDEN = {
    ("zoopt.wrappers", "zoopt.solvers"),
    ("zoopt.run", "zoopt.solvers"),
    ("zoopt.run", "zoopt.wrappers"),
    ("zoopt.problem", "zoopt.solvers"),
    ("zoopt.problem", "zoopt.wrappers"),
}
#: Files in the root: the public names, and the import paths of ZOOpt 0.4.2.
FACES = {
    *("__init__", "function", "resuming", "plotting"),
    *("dimension", "exp_opt", "objective", "opt", "parameter", "solution", "sracos_tune"),
}
#: The one line that serves backend="ray".
LAZY = {("zoopt.problem.options", "zoopt.distributed")}
STANDARD = sys.stdlib_module_names | {"numpy"}


def room(module):
    fitting = [name for name in ROOMS if module == name or module.startswith(name + ".")]
    return max(fitting, key=len)


def modules():
    for path in sorted(ROOT.glob("zoopt/**/*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path
    for path in sorted(ROOT.glob("distributed/**/*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(("zoopt", *(parts[:-1] if parts[-1] == "__init__" else parts))), path


def imports(path, top_level=False):
    """Yield the imported modules; those under TYPE_CHECKING are no imports."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    inner = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped or (top_level and id(node) in inner):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda v: str(v).split("/")[-1])
def test_a_module_imports_only_from_its_own_room_and_those_before_it(module, path):
    mine = room(module)
    for name in imports(path):
        if not name.startswith("zoopt") or (module, name) in LAZY:
            continue
        theirs = room(name)
        assert ROOMS.index(theirs) <= ROOMS.index(mine), f"{module} imports {name}"
        assert (mine, theirs) not in FORBIDDEN, f"{module} imports {name}"


def test_every_folder_is_a_room_and_the_root_holds_faces_only():
    folders = {f"zoopt.{path.parent.name}" for path in ROOT.glob("zoopt/*/__init__.py")}
    assert folders == {name for name in ROOMS if name not in ("zoopt", "zoopt.distributed")}
    assert {path.stem for path in ROOT.glob("zoopt/*.py")} == FACES
    assert {path.stem for path in ROOT.glob("distributed/*.py")} == {"__init__"}


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda v: str(v).split("/")[-1])
def test_other_libraries_are_imported_where_they_are_used(module, path):
    for name in imports(path, top_level=True):
        top = name.split(".")[0]
        is_known = top in STANDARD | {"zoopt"} or room(module) == "zoopt.distributed"
        assert is_known, f"{module}: {name}"


def test_the_lazy_line_is_lazy():
    for module, name in LAZY:
        path = dict(modules())[module]
        assert name in set(imports(path))
        assert name not in set(imports(path, top_level=True))


def test_old_import_paths_are_imported_by_nothing_else():
    for module, path in modules():
        if module == "zoopt" or module.startswith(("zoopt.algos", "zoopt.utils")):
            continue
        for name in imports(path):
            assert not name.startswith(("zoopt.algos", "zoopt.utils")), f"{module} imports {name}"


def test_importing_zoopt_loads_nothing_heavy():
    heavy = ("ray", "matplotlib", "sklearn", "pandas", "torch", "tqdm", "scipy")
    program = f"import sys, zoopt; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_importing_zoopt_is_enough_for_its_packages():
    program = "import zoopt; print(zoopt.distributed.simulate, zoopt.testing, zoopt.plotting)"
    subprocess.run([sys.executable, "-P", "-c", program], check=True, stdout=subprocess.DEVNULL)


def test_distributed_is_no_name_of_its_own():
    ran = subprocess.run(
        [sys.executable, "-c", "import distributed"], cwd=ROOT, capture_output=True, text=True
    )
    assert "zoopt.distributed" in ran.stderr
    assert ran.returncode != 0
