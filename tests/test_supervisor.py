"""How many messages workers are sent ahead, with workers that only take them."""

from time import perf_counter

import numpy as np
import pytest

from zoopt.core.candidate import Candidate
from zoopt.core.space import Space
from zoopt.run.supervisor import Supervisor, Worker

SPACE = Space([(0, 1)])


class Taker(Worker):
    def send(self, candidates):
        pass


class Takers(Supervisor[Taker]):
    short = 0.02
    sent_ahead = 0.5
    message_seconds = 0.0
    queue_seconds = 0.02

    def _open(self, evaluate):
        pass

    def _hire(self, name):
        worker = Taker(name)
        worker.ready = True
        return worker

    def _listen(self, seconds):
        pass

    def _release(self, worker, patience=0.0):
        return ""

    def _shut(self):
        pass


@pytest.fixture
def pool():
    pool = Takers(2, None, 2, 64)
    pool.start(lambda candidate: 0.0, 1000, perf_counter())
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("seconds", "depth"),
    [(0.0, 32), (0.0001, 32), (0.002, 11), (0.005, 5), (0.019, 2), (0.4, 2), (0.6, 1), (None, 1)],
)
def test_messages_go_ahead_until_they_keep_a_worker_busy(pool, seconds, depth):
    for i in range(64):
        pool.submit(Candidate(i, np.zeros(1), SPACE))
    pool._mean = seconds
    assert pool.collect(timeout=0.0) == []
    assert [len(worker.messages) for worker in pool._team] == [depth, depth]


def test_a_message_that_keeps_a_worker_busy_needs_one_more_at_most(pool):
    pool.message_seconds = 0.02
    pool._mean = 0.001
    for i in range(64):
        pool.submit(Candidate(i, np.zeros(1), SPACE))
    pool.collect(timeout=0.0)
    sizes = [[len(message) for message in worker.messages] for worker in pool._team]
    assert all(sum(of_one) >= 17 for of_one in sizes)
    assert max(max(of_one) for of_one in sizes) == 16
