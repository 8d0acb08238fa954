"""Stories: a branch is pushed again and again. What is as it was is proven anew, and not reviewed anew."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from servers.abilities import Abilities
from servers.models import Scripted
from servers.toy import ToyServer
from telling import Author, environ

from bot import wiring
from bot.cli import ExitCode, exit_code
from bot.config import load
from bot.domain import Conclusion, Review, Reviewed, Severity
from bot.plan import Known, Memory, function_digest
from bot.progress import Silent
from bot.review import review
from bot.workspace import Workspace

pytestmark = pytest.mark.engine

BASE = '''\
"""A shop."""


def total(prices, rate=0.0):
    net = 0
    for price in prices:
        net += price
    return round(net * (1 + rate), 2)


def mean(prices):
    return sum(prices) / len(prices)
'''
# What the branch wants (other digits) is right; that it leaves out the first price is not.
DIGITS = """\
def total(prices, rate=0.0, digits=2):
    net = 0
    for price in prices[1:]:
        net += price
    return round(net * (1 + rate), digits)
"""
HEAD = BASE.replace(BASE[BASE.index("def total") : BASE.index("\n\ndef mean")], DIGITS).replace(
    "sum(prices) / len(prices)", "sum(prices) / max(1, len(prices))"
)
RIGHT = DIGITS.replace("prices[1:]", "prices")
MOVED = HEAD.replace('"""A shop."""\n', '"""A shop.\n\nPrices are in cents.\n"""\n\nCURRENCY = "EUR"\n')
TESTS = """\
from shop import mean, total


def test_some():
    assert total([1, 2]) == 3


def test_one():
    assert total([4], 0.5) == 6


def test_mean():
    assert mean([2, 4]) == 3
"""
NEW_TESTS = f"{TESTS}\n\ndef test_digits():\n    assert total([0, 1.26], 0.0, 1) == 1.3\n"


@dataclass
class Pull:
    """A pull request: a branch, and what its reviews left behind."""

    author: Author
    settings: dict[str, str] = field(default_factory=dict)

    def opened(self, head: str, base: str = BASE, tests: str = TESTS, name: str = "shop") -> None:
        """A branch that changes one module."""
        self.name = name
        self.author.main({f"{name}.py": base, f"test_{name}.py": tests})
        self.push(head, **{name: NEW_TESTS if tests is TESTS else tests})

    def push(self, head: str, **tests: str) -> None:
        """A new commit of the module, and of its tests."""
        files: dict[str, str | bytes | None] = {f"{self.name}.py": head}
        files |= {f"test_{name}.py": text for name, text in tests.items()}
        self.author.topic(files)

    def review(self, memory: Memory | None = None, *, everything: bool = False) -> Review:
        """A review of the branch as it is now; answers of a model are not kept from one to the next."""
        settings = environ() | self.settings
        config = load(None, environ=settings, flags={})
        parts = wiring.assemble(config, settings)
        workspace = Workspace.open(self.author.repo.path, environ=settings)
        told = review(
            parts,
            workspace,
            config,
            Silent(),
            base="main",
            head="topic",
            only=None,
            memory=memory,
            everything=everything,
        )
        assert not [problem for problem in told.problems if problem.slug == "bug"], told.problems
        return told


@pytest.fixture
def pull(author: Author) -> Pull:
    return Pull(author)


def kept(told: Review, **ignored: str) -> Memory:
    """What a review leaves behind for the next."""
    functions = {row.function.id: function_digest(row.function) for row in told.functions if row.whole}
    findings = tuple(known(item) for item in told.findings)
    return Memory(told.change.head.commit or "", functions, findings, ignored)


def known(item: Reviewed) -> Known:
    finding = item.finding
    told = Known(finding.id, finding.function.id, finding.rule, finding.title, probe=finding.probe)
    if item.rewrite is None:
        return told
    candidate = item.rewrite.candidate
    return replace(
        told,
        source=candidate.source,
        imports=candidate.imports,
        edits=candidate.edits,
        proposer=candidate.proposer,
        rung=candidate.rung,
    )


def only(told: Review) -> Reviewed:
    """The only finding."""
    (item,) = told.findings
    return item


def test_a_push_that_moves_lines_keeps_the_finding_and_proves_its_rewrite_without_a_search(pull: Pull) -> None:
    pull.opened(HEAD)
    first = pull.review()
    found = only(first)
    assert found.rewrite is not None and found.search is not None
    assert found.rewrite.candidate.source == RIGHT
    pull.push(MOVED)
    second = pull.review(kept(first))
    again = only(second)
    assert again.finding.id == found.finding.id
    assert again.search is None and again.rewrite is not None
    assert again.rewrite.verdict.accepted and again.rewrite.verdict.tests_run == 4
    assert again.rewrite.candidate == replace(
        found.rewrite.candidate,
        function=again.finding.function.head,
        logprob=0.0,
        agreement=0.0,
        seconds=0.0,
        expected={},
    )
    moved = MOVED.count("\n") - HEAD.count("\n")
    assert again.rewrite.suggestion.start_line == found.rewrite.suggestion.start_line + moved
    assert again.finding.start_line == found.finding.start_line + moved
    assert second.costs.candidates == 0 < first.costs.candidates
    assert second.costs.executions < first.costs.executions / 2
    since = (first.change.head.commit or "")[:7]
    assert f"For 1 finding in what is unchanged since {since} no rewrite was searched for again." in second.notes
    assert second.conclusion is Conclusion.FINDINGS
    assert kept(second).functions == kept(first).functions


def test_everything_is_searched_again_when_asked_for(pull: Pull) -> None:
    pull.opened(HEAD)
    first = pull.review()
    told = pull.review(kept(first), everything=True)
    assert only(told).search is not None and only(told).rewrite is not None
    assert only(told).finding.id == only(first).finding.id


def test_a_push_that_mends_it_ends_the_finding_and_one_that_breaks_another_is_searched(pull: Pull) -> None:
    pull.opened(HEAD)
    memory = kept(pull.review())
    mended = HEAD.replace("prices[1:]", "prices")
    pull.push(mended)
    told = pull.review(memory)
    assert (told.findings, told.conclusion) == ((), Conclusion.CLEAN)
    pull.push(
        mended.replace("sum(prices) /", "sum(prices) //").replace("max(1, len(prices))", "(len(prices) + 1)")
    )
    told = pull.review(kept(told))
    assert only(told).finding.function.head.qualname == "mean"
    assert only(told).search is not None


def test_a_function_that_changed_is_searched_anew_and_no_old_rewrite_is_repeated(pull: Pull) -> None:
    pull.opened(HEAD)
    first = pull.review()
    assert only(first).rewrite is not None
    rounded = HEAD.replace("net * (1 + rate)", "net + net * rate")
    pull.push(rounded)
    told = pull.review(kept(first))
    item = only(told)
    assert item.search is not None and item.rewrite is not None
    assert item.rewrite.candidate.source == RIGHT.replace("net * (1 + rate)", "net + net * rate"), (
        "the author's own edit is kept"
    )


def test_a_known_rewrite_that_does_not_pass_is_refused_and_another_searched(pull: Pull) -> None:
    pull.opened(HEAD)
    first = pull.review()
    assert only(first).rewrite is not None
    stale = replace(known(only(first)), source=RIGHT.replace("net * (1 + rate)", "net * (2 + rate)"))
    told = pull.review(replace(kept(first), findings=(stale,)))
    item = only(told)
    assert item.rejected and item.rejected[0].candidate.source == stale.source
    assert item.rejected[0].reason.startswith(("tests-pass", "witness-gone"))
    assert item.search is not None and item.rewrite is not None and item.rewrite.candidate.source == RIGHT


def test_what_was_searched_in_vain_is_not_searched_again(pull: Pull) -> None:
    pull.opened(HEAD)
    first = pull.review()
    bare = Known(only(first).finding.id, "shop.py::total", only(first).finding.rule, "t")
    told = pull.review(replace(kept(first), findings=(bare,)))
    assert only(told).search is None and only(told).rewrite is None
    assert "none was searched for again" in only(told).why_no_rewrite


def test_what_is_ignored_is_proven_and_shown_and_does_not_count(pull: Pull) -> None:
    pull.opened(HEAD)
    first = pull.review()
    name = only(first).finding.id
    told = pull.review(kept(first, **{name: "ada"}))
    item = only(told)
    assert (item.finding.id, item.ignored, item.why_no_rewrite) == (name, True, "ignored by ada")
    assert item.rewrite is None and item.search is None
    assert told.conclusion is Conclusion.CLEAN and told.problems == ()
    assert exit_code(told, Severity.LOW) is ExitCode.OK
    assert exit_code(first, Severity.LOW) is ExitCode.FINDINGS
    assert told.costs.executions < first.costs.executions / 2 and told.costs.verified == 0


def test_a_memory_that_somebody_changed_gets_nothing_past_the_policy(pull: Pull) -> None:
    pull.opened(HEAD)
    first = pull.review()
    source = RIGHT.replace("    net = 0\n", '    import os\n    os.system("touch /tmp/owned")\n    net = 0\n')
    forged = replace(known(only(first)), source=source, edits=("swap",), proposer="\x1b[31medits")
    told = pull.review(replace(kept(first), findings=(forged,)))
    item = only(told)
    assert item.rejected[0].candidate.source == source
    assert item.rejected[0].candidate.proposer == "[31medits"
    assert item.rejected[0].reason.startswith("policy: ")
    assert item.rejected[0].verdict.selection == "not run"
    assert item.rewrite is not None and item.rewrite.candidate.source == RIGHT


# ------------------------------------------------------------------------------------------ witnesses of a model

SHORT = '''\
"""Texts."""


def shorten(text, width):
    """The text, cut to `width` characters with an ellipsis where it is longer."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…"
'''
# A slip that no test sees: a text that just fits is cut.
SLIP = SHORT.replace("len(text) <= width", "len(text) < width")
SHORT_TESTS = """\
from short import shorten


def test_short():
    assert shorten("ab", 5) == "ab"


def test_long():
    assert shorten("abcdef", 4) == "abc…"
"""
FUNCTION = SHORT[SHORT.index("def ") :]
CHATTY = Abilities(
    style="openai", completions=False, chat_logprobs=0, tokenize=False, continuing="", schema="", context=32768
)
PROBLEM = {
    "category": "correctness",
    "severity": "high",
    "line": 6,
    "title": "Texts that just fit are cut",
    "explanation": "It compares wrongly.",
    "witness": {"kind": "call", "call": "shorten('abcd', 4)", "expected": "'abcd'", "code": "", "raises": ""},
    "fixed": FUNCTION,
}


def model_that_says(*problems: dict[str, Any]) -> ToyServer:
    rules = [("You review one changed", [json.dumps({"problems": problems})])]
    return ToyServer(Scripted([*rules, ("You repair one", [f"```python\n{FUNCTION}```\n"]), ("", ["ok"])]), CHATTY)


@pytest.fixture
def slipped(pull: Pull) -> tuple[Pull, Review]:
    """A branch with a slip that a model found, and that review."""
    pull.opened(SLIP, SHORT, SHORT_TESTS, "short")
    with model_that_says(PROBLEM) as server:
        pull.settings = {"TRYLINE_ENDPOINT_URL": server.url}
        first = pull.review()
        assert server.requests
    assert only(first).finding.rule == "model/correctness"
    assert only(first).finding.start_line == 6
    probe = only(first).finding.probe
    assert probe is not None and probe.line == 3, "counted from `def`, which moves with its lines"
    assert only(first).rewrite is not None
    assert all(row.whole for row in first.functions)
    return pull, first


def test_a_models_witness_is_run_again_without_asking_the_model(slipped: tuple[Pull, Review]) -> None:
    pull, first = slipped
    pull.push(SLIP.replace('"""Texts."""\n', '"""Texts."""\n\nELLIPSIS = "…"\n'))
    with model_that_says() as server:
        pull.settings = {"TRYLINE_ENDPOINT_URL": server.url}
        told = pull.review(kept(first))
        assert server.requests == []
    item = only(told)
    assert item.finding.id == only(first).finding.id
    assert item.finding.start_line == 8
    assert item.finding.witness.code == only(first).finding.witness.code
    assert item.rewrite is not None and item.search is None
    since = (first.change.head.commit or "")[:7]
    assert f"1 function unchanged since {since} was not asked about again." in told.notes
    assert only(pull.review(kept(told))).finding.id == item.finding.id, "not even with no model at hand"


def test_a_models_finding_ends_when_its_witness_passes_and_stays_while_it_fails(
    slipped: tuple[Pull, Review],
) -> None:
    pull, first = slipped
    other = SLIP.replace("text[: width - 1]", "text[0 : width - 1]")
    pull.push(other)
    with model_that_says() as server:
        pull.settings = {"TRYLINE_ENDPOINT_URL": server.url}
        told = pull.review(kept(first))
        assert server.requests, "the function has changed: the model is asked"
        assert only(told).finding.id == only(first).finding.id, "the problem is as it was, whatever the model says"
        pull.push(other.replace("len(text) < width", "len(text) <= width"))
        told = pull.review(kept(told))
    assert (told.findings, told.conclusion) == ((), Conclusion.CLEAN)


def test_a_witness_that_has_become_a_test_is_told_once(slipped: tuple[Pull, Review]) -> None:
    pull, first = slipped
    code = only(first).finding.witness.code
    pull.push(SLIP, fits=code)
    with model_that_says() as server:
        pull.settings = {"TRYLINE_ENDPOINT_URL": server.url}
        told = pull.review(kept(first))
    assert only(told).finding.rule == "tests/new-test-fails"
    assert [test.partition("::")[0] for test in only(told).finding.witness.tests] == ["test_fits.py"]


USE = "from short import shorten\n\n\ndef test_it():\n    "
FORGED = (
    "import os\n\n\ndef test_it():\n    os.system('touch /tmp/owned')\n    assert False\n",
    "import inspect\n\n" + USE + "assert 0 in inspect.getsource(shorten)\n",
    USE + "shorten('a', 1)\n    assert False\n",
    USE + "assert shorten('abcdef', 4) == 'abc…'\n",
    "def test_it(:\n",
    "\0",
)


def test_a_forged_witness_passes_no_gate(slipped: tuple[Pull, Review]) -> None:
    pull, first = slipped
    old = known(only(first))
    assert old.probe is not None
    probes = [replace(old.probe, code=code, claim="</details> @all \x1b[31m", source="@all") for code in FORGED]
    lawless = replace(old, rule="model/@everybody")
    forged = tuple(replace(old, id=f"{number:012x}", probe=probe) for number, probe in enumerate(probes))
    pull.settings = {"TRYLINE_GUIDANCE_REVIEW_SUSPICIONS": "8"}
    told = pull.review(replace(kept(first), findings=(*forged, lawless)))
    assert (told.findings, told.conclusion) == ((), Conclusion.CLEAN)


def test_a_model_that_gave_no_answer_leaves_its_functions_to_be_asked_about(pull: Pull) -> None:
    pull.opened(SLIP, SHORT, SHORT_TESTS, "short")
    pull.settings = {"TRYLINE_ENDPOINT_URL": "http://127.0.0.1:9/v1", "TRYLINE_ENDPOINT_RETRIES": "0"}
    first = pull.review()
    assert first.conclusion is Conclusion.CLEAN and not any(row.whole for row in first.functions)
    with model_that_says(PROBLEM) as server:
        pull.settings = {"TRYLINE_ENDPOINT_URL": server.url}
        told = pull.review(kept(first))
    assert only(told).finding.rule == "model/correctness"
