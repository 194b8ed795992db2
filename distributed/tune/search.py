"""ZOOptSearch: zoopt's solvers as a searcher of Ray Tune.

It owns the assignment of candidates to trials, the limit on running trials, and the saved state.
`zoopt.distributed.tune.space` handles configurations, `zoopt.distributed.tune.trials` results.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import FAILED, LOST, Evaluation
from zoopt.core.registry import solver_factory
from zoopt.core.seeds import Seed, root_seed
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.distributed.tune.points import GivenPoints
from zoopt.distributed.tune.space import ConfigSpace, NoParameters
from zoopt.distributed.tune.state import SavedSearcher
from zoopt.distributed.tune.trials import Best, Outcomes, Silence, Trial

__all__ = ["ZOOptSearch"]

FINISHED: str = SavedSearcher.FINISHED


class ZOOptSearch(SavedSearcher):
    """Search hyperparameters in Ray Tune with a solver of zoopt, SRACOS by default.

    Parameters
    ----------
    space : mapping or Space, optional
        The search space: nested mappings of Tune's domains or of `Real`, `Integer` and `Choice`.
        Other values are constants. Parameters may depend on a choice; see the notes. The default is
        the ``param_space`` of the Tuner. Domains without bounds (``randn``, ``qrandn``) and those
        that are not searched (``grid_search``, ``sample_from``) are refused; all others are
        supported.
    metric : str, optional
        The key of the result to optimize. The default is the metric of TuneConfig, or the number
        that trials report without a name. Without a ``param_space`` it must be given here, because
        Tune then does not pass it on.
    mode : {"min", "max"}, optional
        The default is the mode of TuneConfig.
    points_to_evaluate : list of dict, optional
        Configurations to try first, in this order. They are nested, or have paths as keys:
        ``{"optimizer/lr": 0.1}``. Missing values are drawn at random. For a choice with parameters,
        only the parameters of the category that fits the point best are drawn.
    evaluated_rewards : list of float, optional
        The metric at these points, if it is known. These points are then not tried again, and none
        of their values may be missing.
    algorithm : str or callable, optional
        As in `zoopt.minimize`: "sracos" (default), "racos" (in batches), "random" or another
        registered name; or a callable that makes a solver, such as a class or
        ``functools.partial(zoopt.SRacos, uncertain_bits=3)``.
    budget : int, optional
        Largest number of suggestions, after which the search ends. It also determines the sizes of
        the solver's sets; without a budget, Tune's ``num_samples`` does.
    seed : int, SeedSequence or None
        With the same seed, and the same results in the same order, suggestions are the same.
    time_attr : str
        The key of the result that measures the progress of a trial.
    max_t : int, optional
        The value of ``time_attr`` at which a trial is complete, as in ASHAScheduler. If given,
        trials that were stopped early rank behind complete trials; see the notes.

    Attributes
    ----------
    best : Best or None
        The best trial so far, with its ``config`` and ``value``. With ``max_t``, trials that were
        stopped early do not count.
    solver : Solver or None
        The solver; None before Tune passes its settings or asks for a first suggestion.

    Raises
    ------
    ImportError
        If Ray Tune is not installed.
    TypeError, ValueError
        If an argument is invalid. The message names it. Raised before any trial runs.

    Notes
    -----
    *Results.* Trials rank behind all others if they fail, do not report the metric, or report NaN
    or a value that is not a number. A trial that was stopped before its first report is ignored.

    *Schedulers.* A trial that a scheduler stopped early counts with its last value. This is fair as
    long as values improve over time. With ``max_t``, values of different times are not compared: a
    trial that was stopped ranks behind complete trials and behind trials that got further, whatever
    its value. A trial whose function returns is complete.

    *Choices.* Categories may be any objects; repeated categories count once. In ``param_space``,
    Tune hides categories from searchers unless they consist of numbers, strings, booleans, None,
    lists, tuples and dictionaries. To use other categories in points, pass the space here.

    *Parameters that depend on a choice.* Categories of ``tune.choice`` may contain domains, to any
    depth. A trial gets the chosen category with values in place of its domains, and only these
    parameters are searched. A `Choice` with branches must be an entry of a mapping; the parameters
    of the chosen branch are placed beside it, as in ``{"model": "svc", "C": 0.1}``.

    *Containers.* Domains may be nested in mappings and lists of any class. Trials get containers of
    the same classes as from Tune's own search.

    *Limits.* ``max_concurrent_trials`` or a ``ConcurrencyLimiter`` limits the number of running
    trials. A searcher does not see the limiter's ``batch``; for batches use
    ``algorithm="racos"``.

    *Saving.* `save` stores the whole state, including running trials. A restored searcher makes the
    suggestions that the saved one would have made, and accepts the results of those trials. After a
    crash, ``Tuner.restore`` continues from Tune's last save; by default, Tune waits at least ten
    seconds between two saves. Trials that were running are run again under their names; trials that
    started later are suggested anew. Trials that Tune does not run again
    (``resume_unfinished=False``) stop counting as running once Tune is idle or, if the number of
    running trials is limited, once enough newer trials have ended. A failed trial that is run
    again, under the same name or a new one, counts with its new value.

    Examples
    --------
    >>> import math
    >>> from ray import tune
    >>> from zoopt.distributed import ZOOptSearch
    >>> search = ZOOptSearch(
    ...     space={
    ...         "optimizer": {"lr": tune.loguniform(1e-4, 1.0), "momentum": tune.uniform(0, 1)},
    ...         "layers": tune.randint(1, 5),
    ...         "epochs": 10,
    ...     },
    ...     metric="loss",
    ...     mode="min",
    ...     budget=60,
    ...     seed=1,
    ... )
    >>> for i in range(60):  # as Tune does, one trial at a time
    ...     config = search.suggest(f"trial {i}")
    ...     loss = abs(math.log10(config["optimizer"]["lr"]) + 2) + config["layers"]
    ...     search.on_trial_complete(f"trial {i}", {"loss": loss})
    >>> search.suggest("trial 60")
    'FINISHED'
    >>> search.best.config["layers"], search.best.config["epochs"], search.best.value < 1.5
    (1, 10, True)

    In a job that passes the space as ``param_space``, use
    ``TuneConfig(search_alg=ZOOptSearch(seed=1))``.
    """

    def __init__(
        self,
        space: Mapping[str, Any] | Space | None = None,
        metric: str | None = None,
        mode: str | None = None,
        points_to_evaluate: Sequence[Mapping[str, Any]] | None = None,
        evaluated_rewards: Sequence[float] | None = None,
        algorithm: str | Callable[..., Solver] | None = None,
        budget: int | None = None,
        seed: Seed = None,
        *,
        time_attr: str = "training_iteration",
        max_t: int | None = None,
    ) -> None:
        self._outcomes = Outcomes(metric, mode, time_attr, max_t)
        super().__init__(metric=metric, mode=mode)
        named: Any = "sracos" if algorithm is None else algorithm
        self._factory = named if callable(named) else solver_factory(named)
        self._budget = None if budget is None else whole(budget, "budget", least=1)
        self._seed = root_seed(seed)
        self._points = GivenPoints(points_to_evaluate, evaluated_rewards)
        self._n_samples: int | None = None
        self._max_concurrent: int | None = None
        self._space: ConfigSpace | None = None
        self.solver: Solver | None = None
        #: Exact values of given points, by position, where encoding rounds them; keyed by the bytes
        #: of the encoded point.
        self._exact: dict[bytes, dict[int, float]] = {}
        self._live: dict[str, Trial] = {}
        #: Trials that ended, by id: the candidate if the trial may still report a value, and
        #: otherwise None.
        self._ended: dict[str, Candidate | None] = {}
        self._silence = Silence()
        if space is not None:
            self._space = ConfigSpace(space)
            self._make_solver(self._space)  # a check; it is made again with num_samples

    # ------------------------------------------------------------- setup

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Adopt the settings of TuneConfig and the Tuner that the constructor left open.

        Parameters
        ----------
        metric, mode : str or None
            Those of TuneConfig.
        config : dict
            The ``param_space`` of the Tuner.
        **spec
            Other settings of the experiment, such as ``num_samples``.

        Returns
        -------
        bool
            False if the parameters of ``config`` differ from those of the space given to the
            constructor.

        Raises
        ------
        TypeError, ValueError
            If there is no parameter, a domain is refused, or metric or mode contradicts the one
            given to the constructor.
        """
        self._outcomes.agree(metric, mode)
        self._metric, self._mode = self._outcomes.metric, self._outcomes.mode
        self._silence = Silence(self._live)  # trials of an earlier, interrupted job
        n_samples = spec.get("num_samples")
        if isinstance(n_samples, int) and 0 < n_samples < sys.maxsize:
            self._n_samples = n_samples
        try:
            given = ConfigSpace(config)
        except NoParameters:
            if self._space is not None:
                return True
            raise ValueError(
                "param_space must contain a domain of Tune to search; or pass ZOOptSearch a "
                f"space, which may also contain Real, Integer and Choice; got {config!r}"
            ) from None
        if self._space is not None and not given.is_like(self._space):
            return False
        self._space = given  # its constants may differ
        if self.solver is None:
            self._make_solver(given)
        return True

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Limit the number of running trials; called by ``ConcurrencyLimiter``.

        Returns
        -------
        bool
            Always True: the searcher enforces the limit itself.
        """
        self._max_concurrent = whole(max_concurrent, "max_concurrent", least=1)
        return True

    def _make_solver(self, space: ConfigSpace) -> Solver:
        """Return a new solver that knows the user's points."""
        starts = self._points.rows(space, self._seed)
        self._exact = {row.tobytes(): exact for row, exact in starts if exact}
        candidates = [Candidate(-1, row, space.space) for row, _ in starts]
        rewards = self._points.rewards or []
        budget = self._n_samples if self._budget is None else self._budget
        x0 = () if rewards else candidates
        solver = self._factory(space.space, budget=budget, seed=self._seed, x0=x0)
        if not isinstance(solver, Solver):
            raise TypeError(f"algorithm must return a Solver, got {solver!r}")
        for candidate, reward in zip(candidates, rewards, strict=bool(rewards)):
            solver.tell_point(candidate, self._outcomes.of_value(reward))
        return solver

    def _ready(self) -> tuple[Solver, ConfigSpace]:
        """Return solver and space; the solver is made at the first use."""
        space = self._space
        if space is None:
            raise ValueError(
                "space is missing: pass ZOOptSearch a space or the Tuner a param_space"
            )
        self._outcomes.settle()
        self._metric = self._outcomes.metric
        if self.solver is None:
            self.solver = self._make_solver(space)
        return self.solver, space

    # ------------------------------------------------------------- the calls of Tune

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Suggest the configuration of a trial.

        Parameters
        ----------
        trial_id : str
            The id of a new trial. A running trial gets its configuration again.

        Returns
        -------
        dict, None or "FINISHED"
            None if other trials must end first; "FINISHED" if ``budget`` trials, or all points of
            the space, have been suggested.

        Raises
        ------
        ValueError
            If the space or the mode is unknown.
        """
        solver, space = self._ready()
        trial = self._live.get(trial_id)
        if trial is not None:
            self._silence.heard(trial_id)
            return self._config(trial.candidate, space)
        if self._budget is not None and solver.n_asked >= self._budget:
            return FINISHED
        candidate = self._ask(solver)
        if candidate is None and self._silence.is_final(len(self._live), self._max_concurrent):
            self._give_up(solver)
            candidate = self._ask(solver)
        if not isinstance(candidate, Candidate):
            return candidate
        self._ended.pop(trial_id, None)
        self._live[trial_id] = Trial(candidate)
        return self._config(candidate, space)

    def _ask(self, solver: Solver) -> Candidate | str | None:
        if len(self._live) >= (self._max_concurrent or math.inf):
            return None
        try:
            return solver.ask()
        except Exhausted:
            return FINISHED

    def _config(self, candidate: Candidate, space: ConfigSpace) -> dict[str, Any]:
        exact = self._exact.get(candidate.u.tobytes()) if self._exact else None
        return space.config(candidate.u, exact)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Store a report of a running trial; the solver learns of it when the trial ends.

        Parameters
        ----------
        trial_id : str
        result : dict
        """
        self._silence.heard(trial_id)
        trial = self._live.get(trial_id)
        if trial is None:
            candidate = self._ended.get(trial_id)
            if candidate is None:
                return
            trial = self._live[trial_id] = Trial(candidate, told=True)  # it runs again
        self._outcomes.note(trial, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Report the outcome of a trial to the solver.

        Parameters
        ----------
        trial_id : str
            A trial that has already ended is ignored, unless it had failed and now has a value. An
            unknown trial is used as a point evaluated elsewhere if its result contains its
            configuration.
        result : dict, optional
            The last result. If it lacks the metric, the last reported value counts.
        error : bool
            Whether the trial failed; its reports then do not count.
        """
        solver, _ = self._ready()
        self._silence.heard(trial_id, ended=True)
        trial = self._live.pop(trial_id, None)
        if trial is None:
            if trial_id not in self._ended:
                self._tell_stranger(trial_id, result, error)
                return
            candidate = self._ended[trial_id]
            if candidate is None:
                return
            trial = Trial(candidate, told=True)
        evaluation = self._outcomes.of(trial, result, error)
        self._ended[trial_id] = None if evaluation.ok else trial.candidate
        if not trial.told:
            solver.tell(trial.candidate, evaluation)
        elif evaluation.ok:
            solver.tell_point(trial.candidate, evaluation)

    def _give_up(self, solver: Solver) -> None:
        """No longer count restored trials as running if they have not returned."""
        for trial_id in sorted(self._silence.ids):
            trial = self._live.pop(trial_id)
            if not trial.told:
                lost = Evaluation(math.nan, LOST, error="the trial did not return after a restore")
                solver.tell(trial.candidate, lost)
            self._ended[trial_id] = trial.candidate
        self._silence = Silence()

    def _tell_stranger(self, trial_id: str, result: dict[str, Any] | None, error: bool) -> None:
        """Use the result of a trial that was never suggested, such as a renamed restart."""
        solver, space = self._ready()
        if not result or error or self._metric not in result:
            return
        flat = {k.removeprefix("config/"): v for k, v in result.items() if k.startswith("config/")}
        try:
            row, exact = space.encode(space.read_flat(flat), "the trial")
        except Exception:  # not a trial of this space
            return
        trial = Trial(Candidate(-1, row, space.space))
        evaluation = self._outcomes.of(trial, result, error)
        if evaluation.ok:
            self._ended[trial_id] = None
            self._exact[row.tobytes()] = exact
            solver.tell_point(trial.candidate, evaluation)

    def add_evaluated_point(
        self,
        parameters: Mapping[str, Any],
        value: float,
        error: bool = False,
        pruned: bool = False,
        intermediate_values: Sequence[float] | None = None,
    ) -> None:
        """Add the result of a trial that was run elsewhere.

        Parameters
        ----------
        parameters : dict
            Its complete configuration; keys unknown to the space are ignored.
        value : float
            Its metric.
        error : bool
            Whether it failed.
        pruned : bool
            Whether it was stopped early; with ``max_t`` it then ranks behind complete trials.
        intermediate_values : list of float, optional
            Its reports, one for each unit of time. If ``value`` is None, the last one is used.

        Raises
        ------
        TypeError, ValueError
            If the configuration does not fit the space.
        """
        solver, space = self._ready()
        found = space.read(parameters, "parameters", strict=False)
        row, exact = space.encode(found, "parameters")
        self._exact[row.tobytes()] = exact
        steps = () if intermediate_values is None else tuple(intermediate_values)
        if error:
            evaluation = Evaluation(math.nan, FAILED, error="the trial failed")
        else:
            last = steps[-1] if value is None and steps else value
            evaluation = self._outcomes.of_value(last, len(steps) if pruned else None)
        solver.tell_point(Candidate(-1, row, space.space), evaluation)

    @property
    def best(self) -> Best | None:
        """The best trial so far; None before the first success."""
        found = None if self.solver is None else self.solver.best
        if found is None or self._space is None:
            return None
        config = self._config(found.candidate, self._space)
        return Best(config, self._outcomes.signed(found.value))

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore a saved state; a limit on running trials that was set before is kept.

        Parameters
        ----------
        state : dict
            The result of `get_state`. It is a pickle: load it only if you trust its source.

        Raises
        ------
        ValueError
            If it is not a state of this class, or has another version.
        """
        limit = self._max_concurrent
        super().set_state(state)
        if limit is not None:
            self._max_concurrent = limit
        self._silence = Silence(self._live)
