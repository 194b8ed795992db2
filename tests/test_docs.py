"""The Python blocks of the README and the guide run as promised; their tables are complete."""

import inspect
import re
from collections.abc import Mapping

import pytest
from pages import DOCS, GUIDES, ON_RAY, PAGES, ROOT, python_lines, run_page

import zoopt
from zoopt.core.registry import registered
from zoopt.testing import LAWS

#: Pages that need not have a Python block.
WITHOUT_CODE = {"index.md", "benchmarks.md"}
#: What the blocks of a page need beside zoopt and its hard dependencies.
NEEDS = {
    "failures.md": ["pandas"],
    "machine_learning.md": ["sklearn"],
    "pruning.md": ["pandas", "matplotlib"],
    "ray_tune.md": ["ray.tune"],
    "results.md": ["pandas", "matplotlib"],
    "spaces.md": ["pandas"],
    "zoopt_api.md": ["matplotlib"],
}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in ON_RAY], ids=lambda page: page.name
)
def test_every_block_runs_and_prints_what_it_promises(page, tmp_path):
    if page.name in WITHOUT_CODE and not any(python_lines(page)):
        pytest.skip("no Python block")
    assert any(python_lines(page))
    for library in NEEDS.get(page.name, ()):
        pytest.importorskip(library)
    home = {"HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0"}
    run_page(page, tmp_path, **home)


def anchors(page):
    """Return the anchors that a page's headings get, as on GitHub."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    named = r"`((?:examples|distributed/cluster|benchmarks|tests|zoopt/[\w/]+)/[\w./]*)`"
    text = page.read_text(encoding="utf-8")
    for name in [*re.findall(named, text), *re.findall(r"`python ([\w/]+\.py)`", text)]:
        assert (ROOT / name).exists(), name


def test_the_index_lists_every_page():
    listed = re.findall(r"\]\((\w+\.md)\)", (DOCS / "index.md").read_text(encoding="utf-8"))
    assert sorted(set(listed)) == [page.name for page in GUIDES if page.name != "index.md"]


# What a table of the guide leaves out or has too much is stale.


def words(page, heading=None):
    """Return what stands in backquotes on a page, or under one of its headings."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if heading is not None:
        text = re.split(r"^#", text.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.M)[0]
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", text))))


def first_column(page):
    """Return the first cell of each row of a page's tables that is one quoted word."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r'^\| `"?(\w+)"?` \|', text, re.MULTILINE)


def test_the_algorithms_are_the_registered_ones():
    named = set(first_column("algorithms.md"))
    options = set(inspect.signature(zoopt.SRacos).parameters)
    assert named - options == set(registered())


def test_the_options_of_sracos_are_those_that_it_has():
    common = {"space", "budget", "seed", "x0"}
    options = set(inspect.signature(zoopt.SRacos).parameters) - common
    assert options <= words("algorithms.md", "## Set options of a solver")


def test_every_argument_of_minimize_is_in_the_guide():
    pages = [page.name for page in GUIDES if page.name != "zoopt_api.md"]
    known = set().union(*map(words, pages))
    assert set(inspect.signature(zoopt.minimize).parameters) - known <= {"fun"}


def test_every_setting_of_a_parameter_is_in_the_guide():
    parameters = set(inspect.signature(zoopt.Parameter).parameters)
    assert parameters <= words("zoopt_api.md", "## Parameter")


def test_every_attribute_of_a_result_is_in_the_guide():
    result = zoopt.minimize(lambda x: x[0], [(0, 1)], budget=1, seed=0)
    attributes = {name for name in dir(result) if not name.startswith("_")} - set(dir(Mapping))
    assert attributes <= words("results.md")


def test_the_laws_of_solvers_are_those_that_are_checked():
    table = set(first_column("writing_a_solver.md"))
    assert {name for name in table if name in LAWS or name.count("_") > 2} == set(LAWS)
