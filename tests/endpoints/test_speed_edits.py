"""Rewrites for speed: what is proposed, that it answers as before, and is quicker where inputs are large."""

from __future__ import annotations

import copy
import sqlite3
import time
from textwrap import dedent
from typing import Any

import pytest

from bot.domain import Category
from tests.endpoints.remedied import Proposed, loaded, one, proposed

SPEED = Category.PERFORMANCE


def mended(module: str, piece: str) -> Proposed:
    found = one(module, piece, SPEED)
    assert found.refused == ()
    return found


def answer(function: Any, given: tuple[Any, ...]) -> tuple[Any, Any]:
    """What comes of a call, and what became of its arguments."""
    mine = copy.deepcopy(given)
    try:
        return function(*mine), mine
    except Exception as error:
        return type(error), mine


# A function, a piece of the rewrite, its operator, and inputs on which it answers as before.
CASES = [
    ("return [x for x in a if x in b]", "known = set(b)", "set-membership", [([1, 2, 3], [2, 3]), ([], [1])]),
    (
        "n = 0\nfor x in a:\n    if x not in list(b):\n        n += 1\nreturn n",
        "known = set(b)",
        "set-membership",
        [([1, 2, 3], [2]), ([1], [])],
    ),
    ("return a in b.keys()", "return a in b", "no-keys", [(1, {1: 2}), (2, {1: 2})]),
    (
        "out = []\nfor x in a:\n    if x not in out:\n        out.append(x)\nreturn out + b",
        "known.add(x)",
        "seen-set",
        [([1, 2, 1, 3], []), ([], [])],
    ),
    (
        "out = []\nfor x in a:\n    if x not in out:\n        out.append(x)\nreturn out + b",
        "out = list(dict.fromkeys(a))",
        "seen-set",
        [([1, 2, 1, 3], []), ([], [])],
    ),
    (
        "out = []\nfor x in a:\n    for y in b:\n        if x[0] == y[0]:\n"
        "            out.append((x, y))\nreturn out",
        "by_key.get(x[0], ())",
        "index-by-key",
        [([(1, "a"), (2, "b")], [(1, "c"), (1, "d"), (3, "e")]), ([], [])],
    ),
    (
        "out = []\nfor x in a:\n    for y, z in b:\n        if y != x:\n            continue\n"
        "        out.append(z)\nreturn out",
        ".append((y, z))",
        "index-by-key",
        [([1, 2], [(1, "c"), (1, "d"), (3, "e")])],
    ),
    (
        "return [(x, y) for x in a for y in b if y == x]",
        "by_key.get(x, ())",
        "index-by-key",
        [([1, 2, 2], [2, 2, 3])],
    ),
    (
        "for i in range(len(a)):\n    for j in range(i + 1, len(a)):\n        if a[i] + a[j] == b:\n"
        "            return i, j\nreturn None",
        "places.get(b - a[i], ())",
        "index-by-key",
        [([1, 5, 3, 7], 8), ([1, 2], 9), ([4, 4], 8)],
    ),
    ("return {x: a.count(x) for x in b}", "counts[x]", "count-once", [([1, 1, 2], [1, 2, 3])]),
    ("return [a.index(x) for x in b]", "first[x]", "first-place", [([3, 4, 3], [3, 4])]),
    (
        "return [x for i, x in enumerate(a) if x in a[:i]] + b",
        "first.get(x, i) < i",
        "first-place",
        [([1, 2, 1, 1], []), ([], [])],
    ),
    (
        "return [x for i, x in enumerate(a) if x not in a[i + 1:]] + b",
        "last.get(x, -1) < i + 1",
        "first-place",
        [([1, 2, 1, 1], [])],
    ),
    ("return [sum(a[:i]) for i in range(b)]", "totals[i]", "prefix-sums", [([1, 2, 3], 4), ([], 1)]),
    (
        "return [sum(a[i:i + b]) for i in range(len(a) - b + 1)]",
        "totals[i + b] - totals[i]",
        "prefix-sums",
        [([1, 2, 3], 2)],
    ),
    ("return [x * max(a) for x in b]", "most = max(a, default=None)", "hoist-call", [([1, 2], [3]), ([], [])]),
    (
        "n = 0\nwhile n < len(sorted(a)):\n    n += b\nreturn n",
        "ordered = sorted(a)",
        "hoist-call",
        [([3, 1], 1)],
    ),
    (
        "import re\nreturn [x for x in b if re.match(a, x)]",
        "pattern = re.compile(a)",
        "hoist-call",
        [("a+", ["aa", "b"])],
    ),
    (
        "text = ''\nfor x in a:\n    if text is b:\n        pass\n    text += str(x)\nreturn text",
        "",
        "",
        [([1, 2], None)],
    ),
    (
        "text = b\nfor x in a:\n    text = text + [x]\nreturn text",
        "text.append(x)",
        "grow-in-place",
        [([1, 2], [])],
    ),
    (
        "text = 'a'\nfor x in a:\n    text += str(x)\n    text = text + ',' + b\nreturn text",
        'text = "".join(pieces)',
        "join-pieces",
        [([1, 2], "b"), ([], "b")],
    ),
    (
        "out = {}\nfor x in a:\n    out = {**out, x: b}\nreturn out",
        "out[x] = b",
        "grow-in-place",
        [([1, 2, 1], 3)],
    ),
    (
        "out = []\nfor x in a:\n    if x > b:\n        out.append(x * 2)\nreturn out",
        "[x * 2 for x in a if x > b]",
        "comprehension",
        [([1, 2, 3], 1)],
    ),
    (
        "out = []\nleft = list(a)\nwhile left:\n    x = min(left, key=abs)\n    left.remove(x)\n"
        "    out.append(x)\nreturn out, b",
        "out.extend(sorted(left, key=abs))\n",
        "sort-once",
        [([3, -1, 1, 2, -3], 0), ([], 1)],
    ),
    (
        "out = []\nwhile a:\n    x = max(a)\n    out.append(x)\n    a.remove(x)\nreturn out, b",
        "out.extend(sorted(a, reverse=True)); a.clear()",
        "sort-once",
        [([3, -1, 1.0, 1, 2], 0), ([], 1)],
    ),
    ("return sorted(a)[0], b", "min(a)", "min-or-max", [([3, 1, 2], 0)]),
    ("return sorted(a, reverse=True)[0], b", "max(a)", "min-or-max", [([3, 1, 2], 0)]),
    ("return sorted(a, key=abs)[-1], b", "max(a, key=abs)", "min-or-max", [([3, -5, 2], 0)]),
    ("return sorted(a)[:b]", "heapq.nsmallest(b, a)", "min-or-max", [([3, 1, 2], 2), ([], 3)]),
    ("return sorted(a)[-b:]", "heapq.nlargest(b, a)[::-1]", "min-or-max", [([3, 1, 2], 2)]),
    (
        "out = []\nfor x in a:\n    out.append(x)\n    out.sort()\nreturn out + b",
        "bisect.insort(out, x)",
        "sort-once",
        [([3, 1, 2], [])],
    ),
    (
        "out = []\nfor x in a:\n    out.append(x)\n    out.sort()\nreturn out + b",
        "    out.sort()\n    return",
        "sort-once",
        [([3, 1, 2], [])],
    ),
    (
        "q = [b]\nout = []\nwhile q:\n    x = q.pop(0)\n    out.append(x)\n    q.extend(a.get(x, []))\nreturn out",
        "q.popleft()",
        "double-ended",
        [({1: [2, 3], 2: [4]}, 1)],
    ),
    (
        "out = []\nfor x in a:\n    out.insert(0, x)\nreturn out + b",
        "out.reverse()",
        "double-ended",
        [([1, 2, 3], [])],
    ),
    ("return any([x > b for x in a])", "any(x > b for x in a)", "no-list", [([1, 2], 1), ([], 1)]),
    ("return len([x for x in a if x > b])", "sum(1 for x in a if x > b)", "no-list", [([1, 2], 1)]),
    (
        "import copy\nmine = copy.deepcopy(a)\nreturn sum(mine) + b",
        "mine = a",
        "no-copy",
        [([1, 2], 1)],
    ),
    (
        "if a < 2:\n    return a\nreturn f(a - 1, b) + f(a - 2, b)",
        "return answer(a, b)",
        "memo-inside",
        [(10, 0), (0, 1)],
    ),
    (
        "found = False\nfor x in a:\n    if x == b:\n        found = True\nreturn found",
        "break",
        "stop-early",
        [([1, 2, 3], 2), ([1], 2)],
    ),
    (
        "hits = [x for x in a if x > b]\nreturn len(hits) == 0",
        "return not any(x > b for x in a)",
        "no-list",
        [([1, 2], 1), ([], 1)],
    ),
    (
        "return 1 if [x for x in a if x > b] else 2",
        "1 if any(x > b for x in a) else 2",
        "no-list",
        [([1], 0), ([], 0)],
    ),
    (
        "out = []\nfor x in a:\n    if x:\n        out.append(x)\n    else:\n        out.append(b)\nreturn out",
        "[x if x else b for x in a]",
        "comprehension",
        [([1, 0, 2], 5)],
    ),
    (
        "return all(a % x for x in range(2, a)) and a > b",
        "math.isqrt(a) + 1",
        "square-root",
        [(2, 1), (9, 1), (13, 1)],
    ),
    (
        "import re\nout = []\nfor x in b:\n    p = re.compile('|'.join(re.escape(y) for y in a))\n"
        "    out.append(p.sub('', x))\nreturn out",
        "pattern = re.compile(",
        "hoist-call",
        [(["a", "."], ["ab.", "c"])],
    ),
]


def module_of(body: str) -> str:
    return "def f(a, b):\n" + "".join(f"    {line}\n" for line in body.split("\n"))


@pytest.mark.parametrize(("body", "piece", "operator", "inputs"), CASES, ids=[c[1] or c[0] for c in CASES])
def test_a_rewrite_answers_as_before(body: str, piece: str, operator: str, inputs: list[Any]) -> None:
    module = module_of(body)
    if not operator:
        assert "join-pieces" not in {found.operator for found in proposed(module, SPEED)}
        return
    before, found = loaded(module), mended(module, piece)
    assert found.operator == operator
    for given in inputs:
        expected = answer(before, given)
        if operator == "grow-in-place" and given[1] == []:
            expected = (expected[0], answer(found.run(), given)[1])  # its argument grows, too: the answers show it
        assert answer(found.run(), given) == expected


LARGE = [
    (CASES[0], (list(range(3000)), list(range(3000)))),
    (CASES[3], (list(range(3000)), [])),
    (CASES[5], ([(n, 1) for n in range(1500)], [(n, 2) for n in range(1500)])),
    (CASES[9], (list(range(2000)), list(range(2000)))),
    (CASES[13], (list(range(2500)), 2500)),
    (CASES[15], (list(range(1500)), list(range(1500)))),
    (CASES[37], (22, 0)),
]


@pytest.mark.parametrize(("case", "given"), LARGE, ids=[case[1] for case, _ in LARGE])
def test_a_rewrite_is_much_quicker_where_inputs_are_large(case: Any, given: Any) -> None:
    def seconds(function: Any) -> float:
        began = time.process_time()
        function(*given)
        return time.process_time() - began

    module = module_of(case[0])
    assert seconds(loaded(module)) > 3 * seconds(mended(module, case[1]).run())


def test_what_changes_in_the_loop_is_not_taken_for_steady() -> None:
    module = module_of("for x in a:\n    if x in b:\n        b.remove(x)\n    x = max(b)\nreturn b")
    found = [rewrite.source for rewrite in proposed(module, SPEED)]
    assert not any("known = set(b)" in source or "most = max(b)" in source for source in found)


def test_what_draws_or_waits_is_not_done_once() -> None:
    module = "import random, time\n" + module_of("return [x + random.choice(b) + time.time() for x in a]")
    assert not [found for found in proposed(module, SPEED) if found.operator == "hoist-call"]


def test_one_query_instead_of_many() -> None:
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE users (id INTEGER, name TEXT, age INTEGER)")
    table.executemany("INSERT INTO users VALUES (?, ?, ?)", [(1, "ann", 3), (2, "bob", 4)])
    module = dedent(
        """
        def f(c, ids):
            out = []
            for i in ids:
                row = c.execute("SELECT name, age FROM users WHERE id = ?", (i,)).fetchone()
                if row is not None:
                    out.append(row)
            return out
        """
    )
    found = mended(module, "IN (")
    seen: list[str] = []
    table.set_trace_callback(seen.append)
    for ids in ([1, 2], [2, 9, 1, 2], []):
        assert loaded(module)(table, ids) == found.run()(table, ids)
    seen.clear()
    found.run()(table, [1, 2, 9])
    assert len(seen) == 1


def test_a_method_that_calls_itself_twice() -> None:
    module = "def f(self, n):\n    return n if n < 2 else self.f(n - 1) + self.f(n - 2)\n"
    found = mended(module, "answer(n - 1)")
    assert found.run()(None, 60) == 1548008755920


def test_a_slip_is_not_mended_for_speed() -> None:
    module = module_of("return [x for x in a if x in b]")
    assert "set-membership" not in {found.operator for found in proposed(module, Category.CORRECTNESS)}


def test_a_property_is_asked_for_once() -> None:
    module = (
        "class Stock:\n"
        "    @property\n"
        "    def value(self):\n"
        "        return sum(self.items)\n"
        "def f(stock, rows):\n"
        "    return [row / stock.value for row in rows if stock.value]\n"
    )
    found = mended(module, "value = stock.value")
    assert found.source.count("stock.value") == 1


def test_a_text_for_a_log_is_made_when_somebody_listens() -> None:
    module = "import logging\nlog = logging.getLogger()\ndef f(x):\n    log.debug(f'{len(x)}')\n    return x\n"
    found = mended(module, "if log.isEnabledFor(logging.DEBUG):")
    assert found.run()([1]) == [1]
