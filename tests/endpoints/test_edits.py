"""The built-in edits as a specification: a function, one of its lines, and a repair that must be proposed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from bot.domain import Edit, Function, Observed, Proposal, Situation
from bot.endpoints.edits import Edits
from bot.endpoints.edits.expressions import expression_edits
from bot.endpoints.edits.scope import ModuleFacts, Scope
from bot.endpoints.edits.site import sites
from bot.endpoints.edits.text import Text
from bot.endpoints.edits.weights import OPERATORS


def function(source: str, enclosing: tuple[str, ...] = ()) -> Function:
    return Function("m.py", "f", 1, source.count("\n") + 1, 1, 2, source, enclosing=enclosing)


def ask(
    source: str,
    line: int,
    *,
    module: str = "",
    base: str | None = None,
    types: dict[str, str] | None = None,
    owner: str | None = None,
    width: int = 1000,
    seed: int = 0,
) -> tuple[Proposal, ...]:
    enclosing = (f"class {owner}",) if owner else ()
    observed = Observed(types, {}) if types is not None else None
    before = function(base) if base is not None else None
    situation = Situation(
        function(source, enclosing), source, line, module or source, before, None, 1.0, observed, width
    )
    return Edits(seed).propose(situation)


def applied(source: str, edit: Edit | None) -> str:
    lines = source.split("\n")
    if edit is not None:
        lines[edit.start - 1 : edit.end - 1] = edit.lines
    return "\n".join(lines)


def results(source: str, line: int, **how) -> dict[str, Proposal]:
    return {applied(source, proposal.edit): proposal for proposal in ask(source, line, **how)}


def rank(source: str, line: int, wanted: str, **how) -> int:
    return list(results(source, line, **how)).index(wanted) + 1


BODY = "def f(items, limit, key=None):\n{}\n"

# One line of a function -> what it must be able to become, and the operator that does it.
LINES = [
    ("if limit < 3: return 1", "if limit <= 3: return 1", "swap-comparison"),
    ("if key is None: return 1", "if not key: return 1", "empty-or-none"),
    ("if key == 0.1: return 1", "if math.isclose(key, 0.1): return 1", "float-equality"),
    ("if 0 <= limit < 9: return 1", "if limit < 9: return 1", "chain-comparison"),
    ("if limit in items: return 1", "if items in limit: return 1", "swap-operands"),
    ("if items and key: return 1", "if items or key: return 1", "swap-boolean"),
    ("if items and key: return 1", "if key: return 1", "drop-clause"),
    ("if items[0] == key: return 1", "if items and items[0] == key: return 1", "add-clause"),
    ("if key(limit): return 1", "if not key(limit): return 1", "negate-condition"),
    ("if key: return 1", "if key is not None: return 1", "empty-or-none"),
    ("if key: return 1", "if not items: return 1", "replace-condition"),
    ("return limit + 2", "return limit - 2", "swap-arithmetic"),
    ("return limit / 2", "return limit // 2", "swap-arithmetic"),
    ("return limit - len(items)", "return len(items) - limit", "swap-operands"),
    ("return limit + len(items)", "return limit", "drop-operand"),
    ("return limit + len(items) / 2", "return (limit + len(items)) / 2", "regroup"),
    ("return (limit + len(items)) / 2", "return limit + len(items) / 2", "regroup"),
    ("x = range(len(items))", "x = range(len(items) - 1)", "off-by-one"),
    ("x = items[limit]", "x = items[limit - 1]", "off-by-one"),
    ("x = items[:limit]", "x = items[:limit + 1]", "off-by-one"),
    ("return max(limit, 3)", "return min(limit, 3)", "swap-callee"),
    ("items.append(limit)", "items.extend(limit)", "swap-callee"),
    ("x = len(items) // limit", "x = (len(items) + limit - 1) // limit", "round-up"),
    ("return limit", "return -limit", "negate-number"),
    ("return limit", "return max(0, limit)", "clamp"),
    ("x = [limit, True]", "x = [limit, False]", "replace-constant"),
    ("x = 7", "x = 8", "replace-constant"),
    ("x = limit * 1 + 7", "x = limit * 7 + 7", "replace-constant"),
    ("x = 'a, b'.split(',')", "x = 'a, b'.split(';')", "replace-string"),
    ("x = f'{limit}-{key}'", "x = f'{key}-{limit}'", "swap-elements"),
    ("x = f'{limit:.2f}'", "x = f'{limit:.1f}'", "string-format"),
    ("x = f'{key.lower()}'", "x = f'{key.upper()}'", "swap-callee"),
    ("x = []", "x = [items]", "replace-collection"),
    ("x = [[0] * limit] * 3", "x = [[0] * limit for _ in range(3)]", "aliased-rows"),
    ("x = 0", "x = float('-inf')", "initial-value"),
    ("x = 0", "x = items[0]", "initial-value"),
    ("x = items", "x = items.copy()", "add-call"),
    ("x = items", "x = list(items)", "wrap-call"),
    ("x = sorted(items)", "x = items", "unwrap-call"),
    ("x = sorted(items)", "x = sorted(items, reverse=True)", "add-argument"),
    ("x = range(limit)", "x = range(1, limit)", "add-argument"),
    ("x = key.split('=')", "x = key.split('=', 1)", "add-argument"),
    ("x = key(limit, items)", "x = key(items, limit)", "swap-arguments"),
    ("x = key(limit, items)", "x = key(limit)", "drop-argument"),
    ("x = key[limit]", "x = key.get(limit)", "missing-key"),
    ("x = key[limit]", "x = key.get(limit, 0)", "missing-key"),
    ("x = key[limit][2]", "x = key[2][limit]", "swap-indices"),
    ("x = items[0]", "x = items[-1]", "replace-constant"),
    ("x = items[1:limit]", "x = items[:limit]", "replace-slice"),
    ("x = items", "x = items[1:]", "add-slice"),
    ("x = 1 if key else limit", "x = limit if key else 1", "swap-branches"),
    ("x = [i for i in items if i > limit]", "x = [i for i in items]", "drop-filter"),
    ("x = [i for i in items]", "x = [i for i in items if i is not None]", "add-filter"),
    ("x = {k: v for k, v in items}", "x = {v: k for k, v in items}", "swap-operands"),
    ("return limit, key", "return key, limit", "swap-elements"),
    ("return (1, 2, 3)", "return (1, 3)", "drop-element"),
    ("return limit", "return key", "replace-variable"),
    ("return key(limit)", "return items", "reuse-expression"),
    ("x = [lambda: i for i in items]", "x = [lambda i=i: i for i in items]", "late-binding"),
    ("f(items, limit)", "return f(items, limit)", "missing-return"),
    ("key.x += 1", "key.x -= 1", "swap-assignment"),
    ("raise KeyError(limit)", "raise ValueError(limit)", "exception-class"),
    ("return limit or 2", "return limit", "drop-clause"),
    ("return key", "return key or []", "or-default"),
]


@pytest.mark.parametrize(("old", "new", "operator"), LINES, ids=[f"{new}" for _, new, _ in LINES])
def test_a_line_can_become(old, new, operator):
    source = BODY.format(f"    {old}")
    found = results(source, 2)
    wanted = BODY.format(f"    {new}")
    assert wanted in found, "\n".join(found)
    assert found[wanted].operator == operator


# A whole function, a line, and the whole function that must be proposed.
FUNCTIONS = [
    (
        "early return",
        "def f(items):\n    first = items[0]\n    return first\n",
        2,
        "def f(items):\n    if not items:\n        return None\n    first = items[0]\n    return first\n",
    ),
    (
        "return moves out of the loop",
        "def f(items):\n    n = 0\n    for i in items:\n        n += i\n        return n\n",
        5,
        "def f(items):\n    n = 0\n    for i in items:\n        n += i\n    return n\n",
    ),
    (
        "statement moves into the loop",
        "def f(items):\n    n = 0\n    for i in items:\n        print(i)\n    n += i\n    return n\n",
        5,
        "def f(items):\n    n = 0\n    for i in items:\n        print(i)\n        n += i\n    return n\n",
    ),
    (
        "statements change places",
        "def f(a, b):\n    a = b\n    b = a + 1\n    return a, b\n",
        2,
        "def f(a, b):\n    b = a + 1\n    a = b\n    return a, b\n",
    ),
    (
        "missing increment",
        "def f(n):\n    i = 0\n    while i < n:\n        print(i)\n    return i\n",
        4,
        "def f(n):\n    i = 0\n    while i < n:\n        print(i)\n        i += 1\n    return i\n",
    ),
    (
        "missing mark",
        "def f(g):\n    seen = set()\n    for n in g:\n        if n not in seen:\n"
        "            print(n)\n    return seen\n",
        5,
        "def f(g):\n    seen = set()\n    for n in g:\n        if n not in seen:\n            print(n)\n"
        "            seen.add(n)\n    return seen\n",
    ),
    (
        "missing return at the end",
        "def f(items):\n    out = []\n    for i in items:\n        out.append(i)\n",
        3,
        "def f(items):\n    out = []\n    for i in items:\n        out.append(i)\n    return out\n",
    ),
    (
        "what is left over after the loop",
        "def f(xs):\n    part = []\n    for x in xs:\n        part.append(x)\n"
        "        if x:\n            yield part\n"
        "            part = []\n",
        3,
        "def f(xs):\n    part = []\n    for x in xs:\n        part.append(x)\n"
        "        if x:\n            yield part\n"
        "            part = []\n    if part:\n        yield part\n",
    ),
    (
        "guard around a statement",
        "def f(d, k):\n    d[k] = []\n    return d\n",
        2,
        "def f(d, k):\n    if k not in d:\n        d[k] = []\n    return d\n",
    ),
    (
        "skip in a loop",
        "def f(items):\n    n = 0\n    for i in items:\n        n += 1 / i\n    return n\n",
        4,
        "def f(items):\n    n = 0\n    for i in items:\n        if i == 0:\n"
        "            continue\n        n += 1 / i\n"
        "    return n\n",
    ),
    (
        "mutable default",
        "def f(x, out=[]):\n    out.append(x)\n    return out\n",
        2,
        "def f(x, out=None):\n    if out is None:\n        out = []\n    out.append(x)\n    return out\n",
    ),
    (
        "break becomes continue",
        "def f(items):\n    for i in items:\n        if i:\n            break\n        print(i)\n",
        4,
        "def f(items):\n    for i in items:\n        if i:\n            continue\n        print(i)\n",
    ),
    (
        "while becomes if",
        "def f(n):\n    while n > 3:\n        n -= 1\n    return n\n",
        2,
        "def f(n):\n    if n > 3:\n        n -= 1\n    return n\n",
    ),
    (
        "deletion",
        "def f(n):\n    n += 1\n    n += 2\n    return n\n",
        3,
        "def f(n):\n    n += 1\n    return n\n",
    ),
    (
        "deletion of the only statement",
        "def f(n):\n    if n:\n        n += 2\n    return n\n",
        3,
        "def f(n):\n    if n:\n        pass\n    return n\n",
    ),
    (
        "except too narrow",
        "def f(d, k):\n    try:\n        return int(d[k])\n    except KeyError:\n        return 0\n",
        2,
        "def f(d, k):\n    try:\n        return int(d[k])\n    except (KeyError, ValueError):\n        return 0\n",
    ),
    (
        "else dropped",
        "def f(n):\n    if n:\n        a = 1\n    else:\n        a = 2\n    return a\n",
        2,
        "def f(n):\n    if n:\n        a = 1\n    a = 2\n    return a\n",
    ),
    (
        "else becomes elif",
        "def f(n, flag):\n    if n > 1:\n        a = 1\n    else:\n        a = 2\n    return a\n",
        2,
        "def f(n, flag):\n    if n > 1:\n        a = 1\n    elif not flag:\n        a = 2\n    return a\n",
    ),
    (
        "two ifs become a chain",
        "def f(n):\n    if n > 1:\n        n = 1\n    if n > 0:\n        n = 0\n    return n\n",
        4,
        "def f(n):\n    if n > 1:\n        n = 1\n    elif n > 0:\n        n = 0\n    return n\n",
    ),
    (
        "nonlocal",
        "def f():\n    n = 0\n    def up():\n        n += 1\n        return n\n    return up\n",
        4,
        "def f():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n"
        "        return n\n    return up\n",
    ),
    (
        "maximum over a loop",
        "def f(items):\n    best = 0\n    for i in items:\n        best = i\n    return best\n",
        4,
        "def f(items):\n    best = 0\n    for i in items:\n        best = max(best, i)\n    return best\n",
    ),
    (
        "await",
        "async def f(get):\n    reply = get()\n    return reply\n",
        2,
        "async def f(get):\n    reply = await get()\n    return reply\n",
    ),
    (
        "yield from a recursive call",
        "def f(t):\n    for c in t:\n        f(c)\n    yield t\n",
        3,
        "def f(t):\n    for c in t:\n        yield from f(c)\n    yield t\n",
    ),
]


@pytest.mark.parametrize(("name", "old", "line", "new"), FUNCTIONS, ids=[case[0] for case in FUNCTIONS])
def test_a_function_can_become(name, old, line, new):
    found = results(old, line)
    assert new in found, "\n----\n".join(found)


def test_every_operator_has_a_source_and_a_weight():
    assert all(operator.prior > 0 and len(operator.sources) > 3 for operator in OPERATORS.values())


def test_text_around_an_edit_stays_byte_for_byte():
    source = dedent(
        """\
        def f(a,b):   # odd   spacing
            x = ( a   # one
                  + b*2   # two
            ) ; y = 'it"s'
            return [x ,y]   # end
        """
    )
    wanted = source.replace("+ b*2", "- b*2")
    assert wanted in results(source, 2)
    other = source.replace("[x ,y]", "[y ,x]")
    assert other in results(source, 5)


def test_a_replacement_keeps_its_meaning_wherever_it_stands():
    """Each new expression is put, once in parentheses by hand, once by the proposer: the trees must agree."""
    source = (
        "def f(a, b, c, s=''):\n"
        "    x = not a.b[c + 1] ** -b if (a or b) and c else [*a, *b] and (lambda q: q + 1)(a - (b - c))\n"
        "    y = (a + b) * c - a % 2 << b | c & ~a < b <= c\n"
        "    z = sum(i * 2 for i in a if i) + len({k: -v for k, v in b.items()}) if a[1:c] else (yield a, b)\n"
    )
    text = Text(source)
    scope = Scope(text, ModuleFacts.of(source), None, None)
    checked = 0
    for place in text.places:
        for site in sites(text, scope, place):
            start, end = text.start(site.node), text.end(site.node)
            for raw in expression_edits(site):
                (splice, *others) = raw.splices
                if others or (splice.start, splice.end) != (start, end):
                    continue
                new = splice.text.decode()
                bare = new[1:-1] if new.startswith("(") and _balanced(new[1:-1]) else new
                marked = text.data[:start].decode() + "(\0)" + text.data[end:].decode()
                assert ast.dump(ast.parse(marked.replace("\0", bare))) == ast.dump(
                    ast.parse(text.data[:start].decode() + new + text.data[end:].decode())
                ), (raw.operator, new)
                checked += 1
    assert checked > 500


def _balanced(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def test_methods_are_edited_at_their_indentation():
    module = "class C:\n    def __init__(self):\n        self.low = 1\n        self.high = 2\n\n{}"
    source = "    def f(self, x):\n        return x > self.low"
    found = results(source, 2, module=module.format(source), owner="C")
    assert "    def f(self, x):\n        return x > self.high" in found
    assert (
        "    def f(self, x):\n        if x <= 0:\n            return False\n        return x > self.low" in found
    )


def test_a_forgotten_self_is_added():
    module = "class C:\n    def __init__(self):\n        self._size = 1\n\n{}"
    source = "    def f(self, x):\n        return x > size"
    assert rank(source, 2, "    def f(self, x):\n        return x > self._size", module=module, owner="C") <= 12


def test_a_statement_of_a_sister_method_is_proposed():
    module = "class C:\n    def get(self, k):\n        self.hits.touch(k)\n        return self.d[k]\n"
    source = "    def put(self, k, v):\n        self.d[k] = v"
    found = results(source, 2, module=module, owner="C")
    assert "    def put(self, k, v):\n        self.d[k] = v\n        self.hits.touch(k)" in found


def test_types_seen_at_run_time_order_the_variables():
    source = "def f(one, two, three):\n    return one\n"
    first, second = "def f(one, two, three):\n    return two\n", "def f(one, two, three):\n    return three\n"
    types = {"one": "dict", "two": "str", "three": "dict"}
    assert rank(source, 2, second, types=types) < rank(source, 2, first, types=types)
    types = {"one": "dict", "two": "dict", "three": "str"}
    assert rank(source, 2, first, types=types) < rank(source, 2, second, types=types)


def test_imports_come_along_only_when_they_are_missing():
    source = "def f(a):\n    return a == 0.5\n"
    wanted = "def f(a):\n    return math.isclose(a, 0.5)\n"
    assert results(source, 2)[wanted].imports == ("import math",)
    assert results(source, 2, module="import math\n" + source)[wanted].imports == ()


class TestBase:
    """What the version before the change says."""

    def test_one_piece_comes_first_under_its_own_name(self):
        base = "def f(a, b):\n    return a >= b and b\n"
        head = "def f(a, b):\n    return a > b and b\n"
        best = ask(head, 2, base=base)[0]
        assert applied(head, best.edit) == base
        assert best.operator == "swap-comparison"

    def test_pieces_of_a_line_that_changed_twice(self):
        base = "def f(a, b):\n    return g(a, b + 1)\n"
        head = "def f(a, b):\n    return g(b, b + 2)\n"
        firsts = [applied(head, p.edit) for p in ask(head, 2, base=base, width=5)]
        assert base in firsts
        assert "def f(a, b):\n    return g(a, b + 2)\n" in firsts
        assert "def f(a, b):\n    return g(b, b + 1)\n" in firsts

    def test_a_lost_statement_is_put_back(self):
        base = "def f(a):\n    a = a.strip()\n    a = odd(a, key=len)[3]\n    return a\n"
        head = "def f(a):\n    a = a.strip()\n    return a\n"
        firsts = {applied(head, p.edit): p.operator for p in ask(head, 3, base=base, width=3)}
        assert firsts[base] == "restore-base"

    def test_an_added_statement_is_taken_out(self):
        base = "def f(a):\n    return a\n"
        head = "def f(a):\n    a = odd(a)\n    return a\n"
        assert rank(head, 2, base, base=base) <= 2

    def test_a_lost_condition_comes_back_around_its_statement(self):
        base = "def f(a, d):\n    if d.odd(a) > 3:\n        d.add(a)\n    return d\n"
        head = "def f(a, d):\n    d.add(a)\n    return d\n"
        assert rank(head, 2, base, base=base) <= 3

    def test_base_in_another_class_is_indented_anew(self):
        base = "def f(a):\n    if a:\n        return odd(a)\n    return 1"
        head = "    def f(a):\n        return 1"
        firsts = [applied(head, p.edit) for p in ask(head, 2, base=base, width=3)]
        assert "    def f(a):\n        if a:\n            return odd(a)\n        return 1" in firsts

    def test_an_equal_base_says_nothing(self):
        source = "def f(a, b):\n    return a > b\n"
        assert not {"base-piece", "restore-base"} & {p.operator for p in ask(source, 2, base=source)}

    def test_a_base_that_does_not_parse_is_ignored(self):
        source = "def f(a, b):\n    return a > b\n"
        assert ask(source, 2, base="def f(:") == ask(source, 2)


def test_edits_that_fool_weak_tests_rank_low():
    source = (
        "def f(items, limit):\n    n = 0\n    for i in items:\n"
        "        if i > limit:\n            n += 1\n    return n\n"
    )
    boundary = source.replace("i > limit", "i >= limit")
    skip = source.replace("        if i > limit:\n            n += 1\n", "        pass\n")
    constant = source.replace("return n", "return True")
    assert rank(source, 4, boundary) <= 3
    assert skip not in list(results(source, 4))[:40]
    assert constant not in list(results(source, 6))[:12]


def test_a_seed_changes_the_order_of_equals_only():
    source = "def f(a, b, c, d):\n    return g(a + b, c, d, 1)\n"
    one, other = ask(source, 2), ask(source, 2, seed=5)
    assert {(p.edit, p.logprob) for p in one if p.logprob > -5} == {
        (p.edit, p.logprob) for p in other if p.logprob > -5
    }
    assert [p.edit for p in one] != [p.edit for p in other]
    assert ask(source, 2, seed=5) == other


def test_text_that_is_no_function_is_kept():
    for source in ("x = 1\n", "def f(:\n", ""):
        assert [p.operator for p in ask(source, 1)] == ["keep"]


def test_lines_without_a_statement_are_kept():
    source = 'def f(a):\n    """Doc."""\n    # comment\n\n    return a\n'
    for line in (2, 3, 4, 99):
        assert [p.operator for p in ask(source, line)] == ["keep"], line


def test_a_continuation_line_stands_for_its_statement():
    source = "def f(a, b):\n    return (a +\n            b)\n"
    assert ask(source, 3) == ask(source, 2)


def test_all_proposals_are_those_of_the_lines():
    source = "def f(a, b):\n    if a > b:\n        return a\n    return b\n"
    edits = Edits()
    pool = edits.all_proposals(function(source), source, source)
    assert {line for line, _ in pool} == {2, 3, 4}
    for line in (2, 3, 4):
        mine = [proposal for where, proposal in pool if where == line]
        assert mine == [p for p in ask(source, line) if p.operator != "keep"]
    seen = edits.all_proposals(function(source), source, source, observed_by_line={4: Observed({"a": "str"}, {})})
    assert [p for line, p in seen if line == 4] == [
        p for p in ask(source, 4, types={"a": "str"}) if p.operator != "keep"
    ]


@pytest.mark.thorough
def test_the_same_proposals_in_every_process() -> None:
    """Sets of names are ordered by a hash that differs from process to process."""
    script = (
        "import hashlib\n"
        "from bench.defect_set import load\n"
        "from bench.recall import function_of\n"
        "from bot.endpoints.edits import Edits\n"
        "digest = hashlib.sha256()\n"
        "for defect in load()[::9]:\n"
        "    function = function_of(defect.defective, defect.function)\n"
        "    found = Edits().all_proposals(function, function.source, defect.defective)\n"
        "    rows = [(line, p.edit, p.operator, round(p.logprob, 9)) for line, p in found]\n"
        "    digest.update(repr(rows).encode())\n"
        "print(digest.hexdigest())\n"
    )
    told = set()
    for seed in ("0", "1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        root = Path(__file__).parent.parent.parent
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ, cwd=root
        )
        told.add(done.stdout)
    assert len(told) == 1
