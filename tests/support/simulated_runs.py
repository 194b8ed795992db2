"""Short simulated runs, and what is compared of them."""

from zoopt.distributed import simulate

SPACE = [(-1.0, 1.0)] * 4
FREE = {"driver_time": 0.0, "message_time": 0.0, "latency": 0.0}
MORTAL = {"worker_lifetime": 20.0, "node_lifetime": 50.0, "workers_per_node": 4}
PATIENT = {"retries": 10_000, "detection": 1.0, "replacement": 2.0}


def sphere(x):
    return float(((x - 0.2) ** 2).sum())


def run(**options):
    options = {"budget": 200, "seed": 0, "fun": sphere, "space": SPACE, **options}
    return simulate(**options)


def path(result):
    return result.history.tobytes(), result.timeline["id"].tolist(), result.statuses.tolist()
