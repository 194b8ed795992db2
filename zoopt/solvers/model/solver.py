"""A solver for few evaluations: proposes where a Gaussian process expects the most improvement."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.evaluation import LOST, OK, PRUNED, Evaluation, rank
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.seen import next_unseen, seen_points
from zoopt.core.solver import Proposal, Proposer
from zoopt.core.space import Row, Space
from zoopt.solvers.model.candidates import latin_hypercube, mutants
from zoopt.solvers.model.coordinates import Coordinates, Rows
from zoopt.solvers.model.gaussian_process import GaussianProcess
from zoopt.solvers.model.outcomes import Array, log_expected_improvement, warped

__all__ = ["ModelBased"]

#: Largest number of columns.
MOST_COLUMNS = 1000
#: The initial design has this many points per column, within these limits.
DESIGN_SHARE, LEAST_DESIGN, MOST_DESIGN = 0.75, 6, 12
#: Steps of the hyper-parameters with each new value; every `REFIT` values they also start from the
#: prior, with this many steps.
STEPS, REFIT, REFIT_STEPS = 6, 20, 18
#: Numbers of points drawn uniformly and around the best, how many are the best, and the rate at
#: which better ones are preferred.
UNIFORM, NEAR, BEST, PREFERENCE = 512, 512, 8, 0.3
#: Rounds of mutants of the most promising points: how many of these, and mutants of each.
ROUNDS, PROMISING, MUTANTS = 2, 6, 24
#: Limits of the steps of mutants around the best points, and around the most promising ones.
WIDE, NARROW = (0.02, 0.4), (0.01, 0.15)
#: The model learns at most this many points: the better half, and the latest.
MOST_LEARNED = 200
#: Number of candidates that the filter is asked about before a point is drawn uniformly.
MOST_FILTERED = 200


class ModelBased(Proposer):
    """Bayesian optimization, for functions so expensive that 15 to 200 evaluations must do.

    Learns a Gaussian process of the outcomes so far, and proposes the point with the largest
    expected improvement. Takes numbers, categories and parameters that depend on a choice, and any
    number of candidates in flight.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.
    n_initial : int, optional
        Number of points, x0 and known points included, before the model is used. By default three
        quarters of the number of columns, from 6 to 12.

    Notes
    -----
    1. The first points are those of x0, then a Latin hypercube.
    2. Outcomes are put on a scale that is half their normal scores and half their values, cut
       above. Infeasible and failed points rank last; a pruned one counts with its last report.
    3. A Gaussian process with a length for each column is fitted: a few steps of the
       hyper-parameters towards their most probable values, with each new outcome.
    4. Candidates in flight count as evaluated, with the value that the model expects.
    5. The next point has the largest expected improvement among points drawn uniformly, mutants of
       the best points, and mutants of the most promising of all these.

    A proposal takes some milliseconds, growing with the square of the number of outcomes, of which
    at most 200 are learned. Two machines may differ in the last digits of the linear algebra, and
    so in their proposals; on one machine the same seed gives the same run.

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
        self._seen = seen_points(self.space, self.rng)
        self._process = GaussianProcess(len(columns.numbers), len(columns.categories))
        self._design: list[Row] | None = None
        self._rows: list[Row] = []  # of outcomes
        self._keys: list[tuple[float, float]] = []  # of outcomes
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
        """Return the unseen point of the largest expected improvement; None if all were seen."""
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
        """Return the outcomes to learn: all, or the better half of them and the latest."""
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
        """Fit the model to outcomes and to what it expects in flight; return the value to beat."""
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
            process.learn(points.joined(pending), np.concatenate([values, expected]))
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

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if candidate.id < 0:
            self._seen.mark(candidate.u)
        if evaluation.status == LOST:
            return
        self._rows.append(candidate.u)
        self._keys.append(_key(evaluation))


def _key(evaluation: Evaluation) -> tuple[float, float]:
    """Return violation and value; failures are equal, and a pruned value is its last report."""
    if evaluation.status == PRUNED and math.isfinite(evaluation.last_report):
        return max(0.0, evaluation.violation), evaluation.last_report
    return rank(evaluation, 0) if evaluation.status == OK else (math.inf, 0.0)


def _read_only(row: Row) -> Row:
    copied: Row = row.copy()
    copied.flags.writeable = False
    return copied


register(ModelBased.name, ModelBased)
