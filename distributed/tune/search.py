"""ZOOptSearch: zoopt's solvers as a searcher of Ray Tune.

Owns which trial got which candidate, how many may be out, and the saved state. The meaning of
configurations is in `tune_space`, that of results in `tune_trials`; proposals are the solver's.
"""

import math
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cloudpickle

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import FAILED, LOST, Evaluation
from zoopt.core.registry import solver_factory
from zoopt.core.seeds import Seed, root_seed
from zoopt.core.solver import Solver
from zoopt.core.space import Space

try:
    from ray.tune import search as _search
except ImportError as error:
    raise ImportError(
        f'ZOOptSearch needs Ray Tune: pip install "zoopt[tune]" ({error})', name=error.name
    ) from error

from zoopt.distributed.tune.points import GivenPoints
from zoopt.distributed.tune.space import ConfigSpace, NoParameters
from zoopt.distributed.tune.trials import Best, Outcomes, Silence, Trial

__all__ = ["ZOOptSearch"]

_Searcher: Any = _search.Searcher

FINISHED: str = _Searcher.FINISHED

STATE_VERSION = 1


class ZOOptSearch(_Searcher):  # type: ignore[misc]  # Ray may be missing when types are checked
    """A searcher for Ray Tune that proposes by a solver of zoopt, SRACOS by default.

    Parameters
    ----------
    space : mapping or Space, optional
        What to search: nested dictionaries of Tune's domains or of `Real`, `Integer` and `Choice`;
        what is neither is a constant. By default the ``param_space`` of the Tuner. All domains
        are known but those without bounds (``randn``, ``qrandn``) and those that are no search
        (``grid_search``, ``sample_from``).
    metric : str, optional
        What the trials report; by default that of TuneConfig, or what they report as a bare number.
        It must be given here if the Tuner has no ``param_space``, since Tune passes on none then.
    mode : {"min", "max"}, optional
        By default that of TuneConfig.
    points_to_evaluate : list of dict, optional
        Configurations to try first, in this order, nested or with paths as keys
        (``{"optimizer/lr": 0.1}``). What a point leaves out is drawn at random.
    evaluated_rewards : list of float, optional
        The values of these points, which are then not tried again; they must be whole.
    algorithm : str or callable, optional
        As in `zoopt.minimize`: "sracos" (default), "racos" (in batches), "random" or another
        registered name; or what makes a solver, such as a class or
        ``functools.partial(zoopt.SRacos, uncertain_bits=3)``.
    budget : int, optional
        Most suggestions; the search ends then. The sizes of the solver follow it; without it they
        follow Tune's ``num_samples``.
    seed : int, SeedSequence or None
        Same seed and same results in the same order, same suggestions.
    time_attr : str
        What a trial reports as its progress.
    max_t : int, optional
        The ``time_attr`` that a trial reaches if no scheduler stops it, as in ASHAScheduler. With
        it, trials that were stopped early rank behind all others: see the notes.

    Attributes
    ----------
    best : Best or None
        The best trial so far: ``config`` and ``value``; with ``max_t`` of those not stopped early.
    solver : Solver or None
        What proposes; None before the space is known.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; names it, before any trial runs.

    Notes
    -----
    *Outcomes.* A trial that fails, or reports NaN, no number, or not the metric, is recorded as
    such and ranks behind all others. One that was stopped before it reported is forgotten.

    *Schedulers.* A trial that a scheduler stopped early counts with the last value it reported,
    which is fair as long as values get better with time. With ``max_t`` values of different times
    are not compared: a trial that was stopped ranks behind those that ran to the end, whatever its
    value, and behind those that got further. A trial whose function returns has run to its end.

    *Choices.* Categories may be any objects; a repeated one counts once. In ``param_space`` Tune
    hides those that are not made of numbers, strings, booleans, None, lists, tuples and
    dictionaries from searchers: points can name them only if the space is given here.

    *Limits.* ``max_concurrent_trials`` or a ``ConcurrencyLimiter`` set how many trials may be out.
    The limiter's ``batch`` does not reach a searcher: for batches use ``algorithm="racos"``.

    *Saving.* `save` keeps everything, the trials that are out included: a restored searcher
    suggests exactly what the saved one would have, and takes the results of those trials. After a
    crash, ``Tuner.restore`` goes on from what Tune saved last, which it does every ten seconds or
    more: trials that were out run again under their names, and those that started later are
    suggested anew. Trials that Tune does not run again (``resume_unfinished=False``) free their
    places once Tune has nothing else to do, or enough newer ones have ended. A failed trial that
    is run again, under its name or a new one, is taken in with its new value.

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
    >>> for i in range(60):  # what Tune does, one trial at a time
    ...     config = search.suggest(f"trial {i}")
    ...     loss = abs(math.log10(config["optimizer"]["lr"]) + 2) + config["layers"]
    ...     search.on_trial_complete(f"trial {i}", {"loss": loss})
    >>> search.suggest("trial 60")
    'FINISHED'
    >>> search.best.config["layers"], search.best.config["epochs"], search.best.value < 1.5
    (1, 10, True)

    In a job, with the space as ``param_space``: ``TuneConfig(search_alg=ZOOptSearch(seed=1))``.
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
        #: By rows of given points, the values that the encoding rounds.
        self._exact: dict[bytes, dict[int, float]] = {}
        self._live: dict[str, Trial] = {}
        #: Trials that ended: None, or the candidate of one that may come back with a value.
        self._ended: dict[str, Candidate | None] = {}
        self._silence = Silence()
        if space is not None:
            self._space = ConfigSpace(space)
            self._make_solver(self._space)  # only to check it: num_samples is not known yet

    # ------------------------------------------------------------- set up

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take over what TuneConfig and the Tuner say, where the constructor did not.

        Returns
        -------
        bool
            False if ``config`` has parameters to search, but others than those known already.

        Raises
        ------
        TypeError, ValueError
            If there is nothing to search, a domain is refused, or metric or mode contradict.
        """
        self._outcomes.agree(metric, mode)
        self._metric, self._mode = self._outcomes.metric, self._outcomes.mode
        self._silence = Silence(self._live)  # those of an earlier job, if it was broken off
        n_samples = spec.get("num_samples")
        if isinstance(n_samples, int) and 0 < n_samples < sys.maxsize:
            self._n_samples = n_samples
        try:
            given = ConfigSpace(config)
        except NoParameters:
            if self._space is not None:
                return True
            raise ValueError(
                "param_space has no domain of Tune to search: add one, or give ZOOptSearch a "
                f"space, in which Real, Integer and Choice are known too; got {config!r}"
            ) from None
        if self._space is not None and not given.is_like(self._space):
            return False
        self._space = given  # also if only its constants are new
        if self.solver is None:
            self._make_solver(given)
        return True

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Set how many trials may be out at once; a ``ConcurrencyLimiter`` calls this."""
        self._max_concurrent = whole(max_concurrent, "max_concurrent", least=1)
        return True

    def _make_solver(self, space: ConfigSpace) -> Solver:
        """Make the solver, with the points to try first and those that are known."""
        starts = self._points.rows(space, self._seed)
        self._exact = {row.tobytes(): exact for row, exact in starts if exact}
        candidates = [Candidate(-1, row, space.space) for row, _ in starts]
        rewards = self._points.rewards or []
        budget = self._n_samples if self._budget is None else self._budget
        x0 = () if rewards else candidates
        solver = self._factory(space.space, budget=budget, seed=self._seed, x0=x0)
        if not isinstance(solver, Solver):
            raise TypeError(f"algorithm must make a Solver, got {solver!r}")
        for candidate, reward in zip(candidates, rewards, strict=bool(rewards)):
            solver.tell_point(candidate, self._outcomes.of_value(reward))
        return solver

    def _ready(self) -> tuple[Solver, ConfigSpace]:
        """Return the solver, made at the first use."""
        space = self._space
        if space is None:
            raise ValueError("there is no space: give ZOOptSearch a space or Tuner a param_space")
        self._outcomes.settle()
        self._metric = self._outcomes.metric
        if self.solver is None:
            self.solver = self._make_solver(space)
        return self.solver, space

    # ------------------------------------------------------------- the calls of Tune

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Suggest the configuration of a trial.

        Returns
        -------
        dict, None or "FINISHED"
            None if results must come first; "FINISHED" if ``budget`` trials were suggested, or
            every point of the space. A trial that is out gets its configuration again.
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
        """Remember what a running trial reported; the solver hears of it when the trial ends."""
        self._silence.heard(trial_id)
        trial = self._live.get(trial_id)
        if trial is None:
            candidate = self._ended.get(trial_id)
            if candidate is None:
                return
            trial = self._live[trial_id] = Trial(candidate, told=True)  # it failed, and runs again
        self._outcomes.note(trial, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the solver what became of a trial.

        Parameters
        ----------
        trial_id : str
            One that ended already is ignored, unless it failed and has a value now. An unknown one
            is taken in as a point evaluated elsewhere if the result holds its configuration.
        result : dict, optional
            If it lacks the metric, the last value reported before counts.
        error : bool
            The trial failed, whatever it reported.
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
        """Free the places of restored trials that do not come."""
        for trial_id in sorted(self._silence.ids):
            trial = self._live.pop(trial_id)
            if not trial.told:
                lost = Evaluation(math.nan, LOST, error="did not come back after a restore")
                solver.tell(trial.candidate, lost)
            self._ended[trial_id] = trial.candidate
        self._silence = Silence()

    def _tell_stranger(self, trial_id: str, result: dict[str, Any] | None, error: bool) -> None:
        """Take in a trial that was never suggested: Tune restarts failed ones under new names."""
        solver, space = self._ready()
        if not result or error or self._metric not in result:
            return
        flat = {k.removeprefix("config/"): v for k, v in result.items() if k.startswith("config/")}
        try:
            row, exact = space.encode(space.read_flat(flat), "the trial")
        except Exception:  # whatever it is, it is no trial of this space
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
        """Tell of a trial that was run elsewhere.

        Parameters
        ----------
        parameters : dict
            Its configuration, whole; what the space does not have is ignored.
        value : float
            Its metric.
        error : bool
            It failed.
        pruned : bool
            It was stopped early: with ``max_t`` it ranks behind those that were not.
        intermediate_values : list of float, optional
            What it reported, one value a unit of time; the last counts if value is None.
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
        found = None if self.solver is None else self.solver.best
        if found is None or self._space is None:
            return None
        config = self._config(found.candidate, self._space)
        return Best(config, self._outcomes.signed(found.value))

    # ------------------------------------------------------------- saving

    def get_state(self) -> dict[str, Any]:
        """Return a copy of everything."""
        return {"version": STATE_VERSION, "search": cloudpickle.dumps(self.__dict__)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Become what `get_state` copied; only a limit that was set before is kept.

        Raises
        ------
        ValueError
            If it is no state of this class, or one of another version.
        """
        version = state.get("version") if isinstance(state, dict) else None
        if version != STATE_VERSION or "search" not in state:
            raise ValueError(
                f"no state of ZOOptSearch version {STATE_VERSION}, got version {version!r}"
            )
        restored = cloudpickle.loads(state["search"])
        if self._max_concurrent is not None:
            restored["_max_concurrent"] = self._max_concurrent
        self.__dict__.update(restored)
        self._silence = Silence(self._live)

    def save(self, checkpoint_path: str) -> None:
        """Write the state to a file, whole or not at all."""
        temporary = f"{os.fspath(checkpoint_path)}.{uuid.uuid4().hex}"
        try:
            with open(temporary, "wb") as file:
                cloudpickle.dump(self.get_state(), file)
            os.replace(temporary, checkpoint_path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def restore(self, checkpoint_path: str) -> None:
        """Read the state that `save` wrote. It is a pickle: read only what you trust."""
        with open(checkpoint_path, "rb") as file:
            self.set_state(cloudpickle.load(file))
