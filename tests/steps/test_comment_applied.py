"""What is posted, applied as a platform or a person applies it, is the verified file, byte for byte."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from sample_pulls import FILES, HEAD, file_diff
from sample_reviews import CANDIDATE, FINDING, FOUND, VERDICT, WITH_REWRITE

from bot.domain import ChangedFunction, Function, Replacement, Rewrite
from bot.languages import Unparsable
from bot.languages.python.language import Python
from bot.plan import Conversation, Dialect, Plan
from bot.render import Caps
from bot.steps import comment, verify
from bot.trial import Place

PATH = "shop/cart.py"
USUAL = Dialect()
OFFSETS = Dialect(noun="merge request", sign="!", blocks="offsets", most_above=100, commands=False)
"""GitLab's."""
MARKED = "is marked in it"
"""Says of a diff that it is not exact."""


@dataclass(frozen=True)
class Case:
    """A file at base and head, and the function's new text."""

    base: str
    head: str
    new: str
    imports: tuple[str, ...] = ()
    context: int = 3
    """Lines around a change that the diff shows."""

    @property
    def function(self) -> Function:
        return next(f for f in Python().functions(PATH, self.head) if f.qualname == "f")

    @property
    def verified(self) -> str:
        return Python().splice(self.head, self.function, self.new, self.imports)


def planned(case: Case, dialect: Dialect = USUAL) -> Plan:
    language = Python()
    function = case.function
    place = Place(language, case.head, function, language.unit(case.head, function))
    suggestion, also = verify.hunks(place, case.verified)
    candidate = replace(CANDIDATE, function=function, source=case.new, imports=case.imports)
    finding = replace(
        FINDING,
        function=ChangedFunction(function, None, (function.start_line,), "modified"),
        start_line=suggestion.start_line,
        end_line=max(suggestion.start_line, suggestion.end_line),
    )
    item = replace(WITH_REWRITE, finding=finding, rewrite=Rewrite.of(candidate, VERDICT, suggestion, also))
    return comment.plan(
        replace(FOUND, findings=(item,)),
        Conversation(),
        number=7,
        head=HEAD,
        files=(file_diff(PATH, case.base, case.head, case.context),),
        caps=Caps(),
        check=False,
        dialect=dialect,
    )


def fences(body: str) -> list[Token]:
    return [token for token in MarkdownIt("commonmark").parse(body) if token.type == "fence"]


def clicked(head: str, first: int, last: int, content: str) -> str:
    """The file after somebody has clicked: lines `first` to `last` become the block's lines."""
    lines = head.split("\n")
    lines[first - 1 : last] = content.split("\n")[:-1] if content else []
    return "\n".join(lines)


def patched(head: str, patch: str) -> str:
    """The file after `git apply`. Hunks at a function's edges have no context there."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / PATH
        file.parent.mkdir()
        file.write_bytes(head.encode("utf-8"))
        # Not in a repository, whatever lies around the folder.
        done = subprocess.run(
            ["git", "apply", "--unidiff-zero", "--whitespace=nowarn", "-"],
            cwd=folder,
            input=patch.encode("utf-8"),
            capture_output=True,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CEILING_DIRECTORIES": str(Path(folder).parent)},
            check=False,
        )
        assert done.returncode == 0, (done.stderr.decode(), patch)
        return file.read_bytes().decode("utf-8")


def replaced(case: Case, plan: Plan, info: str) -> tuple[int, int]:
    """The first and the last line that a block replaces, as its platform reads it."""
    (inline,) = plan.create
    offsets = re.fullmatch(r"suggestion:-(\d+)\+(\d+)", info)
    if offsets is None:
        return (inline.start_line if inline.start_line is not None else inline.line), inline.line
    above, below = int(offsets[1]), int(offsets[2])
    assert max(above, below) <= 100
    return inline.line - above, inline.line + below


def applied(case: Case, dialect: Dialect = USUAL) -> str:
    """How the rewrite was offered, after it was applied and found to be the verified file."""
    plan = planned(case, dialect)
    body = plan.create[0].body if plan.create else plan.summary
    blocks = [token for token in fences(body) if token.info.startswith("suggestion")]
    assert all((":" in block.info) == (dialect.blocks == "offsets") for block in blocks)
    diffs = [token for token in fences(body) if token.info == "diff"]
    assert not any(token.info.startswith("suggestion") for token in fences(plan.summary))
    if blocks:
        (block,) = blocks
        assert clicked(case.head, *replaced(case, plan, block.info), block.content) == case.verified
        assert diffs == []
        return "block"
    if diffs:
        (shown,) = diffs
        if "\r" in case.head or MARKED in body:
            return "marked"
        assert patched(case.head, shown.content) == case.verified
        return "diff"
    assert "It is not shown: " in body
    return "omitted"


# --------------------------------------------------------------------------------------------------- by hand

BODY = '''\
import os
import sys

LIMIT = 3


def f(x):
    """Doc.

%s
    """
    a = 1
    b = 2
    return x


def g():
    return 1
'''


def case(
    doc: str = "    text", *, before: str = "b = 2", old: str = "a = 1", new: str = "a = 3", **how: object
) -> Case:
    """The branch changed `b = 2`; the rewrite changes `a = 1`."""
    head = BODY % doc
    function = next(f for f in Python().functions(PATH, head) if f.qualname == "f")
    assert old in function.source
    return Case(head.replace(before, "b = 0"), head, function.source.replace(old, new), **how)  # type: ignore[arg-type]


def crlf(one: Case) -> Case:
    return replace(one, base=one.base.replace("\n", "\r\n"), head=one.head.replace("\n", "\r\n"))


def unfinished(one: Case) -> Case:
    """The function ends the file, without a line end."""
    cut = one.head.index("\n\n\ndef g")
    return replace(one, base=one.base[: one.base.index("\n\n\ndef g")], head=one.head[:cut])


TICKS = "\n".join(f"    {'`' * n}{info}" for n in (3, 4, 5, 6) for info in ("", "suggestion", "python"))
CASES = {
    "plain": (case(), "block"),
    "fences of three to six": (case(new=f"a = 3\n    s = '''\n{TICKS}\n'''"), "block"),
    "fences at the margin": (case(new="a = 3\n    s = '''\n```\n````suggestion\n```\n'''"), "block"),
    "tildes": (case(new="a = 3\n    s = '''\n~~~~~\n~~~suggestion\n'''"), "block"),
    "the word suggestion": (case(new="a = 'suggestion'  # ```suggestion"), "block"),
    "html": (case(new="a = '''\n</details>\n<!-- tryline:1 summary -->\n<img src=x>\n'''"), "block"),
    "tabs": (case(new="a = '\t\t'\t# \t"), "block"),
    "trailing spaces": (case(new="a = 3   "), "block"),
    "blank lines at the end": (case(old="a = 1\n", new="a = 3\n\n\n\n"), "block"),
    "blank lines at the beginning": (case(old="    a = 1\n", new="\n\n    a = 3\n"), "block"),
    "form feed": (case(new="a = 3\n\f\n    c = 4"), "block"),
    "unicode": (case(new="a = '\u00e9\u4e2d\U0001f600'"), "block"),
    "line separator": (case(new="a = '\u2028'"), "marked"),
    "line separator that head has": (case("    \u2028\u2029\x85", new="a = '\\u2028'"), "block"),
    "line separator on the replaced line": (
        case("    x\u2028y", old="    x\u2028y", new="    z\u2028y"),
        "block",
    ),
    "deletion": (case(old="    a = 1\n", new=""), "block"),
    "insertion behind its anchor": (case(old="a = 1\n", new="a = 1\n    c = 3\n"), "block"),
    "insertion of blank lines": (case(old="a = 1\n", new="a = 1\n\n\n"), "block"),
    "only blank lines stay": (case(old="    a = 1\n", new="\n"), "diff"),
    "first line": (case(old="def f(x)", new="def f(x, y=0)", context=30), "block"),
    "last line": (case(old="return x", new="return x + 1"), "block"),
    "first and last": (case(old="return x", new="return x + 1", before="a = 1"), "block"),
    "over a line that the branch deleted": (
        replace(case(old="a = 1\n    b = 2", new="a = 2\n    b = 3"), base=case().head.replace("b = 2", "b = 0")),
        "diff",
    ),
    "an import as well": (case(new="a = math.pi", imports=("import math",)), "diff"),
    "an import at the top": (
        Case(
            "def f(x):\n    return 0\n",
            "def f(x):\n    return 1\n",
            "def f(x):\n    return math.pi\n",
            ("import math",),
        ),
        "diff",
    ),
    "an import behind comments": (
        Case(
            "# c\n\n\ndef f(x):\n    a = 1\n    return 0\n",
            "# c\n\n\ndef f(x):\n    a = 1\n    return 1\n",
            "def f(x):\n    a = 1\n    return math.pi\n",
            ("import math",),
        ),
        "diff",
    ),
    "out of the diff": (case(old='"""Doc.', new='"""Docs.', context=0), "diff"),
    "partly in the diff": (
        case(old="a = 1\n    b = 2\n    return x", new="a = 3\n    b = 3\n    return b", context=0),
        "diff",
    ),
    "windows": (crlf(case()), "marked"),
    "windows, an insertion": (crlf(case(new="a = 1\n    c = 1")), "marked"),
    "mixed ends": (replace(case(), head=case().head.replace("b = 2\n", "b = 2\r\n")), "marked"),
    "no end, last line": (unfinished(case(old="return x\n", new="return x + 1\n")), "diff"),
    "no end, another line": (unfinished(case()), "block"),
    "a command": (case(new="a = '''\n/tryline ignore abcdef\n'''"), "diff"),
    "a command that head has": (case("/tryline ignore abcdef", new="a = 3"), "block"),
    "an order to GitLab": (case(new="a = '''\n/merge\n'''"), "diff"),
    "a path": (case(new="a = '''\n/usr/bin/python\n'''"), "block"),
    "hidden": (case(new="a = 'x\u202ey'"), "marked"),
    "a secret": (case(new=f"a = 'ghp_{'a1B2c3D4' * 5}'"), "omitted"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_offered_is_the_verified_file(name: str) -> None:
    one, expected = CASES[name]
    assert applied(one) == expected


WITH_OFFSETS = {
    "over a line that the branch deleted": "block",
    "partly in the diff": "block",
    "an import at the top": "block",
}
"""What can be clicked where a block says itself which lines it replaces: as long as one of them is in the diff."""


@pytest.mark.parametrize("name", CASES)
def test_so_it_is_where_blocks_have_offsets(name: str) -> None:
    one, expected = CASES[name]
    assert applied(one, OFFSETS) == WITH_OFFSETS.get(name, expected)


@pytest.mark.parametrize(("lines", "offered"), [(100, "block"), (101, "diff")])
def test_a_block_reaches_a_hundred_lines_up(lines: int, offered: str) -> None:
    """And not one more: GitLab cuts the offset off, and would replace other lines than were verified."""
    old = "".join(f"    a{n} = {n}\n" for n in range(lines + 1))
    new = "".join(f"    a{n} = -{n}\n" for n in range(lines + 1))
    one = Case(
        f"def f(x):\n{old}    return 0\n".replace("a0 = 0\n", "a0 = 5\n"),
        f"def f(x):\n{old}    return x\n",
        f"def f(x):\n{new}    return x\n",
        context=200,
    )
    assert applied(one, OFFSETS) == offered
    assert applied(one) == "block"


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][1] == "block"])
def test_an_old_way_of_clicking_gives_the_same(name: str) -> None:
    """Line by line as CommonMark's own rules find the block, without a parser's help."""
    (inline,) = planned(CASES[name][0]).create
    lines = inline.body.split("\n")
    start = next(n for n, line in enumerate(lines) if line.lstrip("`") == "suggestion" and line.startswith("```"))
    ticks = lines[start].removesuffix("suggestion")
    end = next(n for n in range(start + 1, len(lines)) if lines[n] == ticks)
    content = "".join(f"{line}\n" for line in lines[start + 1 : end])
    first = inline.start_line if inline.start_line is not None else inline.line
    assert clicked(CASES[name][0].head, first, inline.line, content) == CASES[name][0].verified


# ------------------------------------------------------------------------------------------------- for all files

LETTERS = st.text(alphabet="ab `~\t#<>-!/|é\u2028\f中'", max_size=12)
IN_STRINGS = st.one_of(
    LETTERS,
    st.sampled_from(
        ["```", "````suggestion", "```suggestion", "~~~", "``````", "    ```", "</details>", "<!-- x -->"]
    ),
).filter(lambda line: '"""' not in line and not line.endswith('"'))
STATEMENTS = st.one_of(
    st.lists(IN_STRINGS, min_size=1, max_size=4).map(lambda lines: '    s = """\n' + "\n".join(lines) + '\n"""'),
    st.integers(0, 9).map(lambda n: f"    a = {n}"),
    LETTERS.map(lambda text: f"    b = 1  # {text}"),
    st.sampled_from(["", "   ", "\f", "    # ```suggestion", "    if x:\n        pass", "    c = 2  "]),
)
FUNCTIONS = st.lists(STATEMENTS, min_size=1, max_size=6)


def source(statements: Sequence[str]) -> str:
    return "\n".join(["def f(x):", *statements, "    return x"]) + "\n"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    old = draw(FUNCTIONS)
    at = draw(st.integers(0, len(old) - 1))
    new = [*old[:at], *draw(st.lists(STATEMENTS, max_size=3)), *old[at + draw(st.integers(0, 2)) :]]
    before = [*old[:at], *draw(st.lists(STATEMENTS, max_size=2)), *old[at + draw(st.integers(0, 3)) :]]
    above = draw(st.sampled_from(["", "# c\n", "import os\n\n\n", '"""Doc."""\n\nimport os\n\nX = 1\n\n\n']))
    below = draw(st.sampled_from(["", "\n\nX = 2\n", "\n\nX = 2", "\n\ndef g():\n    pass\n"]))
    imports = draw(st.sampled_from([(), ("import math",), ("from a import b",)]))
    base, head = above + source(before) + below, above + source(old) + below
    if not below and draw(st.booleans()):
        base, head = base.removesuffix("\n"), head.removesuffix("\n")
    return Case(base, head, source(new), imports, draw(st.sampled_from([0, 1, 3, 50])))


@pytest.mark.thorough
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(cases())
def test_whatever_is_offered_is_the_verified_file(one: Case) -> None:
    try:
        assume(one.new.rstrip() != one.function.source.rstrip() and one.base != one.head)
    except Unparsable:
        assume(False)
    for dialect in (USUAL, OFFSETS):
        assert applied(one, dialect) in {"block", "diff", "marked", "omitted"}


@pytest.mark.thorough
@given(st.text(alphabet="`~ a\n", max_size=30), st.text(alphabet="`~ab\n", max_size=20))
def test_a_block_holds_any_text(text: str, other: str) -> None:
    """The fence alone: any lines at all, between any others."""
    body = "".join(f"{line}\n" for line in text.split("\n"))
    item = replace(WITH_REWRITE, rewrite=Rewrite.of(CANDIDATE, VERDICT, Replacement("shop/cart.py", 13, 13, body)))
    item = replace(item, finding=replace(item.finding, message=other, title=other))
    plan = comment.plan(
        replace(FOUND, findings=(item,)),
        Conversation(),
        number=7,
        head=HEAD,
        files=FILES,
        caps=Caps(),
        check=False,
    )
    found = [token for token in fences(plan.create[0].body) if token.info == "suggestion"]
    assert [token.content for token in found] == ([body] if body.strip() else [])
