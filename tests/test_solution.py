"""Solution: the view of a point."""

import math

import numpy as np
import pytest

from zoopt import (
    Solution,
)


def test_solution_stores_what_it_is_given():
    x = [1, 2]
    solution = Solution(x, 3.0, 4.0, "a", "b", True, 7)
    assert solution.get_x() == x
    assert solution.get_value() == 3.0
    assert solution.get_resample_value() == 4.0
    assert (solution.get_attach(), solution.get_post_attach()) == ("a", "b")
    assert solution.is_in_possible_solution is True
    assert solution.get_no() == 7
    for name in ("x", "value", "resample_value", "attach", "post_attach", "no"):
        getattr(solution, f"set_{name}")([name])
        assert getattr(solution, f"get_{name}")() == [name]
    solution.is_in_possible_solution = False
    assert solution.is_in_possible_solution is False


def test_solution_gives_the_stored_vector_itself():
    solution = Solution((1, 2))
    assert solution.get_x() is solution.get_x()
    assert type(solution.get_x()) is list
    solution.set_x_index(0, 9)
    assert (solution.get_x_index(0), solution.get_x()) == (9, [9, 2])
    array = np.zeros(3)
    solution.set_x(array)
    assert solution.get_x() is array


def test_solution_defaults():
    solution = Solution()
    assert solution.get_x() == []
    assert math.isnan(solution.get_value())
    assert solution.get_resample_value() is solution.get_attach() is solution.get_no() is None


def test_solution_is_truthy_hashable_and_no_text():
    a, b = Solution([1], value=0.0), Solution([1], value=0.0)
    assert a
    assert bool(Solution())
    assert len({a, b}) == 2
    assert (a == "FINISHED") is False
    assert not hasattr(a, "__len__")


def test_solution_array_view_keeps_objects_apart():
    assert Solution([1, 2.5]).x.dtype == np.float64
    mixed = Solution([1, (2, 3), None]).x
    assert mixed.dtype == object
    assert mixed[1] == (2, 3)


def test_deep_copy_shares_nothing_and_drops_the_number():
    solution = Solution([1, 2], 3.0, [4], [5], [6], True, 7)
    copied = solution.deep_copy()
    for name in ("x", "resample_value", "attach", "post_attach"):
        ours, theirs = getattr(solution, f"get_{name}")(), getattr(copied, f"get_{name}")()
        assert ours == theirs
        assert ours is not theirs
    assert (copied.get_value(), copied.is_in_possible_solution) == (3.0, True)
    assert copied.get_no() is None
    assert [s.get_x() for s in Solution.deep_copy_set([solution, copied])] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (([1, 2],), ([1, 2],), True),
        (([1, 2],), ([1, 2, 3],), False),
        (([1, 2],), ([1, 3],), False),
        (([1],), ([1.0],), True),
        (([1],), ([np.int64(1)],), True),
        ((["a", None],), (["a", None],), True),
        (([1],), (["1"],), False),
        (([1], 2.0), ([1], 2.0), True),
        (([1], 2.0), ([1], 3.0), False),
        (([1], 2.0), ([1],), True),  # one is not evaluated
        (([1], float("nan")), ([1], np.float64("nan")), True),
        (([1], math.inf), ([1], math.inf), True),
        (([1], [1.0, 2.0]), ([1], [3.0, 4.0]), True),  # pairs are no numbers
    ],
)
def test_is_equal(a, b, equal):
    a, b = Solution(*a), Solution(*b)
    assert a.is_equal(b) is b.is_equal(a) is equal
    assert a.exist_equal([Solution([99]), b]) is equal
    assert a.exist_equal([]) is False


def test_extremes_are_the_first_of_their_kind():
    members = [Solution([i], value=v) for i, v in enumerate((2.0, 1.0, 3.0, 1.0, 3.0))]
    assert Solution.find_minimum(members) == (members[1], 1)
    assert Solution.find_maximum(members) == (members[2], 2)
    for find in (Solution.find_minimum, Solution.find_maximum):
        with pytest.raises(IndexError):
            find([])


def test_solution_prints(capsys):
    solution = Solution([1, "a"], value=0.5)
    solution.print_solution()
    Solution.print_solution_set([solution, Solution([2], value=1)])
    assert capsys.readouterr().out == "x: [1, 'a']\nvalue: 0.5\n0.500000\n1.000000\n"
