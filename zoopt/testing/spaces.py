"""A search space of each kind, for tests of solvers."""

from collections.abc import Iterable

from zoopt.core.dimensions import Choice, Integer, Real
from zoopt.core.registry import registered
from zoopt.core.solver import Solver
from zoopt.core.space import Space

__all__ = ["SPACES", "spaces_for"]

#: One space of each kind, by name.
SPACES: dict[str, Space] = {
    "continuous": Space([(-1.0, 1.0)] * 5),
    "one continuous": Space([(0.0, 1e-3)]),
    "log": Space([Real(1e-6, 10.0, log=True)] * 3),
    "step": Space([Real(0.0, 1.0, step=0.1), Real(-1.0, 1.0, step=0.25)]),
    "ordered integers": Space([Integer(-10, 10)] * 6),
    "log integers": Space([Integer(1, 1000, log=True), Integer(3, 9, log=True)]),
    "unordered integers": Space([Integer(5, 9, ordered=False)] * 4),
    "bits": Space([Integer(0, 1, ordered=False)] * 30),
    "flags": Space.subsets(12),
    "few flags": Space.subsets(5),
    "choices": Space([Choice(["a", None, (1, 2), 3.5]), Choice([1, 2, 4, 8], ordered=True)] * 3),
    "mixed": Space(
        {
            "rate": Real(1e-5, 1.0, log=True),
            "momentum": Real(0.0, 0.99),
            "layers": Integer(1, 5),
            "width": Integer(8, 512, log=True),
            "activation": Choice(["relu", "tanh", None]),
            "kind": Integer(0, 3, ordered=False),
            "fixed": Real(0.5, 0.5),
            "only": Choice(["this"]),
        }
    ),
    "conditional": Space(
        {
            "model": Choice(
                {
                    "svc": {
                        "C": Real(1e-3, 1e3, log=True),
                        "kernel": Choice(
                            {
                                "linear": None,
                                "rbf": {"gamma": Real(1e-4, 10.0, log=True)},
                                "poly": {
                                    "gamma": Real(1e-4, 10.0, log=True),
                                    "degree": Integer(2, 5),
                                },
                            }
                        ),
                    },
                    "knn": {"k": Integer(1, 60, log=True), "weights": Choice(["equal", "near"])},
                    "mean": None,
                }
            ),
            "features": Choice({"sqrt": None, "all": None, "share": Real(0.1, 0.9)}),
            "scale": Choice([False, True]),
        }
    ),
    "finite conditional": Space(
        {
            "a": Choice({"x": {"b": Integer(0, 2)}, "y": {"c": Choice({1: {"b": (3, 3)}})}}),
            "d": Choice({True: {"e": Integer(1, 4, log=True)}, False: {}}),
            "f": Choice({"only": {"g": Integer(0, 1, ordered=False)}}),
        }
    ),
    "wide": Space([(-1.0, 1.0)] * 150),
    "tiny": Space([Integer(0, 3), Choice("abcd"[i] for i in range(4))]),
    "one point": Space([Integer(2, 2), Choice([None])]),
}


def spaces_for(solver: str, names: Iterable[str] = tuple(SPACES)) -> list[str]:
    """Return the names of the spaces that a registered solver accepts.

    Parameters
    ----------
    solver : str
        The name under which the solver is registered.
    names : iterable of str
        Names of spaces in `SPACES`; all by default.

    Returns
    -------
    list of str

    Examples
    --------
    >>> spaces_for("poss", ["mixed", "flags"])
    ['flags']
    """
    accepts = getattr(registered()[solver], "accepts", Solver.accepts)
    return [name for name in names if accepts(SPACES[name])]
