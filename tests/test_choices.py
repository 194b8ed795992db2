"""Choices: the user's very objects, whatever their == says; and fingerprints that last."""

import functools
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

import zoopt
from zoopt import Choice, Space, minimize
from zoopt.core.candidate import Candidate
from zoopt.core.errors import JournalError
from zoopt.core.fingerprints import fingerprint
from zoopt.problem.calls import view_for
from zoopt.problem.header import mark_of

pd = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")


class Symbol:
    """Like an expression of sympy: == gives no truth value."""

    __hash__ = None

    def __eq__(self, other):
        return np.array([True, False])


class Rude:
    def __eq__(self, other):
        raise RuntimeError("not comparable")

    def __hash__(self):
        raise RuntimeError("not hashable")

    def __repr__(self):
        raise RuntimeError("not printable")


def families():
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    return {
        "arrays": [a, b],
        "equal arrays": [a, a.copy()],
        "array or None": [a, None],
        "zero-dimensional": [np.array(1), np.array(2)],
        "one element": [np.array([1]), np.array([2])],
        "series": [pd.Series([1, 2]), pd.Series([3, 4])],
        "frames": [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})],
        "missing": [pd.NA, 1, pd.NaT, None],
        "sparse": [sparse.csr_matrix(np.eye(2)), sparse.csr_matrix(np.zeros((2, 2)))],
        "rows": np.array([[1, 2], [3, 4]]),
        "symbols": [Symbol(), Symbol()],
        "rude": [Rude(), Rude()],
        "falsy": [False, 0, 0.0, True, 1, 1.0, "", None, ()],
        "nan": [float("nan"), 1.0],
        "containers": [(1, 2), [1, 2], {"a": 1}, {1, 2}, [[]], [a]],
    }


@pytest.mark.parametrize("family", families())
def test_points_hold_the_very_objects(family):
    choice = Choice(families()[family])
    for space in (Space([choice, (0, 1)]), Space({"c": choice, "x": (0, 1)})):
        for i, value in enumerate(choice.values):
            row = np.array([float(i), 0.5])
            decoded = space.decode(row)
            assert (decoded["c"] if space.names else decoded[0]) is value
            assert space.encode(decoded)[0] == i
        assert len(repr(space)) < 1000
    for i, value in enumerate(choice.values):
        array = Space([choice, choice]).decode_array(np.array([i, i], float))
        assert array.shape == (2,)
        assert array[0] is value


@pytest.mark.parametrize("family", families())
def test_they_are_searched_and_start_the_search(family):
    values = list(families()[family])
    seen = []
    minimize(lambda c: seen.append(c) or 0.0, {"c": Choice(values)}, budget=9, seed=0)
    assert {id(c) for c in seen} <= {id(v) for v in values}
    first = []
    minimize(
        lambda c: first.append(c) or 0.0, {"c": Choice(values)}, budget=1, x0={"c": values[-1]}
    )
    assert first[0] is values[-1]


def test_numpy_scalars_find_the_like_of_their_type():
    choice = Choice([False, 0, 0.0, True, 1, 1.0])
    for i, value in enumerate((np.bool_(False), np.int8(0), np.float32(0), np.True_)):
        assert choice.encode(value) == i
    assert Choice([np.int64(3), np.int64(4)]).encode(4) == 1


def test_another_nan_is_the_same_choice():
    choice = Choice([1.0, float("nan")])
    assert choice.encode(float("nan")) == 1
    assert choice.encode(np.float32("nan")) == 1
    with pytest.raises(ValueError, match="repeat"):
        Choice([float("nan"), float("nan")])


def test_copies_of_tables_are_found():
    frame = pd.DataFrame({"a": [1]})
    choice = Choice([pd.DataFrame({"a": [2]}), frame, np.zeros(3)])
    assert choice.encode(frame.copy()) == 1
    assert choice.encode(np.zeros(3)) == 2
    with pytest.raises(ValueError, match="none of"):
        choice.encode(pd.DataFrame({"a": [3]}))


def test_objects_that_the_objective_changes_are_found_again():
    values = [[1], [2], {"a": 1}]
    choice = Choice(values)
    values[0].append(2)
    values[1].clear()
    assert [choice.encode(v) for v in values] == [0, 1, 2]
    assert choice.encode([1]) == 0

    def changing(c):
        c.append(0)
        return len(c)

    result = minimize(changing, {"c": Choice([[1], [2]])}, budget=2, seed=0)
    assert result.status == "exhausted" or result.nfev == 2


@pytest.mark.parametrize("values", [{"a", "b"}, frozenset("ab")])
def test_sets_have_no_lasting_order(values):
    with pytest.raises(ValueError, match="pass a sorted list"):
        Choice(values)


def test_texts_of_huge_choices_are_short():
    choice = Choice([np.zeros(10**6), "x" * 10**6, list(range(10**5))])
    assert len(repr(choice)) < 1500
    assert len(repr(Space([choice] * 10**5))) < 50_000
    assert len(repr(Space([(0, 1)] * 10**6))) < 1000


def test_pickled_choices_are_equal():
    choice = Choice([np.zeros(3), None, pd.Series([1])])
    again = pickle.loads(pickle.dumps(choice))
    assert again == choice
    assert hash(again) == hash(choice)
    assert again.encode(again.values[0]) == 0
    assert choice != Choice([np.ones(3), None, pd.Series([1])])


def test_spaces_of_long_arrays_that_print_alike_are_described_apart():
    def data(v):
        array = np.zeros(5000)
        array[2500] = v
        return array

    a, b = Choice([data(1), data(2)]), Choice([data(3), data(2)])
    assert len(Space([a, b]).describe()["dimensions"]) == 2
    assert Space([a]).describe() != Space([b]).describe()
    assert Space([a]).describe() == Space([Choice([data(1), data(2)])]).describe()


class Net:
    def __init__(self, n):
        self.n = n


class Slotted:
    __slots__ = ("n",)

    def __init__(self, n):
        self.n = n


class Reduced:
    def __init__(self, n):
        self.hidden = n

    def __reduce__(self):
        return Reduced, (self.hidden,)


def scaled(x, factor=1, *, offset=0):
    return factor * x + offset


def closing_over(n):
    return lambda x: x + n


def nested(n):
    def outer(x):
        def inner(y):
            return y + n

        return inner(x)

    return outer


def arrays(n):
    array = np.zeros(5000)
    array[2500] = n
    return array


MAKERS = {
    "object": Net,
    "slots": Slotted,
    "reduce": Reduced,
    "namespace": lambda n: SimpleNamespace(n=[n, {"deep": Net(n)}]),
    "array": arrays,
    "object array": lambda n: np.array([Net(n), None], object),
    "record array": lambda n: np.array([(n, 1.0)], dtype=[("a", "i8"), ("b", "f8")]),
    "frame": lambda n: pd.DataFrame({"a": range(n, n + 5000)}),
    "sparse": lambda n: sparse.csr_matrix(np.eye(5) * n),
    "partial": lambda n: functools.partial(scaled, factor=n),
    "closure": closing_over,
    "nested": nested,
    "method": lambda n: Net(n).__init__,
    "tuple": lambda n: (1, [2, {"a": n}]),
    "set": lambda n: {"a", "b", str(n)},
    "ordered": lambda n: OrderedDict([("a", n), ("b", 1)]),
    "float": lambda n: n * 1.1,
    "text": str,
    "sign": lambda n: 0.0 if n == 1 else -0.0,
    "code": lambda n: (lambda x: x + 1) if n == 1 else (lambda x: x + 2),
    "names": lambda n: (lambda x: x.real) if n == 1 else (lambda x: x.imag),
    "defaults": lambda n: (lambda x, a=1: a) if n == 1 else (lambda x, a=2: a),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_fingerprints_are_equal_where_objects_are(kind):
    make = MAKERS[kind]
    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))


def test_fingerprints_of_cycles_end():
    loop = [1]
    loop.append(loop)
    other = [2]
    other.append(other)
    assert fingerprint(loop) != fingerprint(other)


def test_fingerprints_are_the_same_in_every_process():
    script = """
import sys; sys.path.insert(0, "tests")
from test_choices import MAKERS
from zoopt.core.fingerprints import fingerprint
print([fingerprint(make(1)) for make in MAKERS.values()])
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-P", "-c", script],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(outputs) == 1


def test_a_choice_without_a_fingerprint_is_refused_with_a_checkpoint_only(tmp_path):
    space = {"x": (0, 1), "lock": Choice([threading.Lock(), None])}
    assert minimize(lambda x, lock: x, space, budget=5, seed=0).nfev == 5
    with pytest.raises(ValueError, match=r"dimension 'lock'.*checkpoint"):
        minimize(lambda x, lock: x, space, budget=5, seed=0, checkpoint=tmp_path / "run.db")
    assert not (tmp_path / "run.db").exists()


@pytest.mark.parametrize("kind", ["object", "slots", "array", "closure", "partial", "frame"])
def test_a_changed_space_does_not_resume(kind, tmp_path):
    make = MAKERS[kind]

    def run(values):
        options = {"seed": 0, "checkpoint": tmp_path / "run.db"}
        return minimize(lambda c, x: x, {"c": Choice(values), "x": (0, 1)}, budget=5, **options)

    run([make(1), make(2)])
    assert run([make(1), make(2)]).nfev == 5
    with pytest.raises(JournalError, match="space"):
        run([make(2), make(1)])


@pytest.mark.parametrize("role", ["stop", "constraint", "filter"])
def test_a_changed_function_does_not_resume(role, tmp_path):
    def function(limit):
        if role == "stop":
            return lambda search: search.nfev >= limit
        return lambda x: x.sum() + limit

    def run(limit):
        options = {role: function(limit), "seed": 0, "checkpoint": tmp_path / "run.db"}
        return minimize(lambda x: float(x[0]), [(0, 1)], budget=5, **options)

    run(100)
    run(100)
    with pytest.raises(JournalError, match=role):
        run(200)


def test_marks_of_solvers_hold_no_path_of_a_module():
    assert mark_of(zoopt.SRacos) == "zoopt:SRacos"
    partial = mark_of(functools.partial(zoopt.SRacos, train_size=9))
    assert partial.startswith("partial of SRacos ")
    assert partial != mark_of(functools.partial(zoopt.SRacos, train_size=8))


def test_marks_of_functions_forget_the_state_of_the_object_of_a_method():
    class Worn:
        def __init__(self):
            self.n = 0

        def delta(self, x):
            return 0.0

    worn = Worn()
    before = mark_of(worn.delta)
    worn.n = 1
    assert mark_of(worn.delta) == before


def test_marks_of_callable_objects_hold_their_state_and_their_code():
    def made(factor, answer):
        class Passes:
            def __init__(self):
                self.factor = factor

            def __call__(self, x):
                return x * answer

        return Passes()

    assert mark_of(made(1, 2)) == mark_of(made(1, 2))
    assert len({mark_of(made(1, 2)), mark_of(made(2, 2)), mark_of(made(1, 3))}) == 3


def test_marks_leave_out_state_that_calls_change():
    rule = zoopt.EarlyStopping(patience=500)

    def counting(limit):
        n, seen = 0, []

        def passes(x):
            nonlocal n
            n += 1
            seen.append(x)
            return x[0] < limit

        return passes

    class Counter:
        def __init__(self, limit):
            self.limit, self.n = limit, 0

        def __call__(self, x):
            self.n += 1
            return x[0] < self.limit

    for make in (counting, Counter):
        passes = make(0.5)
        before = mark_of(passes)
        assert passes([0.0])
        assert mark_of(passes) == before
        assert mark_of(make(0.6)) != before
    before = mark_of(rule)
    zoopt.minimize(lambda x: x[0], [(0, 1)], budget=20, seed=0, stop=rule)
    assert mark_of(rule) == before != mark_of(zoopt.EarlyStopping(patience=5))


def test_a_stop_rule_that_was_used_resumes_its_run(tmp_path):
    rule, settings = zoopt.EarlyStopping(patience=500), {"seed": 0, "checkpoint": tmp_path / "a.db"}
    for budget in (20, 30):
        result = zoopt.minimize(lambda x: x[0], [(0, 1)], budget=budget, stop=rule, **settings)
        assert result.nfev == budget


def test_a_number_finds_a_number_before_a_truth_value():
    choice = Choice([True, 1.0, False, np.float32(0)])
    assert [choice.encode(v) for v in (1, np.int64(1), 0, np.True_)] == [1.0, 1.0, 3.0, 0.0]


def test_a_batch_keeps_choices_of_unlike_types_apart():
    values = [1, True, 0.0, "a"]
    for space in (Space({"a": Choice(values)}), Space([Choice(values)])):
        batch = view_for(space).many([Candidate(i, np.array([i]), space) for i in range(4)])
        column = batch["a"] if space.names else batch[:, 0]
        assert column.dtype == object
        assert all(a is b for a, b in zip(column, values, strict=True))
