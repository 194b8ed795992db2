"""Pages of the documentation as programs."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GUIDES = sorted(DOCS.glob("*.md"))
PAGES = [ROOT / "README.md", *GUIDES]

#: Pages whose blocks start a Ray: tests/distributed/test_pages_on_ray.py runs them.
ON_RAY = ["cluster.md", "distributed.md"]

#: ``print(...)  # text``, on one line or several: a page promises that this line is printed.
PROMISE = re.compile(r"^\s*(?:print\(.*)?\)  # (.*)$")


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


def promises(page):
    """Return the lines that a page says are printed: in comments at, or right below, a print."""
    found, below = [], False
    for line in python_lines(page):
        if match := PROMISE.match(line):
            found.append(match[1])
        elif below and line.startswith("# "):
            found.append(line[2:])
        below = line.lstrip().startswith("print(") or (below and line.startswith("# "))
    return found


def run_page(page, folder, first="", **variables):
    """Run the blocks of a page as one program in a folder, and check what it promises to print.

    Parameters
    ----------
    page, folder : path
    first : str
        A line of code that comes first, in place of the page's title.
    variables : str
        Of the environment.
    """
    title, *lines = python_lines(page)
    assert not title
    script = folder / f"{page.stem}_md.py"
    script.write_text("\n".join([first, *lines]) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    promised = promises(page)
    assert promised or page not in GUIDES
    printed = iter(done.stdout.splitlines())
    for text in promised:
        assert text in printed, f"{page.name} promises {text!r}; printed:\n{done.stdout}"
