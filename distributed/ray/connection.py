"""How Ray is started, joined and left: never a cluster by accident, alone only on the loopback."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from zoopt.core.checks import number
from zoopt.core.errors import ExecutorError
from zoopt.run.processes import n_processors

__all__ = ["address_of", "claims_of", "connected", "ray_of"]


def ray_of() -> Any:
    """Import Ray.

    Raises
    ------
    ImportError
        Names the extra.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError('backend="ray" needs Ray: pip install "zoopt[ray]"') from error
    return ray


def address_of(address: Any) -> str | None:
    """Return a checked address."""
    if address is not None and not (isinstance(address, str) and address):
        raise TypeError(f"address must be None or text such as 'auto', got {address!r}")
    return address


@contextlib.contextmanager
def connected(
    ray: Any, address: str | None, n_cpus: float, runtime_env: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Use Ray as it is, or start or join it, and leave it as it was.

    Parameters
    ----------
    ray : module
    address : str or None
        "local" or None starts one of this machine, unless this program initialized one.
    n_cpus : float
        How many a Ray that starts here shall have at least.
    runtime_env : mapping, optional
        Given to a Ray that is started or joined here, so that it takes files of this machine.
    """
    if ray.is_initialized():
        if address is not None:
            raise ValueError(
                f"address must be left out: this program initialized Ray before, "
                f"got address={address!r}"
            )
        yield
        return
    if address is None:
        if "RAY_ADDRESS" in os.environ:
            raise ValueError(
                "address must say which Ray is meant, as RAY_ADDRESS is set: 'auto' for that "
                "cluster, 'local' for one of this machine alone"
            )
        address = "local"
    settings: dict[str, Any] = {
        "address": address,
        "logging_level": logging.ERROR,
        "runtime_env": None if runtime_env is None else dict(runtime_env),
    }
    loopback: Any = contextlib.nullcontext()
    if address == "local":
        settings.update(num_cpus=max(n_processors(), int(-(-n_cpus // 1))), include_dashboard=False)
        loopback = _on_loopback()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with loopback:
            ray.init(**settings)
    except Exception as error:
        ray.shutdown()  # what it had started
        if type(error) in (Exception, RuntimeError):
            raise ExecutorError(f"Ray could not be started or joined: {error}") from error
        raise
    try:
        if handler is not signal.SIG_DFL and _is_main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray puts its own there
        yield
    finally:
        ray.shutdown()


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Keep a Ray that starts here off the network: its servers listen everywhere otherwise."""
    from ray._private import ray_constants

    name = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
    before, constant = os.environ.get(name), getattr(ray_constants, "ENABLE_RAY_CLUSTER", None)
    os.environ[name] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = constant
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def claims_of(
    num_cpus: float, num_gpus: float, memory: float | None, resources: Mapping[str, float] | None
) -> dict[str, float]:
    """Return what a worker claims, under Ray's names."""
    claims = {
        "CPU": number(num_cpus, "num_cpus", least=0.0),
        "GPU": number(num_gpus, "num_gpus", least=0.0),
        "memory": 0.0 if memory is None else number(memory, "memory", least=0.0),
    }
    if resources is not None and not isinstance(resources, Mapping):
        raise TypeError(f"resources must be a mapping of names to numbers, got {resources!r}")
    for name, amount in (resources or {}).items():
        claims[name] = number(amount, f"resources[{name!r}]", least=0.0)
    return {name: amount for name, amount in claims.items() if amount > 0.0}
