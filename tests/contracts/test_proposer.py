"""What every proposer promises, over sources that are awkward to edit."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest

from bot.domain import Edit, Function, Proposal, Situation
from bot.endpoints import Proposer
from bot.endpoints.edits import Edits

PROPOSERS: dict[str, type[Edits]] = {"edits": Edits}
SAMPLES = Path(__file__).parent.parent / "samples" / "edits"


def functions(path: Path) -> list[tuple[Function, str]]:
    """Every function of a file down to methods, with the module's text."""
    text = path.read_text()
    lines = text.split("\n")
    found = []
    for node in ast.parse(text).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        scope = (f"class {node.name}",) if isinstance(node, ast.ClassDef) else ()
        for member in members:
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                start = min([member.lineno, *(d.lineno for d in member.decorator_list)])
                source = "\n".join(lines[start - 1 : member.end_lineno])
                body = member.body[0].lineno
                end = member.end_lineno or start
                function = Function(
                    path.name, member.name, start, end, member.lineno, body, source, enclosing=scope
                )
                found.append((function, text))
    return found


CASES = [(function, module) for path in sorted(SAMPLES.glob("*.py")) for function, module in functions(path)]


def situation(
    function: Function, module: str, line: int, width: int = 1000, skip: int = 0, **more: float
) -> Situation:
    suspiciousness = more.get("suspiciousness", 1.0)
    return Situation(function, function.source, line, module, None, None, suspiciousness, None, width, skip)


def applied(source: str, edit: Edit) -> str:
    lines = source.split("\n")
    lines[edit.start - 1 : edit.end - 1] = edit.lines
    return "\n".join(lines)


def parsed(source: str) -> ast.Module:
    return ast.parse("if 1:\n" + source if source[0] in " \t" else source)


def normalised(source: str) -> str:
    """The syntax of a function, docstrings apart (layout and comments never show)."""
    tree = parsed(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body[0] = ast.Expr(ast.Constant(...))
    return ast.dump(tree)


def lines_of(function: Function) -> range:
    return range(1, function.source.count("\n") + 2)


@pytest.fixture(params=PROPOSERS.values(), ids=PROPOSERS.keys(), scope="module")
def proposer(request: pytest.FixtureRequest) -> Proposer:
    return request.param()


def changes(proposals: tuple[Proposal, ...]) -> list[Proposal]:
    return [proposal for proposal in proposals if proposal.edit is not None]


@pytest.mark.thorough
@pytest.mark.parametrize(("function", "module"), CASES, ids=[function.id for function, _ in CASES])
def test_every_edit_is_valid_and_makes_another_function(proposer, function, module):
    compile(parsed(function.source), "x", "exec")
    original = normalised(function.source)
    seen = 0
    for line in lines_of(function):
        results = set()
        for proposal in changes(proposer.propose(situation(function, module, line))):
            source = applied(function.source, proposal.edit)
            compile(parsed(source), "x", "exec")
            results.add(normalised(source))
            seen += 1
            assert 1 <= proposal.edit.start <= proposal.edit.end
            assert not any("\n" in row for row in proposal.edit.lines)
        assert original not in results
        assert len(results) == len(changes(proposer.propose(situation(function, module, line))))
    assert seen > 20


@pytest.mark.parametrize(("function", "module"), CASES[::3], ids=[function.id for function, _ in CASES[::3]])
def test_probabilities_are_normalised_and_ordered(proposer, function, module):
    for line in lines_of(function):
        for suspiciousness in (0.0, 1.0):
            proposals = proposer.propose(situation(function, module, line, suspiciousness=suspiciousness))
            logprobs = [proposal.logprob for proposal in proposals]
            assert logprobs == sorted(logprobs, reverse=True)
            assert math.isclose(sum(map(math.exp, logprobs)), 1.0)
            assert [p.operator for p in proposals].count("keep") == 1


def test_pages_follow_each_other(proposer):
    function, module = next(case for case in CASES if case[0].qualname == "decorated")
    for line in (13, 14, 20):
        every = proposer.propose(situation(function, module, line))
        pages = [
            proposer.propose(situation(function, module, line, 7, skip)) for skip in range(0, len(every) + 7, 7)
        ]
        assert all(len(page) <= 7 for page in pages)
        assert pages[-1] == ()
        assert tuple(proposal for page in pages for proposal in page) == every
        assert "keep" in [proposal.operator for proposal in pages[0]]


def test_keep_is_on_the_first_page_even_of_a_narrow_one(proposer):
    function, module = CASES[0]
    assert [p.operator for p in proposer.propose(situation(function, module, 2, 1))] == ["keep"]


def test_a_blameless_line_is_rather_kept(proposer):
    function, module = CASES[0]
    calm = proposer.propose(situation(function, module, 2, suspiciousness=0.0))
    hot = proposer.propose(situation(function, module, 2, suspiciousness=1.0))
    share = [next(math.exp(p.logprob) for p in page if p.operator == "keep") for page in (calm, hot)]
    assert share[0] > 0.9 > 0.5 > share[1]


@pytest.mark.thorough
def test_equal_situations_get_equal_answers(proposer):
    fresh = type(proposer)()
    for function, module in CASES[::2]:
        for line in lines_of(function):
            asked = situation(function, module, line, 20)
            assert fresh.propose(asked) == proposer.propose(asked)


def test_names_itself(proposer):
    assert proposer.tier in "ABCDE"
    function, module = CASES[0]
    assert {proposal.source for proposal in proposer.propose(situation(function, module, 2))} == {proposer.name}
