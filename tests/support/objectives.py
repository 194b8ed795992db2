"""Objectives that worker processes can import, well-behaved and not."""

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

BOX = [(-1.0, 1.0)] * 4


def sphere(x):
    return float(((x - 0.2) ** 2).sum())


def die(how):
    """End this process in one of the ways in which processes end."""
    if how == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "os._exit":
        os._exit(3)
    elif how == "segmentation fault":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()


def pseudo_random(x):
    """Return a number in [0, 1) that the point alone decides."""
    return float(np.abs(x @ np.arange(9973.0, 9973.0 + len(x))) % 1.0)


def jittery(x):
    """Take up to 3 ms, as the point decides."""
    time.sleep(0.003 * pseudo_random(x))
    return sphere(x)


class MarkedOnce:
    """Does something the first time it meets a point, and behaves from then on.

    Parameters
    ----------
    folder : path
        Holds a mark a point, which outlives the process.
    share : float
        Which part of all points are met with that.
    act : callable
    fun : callable
    """

    def __init__(self, folder, share, act, fun=sphere):
        self.folder, self.share, self.act, self.fun = str(folder), share, act, fun

    def __call__(self, x):
        if pseudo_random(x) < self.share:
            mark = Path(self.folder) / x.tobytes().hex()[:64]
            if not mark.exists():
                mark.touch()
                self.act()
        return self.fun(x)


class Unloadable(Exception):
    """Pickles, but does not load."""

    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


class CustomError(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def raise_custom(x):
    raise CustomError(42)


def raise_unloadable(x):
    raise Unloadable(1, 2)


def raise_unpicklable(x):
    error = RuntimeError("holds a lock")
    error.lock = threading.Lock()
    raise error


def threads_of_libraries(x):
    return float(os.environ.get("OMP_NUM_THREADS", "0"))


def squares_in_a_pool(x):
    """Use processes of its own."""
    from multiprocessing import Pool

    with Pool(2) as pool:
        return float(sum(pool.map(square, x.tolist())))


def square(v):
    return v * v


def leaves_a_child(x):
    """Start a process that would live for ever."""
    import subprocess

    mark = f"zoopt-test-child of {os.getppid()}"  # the driver
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep(600)  # {mark}"])
    return sphere(x)
