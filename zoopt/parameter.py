"""Parameter: the settings of a run in the ZOOpt API."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from zoopt.core.checks import number, whole
from zoopt.dimension import Dimension
from zoopt.problem.starts import is_frame
from zoopt.run.callbacks import as_callbacks, one_or_several
from zoopt.solution import Solution
from zoopt.solvers.racos.tables import default_sizes

__all__ = ["DefaultStoppingCriterion", "Parameter"]


class DefaultStoppingCriterion:
    """A stopping criterion that never stops; the base class of others.

    Examples
    --------
    >>> class Enough(DefaultStoppingCriterion):
    ...     def check(self, optcontent):
    ...         return optcontent.get_best_solution().get_value() < 0.1
    >>> from zoopt import Dimension, Objective, Opt
    >>> objective = Objective(lambda s: s.get_x()[0], Dimension(1, [[0, 1]], [True]))
    >>> parameter = Parameter(budget=1000, seed=0, stopping_criterion=Enough())
    >>> Opt.min(objective, parameter).result.status
    'stop'
    """

    def check(self, optcontent: Any) -> bool:
        """Tell whether to stop; called after each evaluation.

        Parameters
        ----------
        optcontent : OptContent
            Has ``get_best_solution``, ``get_positive_data``, ``get_negative_data`` and
            ``get_data``.

        Returns
        -------
        bool
            Any true value stops the run.
        """
        return False


class Parameter:
    """The settings of a run.

    Parameters
    ----------
    algorithm : str, optional
        Name of the algorithm, in upper or lower case. With None, the objective and the flags for
        noise decide; usually that is "sracos".
    budget : number
        Number of evaluations, at least 3; a fractional part is cut off. 0 means not set yet.
    exploration_rate : float
        Probability that a proposal is drawn from the whole space.
    init_samples : list, DataFrame or Solution, optional
        Points or `Solution` objects to evaluate first. A Solution with a value is not evaluated:
        its value is used.
    time_budget : float, optional
        Seconds from the start of the run.
    terminal_value : float, optional
        Stop when the best value is at most this.
    sequential : bool
        False chooses batch RACOS.
    precision : float, optional
        Kept for old scripts, without effect on a run.
    uncertain_bits : int or {"table", "adaptive"}, optional
        Number of coordinates that a proposal redraws. None and "table" choose it from the number of
        coordinates; "adaptive" learns it during the run, which is best for several hundred
        coordinates and more.
    intermediate_result : bool
        Whether to print the best point during the run.
    intermediate_freq : int
        Number of evaluations from one print to the next.
    autoset : bool
        Whether the sizes of the sets follow the budget. If False, call ``set_train_size``,
        ``set_positive_size`` and ``set_negative_size``.
    noise_handling : bool
        Whether the objective is noisy. Without one of the next three flags, the algorithm is
        `NoisyRace`.
    resampling : bool
        Whether every point is evaluated ``resample_times`` times.
    suppression : bool
        Whether value suppression re-evaluates the best points; see `SSRacos`.
    ponss : bool
        Whether subsets are selected by PONSS, which needs ``ponss_theta`` and ``ponss_b``.
    ponss_theta : float, optional
        Margin by which the value of a subset must be lower than that of another for PONSS to
        consider it better.
    ponss_b : int, optional
        Largest number of subsets of the same constraint value that PONSS keeps; if there is one
        more, it evaluates them again and removes the worst.
    non_update_allowed : int
        Number of evaluations without a new positive point after which suppression re-evaluates the
        best points.
    resample_times : int
        Number of evaluations of a point that is re-evaluated.
    balance_rate : float
        Weight of the re-evaluations in the new value under suppression, from 0 to 1.
    high_dim_handling, reducedim : bool
        Both True choose sequential random embedding.
    num_sre : int
        Number of embeddings.
    low_dimension : Dimension, optional
        Box in which an embedding searches; by default [-1, 1] in 10 dimensions.
    withdraw_alpha : Dimension, optional
        Range of the factor by which an embedding scales the best earlier point; by default [-1, 1].
    variance_A : float, optional
        Variance of the entries of the random matrix; by default 1 divided by the size of
        ``low_dimension``.
    stopping_criterion : object, optional
        An object with a method ``check(optcontent)``; see `DefaultStoppingCriterion`.
    seed : int, optional
        The same seed gives the same serial run, and the same parallel run if ``window`` is set.
    parallel : bool
        Whether to evaluate in worker processes.
    server_num : int
        Number of worker processes.
    known : iterable, DataFrame, History, Result or path, optional
        As in `zoopt.minimize`. For POSS and PONSS, each known value is a pair ``[f, c]``.
    keep_points : bool, int or None
        As in `zoopt.minimize`, but False by default.
    backend, window, checkpoint, eval_timeout, retries, on_error, max_failures, filter, callbacks, \
vectorized, progress, verbosity
        As in `zoopt.minimize`. The filter gets a `Solution`; a vectorized objective gets a list of
        Solutions.

    Raises
    ------
    TypeError, ValueError
        If a value is wrong. The message names the argument.

    Notes
    -----
    The arguments up to ``server_num`` have getters, and most of them have setters:
    ``get_budget()``, ``set_budget(200)``.

    Examples
    --------
    >>> parameter = Parameter(budget=1000, seed=1)
    >>> parameter.get_train_size(), parameter.get_positive_size()
    (12, 2)
    """

    def __init__(
        self,
        algorithm: str | None = None,
        budget: float = 0,
        exploration_rate: float = 0.01,
        init_samples: Iterable[Any] | None = None,
        time_budget: float | None = None,
        terminal_value: float | None = None,
        sequential: bool = True,
        precision: float | None = None,
        uncertain_bits: int | Literal["table", "adaptive"] | None = None,
        intermediate_result: bool = False,
        intermediate_freq: float = 100,
        autoset: bool = True,
        noise_handling: bool = False,
        resampling: bool = False,
        suppression: bool = False,
        ponss: bool = False,
        ponss_theta: float | None = None,
        ponss_b: int | None = None,
        non_update_allowed: int = 500,
        resample_times: int = 100,
        balance_rate: float = 0.5,
        high_dim_handling: bool = False,
        reducedim: bool = False,
        num_sre: int = 5,
        low_dimension: Dimension | None = None,
        withdraw_alpha: Dimension | None = None,
        variance_A: float | None = None,
        stopping_criterion: Any = None,
        seed: int | None = None,
        parallel: bool = False,
        server_num: int = 1,
        *,
        known: Any = None,
        backend: Any = None,
        window: int | None = None,
        checkpoint: Any = None,
        eval_timeout: float | None = None,
        retries: int = 2,
        on_error: str = "auto",
        max_failures: int | None = None,
        filter: Callable[..., Any] | None = None,
        callbacks: Any = (),
        keep_points: bool | int | None = False,
        vectorized: bool = False,
        progress: bool = False,
        verbosity: int = 0,
    ) -> None:
        self.algorithm = algorithm
        self._autoset = bool(autoset)
        self._sizes_by_hand: set[str] = set()
        self.train_size = 0
        self.positive_size = 0
        self.negative_size = 0
        self.set_exploration_rate(exploration_rate)
        self.init_samples = _checked("init_samples", init_samples)
        self.time_budget = _checked("time_budget", time_budget)
        self.terminal_value = _checked("terminal_value", terminal_value)
        self.sequential = sequential
        self.precision = _checked("precision", precision)
        self.uncertain_bits = _checked("uncertain_bits", uncertain_bits)
        self.intermediate_result = intermediate_result
        self.intermediate_freq = max(1, int(intermediate_freq))
        self.noise_handling = noise_handling
        self.resampling = resampling
        self.suppression = suppression
        self.ponss = ponss
        self.ponss_theta = ponss_theta
        self.ponss_b = ponss_b
        self.non_update_allowed = _checked("non_update_allowed", non_update_allowed)
        self.resample_times = _checked("resample_times", resample_times)
        self.balance_rate = number(balance_rate, "balance_rate", least=0.0, most=1.0)
        self.high_dim_handling = high_dim_handling
        self.reducedim = reducedim
        self.num_sre = num_sre
        self.low_dimension = (
            Dimension(10, [[-1, 1]] * 10, [True] * 10) if low_dimension is None else low_dimension
        )
        self.withdraw_alpha = (
            Dimension(1, [[-1, 1]], [True]) if withdraw_alpha is None else withdraw_alpha
        )
        self.variance_A = 1.0 / self.low_dimension.get_size() if variance_A is None else variance_A
        if stopping_criterion is None:
            stopping_criterion = DefaultStoppingCriterion()
        if not callable(getattr(stopping_criterion, "check", None)):
            raise TypeError(
                "stopping_criterion must have a method check(optcontent), got "
                f"{stopping_criterion!r}"
            )
        self.stopping_criterion = stopping_criterion
        self.seed = seed
        self.parallel = parallel
        self.server_num = _checked("server_num", server_num)
        self.isolationFunc: Callable[[Any], Any] = default_isolation
        self.known = list(known) if isinstance(known, Iterator) else known
        self.backend = backend
        self.window = window
        self.checkpoint = checkpoint
        self.eval_timeout = eval_timeout
        self.retries = retries
        self.on_error = on_error
        self.max_failures = max_failures
        self.filter = filter
        self.callbacks: tuple[Any, ...] = tuple(one_or_several(callbacks))
        as_callbacks(self.callbacks)  # refuses bad ones
        self.keep_points = keep_points
        self.vectorized = vectorized
        self.progress = progress
        self.verbosity = verbosity
        self.set_budget(budget)

    def set_budget(self, budget: float) -> None:
        """Set the number of evaluations; sizes that were not set by hand follow it.

        Parameters
        ----------
        budget : number
            At least 3, or 0 for not set yet.
        """
        self.budget = _budget(budget)
        if self._autoset and self.budget:
            self.auto_set(self.budget)

    def auto_set(self, budget: float) -> None:
        """Set the sizes of the sets for a budget, except those that were set by hand.

        Parameters
        ----------
        budget : number
        """
        train, positive = default_sizes(_budget(budget))
        by_hand = self._sizes_by_hand
        if "train_size" not in by_hand:
            self.train_size = train
        if "positive_size" not in by_hand:
            self.positive_size = positive
        if "negative_size" not in by_hand:
            self.negative_size = self.train_size - self.positive_size

    def set_train_size(self, size: int) -> None:
        """Set the number of points in both sets together."""
        self._set_size("train_size", size)

    def set_positive_size(self, size: int) -> None:
        """Set the number of points in the set of the best."""
        self._set_size("positive_size", size)

    def set_negative_size(self, size: int) -> None:
        """Set the number of points in the other set."""
        self._set_size("negative_size", size)

    def _set_size(self, name: str, size: int) -> None:
        setattr(self, name, _checked(name, size))
        self._sizes_by_hand.add(name)

    def set_exploration_rate(self, rate: float) -> None:
        """Set the probability that a proposal is drawn from the whole space."""
        self.probability = 1.0 - number(rate, "exploration_rate", least=0.0, most=1.0)

    def is_default(self, name: str) -> bool:
        """Tell whether an attribute has the value of a new Parameter with this budget."""
        return bool(getattr(self, name) == getattr(Parameter(budget=self.budget), name))

    if TYPE_CHECKING:  # the accessors below are made from a table

        def __getattr__(self, name: str) -> Any: ...


_GET = (  # noqa: SIM905 - a table of names reads best as words
    "noise_handling resampling ponss ponss_theta ponss_b suppression balance_rate "
    "intermediate_freq high_dim_handling reducedim num_sre low_dimension variance_A "
    "withdraw_alpha stopping_criterion seed"
).split()
_GET_AND_SET = (  # noqa: SIM905
    "algorithm sequential budget precision uncertain_bits train_size positive_size negative_size "
    "probability isolationFunc init_samples time_budget terminal_value intermediate_result "
    "resample_times non_update_allowed parallel server_num"
).split()


def _getter(name: str) -> Callable[[Parameter], Any]:
    def get(self: Parameter) -> Any:
        return getattr(self, name)

    return get


def _setter(name: str) -> Callable[[Parameter, Any], None]:
    def put(self: Parameter, value: Any) -> None:
        setattr(self, name, _checked(name, value))

    return put


def _add_accessors() -> None:
    makers: list[tuple[str, Callable[..., Any], str]] = [
        *(("get_", _getter, name) for name in _GET + _GET_AND_SET),
        *(("set_", _setter, name) for name in [*_GET_AND_SET, "suppression"]),
    ]
    verbs = {"get_": "Return", "set_": "Set"}
    for prefix, make, name in makers:
        if not hasattr(Parameter, prefix + name):
            method = make(name)
            method.__name__ = prefix + name
            method.__qualname__ = f"Parameter.{prefix}{name}"
            method.__doc__ = f"{verbs[prefix]} ``{name}``."
            setattr(Parameter, prefix + name, method)


_add_accessors()


def default_isolation(x: Any) -> int:
    """Put all subsets into one isolation class."""
    return 0


#: Smallest values of the settings that are whole numbers.
_LEAST = {
    "uncertain_bits": 1,
    "train_size": 1,
    "positive_size": 1,
    "negative_size": 0,
    "non_update_allowed": 1,
    "resample_times": 1,
    "server_num": 1,
}


_NOT_NONE = {*_LEAST, "budget", "probability"} - {"uncertain_bits"}


def _checked(name: str, value: Any) -> Any:
    """Return the value of a setting in its plain form, or raise an error that names it."""
    if value is None and name not in _NOT_NONE:
        return None
    if name == "uncertain_bits" and isinstance(value, str):
        if value not in ("table", "adaptive"):
            raise ValueError(
                f"uncertain_bits must be a whole number, 'table' or 'adaptive', got {value!r}"
            )
        return value
    if name in _LEAST:
        return whole(value, name, least=_LEAST[name])
    if name == "budget":
        return _budget(value)
    if name == "init_samples":
        return _samples(value)
    if name in ("time_budget", "precision", "terminal_value", "probability"):
        least = -math.inf if name == "terminal_value" else 0.0
        most = 1.0 if name == "probability" else math.inf
        return number(value, name, least=least, most=most)
    return value


def _samples(samples: Any) -> Any:
    """Return initial samples as a list; a DataFrame is returned as it is."""
    if isinstance(samples, Solution):
        return [samples]
    if is_frame(samples):
        return samples
    if isinstance(samples, (str, bytes)) or not isinstance(samples, Iterable):
        raise TypeError(
            f"init_samples must be a list of points or Solutions, or a DataFrame, got {samples!r}"
        )
    return list(samples)


def _budget(budget: Any) -> int:
    count = whole(budget, "budget", least=0, fractions=True)
    if 0 < budget < 3:
        raise ValueError(
            f"budget must be at least 3 (0 means not set yet), got {budget!r}; minimize accepts 1"
        )
    return count
