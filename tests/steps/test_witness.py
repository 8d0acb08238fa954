"""Witnesses that a model proposes, run in a real sandbox: what proves a finding, and what falls at which gate."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from engines import ARGS, contents, docker_backend, prepared

from bot import examine, trial
from bot.checks.control import Control
from bot.checks.same_tests import SameTests
from bot.checks.tests_pass import TestsPass
from bot.checks.witness_gone import WitnessGone
from bot.domain import (
    Category,
    ChangedFunction,
    Evidence,
    Limits,
    Outcome,
    Probe,
    Severity,
    SuitePlan,
    Suspicion,
)
from bot.endpoints.edits import Edits
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps import observe, propose, prove, verify
from bot.steps.witness import Witnessed, run_witnesses

pytestmark = pytest.mark.engine

PATH = "shop/cart.py"
BASE = '''\
"""Carts."""


def total(prices):
    net = 0
    for price in prices:
        net += price
    return net


def label(name):
    if name == "?":
        return "Unknown"
    return name.strip().title()


def average(values):
    return sum(values) / len(values)


def visit(name):
    return [name]


def register(name):
    return 1


class Basket:
    def __init__(self):
        self._items = []

    def add(self, item):
        self._items.append(item)
        return self

    def size(self):
        return len(self._items)
'''
HEAD = '''\
"""Carts."""

SEEN = []


def total(prices):
    net = 0
    for price in prices if len(prices) < 3 else prices[1:]:
        net += price
    return net


def label(name):
    if name == "?":
        return UNKNOWN
    return name.title()


def average(values):
    return sum(values[:100]) / len(values)


def visit(name):
    while name == "me":
        pass
    return [name]


def register(name):
    SEEN.append(name)
    return len(SEEN)


def discount(price, percent):
    return price - percent


class Basket:
    def __init__(self):
        self._items = []

    def add(self, item):
        self._items.append(item)
        return self

    def size(self):
        return len(set(self._items))
'''
TESTS = """\
from shop import cart


def test_total():
    assert cart.total([1, 2]) == 3


def test_label():
    assert cart.label("milk") == "Milk"


def test_discount():
    assert cart.discount(100, 10) == 90


def test_size():
    assert cart.Basket().add(1).size() == 1
"""
OTHERS = {
    "shop/__init__.py": "",
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef shelf():\n    return []\n",
}
LIMITS = Limits(memory_mb=384, processes=64, workspace_mb=48, tmp_mb=32)
PYTHON = Python()


@dataclass(frozen=True)
class Tree:
    """The files of one side."""

    files: Mapping[str, str]

    def paths(self) -> list[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


@dataclass(frozen=True)
class Ground:
    """Both sides, what running them showed, and the changed functions by name."""

    lab: trial.Lab
    sides: observe.Sides
    evidence: Evidence
    functions: Mapping[str, ChangedFunction]

    @property
    def texts(self) -> prove.Texts:
        return prove.Texts({PATH: HEAD}, {PATH: PYTHON})

    def run(self, *suspicions: Suspicion) -> Witnessed:
        return run_witnesses(
            self.lab,
            self.sides,
            suspicions,
            self.evidence,
            self.texts,
            seconds=60,
            repeats=2,
            progress=Silent(),
            test_seconds=1,
        )


def changed() -> dict[str, ChangedFunction]:
    base = {f.qualname: f for f in PYTHON.functions(PATH, BASE)}
    found = {}
    for head in PYTHON.functions(PATH, HEAD):
        before = base.get(head.qualname)
        if before is None or before.source != head.source:
            lines = head.source.splitlines()
            was = before.source.splitlines() if before is not None else []
            new = tuple(head.start_line + at for at, line in enumerate(lines) if line not in was)
            found[head.qualname] = ChangedFunction(head, before, new, "modified" if before else "added")
    return found


@pytest.fixture(scope="module")
def ground() -> Ground:
    backend = docker_backend()
    image = prepared(backend)
    plan = SuitePlan(ARGS, (), "pytest")
    sides = []
    for text in (BASE, HEAD):
        tests = TESTS if text is HEAD else TESTS.replace("cart.discount(100, 10)", "90")
        files = {**OTHERS, PATH: text, "tests/test_cart.py": tests}
        sides.append(trial.Side(Tree(files), contents(files), image, plan))
    lab = trial.Lab(backend, LIMITS)
    functions = changed()
    both = observe.Sides(*sides)
    settings = observe.Settings(60, further_seconds=0)
    evidence = observe.observe(lab, both, tuple(functions.values()), (), settings, Silent())
    assert {test.outcome for test in evidence.head.tests} == {Outcome.PASSED}, "no test sees what is wrong"
    return Ground(lab, both, evidence, functions)


def suspicion(
    ground: Ground, name: str, body: str, *, category: Category = Category.CORRECTNESS, **more: object
) -> Suspicion:
    """A suspicion with a test of this body; `more` are fields of its probe."""
    code = textwrap.dedent(body).lstrip("\n")
    if "def test_" not in code:
        indented = textwrap.indent(code, "    ")
        code = f"import pytest\nfrom shop import cart\n\n\ndef test_it(tmp_path):\n{indented}"
    probe = Probe("test", code, "", "it goes wrong", source="wise-1 at http://host.invalid/v1")
    return Suspicion(f"model/{category}", category, ground.functions[name], "m", (), probe=replace(probe, **more))


def reasons(ground: Ground, *named: Suspicion) -> list[str]:
    """What became of each: the reason why it fell, or `found`."""
    done = ground.run(*named)
    fell = {id(item.suspicion): item.reason for item in done.left}
    assert len(done.findings) + len(done.left) == len(named)
    assert done.unproven == tuple(item.suspicion for item in done.left)
    assert sum(done.dropped.values()) == len(done.left)
    return [fell.get(id(item), "found") for item in named]


def test_a_regression_that_no_test_sees_is_found_and_told_by_what_ran(ground: Ground) -> None:
    body = "assert cart.total([1, 2, 3]) == 6"
    named = suspicion(
        ground, "total", body, severity=Severity.CRITICAL, claim="drops `the` first price.\n", line=1
    )
    done = ground.run(named)
    (finding,) = done.findings
    assert (finding.rule, finding.category, finding.severity) == ("model/correctness", "correctness", "high")
    assert finding.title == "`total(prices=[1, 2, 3])` now returns `5`"
    assert finding.message == (
        "`total(prices=[1, 2, 3])` returns `5` at head; at base it returns `6`. "
        "The failure: `AssertionError: assert 5 == 6`. The same test passes at base. "
        "wise-1 says: \u201cdrops 'the' first price\u201d."
    )
    assert finding.start_line == finding.end_line == 8, "the changed line that the witness executes"
    assert finding.suspicious_lines[8] == pytest.approx(2**-0.5), "one green test executes it, too"
    (path,) = done.files
    assert path.startswith("tests/test_tryline_")
    assert finding.witness.tests == (f"{path}::test_it",)
    assert (finding.witness.path, finding.witness.code) == (path, done.files[path])
    assert finding.witness.command == f"python -m pytest {path}::test_it"
    assert finding.witness.repeats == 2
    assert done.left == ()


def test_the_evidence_holds_the_witness_and_the_function_is_rewritten_by_it(ground: Ground) -> None:
    done = ground.run(suspicion(ground, "total", "assert cart.total([1, 2, 3]) == 6"))
    (finding,) = done.findings
    (test,) = finding.witness.tests
    evidence = done.evidence
    assert evidence.head.by_id()[test].outcome is Outcome.FAILED
    assert evidence.base.by_id()[test].outcome is Outcome.PASSED
    assert test in evidence.confirmed
    assert test in examine.executing_of(finding.function, evidence)
    guide = examine.guide_of(finding, evidence)
    assert guide.failing == (test,)
    assert guide.green_at_base
    assert guide.passing == ("tests/test_cart.py::test_total",)
    assert ground.evidence.head.by_id().get(test) is None, "the given evidence is left as it was"
    bench = examine.Bench(
        lab=ground.lab,
        head=trial.with_files(ground.sides.head, done.files),
        texts=ground.texts.text,
        languages=ground.texts.language,
        evidence=evidence,
        proposers=(Edits(),),
        checks=(TestsPass(), SameTests(), WitnessGone(), Control()),
        search=propose.Settings(seconds=60),
        verify=verify.Settings(),
        seconds_left=lambda: 60.0,
    )
    reviewed = examine.examine(bench, finding, Silent())
    assert reviewed.rewrite is not None, reviewed.why_no_rewrite
    assert "if len(prices) < 3" not in reviewed.rewrite.candidate.source
    assert test in {row.test for row in reviewed.rewrite.verdict.matrix}


def test_what_differs_between_runs_is_no_evidence(ground: Ground) -> None:
    first = suspicion(ground, "register", "cart.register('a')\nassert cart.register('b') == 1")
    second = suspicion(ground, "register", "assert cart.register('c') == 1")
    assert reasons(ground, first, second) == ["found", "unsteady"], "the second is red beside the first alone"
    assert reasons(ground, second) == ["passes-on-head"]


def test_a_witness_that_ends_the_process_takes_no_other_with_it(ground: Ground) -> None:
    killer = "import os\nimport signal\nassert cart.label(os.abort() or '') == ''"
    leaver = "assert cart.label('a') == 'A'\nraise SystemExit(3)"
    got = reasons(
        ground,
        suspicion(ground, "label", killer),
        suspicion(ground, "total", "assert cart.total([1, 2, 3]) == 6"),
        suspicion(ground, "label", leaver),
    )
    assert got == ["not-executed", "found", "other-reason"]


def test_the_same_failure_is_said_once(ground: Ground) -> None:
    body = "assert cart.total([1, 2, 3]) == 6"
    same = suspicion(ground, "total", body), suspicion(ground, "total", body)
    alike = suspicion(ground, "total", f"prices = [1, 2, 3]\n{body.replace('[1, 2, 3]', 'prices')}")
    assert reasons(ground, *same, alike) == ["found", "said-already", "said-already"]
    other = suspicion(ground, "total", "assert cart.total([9, 2, 3]) == 14")
    assert reasons(ground, alike, other) == ["found", "said-already"], "another input, the same line"


def test_what_is_new_is_held_against_the_models_own_version_and_called_no_worse_than_medium(
    ground: Ground,
) -> None:
    fixed = "def discount(price, percent):\n    return price - price * percent / 100\n"
    body = "assert cart.discount(200, 10) == 180"
    named = suspicion(ground, "discount", body, severity=Severity.HIGH, fixed=fixed)
    (finding,) = ground.run(named).findings
    assert finding.severity is Severity.MEDIUM
    assert finding.title == "`discount(price=200, percent=10)` returns `190`"
    assert "a version that the model wrote passes it" in finding.message
    stub = "def discount(price, percent):\n    return 180\n"
    (finding,) = ground.run(suspicion(ground, "discount", body, kind="call", stub=stub, expected="180")).findings
    assert "`180` is expected is the model's word" in finding.message


def test_without_suspicions_nothing_is_run(ground: Ground) -> None:
    before = ground.lab.executions
    done = ground.run(replace(suspicion(ground, "total", "pass"), probe=None))
    assert (done.findings, done.left, done.files, done.evidence) == ((), (), {}, ground.evidence)
    assert ground.lab.executions == before


def test_each_gate_stops_what_it_is_for_and_nothing_near_it(ground: Ground) -> None:
    fixed = "def discount(price, percent):\n    return price - price * percent / 100\n"
    wrong = "def discount(price, percent):\n    return price - percent - 20\n"
    two = "def test_a():\n    assert cart.total([1, 2, 3]) == 6\n\n\ndef test_b():\n    pass\n"
    slow = Category.PERFORMANCE
    cases: list[tuple[str, Suspicion]] = [
        # broken: of its own fault; the twin's name error comes out of the function
        (
            "broken",
            suspicion(
                ground,
                "total",
                "def test_a(nothing):\n    from shop import cart\n    assert cart.total([1, 2, 3]) == 6",
            ),
        ),
        ("broken", suspicion(ground, "label", "assert cart.label(UNKNOWN) == 'x'", raises="NameError")),
        (
            "broken",
            suspicion(
                ground, "total", "from shop.cart import gone\n\n\ndef test_a():\n    assert gone([1, 2, 3]) == 6"
            ),
        ),
        ("broken", suspicion(ground, "total", f"from shop import cart\n\n\n{two}")),
        ("broken", suspicion(ground, "total", "pytest.skip('x')\nassert cart.total([1, 2, 3]) == 7")),
        ("broken", suspicion(ground, "total", "def test_a(:\n    pass")),
        ("found", suspicion(ground, "label", "assert cart.label('?') == 'Unknown'", raises="NameError")),
        (
            "found",
            suspicion(
                ground,
                "total",
                "from shop import cart\n\n\ndef test_a(shelf):\n    assert cart.total([4, 5, 6]) == 15",
            ),
        ),
        # passes-on-head
        ("passes-on-head", suspicion(ground, "label", "assert cart.label('milk') == 'Milk'")),
        ("found", suspicion(ground, "label", "assert cart.label(' milk') == 'Milk'")),
        # fails-on-base: the fault is older than the change
        ("fails-on-base", suspicion(ground, "average", "cart.average([])", raises="ZeroDivisionError")),
        ("fails-on-base", suspicion(ground, "average", "assert cart.average([1, 2]) == 2")),
        ("found", suspicion(ground, "average", "assert cart.average([1] * 200) == 1")),
        # no-correct-version: base cannot tell
        ("no-correct-version", suspicion(ground, "discount", "assert cart.discount(200, 10) == 170", fixed=fixed)),
        (
            "no-correct-version",
            suspicion(ground, "discount", "assert cart.discount(200, 5) == 175", fixed=wrong),
        ),
        ("no-correct-version", suspicion(ground, "discount", "assert cart.discount(201, 10) == 180")),
        ("found", suspicion(ground, "discount", "assert cart.discount(200, 10) == 180", fixed=fixed)),
        # not-executed: another function fails
        ("not-executed", suspicion(ground, "label", "assert cart.total([1, 2, 3]) == 7")),
        ("not-executed", suspicion(ground, "label", "cart.label(int('x'))", raises="ValueError")),
        # other-reason
        ("other-reason", suspicion(ground, "label", "cart.label(None)", raises="KeyError")),
        ("other-reason", suspicion(ground, "label", "assert cart.label('?') == 'Unknown' or 1")),
        ("other-reason", suspicion(ground, "label", "cart.label('a')\n{}['x']", raises="KeyError")),
        ("other-reason", suspicion(ground, "visit", "assert cart.visit('me') == ['me']")),
        ("found", suspicion(ground, "visit", "assert cart.visit('me') == [ 'me']", category=slow)),
        # internals, trivial
        ("internals", suspicion(ground, "Basket.size", "assert cart.Basket().add(1).add(1)._items == [1]")),
        ("trivial", suspicion(ground, "Basket.size", "cart.Basket().add(1).add(1).size()\nassert 1 == 2")),
        ("found", suspicion(ground, "Basket.size", "assert cart.Basket().add(1).add(1).size() == 2")),
        # said-already: the same failure in other words
        (
            "said-already",
            suspicion(ground, "Basket.size", "b = cart.Basket()\nb.add(1).add(1)\nassert b.size() == 2"),
        ),
    ]
    got = reasons(ground, *(case for _, case in cases))
    assert got == [reason for reason, _ in cases]


LANDS = """
    import json

    def test_it():
        got = cart.label("zq;x")
        if ";" in got:
            stack = [["shop/cart.py", 18, "label"]]
            raise AssertionError("landed: " + json.dumps({"payload": "zq;x", "sink": "title", "stack": stack}))
"""


def attack(ground: Ground, name: str, body: str, **more: object) -> Suspicion:
    code = "from shop import cart\n" + textwrap.dedent(body)
    return suspicion(ground, name, code, category=Category.SECURITY, kind="attack", cwe=78, call="name", **more)


def test_a_payload_that_lands_needs_nobodys_word_and_one_that_landed_before_is_no_news(ground: Ground) -> None:
    new = LANDS.replace('cart.label("zq;x")', 'str(cart.discount(3, 1)) + ";"')
    named = attack(ground, "discount", new, title="It lands", claim="Why it matters.", severity=Severity.CRITICAL)
    (finding,) = ground.run(named).findings
    assert (finding.title, finding.severity, finding.cwe) == ("It lands", Severity.CRITICAL, 78)
    assert (finding.witness.kind, finding.witness.payload, finding.witness.sink) == ("attack", "zq;x", "title")
    assert [(frame.path, frame.line) for frame in finding.witness.stack] == [("shop/cart.py", 18)]
    assert finding.message == "Given `zq;x`, it reaches title at shop/cart.py:18. Why it matters."
    assert finding.probe is None, "it is made anew at each push"
    assert reasons(ground, attack(ground, "label", LANDS.replace("zq;x", "zq"))) == ["passes-on-head"]
    at_base_too = LANDS.replace('cart.label("zq;x")', 'str(cart.total([1])) + ";"')
    assert reasons(ground, attack(ground, "total", at_base_too)) == ["fails-on-base"]
    other = LANDS.replace("landed: ", "something else: ").replace(
        'cart.label("zq;x")', 'str(cart.average([1])) + ";"'
    )
    assert reasons(ground, attack(ground, "average", other)) == ["other-reason"]


def test_an_input_that_base_answers_is_told_in_our_words_and_may_touch_what_it_likes(ground: Ground) -> None:
    body = "from shop import cart\n\n\ndef test_it():\n    assert cart.label('?') == 'Unknown'\n"
    named = suspicion(
        ground,
        "label",
        body,
        kind="input",
        raises="NameError",
        title="`label` now raises NameError",
        claim="So it is.",
    )
    (finding,) = ground.run(named).findings
    assert finding.title == "`label` now raises NameError"
    assert finding.message == "So it is. The same test passes at base."
    private = body.replace("assert cart", "assert cart.Basket()._items == []\n    assert cart")
    assert reasons(ground, replace_code(named, private)) == ["found"], (
        "what we made is not asked about its manners"
    )


def replace_code(named: Suspicion, code: str) -> Suspicion:
    assert named.probe is not None
    return replace(named, probe=replace(named.probe, code=code))
