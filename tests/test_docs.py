"""The Python blocks of the README and the guide run, in order, and print what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDES = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *GUIDES]

#: ``print(...)  # text``: a guide promises that this line is printed.
PROMISE = re.compile(r"^\s*print\(.*\)  # (?P<text>.*)$")


def python_lines(page):
    """Return a page with every line blanked that is in no Python block: line numbers stay."""
    lines, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside and line.strip() == "```python"
            lines.append("")
        else:
            lines.append(line if inside else "")
    return lines


def run_page(page, folder, home):
    """Run the blocks of a page as one program, in a folder and a home of its own."""
    script = folder / f"{page.stem}_md.py"
    script.write_text("\n".join(python_lines(page)) + "\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", **home},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_runs_and_prints_what_it_promises(page, tmp_path, tmp_path_factory):
    if page.name in ("cluster.md", "distributed.md"):
        pytest.importorskip("ray")
    if not any(python_lines(page)):
        assert page not in GUIDES
        pytest.skip("no Python block")
    short = str(tmp_path_factory.mktemp("d"))  # as the names of Ray's sockets must be
    home = {"HOME": short, "RAY_TMPDIR": short, "RAY_USAGE_STATS_ENABLED": "0"}
    done = run_page(page, tmp_path, home)
    assert done.returncode == 0, done.stderr
    if page in GUIDES:
        promised = [m["text"] for m in map(PROMISE.match, python_lines(page)) if m]
        assert promised
        printed = iter(done.stdout.splitlines())
        for text in promised:
            assert text in printed, f"{page.name} promises {text!r}; printed:\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    named = r"`((?:examples|distributed/cluster)/[\w./]*)`"
    for name in re.findall(named, page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
