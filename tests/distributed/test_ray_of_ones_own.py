"""Programs that start a Ray of their own: what they say, what ends them, what is left of them.

Each Ray takes seconds to start, so there are few of these.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

pytest.importorskip("ray")

import zoopt
from zoopt.distributed import RayExecutor

pytestmark = [
    pytest.mark.ray,
    pytest.mark.xdist_group("Ray of one's own"),
    pytest.mark.usefixtures("ray_environment"),
]

PROGRAM = """
import logging, os, sys, time
import zoopt

def objective(x):
    time.sleep(0.05 + 0.05 * abs(float(x[0])))
    return float(((x - 0.2) ** 2).sum())

def run(**options):
    settings = {"budget": 60, "seed": 5, "window": 4, "backend": "ray", "workers": 2}
    return zoopt.minimize(objective, [(-1, 1)] * 3, **{**settings, **options})
"""


def start(folder, text, **options):
    script = folder / "script.py"
    script.write_text(textwrap.dedent(PROGRAM) + textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, "-P", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
        **options,
    )


def of_ray(folder):
    """Return the processes of a Ray that writes into a folder."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                mine = f"RAY_TMPDIR={folder}\0".encode() in file.read()
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if mine and state != "Z" and int(pid) != os.getpid() and "pytest" not in words:
            found[int(pid)] = words
    return found


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


@pytest.fixture
def own_ray(short_folder, monkeypatch):
    """Make a folder for one program's Ray."""
    monkeypatch.setenv("RAY_TMPDIR", str(short_folder))
    monkeypatch.setenv("HOME", str(short_folder))
    yield short_folder
    assert wait_until(lambda: not of_ray(short_folder), 20), of_ray(short_folder)


@pytest.mark.slow
def test_prints_logs_and_servers_of_a_local_ray(own_ray):
    text = """
    import glob, signal
    def noisy(x):
        print("a line of the objective")
        logging.getLogger("of.user").warning("a record of the objective")
        return objective(x)
    handler = lambda *args: None
    signal.signal(signal.SIGTERM, handler)
    class Look:
        def on_tell(self, search, candidate, evaluation):
            if search.nfev == 1:
                mark = os.environ["RAY_TMPDIR"].encode()
                mine = set()
                for link in glob.glob("/proc/[0-9]*/fd/*"):
                    try:
                        target = os.readlink(link)
                        if mark in open(f"/proc/{link.split('/')[2]}/environ", "rb").read():
                            mine.add(target.partition("socket:")[2][1:-1])
                    except OSError:
                        continue
                for name in ("tcp", "tcp6"):
                    for line in open(f"/proc/net/{name}"):
                        words = line.split()
                        if words[3] == "0A" and words[9] in mine:
                            print("LISTENS", words[1].rpartition(":")[0])
    result = zoopt.minimize(noisy, [(-1, 1)] * 3, budget=8, seed=0, backend="ray", workers=2,
                            callbacks=[Look()])
    import ray
    print("DONE", result.nfev, ray.is_initialized(), signal.getsignal(signal.SIGTERM) is handler)
    """
    process = start(own_ray, text)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert "DONE 8 False True" in output
    assert "a line of the objective" in output
    assert "WARNING:of.user:a record of the objective" in output
    assert f"on {os.uname().nodename} pid=" in output
    listening = {line.split()[1] for line in output.splitlines() if line.startswith("LISTENS")}
    assert listening
    loopback = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
    assert listening <= loopback


@pytest.mark.slow  # the fast tier kills a submitted job, and the driver of islands
def test_kill_9_of_the_driver_and_resume_give_the_uninterrupted_run(own_ray):
    path = own_ray / "run.db"
    process = start(own_ray, f"run(checkpoint={str(path)!r})")
    assert wait_until(lambda: path.exists() and zoopt.load_history(path).values.size >= 12, 60), (
        process.communicate()[0]
    )
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    # Ray's agents notice after a minute that their raylet is gone; nothing else may stay.
    assert wait_until(lambda: all("Agent" in words for words in of_ray(own_ray).values()), 10)
    for pid in of_ray(own_ray):
        os.kill(pid, signal.SIGKILL)
    done = zoopt.load_history(path).values.size
    assert 12 <= done < 60
    text = f"""
    alone = run(backend="thread")
    result = zoopt.resume({str(path)!r}, objective)
    print("SAME", (alone.history == result.history).all(), result.nfev)
    """
    process = start(own_ray, text)
    output = process.communicate(timeout=120)[0]
    assert "SAME True 60" in output, output


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_returns_the_best_so_far(own_ray):
    text = """
    class Say:
        def on_tell(self, search, candidate, evaluation):
            if search.nfev == 5:
                print("FIVE", flush=True)
    result = run(callbacks=[Say()])
    print("ENDED", result.status, 5 <= result.nfev < 60, result.success, flush=True)
    """
    process = start(own_ray, text)
    while "FIVE" not in (line := process.stdout.readline()):
        assert line, "the program ended too early"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    output = process.communicate(timeout=60)[0]
    assert "ENDED interrupted True True" in output, output


@pytest.mark.slow
def test_workers_without_zoopt_are_explained_at_once(own_ray):
    decoy = own_ray / "zoopt"  # what workers find first
    decoy.mkdir()
    (decoy / "__init__.py").touch()
    text = """
    try:
        run()
    except zoopt.ExecutorError as error:
        print("EXPLAINED", "must be installed on the workers' nodes" in str(error))
    """
    output = start(own_ray, text).communicate(timeout=120)[0]
    assert "EXPLAINED True" in output, output


@pytest.mark.slow
def test_a_runtime_env_takes_modules_of_this_machine_along(own_ray):
    module = own_ray / "away" / "ours_alone"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text("VALUE = 4.5")
    text = f"""
    def needs_it(x):
        import ours_alone
        return ours_alone.VALUE
    backend = zoopt.distributed.RayExecutor(1, runtime_env={{"py_modules": [{str(module)!r}]}})
    result = zoopt.minimize(needs_it, [(-1, 1)] * 3, budget=4, seed=0, backend=backend)
    print("VALUES", result.history.tolist())
    """
    output = start(own_ray, text).communicate(timeout=120)[0]
    assert "VALUES [4.5, 4.5, 4.5, 4.5]" in output, output


def test_a_cluster_is_never_joined_by_accident(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # the tests' own may be there
    with pytest.raises(ValueError, match="address must be given"):
        zoopt.minimize(sum, [(-1, 1)], budget=5, backend=RayExecutor(1))
