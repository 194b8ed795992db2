"""An island: a search in an actor, which stops at each exchange until it is told to go on."""

import functools
import math
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import zoopt
from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.distributed.islands.mailbox import Post
from zoopt.distributed.ray.evaluator import load, node_here
from zoopt.run.callbacks import Callback
from zoopt.run.executor import failure
from zoopt.run.result import Result
from zoopt.run.view import SearchView
from zoopt.run.worker import READY, UNFIT, Report, report_of

__all__ = ["Exchange", "Island", "IslandSearch", "PausedSearch"]


class IslandSearch:
    """What every island does, ready to be sent.

    Parameters
    ----------
    minimize : callable
        `zoopt.minimize` with all settings but those of one island.
    functions : tuple of callables
        What the user wrote; pickling looks after their modules.
    every : int
        Tells from exchange to exchange.
    """

    def __init__(
        self, minimize: Callable[..., Result], functions: tuple[Any, ...], every: int
    ) -> None:
        self.minimize = minimize
        self.functions = functions
        self.every = every


class Exchange(Callback):
    """Every so many tells, show the best point and take over a better one of the others.

    Parameters
    ----------
    every : int
    swap : callable
        Takes a post, returns those of the others when they are there.
    """

    def __init__(self, every: int, swap: Callable[[Post], list[Post]]) -> None:
        self._every = every
        self._swap = swap
        #: That of the end, when it has come.
        self.last: Post | None = None
        self._taken = math.inf  # the least value that was taken over

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        if search.nfev % self._every or search.nfev == search.budget:
            return
        mail = self._swap(_post_of(search))
        if any(post.status == "terminal_value" for post in mail):
            raise StopIteration
        theirs = min((p for p in mail if p.u is not None), key=lambda p: p.value, default=None)
        mine = search.solver.recommend()
        bar = self._taken if mine is None else min(self._taken, mine.value)
        if theirs is not None and (theirs.value < bar or (mine is None and bar == math.inf)):
            self._taken = theirs.value
            assert theirs.u is not None
            point = Candidate(-1, np.frombuffer(theirs.u, np.float64), search.solver.space)
            told = Evaluation(theirs.value, violation=theirs.violation)
            search.solver.tell_point(point, told)

    def on_end(self, search: SearchView, result: Result) -> None:
        self.last = _post_of(search, result.status)


def _post_of(search: SearchView, status: str = "") -> Post:
    best = search.solver.recommend()
    if best is None:
        return Post(None, math.inf, search.nfev, status)
    u, violation = best.candidate.u.tobytes(), best.evaluation.violation
    return Post(u, best.value, search.nfev, status, violation)


class PausedSearch:
    """A search in a thread of its own, which goes from exchange to exchange when told to.

    Parameters
    ----------
    minimize : callable
        ``minimize(callbacks=[...]) -> Result``
    every : int
    """

    def __init__(self, minimize: Callable[..., Result], every: int) -> None:
        self._minimize = minimize
        self._exchange = Exchange(every, self._swap)
        self._mails: queue.SimpleQueue[list[Post]] = queue.SimpleQueue()
        self._words: queue.SimpleQueue[Post | BaseException] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="island", daemon=True)
        self.result: Result | None = None
        self._final: Post | BaseException | None = None

    def go_on(self, mail: list[Post]) -> Post:
        """Search to the next exchange, or to the end; return what is shown there.

        Raises
        ------
        Exception
            What the search raised.
        """
        if self._final is not None:  # mail was on the way when it ended
            word = self._final
        else:
            if self._thread.ident is None:
                self._thread.start()
            else:
                self._mails.put(mail)
            word = self._words.get()
        if isinstance(word, BaseException):
            raise word
        return word

    def _swap(self, post: Post) -> list[Post]:
        self._words.put(post)
        return self._mails.get()

    def _work(self) -> None:
        try:
            self.result = self._minimize(callbacks=[self._exchange])
            self._final = self._exchange.last
        except BaseException as error:
            self._final = error
        assert self._final is not None
        self._words.put(self._final)


class Island:
    """The actor.

    Parameters
    ----------
    name : str
    search : tuple
        The pickled `IslandSearch`, and the large buffers that belong to it.
    main, path
        See `zoopt.distributed.ray.evaluator.load`.
    settings : dict
        Of `zoopt.minimize`, for this island.
    """

    def __init__(
        self,
        name: str,
        search: tuple[bytes, list[Any]],
        main: tuple[str | None, str | None],
        path: list[str],
        settings: dict[str, Any],
    ) -> None:
        self._name = f"{name} on {os.uname().nodename}"
        self._sent = (search, main, path)
        self._settings = settings

    def __repr__(self) -> str:  # Ray shows it before each line that the objective prints
        return self._name

    def load(self) -> tuple[str, str, str, str]:
        """Unpickle the search; say whether it went well, on which node, with which zoopt."""
        node = node_here()
        try:
            search = load(*self._sent)
            minimize = functools.partial(search.minimize, **self._settings)
            self._search = PausedSearch(minimize, search.every)
        except BaseException as error:
            return UNFIT, failure(error).error, node, zoopt.__version__
        finally:
            del self._sent
        return READY, "", node, zoopt.__version__

    def go_on(self, mail: list[Post]) -> tuple[Post | None, Report | None]:
        """Search to the next exchange; return its post, or the report of what was raised."""
        try:
            return self._search.go_on(mail), None
        except BaseException as error:
            return None, report_of(failure(error), self._name)

    def result(self) -> Result | None:
        """Return the Result, after the last post."""
        return self._search.result
