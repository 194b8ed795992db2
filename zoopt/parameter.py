"""Parameter: every setting of a run in the ZOOpt API."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from zoopt.core.checks import number, whole
from zoopt.dimension import Dimension
from zoopt.problem.starts import is_frame
from zoopt.run.callbacks import as_callbacks, one_or_several
from zoopt.solution import Solution
from zoopt.solvers.racos.racos import default_sizes

__all__ = ["DefaultStoppingCriterion", "Parameter"]


class DefaultStoppingCriterion:
    """Never stops; the base class of user criteria."""

    def check(self, optcontent: Any) -> bool:
        """Tell whether to stop, after each evaluation; any truthy answer does."""
        return False


class Parameter:
    """The settings of a run.

    Parameters
    ----------
    algorithm : str, optional
        Case-insensitive; None chooses "sracos".
    budget : number
        Objective calls, at least 3; a fraction is cut off. 0 means not set yet.
    exploration_rate : float
        Probability of a uniform sample.
    init_samples : list, optional
        Points, or `Solution` objects; those with a value are not evaluated again.
    time_budget : float, optional
        Seconds from the start of the run.
    terminal_value : float, optional
        Stop when the best value is at most this.
    sequential : bool
        False chooses batch RACOS.
    precision : float, optional
        Kept for old scripts; distinctness is exact.
    uncertain_bits : int or {"table", "adaptive"}, optional
        Coordinates that one proposal redraws; None and "table" follow the number of coordinates,
        "adaptive" learns what succeeds, which is best with hundreds of coordinates and more.
    intermediate_result, intermediate_freq : bool, int
        Print the best so far every so many evaluations.
    autoset : bool
        Choose the sizes of the sets from the budget; False needs ``set_train_size``,
        ``set_positive_size`` and ``set_negative_size``.
    noise_handling, resampling, suppression, ponss, ponss_theta, ponss_b, non_update_allowed, \
resample_times, balance_rate
        Noise handling.
    high_dim_handling, reducedim, num_sre, low_dimension, withdraw_alpha, variance_A
        Sequential random embedding.
    stopping_criterion : object, optional
        With a method ``check(optcontent)``; a truthy answer stops.
    seed : int, optional
        0 is a seed.
    parallel, server_num : bool, int
        Worker processes.
    keep_points : bool, int or None
        As in `zoopt.minimize`, but False by default.
    backend, window, checkpoint, eval_timeout, retries, on_error, max_failures, filter, callbacks, \
vectorized, progress, verbosity
        Keyword-only, as in `zoopt.minimize`.

    Notes
    -----
    Every argument but the last group has a getter, most have a setter (``get_budget()``,
    ``set_budget(200)``, ...).

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
        """Set the number of objective calls; sizes not set by hand follow it."""
        self.budget = _budget(budget)
        if self._autoset and self.budget:
            self.auto_set(self.budget)

    def auto_set(self, budget: float) -> None:
        """Set the sizes of the sets by the budget, but for those set by hand."""
        train, positive = default_sizes(_budget(budget))
        by_hand = self._sizes_by_hand
        if "train_size" not in by_hand:
            self.train_size = train
        if "positive_size" not in by_hand:
            self.positive_size = positive
        if "negative_size" not in by_hand:
            self.negative_size = self.train_size - self.positive_size

    def set_train_size(self, size: int) -> None:
        self._set_size("train_size", size)

    def set_positive_size(self, size: int) -> None:
        self._set_size("positive_size", size)

    def set_negative_size(self, size: int) -> None:
        self._set_size("negative_size", size)

    def _set_size(self, name: str, size: int) -> None:
        setattr(self, name, _checked(name, size))
        self._sizes_by_hand.add(name)

    def set_exploration_rate(self, rate: float) -> None:
        self.probability = 1.0 - number(rate, "exploration_rate", least=0.0, most=1.0)

    def is_default(self, name: str) -> bool:
        """Tell whether an attribute has the value that a Parameter of this budget begins with."""
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
    for prefix, make, name in makers:
        if not hasattr(Parameter, prefix + name):
            method = make(name)
            method.__name__ = prefix + name
            method.__qualname__ = f"Parameter.{prefix}{name}"
            setattr(Parameter, prefix + name, method)


_add_accessors()


def default_isolation(x: Any) -> int:
    """Put all points into one isolation class."""
    return 0


#: Least whole value of the settings that are counts.
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
    """Return a setting, if it may be set to this value."""
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
    """Return initial samples as a list, or as the DataFrame that they are."""
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
