"""Islands without Ray: searches that pause at their exchanges, and the mailbox between them."""

import functools
import sqlite3

import numpy as np
import pytest
from objectives import BOX, sphere

from zoopt import JournalError, Space, minimize
from zoopt.distributed.islands.island import PausedSearch
from zoopt.distributed.islands.mailbox import Mailbox, Post, header_in


def paused(every=10, fun=sphere, **settings):
    return PausedSearch(functools.partial(minimize, fun, BOX, **settings), every)


def post(value, x=(0.2, 0.2, 0.2, 0.2), nfev=10, status=""):
    return Post(np.array(x).tobytes(), value, nfev, status)


def test_without_mail_it_is_the_search_of_minimize():
    search = paused(budget=95, seed=3)
    posts = [search.go_on([]) for _ in range(10)]
    assert [p.nfev for p in posts] == [*range(10, 100, 10), 95]
    assert [p.status for p in posts] == [""] * 9 + ["budget"]
    alone = minimize(sphere, BOX, budget=95, seed=3)
    assert (search.result.history == alone.history).all()
    assert posts[-1].value == alone.fun
    assert (np.frombuffer(posts[-1].u) == alone.x).all()
    assert search.go_on([]) == posts[-1]  # mail may come after the end


def test_the_best_of_the_mail_is_taken_over_if_it_is_better():
    search = paused(budget=40, seed=0)
    search.go_on([])
    second = search.go_on([post(-1.0), post(-2.0, (0.5, 0.5, 0.5, 0.5)), Post(None, np.inf, 0)])
    assert second.value == -2.0
    assert (np.frombuffer(second.u) == 0.5).all()
    third = search.go_on([post(-1.5)])
    assert third.value == -2.0


def test_what_is_left_of_the_constraint_travels_with_the_best():
    def value(mask):
        return -float(mask @ [1.0, 2.0, 4.0, 8.0])

    subsets = functools.partial(
        minimize, value, Space.subsets(4), algorithm="poss", constraint=lambda m: 2.5 - m.sum()
    )
    search = PausedSearch(functools.partial(subsets, budget=9, seed=0), 3)
    shown = search.go_on([])
    assert shown.violation == -2.5 + np.frombuffer(shown.u).sum()
    best = Post(np.array([0.0, 0, 1, 1]).tobytes(), -12.0, 9, "", -0.5)
    assert search.go_on([best])[1::3] == (-12.0, -0.5)


def test_it_stops_when_another_is_at_the_goal():
    search = paused(budget=1000, seed=0)
    search.go_on([])
    last = search.go_on([post(0.1, status="terminal_value")])
    assert (last.status, last.nfev) == ("callback", 10)


def test_the_end_of_another_is_no_reason_to_stop():
    search = paused(budget=30, seed=0)
    search.go_on([])
    assert search.go_on([post(0.1, status="budget")]).status == ""


def test_what_the_search_raises_is_raised_again_whenever_it_is_asked():
    def broken(x):
        raise OSError("no licence")

    search = paused(fun=broken, budget=40, seed=0)
    for _ in range(2):
        with pytest.raises(OSError, match="no licence"):
            search.go_on([])


def test_a_journaled_island_comes_back_to_where_it_was_with_the_same_mail(tmp_path):
    settings = {"budget": 60, "seed": 5, "checkpoint": tmp_path / "island.db"}
    mails = [[], [post(0.05)], [], [post(0.01, (0.21, 0.19, 0.2, 0.2))], [], []]
    whole = paused(**{**settings, "checkpoint": None})
    shown = [whole.go_on(mail) for mail in mails]

    class Counted:
        def __init__(self, most):
            self.most, self.n = most, 0

        def __call__(self, x):
            if self.n == self.most:
                raise KeyboardInterrupt  # which is no failed evaluation
            self.n += 1
            return sphere(x)

    first = paused(fun=Counted(35), **settings)
    assert [first.go_on(mail) for mail in mails[:3]] == shown[:3]
    assert first.go_on(mails[3]).status == "interrupted"
    other = paused(**settings)
    with pytest.raises(JournalError, match="differs"):  # other mail makes another way
        list(map(other.go_on, [[]] * 6))
    rest = Counted(25)
    again = paused(fun=rest, **settings)
    assert [again.go_on(mail) for mail in mails] == shown
    assert rest.n == 25


def test_a_post_once_there_stays():
    box = Mailbox(2, None, {})
    box.add(0, 0, post(1.0))
    box.add(0, 0, post(2.0))
    assert box.read(0, 0).value == 1.0
    assert box.read(0, 1) is None
    assert box.read(1, 0) is None
    box.add(0, 1, post(0.5, status="budget"))
    assert box.read(0, 7).value == 0.5  # it ended: its last post is all there will be
    box.add(0, 2, post(0.1))
    assert box.n_posts(0) == 2
    box.add(1, 0, Post(None, np.inf, 10))
    assert box.best().value == 0.5


def test_a_mailbox_is_kept_in_its_file(tmp_path):
    path, header = tmp_path / "mailbox.db", {"islands": 2, "seed": [1, [], 4]}
    assert header_in(path) is None
    box = Mailbox(2, path, header)
    box.add(0, 0, post(1.0))
    box.add(1, 0, Post(None, np.inf, 10))
    with pytest.raises(JournalError, match="in use"):
        Mailbox(2, path, header)
    box.close()
    assert header_in(path) == header
    again = Mailbox(2, path, header)
    assert again.read(0, 0) == post(1.0)
    assert again.read(1, 0) == Post(None, np.inf, 10)
    again.close()
    with pytest.raises(JournalError, match=r"islands is 2 there and 3 here"):
        Mailbox(3, path, {**header, "islands": 3})
    Mailbox(2, path, header).close()  # the refused one left it as it was


def test_what_is_no_mailbox_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "mailbox.db"
    path.write_text("no database at all, but somebody's notes")
    for read in (lambda: Mailbox(1, path, {}), lambda: header_in(path)):
        with pytest.raises(JournalError, match="cannot be used"):
            read()
    assert path.read_text().startswith("no database")
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    with pytest.raises(JournalError):
        Mailbox(1, path, {})


def test_a_gap_in_a_mailbox_is_found(tmp_path):
    path = tmp_path / "mailbox.db"
    box = Mailbox(1, path, {})
    for number in range(3):
        box.add(0, number, post(1.0))
    box.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM posts WHERE number = 1")
    connection.close()
    with pytest.raises(JournalError, match="damaged"):
        Mailbox(1, path, {})
