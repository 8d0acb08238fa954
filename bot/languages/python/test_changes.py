"""Which tests a branch added, changed, weakened or removed: a red test made green by asking less is news."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain import TestChange
from bot.languages import Unparsable
from bot.languages.python.functions import AnyFunction, normalise, parse

_SKIP_CALL = re.compile(r"(^|\.)(skip|skipTest|xfail|SkipTest|importorskip)$")
_SKIP_MARK = re.compile(r"(^|\.)(skip|skipif|xfail|skipIf|skipUnless|expectedFailure)$")
_ASSERT_CALL = re.compile(r"(^|\.)(assert\w*|raises|warns|deprecated_call|fail)$")
_SWALLOWED = frozenset({"", "Exception", "BaseException", "AssertionError"})


@dataclass(frozen=True)
class _Test:
    name: str
    body: str
    """Normalised, under a neutral name: equal for a test that was only renamed."""
    asserts: int
    cases: int
    """Parameter sets that its decorators spell out; 1 when there are none."""
    skips: frozenset[str]
    """Markers and calls that keep it from running or from failing, in words."""
    swallows: int
    """Handlers that drop a failing assertion."""
    early: int
    """`return`s of the test itself."""


def between(path: str, base: str | None, head: str | None) -> tuple[TestChange, ...]:
    """Tests that differ between two versions of a file, named as pytest does (`TestTotal::test_empty`).

    A weakened test asks less than before: fewer assertions or parameter cases, a skip or xfail, a new way out.
    A renamed test with an equal body counts as modified. A side that does not parse has no tests that can be
    compared, and gives no changes: that it does not run is for the run to say.
    """
    try:
        old = {test.name: test for test in _tests(base)}
        new = {test.name: test for test in _tests(head)}
    except (Unparsable, RecursionError):
        return ()
    gone = {name: test for name, test in old.items() if name not in new}
    changes = []
    for name, test in new.items():
        if name in old:
            how, detail = _compared(old[name], test)
        else:
            source = next((other for other in gone.values() if other.body == test.body), None)
            how, detail = ("added", "")
            if source is not None:
                del gone[source.name]
                lost = _lost(source, test)
                how = "weakened" if lost else "modified"
                detail = "; ".join([f"renamed from {source.name}", *lost])
        if how:
            changes.append(TestChange(path, name, how, detail))
    changes += [TestChange(path, name, "deleted") for name in gone]
    return tuple(changes)


def _compared(old: _Test, new: _Test) -> tuple[str, str]:
    lost = _lost(old, new)
    if lost:
        return "weakened", "; ".join(lost)
    return ("modified", "") if (old.body, old.skips) != (new.body, new.skips) else ("", "")


def _lost(old: _Test, new: _Test) -> list[str]:
    """What the new version asks less, in words."""
    lost = []
    if new.asserts < old.asserts:
        lost.append(f"{_count(old.asserts, 'assertion')} became {new.asserts}")
    if new.cases < old.cases:
        lost.append(f"{_count(old.cases, 'parameter case')} became {new.cases}")
    lost += sorted(new.skips - old.skips)
    if new.swallows > old.swallows:
        lost.append("a failing assertion is now swallowed")
    if new.early > old.early:
        lost.append("returns early")
    return lost


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _tests(text: str | None) -> Iterator[_Test]:
    """The tests of a file, in order; of two with one name the later, which is the one that runs."""
    if text is not None:
        yield from _within(parse(text), (), frozenset())


def _within(scope: ast.AST, classes: tuple[str, ...], skips: frozenset[str]) -> Iterator[_Test]:
    skips |= _module_marks(scope)
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, AnyFunction):
            if node.name.startswith("test"):
                yield _test(node, classes, skips)
        elif isinstance(node, ast.ClassDef):
            yield from _within(node, (*classes, node.name), skips | _marks(node.decorator_list))
        elif isinstance(node, ast.stmt | ast.ExceptHandler):
            yield from _within(node, classes, skips)


def _test(node: AnyFunction, classes: tuple[str, ...], skips: frozenset[str]) -> _Test:
    inner = [child for statement in node.body for child in ast.walk(statement)]
    called = {name for child in inner if isinstance(child, ast.Call) and _SKIP_CALL.search(name := _dotted(child))}
    raised = {
        name for child in inner if isinstance(child, ast.Raise) and _SKIP_CALL.search(name := _raised(child))
    }
    return _Test(
        name="::".join((*classes, node.name)),
        body=normalise(ast.unparse(node)).replace(f"def {node.name}(", "def test(", 1),
        asserts=sum(_is_assertion(child) for child in inner),
        cases=_cases(node),
        skips=skips | _marks(node.decorator_list) | {f"calls {name}" for name in called | raised},
        swallows=sum(_swallows(child) for child in inner),
        early=sum(_returns(statement) for statement in node.body),
    )


def _module_marks(scope: ast.AST) -> frozenset[str]:
    """What `pytestmark = ...` in a module or a class puts on every test in it."""
    marks = [
        node.value
        for node in ast.iter_child_nodes(scope)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
    ]
    return _marks(marks)


def _marks(expressions: list[ast.expr]) -> frozenset[str]:
    nodes = [node for expression in expressions for node in ast.walk(expression)]
    names = (_dotted(node) for node in nodes if isinstance(node, ast.Attribute | ast.Name))
    return frozenset(f"marked {name.rpartition('.')[2]}" for name in names if _SKIP_MARK.search(name))


def _dotted(node: ast.AST) -> str:
    """`a.b.c` of a name, an attribute or what a call calls; what stands before the last names may be missing."""
    parts: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call) and not parts:
            node = node.func
        elif isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        else:
            return ".".join(parts)
    return ".".join([node.id, *parts])


def _raised(node: ast.Raise) -> str:
    return _dotted(node.exc) if node.exc is not None else ""


def _is_assertion(node: ast.AST) -> bool:
    """An `assert` of no constant, `self.assert...`, `pytest.raises`, `mock.assert_called...` and the like."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    return isinstance(node, ast.Call) and bool(_ASSERT_CALL.search(_dotted(node)))


def _cases(node: AnyFunction) -> int:
    """How many parameter sets `parametrize` decorators spell out, multiplied as pytest does."""
    cases = 1
    for decorator in node.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and _dotted(decorator).endswith("parametrize")
            and len(decorator.args) > 1
        ):
            values = decorator.args[1]
            if isinstance(values, ast.List | ast.Tuple | ast.Set):
                cases *= len(values.elts)
    return cases


def _swallows(node: ast.AST) -> bool:
    """A handler that catches a failing assertion and raises nothing in its place, or `suppress` of one."""
    if isinstance(node, ast.ExceptHandler):
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        answers = any(isinstance(inner, ast.Raise) or _is_assertion(inner) for inner in ast.walk(node))
        return not answers and any(_last(kind) in _SWALLOWED for kind in caught)
    if isinstance(node, ast.Call) and _last(node) == "suppress":
        return any(_last(kind) in _SWALLOWED for kind in node.args)
    return False


def _last(node: ast.expr | None) -> str:
    return _dotted(node).rpartition(".")[2] if node is not None else ""


def _returns(statement: ast.AST) -> int:
    """How many `return`s of the function itself a statement holds."""
    if isinstance(statement, AnyFunction | ast.ClassDef | ast.Lambda):
        return 0
    below = sum(_returns(child) for child in ast.iter_child_nodes(statement))
    return below + isinstance(statement, ast.Return)
