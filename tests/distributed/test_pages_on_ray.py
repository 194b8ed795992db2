"""The pages about Ray run, in order, and print what they promise."""

import pytest
from pages import DOCS, ON_RAY, run_page

pytest.importorskip("matplotlib")  # for the picture on one of them
ray = pytest.importorskip("ray")

pytestmark = pytest.mark.ray

#: It calls ``ray.init`` itself.
CLUSTER = "cluster.md"
OTHERS = [name for name in ON_RAY if name != CLUSTER]


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_page_keeps_its_promises_in_a_ray_that_is_there(name, local_ray, tmp_path):
    address = ray.get_runtime_context().gcs_address
    first = f"import ray; ray.init({address!r}, log_to_driver=False)"
    run_page(DOCS / name, tmp_path, first)


@pytest.mark.slow
@pytest.mark.xdist_group("Ray of one's own")
@pytest.mark.parametrize("name", [CLUSTER, *OTHERS])
def test_a_page_starts_the_ray_that_it_needs(name, ray_environment, tmp_path, short_folder):
    home = {"HOME": str(short_folder), "RAY_TMPDIR": str(short_folder)}
    run_page(DOCS / name, tmp_path, **home)
