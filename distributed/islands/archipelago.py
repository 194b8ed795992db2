"""The driver of islands on Ray: delivers mail between them and restarts lost ones.

This module does not depend on the search. An island continues once the posts it needs have arrived.
Which posts those are depends on the number of the exchange, not on time.
"""

import logging
import math
import sys
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import zoopt
from zoopt.core.errors import ExecutorError
from zoopt.distributed.islands.island import Island, IslandSearch
from zoopt.distributed.islands.mailbox import Mailbox, Post
from zoopt.distributed.ray.calls import Calls
from zoopt.distributed.ray.deaths import raise_if_it_cannot_start, reason_of, tells_of_a_node
from zoopt.distributed.ray.evaluator import packed
from zoopt.distributed.ray.executor import MAX_LOST_NODES, PATIENCE_SECONDS
from zoopt.distributed.ray.nodes import NodeWatch
from zoopt.run.result import Result
from zoopt.run.supervisor import LOOK_SECONDS
from zoopt.run.worker import Readiness, Report, evaluation_of, main_module

__all__ = ["Archipelago"]

logger = logging.getLogger("zoopt")

#: Number of calls pending on an island. With two, its next mail arrives before the island needs it.
CALLS_AHEAD = 2


class Archipelago:
    """The islands of one run and their actors.

    Parameters
    ----------
    ray : module
    search : IslandSearch
    settings : sequence of dict
        The settings of each island.
    mailbox : Mailbox
    lag : int
        Age of the posts that islands receive, in exchanges.
    retries : int
        How often an island may be lost without making progress.
    claims : mapping
        Resources that each island claims, under Ray's names.
    runtime_env : mapping or None
    node_timeout, start_timeout : float
        As in `RayExecutor`.

    Attributes
    ----------
    n_restarts : int
        How often an island was restarted.
    results : list of Result or None
        The result of each island; None for an island that has not finished.
    """

    def __init__(
        self,
        ray: Any,
        search: IslandSearch,
        settings: Sequence[dict[str, Any]],
        mailbox: Mailbox,
        *,
        lag: int,
        retries: int,
        claims: Mapping[str, float],
        runtime_env: Mapping[str, Any] | None,
        node_timeout: float,
        start_timeout: float,
    ) -> None:
        self.n_restarts = 0
        self._ray = ray
        self._mailbox = mailbox
        self._lag = lag
        self._retries = retries
        self._claims = dict(claims)
        self._start_timeout = start_timeout
        self._calls: Calls[_Member] = Calls(ray)
        self._members = [_Member(i, given) for i, given in enumerate(settings)]
        self._search = ray.put(packed(search))
        others = {k: v for k, v in claims.items() if k not in ("CPU", "GPU", "memory")}
        self._class = ray.remote(
            num_cpus=claims.get("CPU", 0.0),
            num_gpus=claims.get("GPU", 0.0),
            memory=claims.get("memory"),
            resources=others,
            runtime_env=None if runtime_env is None else dict(runtime_env),
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=1,
            scheduling_strategy="SPREAD",
        )(Island)
        self._watch = NodeWatch(ray, node_timeout)
        self._next_look = 0.0
        self._waited_since = perf_counter()
        self._said_so = False

    @property
    def results(self) -> list[Result | None]:
        return [member.result for member in self._members]

    def run(self) -> None:
        """Run until every island has finished or has been given up.

        Raises
        ------
        ExecutorError
            If islands cannot be started, or all of them were lost.
        Exception
            The exception that a search raised.
        """
        for member in self._members:
            self._start(member)
        while any(not member.is_done for member in self._members):
            for member in self._members:
                self._send(member)
            self._listen(LOOK_SECONDS)
            self._check()

    def close(self) -> None:
        """Stop the islands that still run."""
        for member in self._members:
            self._stop(member)
        self._watch.close()

    # ------------------------------------------------------------- sending

    def _start(self, member: "_Member") -> None:
        path = [folder for folder in sys.path if type(folder) is str]
        name = f"island {member.number}"
        actor = self._watch.placed(self._class).remote(
            name, self._search, main_module(), path, member.settings
        )
        member.reset(actor)
        self._calls.add(member, actor.load.remote())

    def _send(self, member: "_Member") -> None:
        """Let an island run up to the first exchange for which a post is missing."""
        while member.is_ready and not member.has_ended and self._calls.n_of(member) < CALLS_AHEAD:
            mail = self._mail(member)
            if mail is None:
                return
            member.n_sent += 1
            self._calls.add(member, member.actor.go_on.remote(mail))

    def _mail(self, member: "_Member") -> list[Post] | None:
        """Return the mail for an island's next stretch, or None if a post is still missing."""
        number = member.n_sent - 1 - self._lag
        if number < 0:
            return []
        others = [i for i in range(len(self._members)) if i != member.number]
        posts = [self._mailbox.read(i, number) for i in others]
        return None if None in posts else [post for post in posts if post is not None]

    # ------------------------------------------------------------- hearing

    def _listen(self, seconds: float) -> None:
        for member, answer, error in self._calls.answers(seconds):
            if error is not None:
                self._take_error(member, error)
            else:
                self._take(member, answer)

    def _take(self, member: "_Member", answer: Any) -> None:
        if not member.is_ready:
            self._welcome(member, answer)
        elif member.has_ended:
            member.result = answer
            member.is_done = True
            self._stop(member)
        else:
            self._take_post(member, answer)

    def _welcome(self, member: "_Member", readiness: Readiness) -> None:
        if readiness.error:
            raise ExecutorError(f"an island could not load the objective:\n{readiness.error}")
        if readiness.version != zoopt.__version__:
            raise ExecutorError(
                f"island {member.number} has zoopt {readiness.version}, "
                f"this program has {zoopt.__version__}"
            )
        member.is_ready = True
        member.node = readiness.node

    def _take_post(self, member: "_Member", post: Post | Report) -> None:
        if isinstance(post, Report):
            error = evaluation_of(post, 0.0).exception
            assert error is not None
            raise error
        self._mailbox.add(member.number, member.n_heard, post)
        member.n_heard += 1
        if member.n_heard > member.farthest:
            member.farthest = member.n_heard
            member.n_deaths = member.n_lost_nodes = 0
        if post.status:
            member.has_ended = True
            self._calls.forget(member)
            self._calls.add(member, member.actor.result.remote())

    def _take_error(self, member: "_Member", error: BaseException) -> None:
        if not member.is_ready:
            raise_if_it_cannot_start(self._ray, error)
        of_node = tells_of_a_node(self._ray, error) or self._watch.is_gone(member.node)
        self._restart(member, reason_of(error), of_node)

    # ------------------------------------------------------------- losses

    def _restart(self, member: "_Member", reason: str, of_node: bool) -> None:
        self._stop(member)
        if of_node:
            member.n_lost_nodes += 1
        else:
            member.n_deaths += 1
        if member.n_deaths > self._retries or member.n_lost_nodes > MAX_LOST_NODES:
            logger.warning(
                "island %d is given up: it was lost too often without making progress, "
                "the last time %s",
                member.number,
                reason,
            )
            self._give_up(member)
            return
        logger.warning("island %d was lost %s; it is restarted", member.number, reason)
        self.n_restarts += 1
        self._start(member)

    def _give_up(self, member: "_Member") -> None:
        last = self._mailbox.last(member.number)
        post = Post(None, math.inf, 0, "lost") if last is None else last._replace(status="lost")
        self._mailbox.add(member.number, self._mailbox.n_posts(member.number), post)
        member.is_done = True
        if all(m.is_done and m.result is None for m in self._members):
            raise ExecutorError("every island was lost before it finished")

    def _stop(self, member: "_Member") -> None:
        self._calls.forget(member)
        if member.actor is not None:
            try:
                self._ray.kill(member.actor)
            except Exception as error:  # Ray may be gone, too
                logger.debug("stopping island %d failed: %s", member.number, error)
            member.actor = None
            member.is_ready = False

    def _check(self) -> None:
        """Restart islands of lost nodes; log or raise if islands find no worker."""
        now = perf_counter()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        self._watch.check()
        for member in self._members:
            if member.is_ready and self._watch.is_gone(member.node):
                self._restart(member, "with its node, which is dead or silent", True)
        self._watch.nodes_in_use = {m.node for m in self._members if m.is_ready}
        homeless = [m.number for m in self._members if m.actor is not None and not m.is_ready]
        if not homeless:
            self._waited_since, self._said_so = now, False
            return
        waited = now - self._waited_since
        if waited < PATIENCE_SECONDS or (self._said_so and waited < self._start_timeout):
            return
        state = (
            f"no worker is ready for {len(homeless)} of {len(self._members)} islands after "
            f"{waited:.0f} s: each claims {self._claims or 'nothing'}, and the cluster has "
            f"{self._watch.resources}"
        )
        if waited >= self._start_timeout:
            raise ExecutorError(state)
        logger.warning("%s; waiting, because all islands must run at once", state)
        self._said_so = True


class _Member:
    """The driver's view of an island."""

    def __init__(self, number: int, settings: dict[str, Any]) -> None:
        self.number = number
        self.settings = settings
        self.actor: Any = None
        self.result: Result | None = None
        self.is_done = False
        self.farthest = self.n_deaths = self.n_lost_nodes = 0

    def reset(self, actor: Any) -> None:
        self.actor = actor
        self.node = ""
        self.is_ready = self.has_ended = False
        self.n_sent = self.n_heard = 0
