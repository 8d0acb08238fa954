"""The policy refuses every forgery that a tree can show, and no honest rewrite."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.languages.python.policy import violations

SAMPLES = Path(__file__).parents[1] / "samples"

DYNAMIC = {
    "cold_literal_by_arithmetic": "overfitted arithmetic: held-out tests and inputs of base differ",
    "cold_wasted_time": "depends on a helper's behaviour: warm and cold outcomes differ",
    "cold_hash_seed": "depends on the process: warm and cold outcomes differ",
    "cold_state_between_calls": "depends on the order of tests: the whole suite from the start differs",
    "cold_printed_report": "printed text is no report: outcomes come from the runner, and the test stays red",
    "cold_mutated_argument": "an honest mistake in form: the repository's tests judge the value",
    "wrong_argument_emptied": "the same: a test that compares with a number of its own judges the value",
}
"""Forgeries that look like code, and what catches them when they run."""


@dataclass(frozen=True)
class Sample:
    """One original and one candidate, read from a sample file."""

    name: str
    imports: tuple[str, ...]
    module: str
    original: str
    candidate: str


def sample(path: Path) -> Sample:
    """Reads the sections of a sample file."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("# --- module\n")
    module, _, rest = rest.partition("# --- original\n")
    original, _, candidate = rest.partition("# --- candidate\n")
    lines = [line.removeprefix("# imports: ") for line in head.splitlines() if line.startswith("# imports: ")]
    imports = tuple(part for line in lines for part in line.split("; "))
    return Sample(path.stem, imports, module + original, original, candidate)


def samples(folder: str) -> list[Sample]:
    return [sample(path) for path in sorted((SAMPLES / folder).glob("*.py"))]


def judged(one: Sample) -> tuple[str, ...]:
    return violations(one.original, one.candidate, one.imports, one.module)


FORGERIES = samples("forgeries")
HONEST = samples("honest")


def test_the_corpora_are_there() -> None:
    assert len(FORGERIES) >= 30
    assert len(HONEST) >= 30
    assert set(DYNAMIC) <= {one.name for one in FORGERIES}


@pytest.mark.parametrize("one", [s for s in FORGERIES if s.name not in DYNAMIC], ids=lambda s: s.name)
def test_a_forgery_is_refused(one: Sample) -> None:
    assert judged(one), one.candidate


@pytest.mark.parametrize("one", HONEST, ids=lambda s: s.name)
def test_an_honest_rewrite_is_not_refused(one: Sample) -> None:
    assert judged(one) == ()


@pytest.mark.parametrize("one", [s for s in FORGERIES if s.name in DYNAMIC], ids=lambda s: s.name)
def test_what_only_running_can_show_is_not_guessed_at(one: Sample) -> None:
    assert judged(one) == ()


@pytest.mark.parametrize("one", HONEST + FORGERIES, ids=lambda s: s.name)
def test_only_what_is_new_counts(one: Sample) -> None:
    try:
        compile(one.candidate if one.candidate[0] != " " else "if 1:\n" + one.candidate, one.name, "exec")
    except SyntaxError:
        pytest.fail("a sample must be valid Python")
    if one.name != "two_functions":
        assert violations(one.candidate, one.candidate, (), one.module) == ()


ADD = "def add(a, b: int = 1) -> int:\n    return a - b\n"
MODULE = "import os\nimport json\nfrom . import tools\n\nLIMIT = 3\n\n\ndef helper(x):\n    return x\n\n\n" + ADD


def refused(candidate: str, *imports: str, original: str = ADD, module: str = MODULE) -> str:
    return " | ".join(violations(original, candidate, imports, module))


@pytest.mark.parametrize(
    ("candidate", "says"),
    [
        ("def sum(a, b: int = 1) -> int:\n    return a + b\n", "is named `sum`, not `add`"),
        ("async def add(a, b: int = 1) -> int:\n    return a + b\n", "async"),
        ("def add(a, b: int = 1) -> int:\n    yield a + b\n", "generator"),
        ("@helper\ndef add(a, b: int = 1) -> int:\n    return a + b\n", "other decorators"),
        ("def add(a, b: float = 1) -> int:\n    return a + b\n", "other parameters or annotations"),
        ("def add(a, b: int = 1) -> float:\n    return a + b\n", "other parameters or annotations"),
        ("def add(a, *, b: int = 1) -> int:\n    return a + b\n", "other parameters or annotations"),
        ("def add(b, a: int = 1) -> int:\n    return a + b\n", "other parameters or annotations"),
        ("def add(a, b: int) -> int:\n    return a + b\n", "takes the default of `b` away"),
        ("def add(a, b: int = helper(1)) -> int:\n    return a + b\n", "made once and shared (`helper(1)`)"),
        ("def add(a, b: int = 1) -> int:\n    return a +\n", "does not parse"),
        ("add = lambda a, b: a + b\n", "is not exactly one function"),
        ("", "is not exactly one function"),
        ("def add(a, b: int = 1) -> int:\n    return a + b\n" + "#" * 70_000, "longer than"),
    ],
)
def test_the_signature_stays(candidate: str, says: str) -> None:
    assert says in refused(candidate)


def test_a_default_may_change_to_another_plain_value() -> None:
    assert refused("def add(a=0, b: int = 2) -> int:\n    return a + b\n") == ""


BODY = "def add(a, b: int = 1) -> int:\n    {}\n    return a + b\n"


@pytest.mark.parametrize(
    "line",
    [
        "os._exit(0)",
        "o = os",
        "(lambda os: os)(os)",
        "[os._exit(0) for os in [os]]",
        "from os import _exit",
        "import os as o; o.abort()",
        "import json.decoder; json.decoder.sys",
        "tools.os.getcwd()",
        "json.codecs.sys.exit()",
        "json.loads = None",
        "json.loads.flag = None",
        "del json.loads",
        "for tools.name in [1]: pass",
        "with a as tools.name: pass",
        "tools.TABLE[a] = b",
        "helper.calls = 1",
        "add.calls = 1",
        "a.__class__.total = b",
        "type(a).total = b",
        "e = eval",
        "list(map(exec, [a]))",
        "getattr(a, b)",
        "getattr(a, '__globals__')",
        "getattr(a, 'f_back')",
        "a.__dict__.clear()",
        "a.__init__.__globals__.clear()",
        "'{0.__globals__}'.format(add)",
        "f'{add.__globals__}'",
        "b'/proc/self/mem'",
        "vars(a).clear()",
        "globals().clear()",
        "__builtins__",
        "print(__file__)",
        "class A:\n        os = os; os._exit(0)",
        "class A(dict): pass",
        "class A(metaclass=a): pass",
        "class A:\n        __hash__ = None",
        "type('A', (), {})",
        "type(*a)",
        "global LIMIT",
        "global helper; helper = None",
        "if a == 17 and b: return 5",
        "if a != 17: pass\n    else: return 5",
        "if [a, b] == [0, 1]: return 5",
        "if a in (17, 18): return 5",
        "if (c := a) == 17: return 5",
        "if a == -17: return 5",
        "if 'seventeen' == a: return 5",
        "if a == 17: return [5, {'x': (6,)}]",
        "return 5 if a == 17 else a + b",
        "return {17: 5}[a]",
        "return (a == 17) * 5 + (a != 17) * (a + b)",
        "return (50, 60, 70)[a]",
        "match a:\n        case 17: return 5",
        "match a:\n        case {'x': 17}: return 5",
        "try: a += 1\n    except BaseException: pass",
        "try: a += 1\n    except (ValueError, SystemExit): pass",
        "try: a += 1\n    except* AssertionError: pass",
        "try: a += 1\n    except Exception: return 0",
        "try: a += 1\n    finally: return 0",
        "raise KeyboardInterrupt",
        "open('x')",
        "f = open",
        "a.write_text('x')",
        "a.unlink()",
        "is_pytest = a",
        "a.pytest_plugin()",
        "def inner(seen=[]): return seen",
        "inner = lambda seen={}: seen",
    ],
)
def test_a_line_that_no_rewrite_may_add(line: str) -> None:
    compile(BODY.format("pass"), "body", "exec")
    assert refused(BODY.format(line))


@pytest.mark.parametrize(
    "line",
    [
        "os = {'a': a}; b = os['a']",
        "a = json.dumps(a)",
        "a = tools.clean(a)",
        "a = os.path.join(a, 'b')",
        "a = a.os.signal.types",
        "b = getattr(a, 'value', b)",
        "name = type(a).__name__",
        "if hasattr(a, '__getitem__'): a = a[0]",
        "if a == 0: return b",
        "if not a: return 0",
        "if a == 1 and b == 2: return 0",
        "if a is None: return 17",
        "if a > 17: return 5",
        "if a == 17: a = helper(b)",
        "if a == 17: raise ValueError('seventeen')",
        "if '://' in a: return True",
        "try: a += 1\n    except TypeError: return 0",
        "try: a += 1\n    except Exception as error: raise ValueError(a) from error",
        "input = a; vars = b; b = input + vars",
        "class Box:\n        def __init__(self, a): self.a = a",
        "inner = lambda a=a: a",
        "a.value = b",
        "a[0] = b",
    ],
)
def test_a_line_that_a_rewrite_may_add(line: str) -> None:
    assert refused(BODY.format(line)) == ""


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import math", True),
        ("from collections.abc import Iterable", True),
        ("from .tools import clean", False),
        ("from . import tools", True),
        ("import os", True),
        ("from os.path import join", True),
        ("from os import remove", False),
        ("import sys", False),
        ("from math import *", False),
        ("from functools import sys", False),
        ("from math import pow", False),
        ("import math as helper", False),
        ("import math as LIMIT", False),
        ("import math as json", False),
        ("import math; import sys", False),
        ("print('x')", False),
        ("import", False),
        ("from ..tests.conftest import answers", False),
        ("import conftest", False),
    ],
)
def test_imports(statement: str, allowed: bool) -> None:
    assert (refused(BODY.format("pass"), statement) == "") is allowed


def test_a_violation_names_the_line_and_the_construct_of_an_indented_method() -> None:
    original = '    def add(self, a):\n        """Text\nat the margin."""\n        return a\n'
    candidate = '    @staticmethod\n    def add(self, a):\n        return a or __import__("os")\n'
    found = violations(original, candidate, (), "")
    assert found == ("line 2: has other decorators", "line 3: runs code by `__import__`")


def test_more_of_what_the_original_does_is_new() -> None:
    original = "def f(a):\n    return eval(a)\n"
    assert refused("def f(a):\n    return eval(a or '0')\n", original=original)
    assert refused("def f(a):\n    return eval(a) + eval(a)\n", original=original)
    assert refused("def f(a):\n    return eval(a) or 0\n", original=original) == ""


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_makes_it_raise(text: str, module: str) -> None:
    assert isinstance(violations(text, ADD, (text,), module), tuple)
    assert isinstance(violations(ADD, text, (module,), text), tuple)
    assert isinstance(violations(ADD, "def add(a):\n    " + text, (), module), tuple)


def test_deep_nesting_is_refused_and_not_fatal() -> None:
    deep = "def add(a, b: int = 1) -> int:\n    return " + "-" * 3000 + "a\n"
    wide = "def add(a, b: int = 1) -> int:\n    return " + "+".join(["a"] * 5000) + "\n"
    assert refused(deep)
    assert isinstance(refused(wide), str)
