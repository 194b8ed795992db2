"""Known points: values from elsewhere, such as an earlier run, which cost no evaluation.

Owns the accepted forms of known points and their checks, and the choice of the best of them as
initial points of another run. Known points are reported to the solver by ``tell_point`` before its
first proposal.
"""

import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.errors import EvaluationWarning, WrongNames
from zoopt.core.evaluation import INVALID, Evaluation, rank
from zoopt.core.space import Space
from zoopt.problem.starts import as_point, is_frame, points_of_frame
from zoopt.run.history import History, load_history
from zoopt.run.trials import AFTER, BEFORE, Trial, parameters_of

__all__ = ["best_points", "known_points"]


def known_points(
    space: Space,
    known: Any,
    judge: Callable[[Any], Evaluation] = Evaluation.of,
    *,
    stacklevel: int = 3,
) -> list[tuple[Candidate, Evaluation]]:
    """Return known points as a solver takes them.

    Points outside the space, points with the value NaN or None, and trials whose point was not kept
    are left out with one `EvaluationWarning` that counts them.

    Parameters
    ----------
    space : Space
    known : iterable of pairs, DataFrame, History, Result, path or None
        As `zoopt.minimize` documents it.
    judge : callable, optional
        Makes an Evaluation of a value.
    stacklevel : int, optional
        Stack level of the warning.

    Raises
    ------
    TypeError, ValueError
        If a point or a value does not have the form that the space or an objective would give it.
        The message names it.
    FileNotFoundError, JournalError
        If there is no such journal, or it cannot be read.

    Examples
    --------
    >>> ((candidate, evaluation),) = known_points(Space([(0, 1)]), [([0.5], 2.0)])
    >>> candidate.x, evaluation.value
    ([0.5], 2.0)
    """
    found: list[tuple[Candidate, Evaluation]] = []
    left_out = {"outside the space": 0, "without a value": 0, "without a point": 0}
    for name, point, value in _entries(space, known):
        evaluation = _judged(value, judge, name)
        if not evaluation.ok or point is None:
            left_out["without a point" if evaluation.ok else "without a value"] += 1
            continue
        _check_form(space, point, name)
        try:
            row = space.encode(point)
        except WrongNames as error:
            raise ValueError(f"{name}: {error}") from None
        except ValueError:
            left_out["outside the space"] += 1
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        else:
            found.append((Candidate(-1, row, space), evaluation))
    if any(left_out.values()):
        counts = ", ".join(f"{n} {reason}" for reason, n in left_out.items() if n)
        warnings.warn(
            f"known points were left out: {counts}", EvaluationWarning, stacklevel=stacklevel
        )
    return found


def best_points(space: Space | Any, runs: Iterable[Any], n: int = 5) -> list[Any]:
    """Return the best points of related problems, as the ``x0`` of a new run.

    Settings that were good for the same model on other data are often good again. The points are
    the best of each run, then the second best of each, and so on; equal points are taken once.

    Parameters
    ----------
    space : Space, or anything that `Space` takes
        The space of the new run.
    runs : iterable
        Earlier runs, each in one of the forms that ``known`` takes in `minimize`.
    n : int, default 5
        Largest number of points.

    Returns
    -------
    list of points

    Raises
    ------
    TypeError, ValueError
        If ``n`` is not a whole number above 0, or if a run does not have such a form. Points
        outside the space are left out with a warning.

    See Also
    --------
    minimize : Its ``known`` takes a run of the same problem, whose values are still right.

    References
    ----------
    Y.-Q. Hu, Y. Yu, Z.-H. Zhou, "Experienced Optimization with Reusable Directional Model for
    Hyper-Parameter Search", IJCAI 2018, also learns from earlier runs, by another method.

    Examples
    --------
    >>> import zoopt
    >>> space = {"rate": zoopt.Real(1e-4, 1, log=True)}
    >>> earlier = zoopt.minimize(lambda rate: abs(rate - 0.01), space, budget=50, seed=0)
    >>> x0 = zoopt.best_points(space, [earlier], n=2)
    >>> x0[0] == dict(earlier.x)
    True
    >>> result = zoopt.minimize(lambda rate: abs(rate - 0.02), space, budget=20, seed=0, x0=x0)
    >>> bool(result.fun <= abs(earlier.x["rate"] - 0.02))
    True
    """
    n = whole(n, "n", least=1)
    given = space if isinstance(space, Space) else Space(space)
    if isinstance(runs, (str, os.PathLike, Mapping)) or not isinstance(runs, Iterable):
        raise TypeError(f"runs must be a list of runs, got {runs!r:.100}")
    sorted_runs = []
    for i, run in enumerate(runs):
        try:
            found = known_points(given, run)
        except (TypeError, ValueError) as error:
            raise type(error)(f"runs[{i}]: {error}") from None
        keys = [rank(evaluation, 0) for _, evaluation in found]
        order = sorted(range(len(found)), key=keys.__getitem__)
        sorted_runs.append([found[place][0] for place in order])
    by_place = itertools.chain.from_iterable(itertools.zip_longest(*sorted_runs))
    different = {row.u.tobytes(): row for row in by_place if row is not None}
    return [candidate.x for candidate in itertools.islice(different.values(), n)]


def _entries(space: Space, known: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield, for each known point, its name in error messages, the point and its value."""
    if known is None:
        return
    if isinstance(known, (str, os.PathLike)):
        known = _history(space, known)
    if isinstance(known, History) and known.space is None:
        raise ValueError("known: its space holds objects: load_history(path, space=...)")
    if is_frame(known):
        pairs: Iterable[Any] = _rows(space, known)
    else:
        pairs = getattr(known, "trials", known)
    if isinstance(pairs, Mapping) or not isinstance(pairs, Iterable):
        raise TypeError(
            "known must be pairs (point, value), a DataFrame, a History, a Result or the path of "
            f"a journal, got {known!r:.100}"
        )
    for i, pair in enumerate(pairs):
        name = f"known[{i}]"
        if isinstance(pair, Trial):
            yield name, pair.point, Evaluation(pair.value, pair.status, pair.violation)
        elif hasattr(pair, "get_x"):
            yield name, pair.get_x(), pair.get_value()
        else:
            try:
                point, value = pair
            except (TypeError, ValueError):
                raise TypeError(
                    f"{name} must be a pair (point, value), got {pair!r:.100}"
                ) from None
            yield name, as_point(space, point), value


def _history(space: Space, path: str | os.PathLike[str]) -> History:
    try:
        history = load_history(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"known: {error}") from None
    return load_history(path, space) if history.space is None else history


def _rows(space: Space, frame: Any) -> Iterator[tuple[Any, Any]]:
    """Yield points and values of a DataFrame, such as `History.to_frame` makes."""
    names = parameters_of(space)
    facts = {}  # columns of to_frame other than the parameters, by content
    for fact in (*BEFORE, *AFTER):
        column = fact
        while column in names:
            column += "_"
        facts[fact] = column
    if facts["value"] not in frame.columns:
        raise ValueError(
            f"known must have a column {facts['value']!r} with the values, got "
            f"{list(frame.columns)}"
        )
    columns = [column for column in frame.columns if column not in facts.values()]
    points = points_of_frame(space, frame[columns], "known")
    values = frame[facts["value"]].tolist()
    if facts["violation"] in frame.columns:
        violations = frame[facts["violation"]].tolist()
        values = list(map(_with_violation, values, violations))
    yield from zip(points, values, strict=True)


def _with_violation(value: Any, violation: Any) -> Any:
    evaluation = Evaluation.of(value)
    evaluation.violation = float(violation)
    return evaluation


def _judged(value: Any, judge: Callable[[Any], Evaluation], name: str) -> Evaluation:
    evaluation = value if isinstance(value, Evaluation) else judge(value)
    if evaluation.status == INVALID and evaluation.exception is not None and value is not None:
        raise TypeError(f"{name}: a value must be a number, got {value!r:.100}")
    return evaluation


def _check_form(space: Space, point: Any, name: str) -> None:
    """Refuse a point with other dimensions: a mistake, and not a point out of bounds."""
    names = space.names
    if space.tree is not None:
        return  # its encoding tells wrong names from values outside the space
    if names is not None and hasattr(point, "keys"):
        given = list(point.keys())
        missing = [each for each in names if each not in given]
        unknown = [each for each in given if each not in names]
        if missing or unknown:
            raise ValueError(f"{name}: missing dimensions: {missing}, unknown: {unknown}")
    elif hasattr(point, "__len__") and len(point) != len(space):
        raise ValueError(f"{name}: a point must have {len(space)} values, got {len(point)}")
