"""Nodes that come, go and fall silent: several raylets on the loopback of this machine.

A program of its own drives each: the tests' Ray has one node.
"""

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("ray")

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.xdist_group("nodes")]

PROGRAM = """
import collections, os, signal, time
import numpy as np
import ray._private.ray_constants
ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
from ray.cluster_utils import Cluster
import psutil
import zoopt
from zoopt.distributed import RayExecutor

SIZE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
head = {**SIZE, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=head)

def objective(x):
    time.sleep(0.2)
    return float((x**2).sum())

def tree(node):
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [raylet, *raylet.children(recursive=True)]

class At:
    def __init__(self, n, act):
        self.n, self.act, self.at = n, act, None
    def on_tell(self, search, candidate, evaluation):
        if search.nfev == self.n:
            self.at = search.elapsed
            self.act()

def run(act, budget=120, window=8, **options):
    at = At(40, act)
    backend = RayExecutor(address=cluster.address, **options)
    result = zoopt.minimize(objective, [(-1, 1)] * 3, budget=budget, seed=0, window=window,
                            backend=backend, callbacks=[at])
    alone = zoopt.minimize(lambda x: float((x**2).sum()), [(-1, 1)] * 3, budget=budget, seed=0,
                           window=window)
    finished = np.sort(result.timeline["finished"])
    print("SAME", (alone.history == result.history).all(), result.n_failed)
    print("GAP", np.diff(finished[finished > at.at]).max())
    started, workers = result.timeline["started"], result.timeline["worker"]
    later = [w.rpartition(" ")[2] for w, s in zip(workers, started) if s > at.at + 8]
    print("LATER", sorted(collections.Counter(later)))
    before = [w.rpartition(" ")[2] for w, s in zip(workers, started) if s < at.at]
    print("BEFORE", sorted(collections.Counter(before)))
    print("LAST", len({w for w, s in zip(workers, started) if s > started.max() - 2}))
    return result
"""


@pytest.fixture
def tell(short_folder, ray_environment, monkeypatch):
    """Run a program; return what it prints, by word."""
    monkeypatch.setenv("RAY_TMPDIR", str(short_folder))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # all of it is on the loopback

    def program(text):
        script = short_folder / "script.py"
        script.write_text(textwrap.dedent(PROGRAM) + textwrap.dedent(text))
        done = subprocess.run(
            [sys.executable, "-P", str(script)], capture_output=True, text=True, timeout=240
        )
        lines = [line.partition(" ") for line in done.stdout.splitlines()]
        words = {word: rest for word, _, rest in lines if word.isupper()}
        assert "SAME" in words, done.stdout[-3000:] + done.stderr[-3000:]
        return words

    return program


def test_a_node_that_is_lost_takes_no_evaluation_with_it(tell):
    words = tell("""
    second = cluster.add_node(**SIZE, node_name="second")
    run(lambda: [process.kill() for process in tree(second)])
    cluster.shutdown()
    """)
    assert words["SAME"] == "True 0"
    assert "second" in words["BEFORE"]
    assert "second" not in words["LATER"]
    assert float(words["GAP"]) < 5.0


def test_a_silent_node_counts_as_lost(tell):
    words = tell("""
    second = cluster.add_node(**SIZE, node_name="second")
    stopped = []
    def stop():
        stopped.extend(tree(second))
        for process in stopped:
            process.suspend()
    run(stop, node_timeout=4.0)
    for process in stopped:
        process.kill()
    cluster.shutdown()
    """)
    assert words["SAME"] == "True 0"
    assert "second" in words["BEFORE"]
    assert "second" not in words["LATER"]
    assert float(words["GAP"]) < 10.0


def test_a_node_that_joins_is_used_within_seconds(tell):
    words = tell("""
    run(lambda: cluster.add_node(**SIZE, node_name="third"), budget=240)
    cluster.shutdown()
    """)
    assert words["SAME"] == "True 0"
    assert "third" not in words["BEFORE"]
    assert "third" in words["LATER"]


def test_a_node_that_joins_is_used_though_no_evaluation_ends(tell):
    words = tell("""
    import concurrent.futures
    def long(x):
        time.sleep(30.0)
        return 0.0
    def run():
        backend = RayExecutor(address=cluster.address)
        return zoopt.minimize(long, [(-1, 1)] * 3, budget=4, seed=0, backend=backend)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        time.sleep(10.0)
        cluster.add_node(**SIZE, node_name="third")  # which works in the main thread only
        result = running.result()
    print("SAME", result.n_failed)
    print("TOGETHER", result.timeline["started"].max() < result.timeline["finished"].min())
    cluster.shutdown()
    """)
    assert words["TOGETHER"] == "True"


def test_nobody_is_hired_on_a_silent_node_that_ray_believes_in(tell):
    words = tell("""
    second = cluster.add_node(**SIZE, node_name="second")
    cluster.add_node(**SIZE, node_name="third")
    stopped = []
    def stop():
        stopped.extend(tree(second))
        for process in stopped:
            process.suspend()
    run(stop, workers=9, num_cpus=0.2, budget=450, window=18, node_timeout=4.0)
    for process in stopped:
        process.kill()
    cluster.shutdown()
    """)
    assert words["SAME"] == "True 0"
    assert "second" in words["BEFORE"]
    assert "second" not in words["LATER"]
    assert words["LAST"] == "9"


def test_a_silent_node_that_answers_again_is_used_again(tell):
    words = tell("""
    import threading
    second = cluster.add_node(**SIZE, node_name="second")
    def stop():
        stopped = tree(second)
        for process in stopped:
            process.suspend()
        def go_on():
            for process in stopped:
                if process.is_running():
                    process.resume()
        threading.Timer(8.0, go_on).start()
    run(stop, budget=240, node_timeout=3.0)
    cluster.shutdown()
    """)
    assert words["SAME"] == "True 0"
    assert "second" in words["BEFORE"]
    assert "second" in words["LATER"]


@pytest.mark.parametrize("gone", ["raylet/raylet", "gcs_server", "ray"])
def test_a_ray_that_is_gone_ends_the_run_in_an_error(tell, monkeypatch, gone):
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "30")  # Ray ends drivers then
    words = tell(f"""
    cluster.shutdown()

    def kill():
        for process in psutil.Process().children(recursive=True):
            if any({gone!r} in word for word in process.cmdline()):
                process.kill()

    def value(x):
        return float((x**2).sum())

    space, path = [(-1, 1)] * 3, os.environ["RAY_TMPDIR"] + "/run.db"
    try:
        zoopt.minimize(objective, space, budget=400, seed=0, window=8, checkpoint=path,
                       backend=RayExecutor(2), callbacks=[At(20, kill)])
    except zoopt.ExecutorError as error:
        print("ERROR", error)
    result = zoopt.resume(path, value, backend=RayExecutor(2))
    alone = zoopt.minimize(value, space, budget=400, seed=0, window=8)
    print("SAME", (alone.history == result.history).all(), result.n_failed)
    """)
    assert words["SAME"] == "True 0"
    assert "a run with a checkpoint can be resumed" in words["ERROR"]


@pytest.mark.parametrize("how", ["kill", "suspend"])
def test_islands_survive_the_loss_of_a_node(tell, how):
    words = tell(f"""
    import threading
    from zoopt.distributed import minimize_islands
    ray.init(address=cluster.address, logging_level="ERROR")
    way = dict(budget=400, islands=3, seed=0, node_timeout=4.0)
    def sphere(x):
        return float((x**2).sum())
    def slow(x):
        time.sleep(0.1)
        return sphere(x)
    alone = minimize_islands(sphere, [(-1, 1)] * 3, num_cpus=0.5, **way)
    second = cluster.add_node(**SIZE, node_name="second")
    struck = []
    def strike():
        struck.extend(tree(second))
        for process in struck:
            process.{how}()
    cluster.add_node(**SIZE, node_name="third")
    time.sleep(3.0)
    threading.Timer(6.0, strike).start()
    result = minimize_islands(slow, [(-1, 1)] * 3, **way)
    same = [(a.history == b.history).all() for a, b in zip(alone.islands, result.islands)]
    print("SAME", all(same), result.n_failed)
    print("RESTARTS", result.n_restarts)
    for process in struck:
        if process.is_running():
            process.kill()
    cluster.shutdown()
    """)
    assert words["SAME"] == "True 0"
    assert int(words["RESTARTS"]) >= 1
