"""A solver for few evaluations: proposes where a Gaussian process expects the most improvement."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.evaluation import LOST, OK, Best, Evaluation
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.seen import next_unseen, seen_points
from zoopt.core.solver import Proposal, Proposer
from zoopt.core.space import Row, Space
from zoopt.solvers.model.candidates import latin_hypercube, mutants
from zoopt.solvers.model.coordinates import Coordinates, Rows
from zoopt.solvers.model.gaussian_process import GaussianProcess
from zoopt.solvers.model.outcomes import Array, key, log_expected_improvement, standardized, warped

__all__ = ["ModelBased"]

#: Largest number of columns.
MOST_COLUMNS = 1000
#: The initial design has this many points per column, within these limits.
DESIGN_SHARE, LEAST_DESIGN, MOST_DESIGN = 0.75, 6, 12
#: Gradient steps of the hyper-parameters after new outcomes. After every `REFIT` outcomes, a second
#: search starts from the prior and takes `REFIT_STEPS`.
STEPS, REFIT, REFIT_STEPS = 6, 20, 18
#: `UNIFORM` points are drawn uniformly. `NEAR` points are mutants of the `BEST` best points, whose
#: ranks are drawn geometrically with the rate `PREFERENCE`.
UNIFORM, NEAR, BEST, PREFERENCE = 512, 512, 8, 0.3
#: Each of `ROUNDS` rounds adds `MUTANTS` mutants of each of the `PROMISING` best candidates.
ROUNDS, PROMISING, MUTANTS = 2, 6, 24
#: Limits of the steps of mutants around the best points, and around the most promising ones.
WIDE, NARROW = (0.02, 0.4), (0.01, 0.15)
#: The model is fitted to at most this many points: half are the best, half the latest of the rest.
MOST_LEARNED = 200
#: Number of candidates that the filter is asked about before a point is drawn uniformly.
MOST_FILTERED = 200


class ModelBased(Proposer):
    """Bayesian optimization, for expensive functions: 15 to 200 evaluations.

    Fits a Gaussian process to the outcomes so far, and proposes the point with the largest expected
    improvement. Takes numbers, categories and parameters that depend on a choice, and any
    number of candidates in flight.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.
    n_initial : int, optional
        Number of points, x0 and known points included, before the model is used. By default three
        quarters of the number of columns, but at least 6 and at most 12.
    noisy : bool, default False
        Whether values at the same point differ from call to call. If True, `recommend` returns the
        evaluated point with the lowest predicted value, instead of the one with the lowest reported
        value. The attribute ``noisy`` also becomes True if two evaluations of the same point give
        different values.

    Notes
    -----
    1. The first points are those of x0, then a Latin hypercube.
    2. Large values are clipped. Each outcome is then replaced by a weighted mean of the normal
       score of its rank and its standardized value. The score has the weight 1/2 with up to 30
       outcomes, and 0 with 60 or more; it keeps 1/2 if some points are infeasible. Infeasible and
       failed points rank last. A pruned point has the value of its last report.
    3. A Gaussian process with a length scale for each column is fitted. After new outcomes, its
       hyper-parameters take a few gradient steps toward the maximum of their posterior.
    4. Candidates in flight count as evaluated, with the value that the model predicts (Ginsbourger,
       Le Riche, Carraro 2010: the kriging believer).
    5. The next point has the largest expected improvement among points drawn uniformly, mutants of
       the best points, and mutants of the most promising of all these.

    A proposal takes some milliseconds. The time grows with the number of outcomes until the model
    uses its maximum of 200.

    References
    ----------
    D. R. Jones, M. Schonlau, W. J. Welch, "Efficient global optimization of expensive black-box
    functions", Journal of Global Optimization 13, 1998.

    Examples
    --------
    >>> from zoopt import Choice, ModelBased, Real
    >>> space = {"rate": Real(1e-4, 1, log=True), "kind": Choice(["a", "b"])}
    >>> solver = ModelBased(space, budget=30, seed=0)
    >>> for _ in range(30):
    ...     candidate = solver.ask()
    ...     x = candidate.x
    ...     solver.tell(candidate, abs(np.log10(x["rate"]) + 2) + (x["kind"] == "b"))
    >>> solver.best.value < 0.05
    True
    """

    name = "model"
    uses_values = True

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        n_initial: int | None = None,
        noisy: bool = False,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0)
        if not self.accepts(self.space):
            raise ValueError(
                f"{self.name} needs a space of at most {MOST_COLUMNS:,} dimensions, got "
                f"{self.space.n_columns:,}"
            )
        self._coordinates = Coordinates(self.space)
        columns = self._coordinates
        default = round(DESIGN_SHARE * columns.n)
        self.n_initial = min(MOST_DESIGN, max(LEAST_DESIGN, default))
        if n_initial is not None:
            self.n_initial = whole(n_initial, "n_initial", least=1)
        self.noisy = noisy
        self._seen = seen_points(self.space, self.rng)
        self._process = GaussianProcess(len(columns.numbers), len(columns.categories))
        self._design: list[Row] | None = None
        self._rows: list[Row] = []  # of outcomes
        self._keys: list[tuple[float, float]] = []  # of outcomes
        self._outcomes: list[Best] = []
        self._value_at: dict[bytes, float] = {}  # by row
        self._n_fitted = 0  # outcomes that the hyper-parameters were fitted to

    @classmethod
    def accepts(cls, space: Space) -> bool:
        return space.n_columns <= MOST_COLUMNS

    # ------------------------------------------------------------- proposals

    def _propose(self) -> Proposal | None:
        row = next_unseen(self._queue, self._seen)
        if row is None and self._is_beginning:
            row = self._next_of_design()
        if row is None and not self._is_beginning:
            row = self._most_promising()
        if row is None:
            row = self._seen.uniform()
        return None if row is None else (row, None)

    @property
    def _is_beginning(self) -> bool:
        has_values = any(violation < math.inf for violation, _ in self._keys)
        n_known = len(self._rows) + len(self._in_flight)
        return n_known < self.n_initial or not has_values or self._coordinates.n == 0

    def _next_of_design(self) -> Row | None:
        if self._design is None:
            n = max(1, self.n_initial - len(self._rows) - len(self._in_flight))
            design = latin_hypercube(self._coordinates, self.rng, n)
            self._design = [_read_only(row) for row in design[::-1]]
        return next_unseen(self._design, self._seen)

    def _most_promising(self) -> Row | None:
        """Return the unseen point with the largest expected improvement.

        None if all points were seen, or if the filter rejected the most promising ones.
        """
        if self._seen.exhausted:
            return None
        rows, values = self._learned()
        best = self._learn(rows, values)
        candidates = self._around_and_anywhere(rows, values)
        gains = self._gains(candidates, best)
        for _ in range(ROUNDS):
            promising = candidates[np.argsort(-gains, kind="stable")[:PROMISING]]
            bases = np.repeat(promising, MUTANTS, axis=0)
            nearby = mutants(self._coordinates, self.rng, bases, *NARROW)
            candidates = np.concatenate([candidates, nearby])
            gains = np.concatenate([gains, self._gains(nearby, best)])
        n_filtered = 0
        for i in np.argsort(-gains, kind="stable").tolist():
            row = _read_only(candidates[i])
            if self._seen.contains(row):
                continue
            if self.filter is not None:
                n_filtered += 1
                if n_filtered > MOST_FILTERED:
                    break
                if not self.filter(Candidate(self.n_asked, row, self.space)):
                    continue
            self._seen.mark(row)
            return row
        return None

    def _learned(self) -> tuple[Rows, Array]:
        """Return the points and outcomes to fit: all of them, or the best and the latest."""
        values = warped(self._keys)
        rows = np.array(self._rows)
        if len(rows) <= MOST_LEARNED:
            return rows, values
        half = MOST_LEARNED // 2
        best = np.argsort(values, kind="stable")[:half]
        others = np.setdiff1d(np.arange(len(rows)), best)[-half:]
        kept = np.sort(np.concatenate([best, others]))
        return rows[kept], values[kept]

    def _learn(self, rows: Rows, values: Array) -> float:
        """Fit the model to the outcomes; return the value to beat.

        Points in flight are fitted with the values that the model predicts.
        """
        process, n_told = self._process, len(self._rows)
        points = self._coordinates.features(rows)
        if n_told > self._n_fitted:
            loss = process.fit(points, values, STEPS)
            if n_told // REFIT > self._n_fitted // REFIT:
                process.refit(points, values, loss, REFIT_STEPS)
            self._n_fitted = n_told
        else:
            process.learn(points, values)
        if self._in_flight:
            rows_in_flight = np.array([candidate.u for candidate in self._in_flight.values()])
            pending = self._coordinates.features(rows_in_flight)
            expected, _ = process.predict(pending)
            points, values = points.joined(pending), np.concatenate([values, expected])
            process.learn(points, values)
        return float(values.min())

    def _around_and_anywhere(self, rows: Rows, values: Array) -> Rows:
        coordinates, rng = self._coordinates, self.rng
        anywhere = coordinates.rows(coordinates.uniform(rng, UNIFORM))
        best = rows[np.argsort(values, kind="stable")[:BEST]]
        places = np.minimum(rng.geometric(PREFERENCE, NEAR) - 1, len(best) - 1)
        return np.concatenate([anywhere, mutants(coordinates, rng, best[places], *WIDE)])

    def _gains(self, rows: Rows, best: float) -> Array:
        means, deviations = self._process.predict(self._coordinates.features(rows))
        return log_expected_improvement(means, deviations, best)

    # ------------------------------------------------------------- outcomes

    def recommend(self) -> Best | None:
        """Return the best point; if values are noisy, the point with the lowest predicted value.

        Returns
        -------
        Best or None
            For a noisy function, the value is the prediction, and the standard error is that of the
            prediction.
        """
        feasible = [each for each in self._outcomes if is_feasible(each.evaluation)]
        if not self.noisy or len(feasible) < 2:
            return self.best
        feasible = sorted(feasible, key=lambda each: each.value)[:MOST_LEARNED]
        values, center, spread = standardized([key(each.evaluation) for each in feasible])
        points = self._coordinates.features(np.array([each.candidate.u for each in feasible]))
        self._process.learn(points, values)
        means, deviations = self._process.predict(points)
        best = int(means.argmin())
        value = Evaluation(center + spread * float(means[best]))
        return Best(feasible[best].candidate, value, spread * float(deviations[best]))

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if candidate.id < 0:
            self._seen.mark(candidate.u)
        if evaluation.status == LOST:
            return
        self._rows.append(candidate.u)
        self._keys.append(key(evaluation))
        self._outcomes.append(Best(candidate, evaluation))
        if evaluation.status == OK:
            value = self._value_at.setdefault(candidate.u.tobytes(), evaluation.value)
            self.noisy = self.noisy or value != evaluation.value


def is_feasible(evaluation: Evaluation) -> bool:
    return evaluation.status == OK and evaluation.violation <= 0.0


def _read_only(row: Row) -> Row:
    copied: Row = row.copy()
    copied.flags.writeable = False
    return copied


register(ModelBased.name, ModelBased)
