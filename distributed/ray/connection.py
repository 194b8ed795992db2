"""Start, join and leave Ray.

A cluster is never joined by accident. A Ray instance that is started here listens on the loopback
interface only.
"""

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
        If Ray is not installed. The message names the extra to install.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError('backend="ray" needs Ray: pip install "zoopt[ray]"') from error
    return ray


def address_of(address: Any) -> str | None:
    """Return an address after checking it.

    Raises
    ------
    TypeError
        If it is neither None nor a non-empty string.
    """
    if address is not None and not (isinstance(address, str) and address):
        raise TypeError(f"address must be None or a string such as 'auto', got {address!r}")
    return address


@contextlib.contextmanager
def connected(
    ray: Any, address: str | None, n_cpus: float, runtime_env: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Use Ray if it is initialized; otherwise start or join it, and leave it at the end.

    Parameters
    ----------
    ray : module
    address : str or None
        "local" or None starts Ray on this machine, unless this program has initialized it.
    n_cpus : float
        Minimum number of CPUs of a Ray instance started here.
    runtime_env : mapping, optional
        Passed to ``ray.init``, which uploads local files.

    Raises
    ------
    ValueError
        If the address is ambiguous.
    ExecutorError
        If Ray cannot be started or joined.
    """
    if ray.is_initialized():
        if address is not None:
            raise ValueError(
                f"address must be left out, because this program has already initialized Ray; "
                f"got address={address!r}"
            )
        yield
        return
    if address is None:
        if "RAY_ADDRESS" in os.environ:
            raise ValueError(
                "address must be given, because RAY_ADDRESS is set: 'auto' joins that cluster, "
                "'local' starts Ray on this machine"
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
        ray.shutdown()  # end the processes it had started
        if type(error) in (Exception, RuntimeError):
            raise ExecutorError(f"Ray could not be started or joined: {error}") from error
        raise
    try:
        if handler not in (None, signal.SIG_DFL) and _is_main_thread():
            signal.signal(signal.SIGTERM, handler)  # ray.init replaced it
        yield
    finally:
        ray.shutdown()


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Make a Ray instance started inside listen on the loopback interface only."""
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
    """Return the resources that a worker claims, under Ray's names.

    Raises
    ------
    TypeError, ValueError
        If an amount is not a number of at least 0.
    """
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
