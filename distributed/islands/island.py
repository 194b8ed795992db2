"""An island: a search in an actor that pauses at each exchange until it is told to go on."""

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
from zoopt.distributed.ray.evaluator import Parcel, load, node_here
from zoopt.run.callbacks import Callback
from zoopt.run.executor import failure
from zoopt.run.result import Result
from zoopt.run.view import SearchView
from zoopt.run.worker import MainModule, Readiness, Report, report_of

__all__ = ["Exchange", "Island", "IslandSearch", "PausedSearch"]


class IslandSearch:
    """The part of a search that all islands share.

    Parameters
    ----------
    minimize : callable
        `zoopt.minimize` with all settings except those of a single island.
    functions : tuple of callables
        The user's functions. Functions from modules that workers cannot import are pickled by
        value.
    every : int
        Number of tells between two exchanges.
    """

    def __init__(
        self, minimize: Callable[..., Result], functions: tuple[Any, ...], every: int
    ) -> None:
        self.minimize = minimize
        self.functions = functions
        self.every = every


class Exchange(Callback):
    """Show the best point at regular intervals, and adopt a better one of another island.

    Parameters
    ----------
    every : int
        Number of tells between two exchanges.
    swap : callable
        Takes this island's post; waits for the posts of the others and returns them.

    Attributes
    ----------
    last : Post or None
        The post at the end of the search.
    """

    def __init__(self, every: int, swap: Callable[[Post], list[Post]]) -> None:
        self._every = every
        self._swap = swap
        self.last: Post | None = None
        self._adopted = math.inf  # the lowest value adopted so far

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        """Exchange posts if it is time to.

        Raises
        ------
        StopIteration
            If another island has reached the terminal value.
        """
        if search.nfev % self._every or search.nfev == search.budget:
            return
        mail = self._swap(_post_of(search))
        if any(post.status == "terminal_value" for post in mail):
            raise StopIteration
        theirs = min((p for p in mail if p.u is not None), key=lambda p: p.value, default=None)
        mine = search.solver.recommend()
        bar = self._adopted if mine is None else min(self._adopted, mine.value)
        if theirs is not None and (theirs.value < bar or (mine is None and bar == math.inf)):
            self._adopted = theirs.value
            assert theirs.u is not None
            point = Candidate(-1, np.frombuffer(theirs.u, np.float64), search.solver.space)
            told = Evaluation(theirs.value, violation=theirs.violation)
            search.solver.tell_point(point, told)

    def on_end(self, search: SearchView, result: Result) -> None:
        """Keep the last post."""
        self.last = _post_of(search, result.status)


def _post_of(search: SearchView, status: str = "") -> Post:
    best = search.solver.recommend()
    if best is None:
        return Post(None, math.inf, search.nfev, status)
    u, violation = best.candidate.u.tobytes(), best.evaluation.violation
    return Post(u, best.value, search.nfev, status, violation)


class PausedSearch:
    """A search in a separate thread that advances by one exchange at a time.

    Parameters
    ----------
    minimize : callable
        ``minimize(callbacks=[...]) -> Result``
    every : int
        Number of tells between two exchanges.

    Attributes
    ----------
    result : Result or None
        The result, once the search has ended.
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
        """Search until the next exchange or the end; return the post of that moment.

        Parameters
        ----------
        mail : list of Post
            The posts of the other islands; empty at the first call.

        Raises
        ------
        BaseException
            The exception that the search raised.
        """
        if self._final is not None:  # the search ended while mail was on its way
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
    """The actor of an island.

    Parameters
    ----------
    name : str
    search : Parcel
        The packed `IslandSearch`.
    main, path
        As in `zoopt.distributed.ray.evaluator.load`.
    settings : dict
        The settings of `zoopt.minimize` for this island.
    """

    def __init__(
        self,
        name: str,
        search: Parcel,
        main: MainModule,
        path: list[str],
        settings: dict[str, Any],
    ) -> None:
        self._name = f"{name} on {os.uname().nodename}"
        self._sent = (search, main, path)
        self._settings = settings

    def __repr__(self) -> str:  # Ray prefixes the objective's output with it
        return self._name

    def load(self) -> Readiness:
        """Load the search."""
        node = node_here()
        try:
            search = load(*self._sent)
            minimize = functools.partial(search.minimize, **self._settings)
            self._search = PausedSearch(minimize, search.every)
        except BaseException as error:
            return Readiness(failure(error).error, node, zoopt.__version__)
        finally:
            del self._sent
        return Readiness("", node, zoopt.__version__)

    def go_on(self, mail: list[Post]) -> Post | Report:
        """Search until the next exchange; return its post, or a report of an exception."""
        try:
            return self._search.go_on(mail)
        except BaseException as error:
            return report_of(failure(error), self._name)

    def result(self) -> Result | None:
        """Return the result of the search, after its last post."""
        return self._search.result
