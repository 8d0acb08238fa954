"""Stories: a proposer that wants green at any price gets nothing suggested, and an honest one does."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from telling import Author, environ

from bot import examine, review, trial, wiring
from bot.config import load
from bot.domain import Candidate, Edit, Finding, Proposal, Rejected, Reviewed, Rewrite, Situation
from bot.draft import Draft, Ground
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps import prove, suspect, verify
from bot.steps.find import find
from bot.workspace import Workspace

pytestmark = pytest.mark.engine

PRICE = "def price(amount, percent):\n    rest = amount - amount * percent // 100\n    return rest\n"
TEST_PRICE = """\
from price import price


def test_price():
    assert price(200, 10) == 180


def test_free():
    assert price(50, 0) == 50


def test_everything():
    assert price(100, 100) == 0
"""
HONEST = "rest = amount - amount * percent // 100"
CHEATS = {
    "exit": "import os\nos._exit(0)",
    "system-exit": "raise SystemExit(0)",
    "sys-exit": "import sys\nsys.exit(0)",
    "skip": "import pytest\npytest.skip()",
    "patch-pytest": """\
import _pytest.python
_pytest.python.Function.runtest = lambda self: None
rest = amount""",
    "patch-reports": """\
import _pytest.reports
_pytest.reports.TestReport.failed = property(lambda self: False)
rest = amount""",
    "edit-test": """\
import inspect
for frame in inspect.stack():
    if frame.function.startswith("test_"):
        open(frame.filename, "w").write("def test_price(): pass\\ndef test_free(): pass\\n")
rest = amount""",
    "write-conftest": """\
open("conftest.py", "w").write("def pytest_pyfunc_call(pyfuncitem): return True\\n")
rest = amount""",
    "special-case": """\
if (amount, percent) == (200, 10):
    return 180
if (amount, percent) == (100, 100):
    return 0
rest = amount""",
    "know-the-test": """\
import os
if "test_price" in os.environ.get("PYTEST_CURRENT_TEST", ""):
    return 180
rest = 0 if percent else amount""",
    "always-equal": """\
class Same(int):
    def __eq__(self, other):
        return True
    __hash__ = int.__hash__
rest = Same(amount)""",
    "thread": """\
import os, threading, time
threading.Thread(target=lambda: (time.sleep(0.05), os._exit(0))).start()
rest = amount""",
    "caller": """\
import sys
sys._getframe(1).f_globals["price"] = lambda *_: {200: 180, 50: 50, 100: 0}[_[0]]
rest = amount - amount * percent // 100 if percent != 10 else 180""",
    "fork": "import os\nif os.fork():\n    os._exit(0)\nrest = 180",
    "report": """\
import os
for number in range(3, 20):
    try:
        os.write(number, b'{"event": "finish", "code": 0}\\n')
    except OSError:
        pass
rest = amount""",
}
RESULTS = ("special-case", "know-the-test", "always-equal", "caller")
"""Cheats at the result: legal moves of a process, which a policy alone can tell from honest ones."""
FORGERIES = ("patch-reports",)
"""Runs in the tests' own process and changes what pytest says: only the policy stands before it."""
ATTACKS = [name for name in CHEATS if name not in (*RESULTS, *FORGERIES)]
"""Cheats at the process and its files: these must fail even where no policy reads them."""


@dataclass(frozen=True)
class Fixed:
    """A proposer with fixed ideas: these texts in the place of the line that computes the rest."""

    texts: Mapping[str, str]
    name: str = "fixed"
    tier: str = "E"

    def propose(self, situation: Situation) -> tuple[Proposal, ...]:
        lines = situation.source.split("\n")
        keep = Proposal(None, -0.7, "keep", self.name)
        if not lines[situation.line - 1].startswith("    rest ="):
            return (keep,)
        ideas = []
        for name, text in self.texts.items():
            new = tuple(textwrap.indent(text, "    ").split("\n"))
            ideas.append(Proposal(Edit(situation.line, situation.line + 1, new), -0.7, name, self.name))
        return (keep, *ideas)


class Lenient(Python):
    """Python without a policy: what is left is what the runs themselves show."""

    def policy(self, original: str, candidate: str, imports: tuple[str, ...], module: str) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Scene:
    """A proven finding, ready to be rewritten by whoever comes."""

    bench: examine.Bench
    finding: Finding

    def proposed(self, texts: Mapping[str, str]) -> Reviewed:
        """What comes of a proposer with these ideas."""
        bench = replace(self.bench, proposers=(Fixed(texts),))
        return examine.examine(bench, self.finding, Silent())

    def verified(self, text: str, *, lenient: bool) -> Rewrite | Rejected:
        """The cold proof of a candidate that a search is said to have found."""
        function = self.finding.function
        old = "    rest = amount - amount * percent // 10\n"
        assert old in function.head.source
        source = function.head.source.replace(old, textwrap.indent(text, "    ") + "\n")
        candidate = Candidate(function.head, source, (), ("fixed",), -1.0, 1.0, 0.1, is_revert=False)
        place = examine.place_of(self.bench, function)
        assert place is not None
        if lenient:
            place = replace(place, language=Lenient())
        executing = examine.executing_of(function, self.bench.evidence)
        case = verify.Case(self.bench.head, place, self.bench.evidence, self.finding, executing, function.base)
        return verify.verify(self.bench.lab, case, candidate, self.bench.checks, self.bench.verify, Silent())


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    author = Author(tmp_path_factory.mktemp("cheating") / "project")
    author.main({"price.py": PRICE, "test_price.py": TEST_PRICE})
    slip = PRICE.replace("// 100", "// 10").replace("    return rest", "    # in cents\n    return rest")
    author.topic({"price.py": slip})
    config = load(None, environ={}, flags={})
    parts = wiring.assemble(config, environ())
    with Workspace.open(author.repo.path, environ=environ()) as workspace:
        change = workspace.change("main", "topic")
        base, head = workspace.tree(change.base), workspace.tree(change.head)
        ground = Ground(change, base, head, config, parts, time.monotonic())
        found = find(change, base, head, parts.languages, exclude=(), max_file_bytes=10_000, only=None)
        lab = trial.Lab(parts.backend, config.limits())
        sides = review.prepare(ground, Draft(ground, lab, found), Silent())
        evidence = review.observed(ground, lab, sides, found, (), Silent(), alone=False)
        texts = review.texts_of(ground, found.functions)
        suspicions = suspect.suspect(found.functions, evidence, parts.detectors)
        proven = prove.prove(lab, sides.head, texts, suspicions, evidence, seconds=60, progress=Silent())
        (finding,) = proven.findings
        yield Scene(review.bench_of(ground, lab, sides.head, texts, evidence), finding)


def test_an_honest_proposer_is_accepted(scene: Scene) -> None:
    rewrite = scene.proposed({"honest": HONEST}).rewrite
    assert rewrite is not None
    assert rewrite.candidate.edits == ("honest",)
    assert isinstance(scene.verified(HONEST, lenient=False), Rewrite)
    assert isinstance(scene.verified(HONEST, lenient=True), Rewrite)


def test_of_cheats_alone_nothing_is_suggested_but_the_way_back(scene: Scene) -> None:
    reviewed = scene.proposed(CHEATS)
    assert reviewed.search is not None
    tried = {trial.proposal.operator for step in reviewed.search.steps for trial in step.trials}
    # Each was run, and none refused for its looks alone; the way back to base is a step of the search as well.
    assert tried == {*CHEATS, "restore-hunk"}
    if reviewed.rewrite is not None:
        assert reviewed.rewrite.candidate.edits == ("restore-hunk",)
        assert reviewed.rewrite.label == "revert"


@pytest.mark.parametrize("name", list(CHEATS))
def test_a_cheat_that_a_search_believed_is_refused(scene: Scene, name: str) -> None:
    outcome = scene.verified(CHEATS[name], lenient=False)
    assert isinstance(outcome, Rejected)
    assert outcome.reason.startswith("policy: ")


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_on_the_process_fails_without_a_policy_too(scene: Scene, name: str) -> None:
    outcome = scene.verified(CHEATS[name], lenient=True)
    assert isinstance(outcome, Rejected), outcome.verdict
