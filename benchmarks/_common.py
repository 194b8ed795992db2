"""Shared parts of the comparisons: other Python environments, fresh subprocesses, and the heading.

The parent of the measured processes imports only the standard library, to stay small: Linux counts
a parent's memory in the peak of its child.
"""

import argparse
import contextlib
import datetime
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

OLD = "0.4.2"
#: Options whose value is a path.
LOCAL = {"--old": "PYTHON", "--environments": "FOLDER", "--runs": "FOLDER"}


def arguments(description: str | None, old: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options of all benchmarks, or of those with the old zoopt."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if old:
        parser.add_argument(
            "--old",
            metavar="PYTHON",
            help=f"a Python with zoopt {OLD}; by default, an environment is created",
        )
    parser.add_argument("--quick", action="store_true", help="a quick test, not a measurement")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser


def old_python(path: str | None) -> contextlib.AbstractContextManager[str]:
    """Yield a Python with the old zoopt: the given one, or one in a temporary environment."""
    return python_with(path, f"zoopt=={OLD}")


@contextlib.contextmanager
def python_with(path: str | None, *packages: str) -> Iterator[str]:
    """Yield a Python with some packages: the given one, or one in a temporary environment."""
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield python_in(Path(folder), *packages)


def python_in(folder: Path, *packages: str) -> str:
    """Return the Python of an environment in a folder, which is created if missing."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if packages and not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def call(python: str, *command: str) -> Any:
    """Run Python in a fresh process with one thread; return the JSON of its last line."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    done = subprocess.run(
        [python, *command], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def work(python: str, script: str, task: dict[str, Any]) -> Any:
    """Run a script on a task in a fresh process."""
    return call(python, script, "--worker", json.dumps(task))


def answer(worker: Callable[[dict[str, Any]], Any], task: str) -> None:
    """Run a task in this process and print its answer as JSON, without the library's output."""
    with contextlib.redirect_stdout(io.StringIO()):
        result = worker(json.loads(task))
    print(json.dumps(result))


def heading(old: str | None = None) -> str:
    """Describe the machine, all versions, the date and the command."""
    given = iter(sys.argv[1:])
    words: list[str] = []
    for word in given:
        option, _, value = word.partition("=")
        words.append(option if option in LOCAL else word)
        if option in LOCAL:
            words.append(LOCAL[option])
            if not value:
                next(given)
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = {
        "machine": f"{_cpu()}, {os.cpu_count()} cores, {pages / 2**30:.0f} GiB, "
        f"{platform.system()}; load at the start {os.getloadavg()[0]:.1f}",
        "ours": call(sys.executable, __file__),
        **({} if old is None else {"old": call(old, __file__)}),
        "date": datetime.date.today().isoformat(),
        "command": f"`{' '.join(['python', f'benchmarks/{Path(sys.argv[0]).name}', *words])}`",
    }
    return "\n".join(f"- {name}: {text}" for name, text in lines.items())


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title}\n")
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    for cells in (columns, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |")
    sys.stdout.flush()


def verdict(ok: bool) -> str:
    return "pass" if ok else "**miss**"


def versions() -> str:
    """Name the versions that this Python runs."""
    from importlib.metadata import version

    try:
        from zoopt._native import BACKEND
    except ImportError:
        BACKEND = "plain Python"
    return (
        f"zoopt {version('zoopt')} ({BACKEND}), numpy {version('numpy')}, "
        f"Python {platform.python_version()}"
    )


if __name__ == "__main__":
    print(json.dumps(versions()))
