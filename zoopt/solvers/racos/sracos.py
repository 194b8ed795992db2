"""Sequential classification-based optimization, with any number of candidates in flight."""

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import OK, Evaluation
from zoopt.core.registry import register
from zoopt.solvers.racos.base import ClassificationSolver

__all__ = ["SRacos"]


class SRacos(ClassificationSolver):
    """Sequential classification-based optimization, for any number of candidates in flight.

    Learns a region that contains one of the best points and none of the negative points, and
    samples there. With one candidate in flight this is SRACOS, with several it is ASRACOS.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.
    train_size, positive_size : int, optional
        Size of the positive and the negative set together, and size of the positive set; see the
        notes. By default they depend on the budget.
    uncertain_bits : int or {"table", "adaptive"}, optional
        Number of coordinates that a proposal redraws; all of them if there are fewer. "table" looks
        the number up in ZOOpt's table, by the number of dimensions and whether any is continuous.
        "adaptive" learns the number: among the powers of two, it prefers the one with which
        proposals most often beat the worst positive point. It learns one number for samples in the
        whole region, and another for samples close to the positive point that they start from.
        "adaptive" is the default with more than 100 non-constant dimensions, some of them
        continuous. With a delta (see `minimize`), the default is always "table".
    exploration_rate : float in [0, 1]
        Probability of a uniform sample.
    replacement : {"WR", "RR", "LM"}
        Which negative point a new one replaces: the worst, a random one, or the one farthest from
        the best negative point.
    recombination_rate : float in [0, 1], optional
        Probability that a proposal mixes a positive point with another point of the two sets
        instead of sampling the region. It applies only while the best point does not improve. 0 is
        the algorithm of the paper. By default 0.8 if every non-constant dimension is unordered or
        has two values; in other spaces, and in those with branches, it must be 0.

    Notes
    -----
    The positive set holds the best ``positive_size`` points, and the negative set holds
    ``train_size - positive_size`` other points.

    1. Evaluate ``train_size`` uniform samples; the best are positive.
    2. With probability ``exploration_rate``, propose a uniform sample. Otherwise draw a positive
       point x and shrink the space around it: while a negative point is inside, draw one of the
       negative points inside and one of the coordinates in which it differs from x, and cut the
       range of this coordinate at a random value between the two.
    3. Propose x with ``uncertain_bits`` coordinates redrawn in the region. A proposal that was seen
       before is drawn again.
    4. A point that is not worse than the worst positive point takes its place. The displaced point,
       or a point that is not positive, is offered to the negative set by the rule ``replacement``.

    Unlike ZOOpt, step 2 draws only coordinates in which the two points differ, because cutting any
    other coordinate cannot exclude the negative point.

    References
    ----------
    Y.-Q. Hu, H. Qian, Y. Yu, "Sequential classification-based optimization for direct policy
    search", AAAI 2017 (SRACOS). Y.-R. Liu, Y.-Q. Hu, H. Qian, C. Qian, Y. Yu, "Asynchronous
    classification-based optimization", DAI 2019 (ASRACOS).

    Examples
    --------
    >>> from zoopt import SRacos
    >>> solver = SRacos([(-1, 1)] * 3, budget=200, seed=1)
    >>> for _ in range(200):
    ...     candidate = solver.ask()
    ...     solver.tell(candidate, sum((v - 0.2) ** 2 for v in candidate.x))
    >>> solver.best.value < 0.05
    True
    """

    name = "sracos"

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if evaluation.status != OK or self._initial:
            self._take(candidate, evaluation, self.n_told, False)
            return
        violation = evaluation.violation if evaluation.violation > 0.0 else 0.0
        self._insert(candidate, evaluation, violation, evaluation.value, False)


register(SRacos.name, SRacos)
