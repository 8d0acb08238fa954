"""What holds for every rewrite for security and speed, over sources that are awkward to edit."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.domain import Category, ChangedFunction, Finding, Function, Proposal, Severity, Witness
from bot.endpoints.edits import Edits
from bot.endpoints.edits.remedies import Code, Hole, segments, written
from bot.endpoints.edits.text import Text
from bot.languages.python.language import Python

ROOT = Path(__file__).parent.parent.parent
SAMPLES = sorted((ROOT / "tests" / "samples" / "edits").glob("*.py"))
REMEDIED = (Category.SECURITY, Category.PERFORMANCE)


def every(path: Path, category: Category) -> list[tuple[Function, tuple[tuple[int, Proposal], ...]]]:
    """All that is proposed for all functions of a file."""
    text = path.read_text()
    found = []
    for function in Python().functions(path.name, text):
        changed = ChangedFunction(function, None, (), "modified")
        witness = Witness("attack", ("t",), "pytest", "landed")
        finding = Finding("rule", category, Severity.LOW, changed, 1, 1, "title", "message", witness)
        source = function.source.rstrip("\n")
        found.append((function, Edits().all_proposals(function, source, text, finding=finding)))
    return found


@pytest.mark.parametrize("category", REMEDIED)
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_proposal_is_a_function_and_imports_what_it_says(path: Path, category: Category) -> None:
    for function, rows in every(path, category):
        for _, proposal in rows:
            edit = proposal.edit
            assert edit is not None
            lines = function.source.rstrip("\n").split("\n")
            lines[edit.start - 1 : edit.end - 1] = edit.lines
            new = "\n".join(lines)
            Text(new)
            for statement in proposal.imports:
                assert isinstance(ast.parse(statement).body[0], ast.Import | ast.ImportFrom)


@pytest.mark.thorough
def test_the_same_proposals_in_every_process() -> None:
    script = (
        "import hashlib\n"
        "from tests.endpoints.test_remedies import REMEDIED, SAMPLES, every\n"
        "digest = hashlib.sha256()\n"
        "for path in SAMPLES:\n"
        "    for category in REMEDIED:\n"
        "        for _, rows in every(path, category):\n"
        "            told = [(line, p.edit, p.operator, p.imports, round(p.logprob, 9)) for line, p in rows]\n"
        "            digest.update(repr(told).encode())\n"
        "print(digest.hexdigest())\n"
    )
    told = set()
    for seed in ("0", "1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ, cwd=ROOT
        )
        told.add(done.stdout)
    assert len(told) == 1


def parts_of(expression: str, module: str = "") -> list[str]:
    """The pieces of a text, expressions in braces."""
    source = f"def f(a, b):\n    return {expression}\n"
    code = Code(Text(source), module + source)
    returned = code.function.body[0]
    assert isinstance(returned, ast.Return)
    assert returned.value is not None
    found = code.parts(returned.value)
    return [part if isinstance(part, str) else "{" + ast.unparse(part) + "}" for part in found or ()]


@pytest.mark.parametrize(
    ("expression", "pieces"),
    [
        ("f'x {a} y'", ["x ", "{a}", " y"]),
        ("f'{a!r}'", ["{repr(a)}"]),
        ("'x ' + a + ' y' + b", ["x ", "{a}", " y", "{b}"]),
        ("'x %s %% %d' % (a, b)", ["x ", "{a}", " % ", "{b}"]),
        ("'x %(k)s' % {'k': a}", ["x ", "{a}"]),
        ("'x {} {n}'.format(a, n=b)", ["x ", "{a}", " ", "{b}"]),
        ("'{0.name} {1[k]}'.format(a, b)", ["{a.name}", " ", "{b[k]}"]),
        ("' '.join(['x', a, 'y'])", ["x ", "{a}", " y"]),
        ("Q % a", ["q ", "{a}"]),
        ("'%5.2f' % a", []),
        ("'%s %s' % a", []),
        ("'x {}'.format(*a)", []),
        ("a + b", []),
    ],
)
def test_a_text_is_taken_apart_however_it_is_put_together(expression: str, pieces: list[str]) -> None:
    assert parts_of(expression, "Q = 'q %s'\n") == pieces


def test_a_quoted_stretch_with_something_in_it_is_one_hole() -> None:
    name = ast.Name("x")
    assert segments(("a '%", name, "%' b"), "'") == ["a ", Hole(("%", name, "%"), "'"), " b"]
    assert segments(("a 'b' ", name), "'") == ["a 'b' ", Hole((name,), "")]
    assert segments(("a '", name), "'") is None


@pytest.mark.parametrize("value", ["plain", "with \"both\" 'quotes'", "line\nbreak", "back\\slash", "{braces}"])
def test_pieces_are_written_so_that_they_say_the_same(value: str) -> None:
    text = written((value, ast.parse("x['k']", mode="eval").body, "!"))
    assert eval(text, {"x": {"k": 7}}) == value + "7!"
    assert eval(written((value,))) == value
