"""Clusters for fault injection: raylets on the loopback, a node behind a link, and processes.

This needs Linux. Cutting the link needs root, `ip` and preferably `iptables`; the memory cgroup
needs root.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

SIZE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
SUBNET = "10.213.0"
MARK = "ZOOPT_RAY_FAULTS"  # a variable
CLONE_NEWNET = 0x40000000


# ---------------------------------------------------------------- processes


def marked(mark: str) -> list[psutil.Process]:
    """Return the living processes with an inherited environment variable that begins so.

    Adopting orphans would be simpler, but then Ray's processes would not notice that they are
    orphans.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK, "").startswith(mark) and is_alive(process):
                found.append(process)
    return found


def descendants(of: int | None = None) -> list[psutil.Process]:
    """Return the living descendants of a process, without zombies."""
    try:
        found = psutil.Process(of).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in found if is_alive(process)]


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def seconds_until_gone(processes: list[psutil.Process], patience: float) -> float:
    """Wait until processes have ended, at most for some seconds."""
    started = time.perf_counter()
    while any(map(is_alive, processes)) and time.perf_counter() - started < patience:
        time.sleep(0.02)
    return time.perf_counter() - started


# ---------------------------------------------------------------- clusters


def cluster(names: tuple[str, ...] = (), **head: Any) -> tuple[Any, dict[str, Any]]:
    """Start a head and other raylets with two CPUs each; return the nodes by name."""
    import ray._private.ray_constants

    ray._private.ray_constants.ENABLE_RAY_CLUSTER = bool(head)  # otherwise on the loopback
    from ray.cluster_utils import Cluster

    started = Cluster(
        initialize_head=True, head_node_args={**SIZE, "include_dashboard": False, **head}
    )
    return started, {name: started.add_node(**SIZE, node_name=name) for name in names}


def tree_of(node: Any) -> list[psutil.Process]:
    """Return a node's raylet and its workers."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [raylet, *raylet.children(recursive=True)]


class Link:
    """A second node that can be disconnected and reconnected.

    Attributes
    ----------
    how : str
        How it is disconnected.
    """

    def __init__(self, address: str, how: str, cut: Callable[[], None], heal: Callable[[], None]):
        self.address, self.how, self.cut, self.heal = address, how, cut, heal


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)


@contextlib.contextmanager
def node_behind_a_link(name: str) -> Iterator[Link]:
    """Start a head in this program's network namespace, and a node in another one.

    Without the rights to do so, start a raylet on the loopback, which SIGSTOP disconnects.
    """
    if os.geteuid() or not shutil.which("ip"):
        started, nodes = cluster((name,))
        stopped: list[psutil.Process] = []

        def stop() -> None:
            stopped.extend(tree_of(nodes[name]))
            for process in stopped:
                process.suspend()

        def go_on() -> None:
            for process in filter(is_alive, stopped):
                process.resume()

        yield Link(started.address, "SIGSTOP of raylet and workers", stop, go_on)
        kill(stopped)
        started.shutdown()
        return
    spaces = names_of_spaces(os.getpid())
    try:
        for space in spaces:
            run("ip", "netns", "add", space)
        ends = [f"z{os.getpid()}-{i}" for i in range(2)]
        run("ip", "link", "add", ends[0], "netns", spaces[0], "type", "veth",
            "peer", "name", ends[1], "netns", spaces[1])  # fmt: skip
        for i in range(2):
            run("ip", "-n", spaces[i], "addr", "add", f"{SUBNET}.{i + 1}/24", "dev", ends[i])
            for device in ("lo", ends[i]):
                run("ip", "-n", spaces[i], "link", "set", device, "up")
        with open(f"/run/netns/{spaces[0]}") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        started, _ = cluster(node_ip_address=f"{SUBNET}.1")
        join = f"--address={started.address} --node-ip-address={SUBNET}.2 --node-name={name}"
        size = f"--num-cpus={SIZE['num_cpus']} --object-store-memory={SIZE['object_store_memory']}"
        node = subprocess.Popen(
            ["ip", "netns", "exec", spaces[1], sys.executable, "-m", "ray.scripts.scripts",
             "start", "--block", *join.split(), *size.split()],
            env={**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def both(option: str) -> None:
            for space, end in zip(spaces, ends, strict=True):
                rule = ("INPUT", "-i", end, "-j", "DROP")
                run("ip", "netns", "exec", space, "iptables", option, *rule)

        def switch(state: str) -> None:
            run("ip", "-n", spaces[1], "link", "set", ends[1], state)

        if shutil.which("iptables"):
            how = "all packets between two network namespaces dropped"
            link = Link(started.address, how, lambda: both("-A"), lambda: both("-D"))
        else:
            how = "the node's end of the link between two network namespaces set down"
            link = Link(started.address, how, lambda: switch("down"), lambda: switch("up"))
        started.worker_nodes.clear()
        yield link
        kill(descendants(node.pid))
        node.kill()
        node.wait()
        started.shutdown()
    finally:
        clean_up_after(os.getpid())


def names_of_spaces(pid: int) -> list[str]:
    return [f"zoopt-{pid}-{i}" for i in range(2)]


def clean_up_after(pid: int) -> None:
    """Remove the network namespaces of a process, if there are any."""
    for space in names_of_spaces(pid):
        if Path("/run/netns", space).exists():
            run("ip", "netns", "del", space)


@contextlib.contextmanager
def memory_cgroup(limit: int) -> Iterator[Path | None]:
    """Make a cgroup in which the kernel enforces a memory limit; None if that is not possible."""
    root = Path("/sys/fs/cgroup/memory")
    folder, file = root / f"zoopt-{os.getpid()}", "memory.limit_in_bytes"
    if not root.exists():
        folder, file = root.parent / folder.name, "memory.max"
    try:
        folder.mkdir()
        (folder / file).write_text(str(limit))
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        yield None
        return
    yield folder / "cgroup.procs"
    with contextlib.suppress(OSError):
        folder.rmdir()
