"""One local Ray of two CPUs for all tests of this folder.

It listens on the loopback only, and everything it writes goes into a temporary folder.
"""

import tempfile

import pytest

#: What keeps Ray on the loopback, quiet, and out of the home folder.
VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "OMP_NUM_THREADS": "1",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # which Ray reads when it is imported
}


@pytest.fixture(scope="package")
def ray_environment():
    """Set what Ray reads from the environment, here and in processes started from here."""
    ray_constants = pytest.importorskip("ray._private.ray_constants")
    # The names of Ray's sockets must be short: the folder has to be too.
    with (
        tempfile.TemporaryDirectory(prefix="z", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.delenv("RAY_ADDRESS", raising=False)
        for name, value in (VARIABLES | {"HOME": folder, "RAY_TMPDIR": folder}).items():
            patch.setenv(name, value)
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)  # as if set in time
        patch.chdir(folder)  # Ray's workers look here first, and shall find the installed zoopt
        yield folder


@pytest.fixture(scope="package")
def local_ray(ray_environment):
    """Run a local Ray of two CPUs; the folder in which it writes."""
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=80 * 2**20,
        _temp_dir=ray_environment,
        log_to_driver=False,
        logging_level="ERROR",
    )
    try:
        assert ray.util.get_node_ip_address() == "127.0.0.1"
        yield ray_environment
    finally:
        ray.shutdown()
