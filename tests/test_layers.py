"""Imports obey the layers of the house, and importing zoopt stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NUMERICS, SPACE, CONTRACT, SOLVERS, COMPOSITION, RUNNING, SURFACE, DISTRIBUTED = range(8)

#: The layer of a module, by the longest prefix that fits.
LAYERS = {
    "zoopt._native": NUMERICS,
    "zoopt.checks": NUMERICS,
    "zoopt.errors": NUMERICS,
    "zoopt.means": NUMERICS,
    "zoopt.space": SPACE,
    "zoopt.unit_box": SPACE,
    "zoopt.contract": CONTRACT,
    "zoopt.lineage": CONTRACT,
    "zoopt.solvers": SOLVERS,
    "zoopt.wrappers": COMPOSITION,
    "zoopt.cascade": COMPOSITION,
    "zoopt.cascade.search_cv": SURFACE,
    "zoopt.run": RUNNING,
    "zoopt": SURFACE,
    "zoopt.distributed": DISTRIBUTED,
}
#: Layers beside each other: composition and running do not see the concrete solvers.
FORBIDDEN = {(COMPOSITION, SOLVERS), (RUNNING, SOLVERS), (RUNNING, COMPOSITION)}
#: The one line that serves backend="ray".
LAZY = {("zoopt.running", "zoopt.distributed")}
STANDARD = sys.stdlib_module_names | {"numpy"}


def layer(module):
    fitting = [name for name in LAYERS if module == name or module.startswith(name + ".")]
    return LAYERS[max(fitting, key=len)]


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
def test_a_module_imports_only_from_layers_above_its_own(module, path):
    mine = layer(module)
    for name in imports(path):
        if not name.startswith("zoopt") or (module, name) in LAZY:
            continue
        theirs = layer(name)
        assert theirs <= mine, f"{module} imports {name}"
        assert (mine, theirs) not in FORBIDDEN, f"{module} imports {name}"


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda v: str(v).split("/")[-1])
def test_other_libraries_are_imported_where_they_are_used(module, path):
    for name in imports(path, top_level=True):
        top = name.split(".")[0]
        assert top in STANDARD | {"zoopt"} or layer(module) == DISTRIBUTED, f"{module}: {name}"


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
