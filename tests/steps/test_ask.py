"""Asking a model for problems: what becomes of good answers, of bad ones, and of an endpoint that gives up."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from fake_engine import Tree

from bot import prompts
from bot.domain import Brief, Category, ChangedFunction, Severity, Surroundings, Usage
from bot.endpoints import Answer, Capabilities, Choice, Request
from bot.errors import BudgetSpent, EndpointError
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps.ask import MOST_CHARACTERS, Asked, Code, ask

PATH = "shop/cart.py"
TEXT = "def total(prices):\n    return sum(prices[1:])\n\n\ndef label(name):\n    return name\n"
PYTHON = Python()
FUNCTIONS = tuple(ChangedFunction(f, None, (f.end_line,), "added") for f in PYTHON.functions(PATH, TEXT))
TOTAL, LABEL = FUNCTIONS
FIXED = "def total(prices):\n    return sum(prices)\n"
CHAT = Capabilities(chat=True, schema="json_schema")
USED = Usage(requests=1, tokens_in=10, tokens_out=5)


def problem(**more: Any) -> dict[str, Any]:
    """A well-formed problem with a call as its witness, apart from what is given; `witness_x` is the witness's."""
    witness = {"kind": "call", "call": "total([1, 2])", "expected": "3", "code": "", "raises": ""}
    witness |= {key.removeprefix("witness_"): value for key, value in more.items() if key.startswith("witness_")}
    row = {
        "category": "correctness",
        "severity": "high",
        "line": 2,
        "title": "The first price is lost",
        "explanation": "The slice begins at 1.",
        "witness": witness,
        "fixed": FIXED,
    }
    return row | {key: value for key, value in more.items() if not key.startswith("witness_")}


def said(*problems: object) -> str:
    return json.dumps({"problems": problems})


@dataclass
class Scripted:
    """An endpoint that answers from a script: one list of replies for each function that the prompt names."""

    script: Callable[[str, int], str | EndpointError]
    """(the last turn's text, how many requests came before) -> the answer, or what is raised."""
    able: Capabilities | EndpointError = CHAT
    name: str = "wise-1 at http://host.invalid/v1"
    model: str = "wise-1"
    seat: str = "http://host.invalid/v1"
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def capabilities(self) -> Capabilities:
        if isinstance(self.able, EndpointError):
            raise self.able
        return self.able

    def send(self, request: Request) -> Answer:
        with self.lock:
            count = len(self.requests)
            self.requests.append(request)
        last = request.messages[-1].content if request.messages else str(request.prompts[0])
        reply = self.script(last, count)
        if isinstance(reply, EndpointError):
            raise reply
        return Answer((Choice(reply),), USED)


def asked(
    endpoint: Scripted, *functions: ChangedFunction, most: int = 3, concurrency: int = 1, **more: Any
) -> Asked:
    chosen = functions or (TOTAL,)
    briefs: Mapping[str, Brief] = {f.id: Brief(f.head, Surroundings()) for f in chosen}
    tests = "from shop.cart import total\n"
    files = Tree({PATH: TEXT.encode(), "shop/__init__.py": b"", "tests/test_cart.py": tests.encode()})
    code = Code({PATH: TEXT}, {PATH: PYTHON}, files)
    return ask(chosen, briefs, code, endpoint, most=most, concurrency=concurrency, progress=Silent(), **more)


def replies(*texts: str | EndpointError) -> Scripted:
    return Scripted(lambda _last, count: texts[count])


def test_a_good_answer_becomes_suspicions_with_probes() -> None:
    module = "from shop.cart import total\n\n\ndef test_all():\n    assert total([1, 2]) == 3\n"
    endpoint = replies(
        said(
            problem(),
            problem(category="security", severity="critical", witness_kind="test", witness_code=module, line=99),
        )
    )
    done = asked(endpoint)
    assert done.skipped == ()
    first, second = done.suspicions
    assert (first.rule, first.category, first.function) == ("model/correctness", Category.CORRECTNESS, TOTAL)
    assert first.suspicious_lines == {2: 1.0}
    probe = first.probe
    assert probe is not None
    assert (probe.kind, probe.test, probe.severity, probe.line) == ("call", "test_total", Severity.HIGH, 2)
    assert (
        probe.code
        == "from shop.cart import total\n\n\ndef test_total():\n    got = total([1, 2])\n    assert got == 3\n"
    )
    assert (probe.fixed, probe.stub) == (FIXED, "def total(prices):\n    return 3\n")
    assert probe.claim == "The first price is lost. The slice begins at 1."
    assert probe.source == endpoint.model
    assert second.probe is not None
    assert (second.rule, second.probe.code, second.probe.test) == ("model/security", module, "test_all")
    assert second.probe.line == 0, "a line outside the function is nobody's"
    assert done.usage == USED
    assert done.counts == {"asked": 1, "answered": 1, "repaired": 0, "problems": 2, "malformed": 0, "surplus": 0}
    (request,) = endpoint.requests
    assert request.kind == "chat"
    assert request.schema == prompts.REVIEW_SCHEMA
    assert request.messages[0].content == prompts.review(Brief(TOTAL.head, Surroundings()), 3)


def test_a_server_without_schemas_and_without_chat_is_asked_in_plain_text() -> None:
    endpoint = Scripted(lambda _last, _count: said(), Capabilities(completions=True))
    done = asked(endpoint)
    assert (done.suspicions, done.skipped) == ((), ())
    (request,) = endpoint.requests
    assert (request.kind, request.schema) == ("complete", None)
    assert str(request.prompts[0]).startswith(prompts.review(Brief(TOTAL.head, Surroundings()), 3))


@pytest.mark.parametrize(
    "answer",
    [
        f"Here:\n```json\n{said(problem())}\n```\nDone.",
        f"```\n{{}}\n```\n\n```json\n{said(problem())}\n```",
        f"I think {said(problem())}, no more.",
        f"<think>maybe {said()}?</think>\n{said(problem())}",
        said(problem(fixed="Like so:\n```python\n" + FIXED + "```\n")),
    ],
    ids=["fence", "last-fence", "braces", "thought", "fence-inside"],
)
def test_json_is_found_in_what_surrounds_it(answer: str) -> None:
    done = asked(replies(answer))
    assert [s.probe.fixed for s in done.suspicions if s.probe] == [FIXED]


BAD = [
    ("no JSON at all", "holds no JSON"),
    ('{"problems": [}', "not valid JSON"),
    ('{"problems": {}}', "must be a list"),
    ('{"problems": [], "problems": []}', "given twice"),
    ('{"problems": NaN}', "no JSON number"),
    ('{"problems": ' + "[" * 50_000 + "]" * 50_000 + "}", "longer than"),
    ('{"problems": ' + "[" * 20_000 + "]" * 20_000 + "}", "nested"),
    (said("x"), "must be an object"),
    (said(problem(category="style")), "category: must be one of correctness"),
    (said(problem(severity=3)), "severity: must be one of"),
    (said(problem(line="2")), "line: must be a whole number"),
    (said(problem(line=True)), "line: must be a whole number"),
    (said(problem(title=[])), "title: must be a text"),
    (said(problem(witness=None)), "witness: must be an object"),
    (said(problem(witness_kind="shell")), "kind: must be one of test, call"),
    (said(problem(witness_call="total(")), "not valid Python"),
    (said(problem(witness_call="total([1]); print()")), "not valid Python"),
    (said(problem(witness_expected="open('x')")), "not a Python literal"),
    (said(problem(witness_call="gone(1)")), "`gone` is neither built in"),
    (said(problem(witness_call="1 + 1")), "nothing that shop/cart.py defines"),
    (said(problem(witness_expected="")), "needs its expected result"),
    (said(problem(witness_raises="os.system('x')")), "raises: must be the name"),
    (said(problem(witness_kind="test", witness_code="def test_a():\n    pass\x00")), "no source file may hold"),
    (said(problem(witness_kind="test", witness_code="def helper(): pass\n")), "exactly one test function"),
    (said(problem(witness_kind="test", witness_code="x" * 13_000)), "longer than 12000"),
    (said(problem(witness_call="total(['[redacted token]'])")), "redacted"),
    (json.dumps({"problems": [problem()]}).replace("The first", "\\ud800"), "no source file may hold"),
]


@pytest.mark.parametrize(("answer", "complaint"), BAD, ids=[words for _, words in BAD])
def test_what_does_not_fit_is_asked_for_once_more_and_then_skipped(answer: str, complaint: str) -> None:
    endpoint = replies(answer, said(problem()))
    done = asked(endpoint)
    assert len(done.suspicions) == done.counts["repaired"] == 1
    question, first, again = endpoint.requests[1].messages
    assert (question, first.role, again.role) == (endpoint.requests[0].messages[0], "assistant", "user")
    assert len(first.content) < 10_000
    assert complaint in again.content
    assert done.usage == USED.plus(USED)
    twice = replies(answer, answer)
    done = asked(twice)
    assert done.suspicions == ()
    ((name, why),) = done.skipped
    assert name == TOTAL.id
    assert complaint in why
    assert len(twice.requests) == 2
    assert done.counts["answered"] == 0


def test_what_is_good_in_a_bad_answer_stands() -> None:
    mixed = said(problem(), problem(line="2"))
    done = asked(replies(mixed, "no"))
    assert (len(done.suspicions), done.skipped) == (1, ())
    assert (done.counts["problems"], done.counts["malformed"], done.counts["repaired"]) == (2, 1, 0)
    done = asked(replies(mixed, EndpointError("slow", slug="endpoint-timeout")))
    assert (len(done.suspicions), done.skipped) == (1, ())
    assert len(asked(replies(mixed, said(problem(), problem()))).suspicions) == 2


def test_thousands_of_problems_are_cut_to_what_was_asked_for() -> None:
    small = problem(fixed="", explanation="")
    done = asked(replies(said(*([small] * 300))), most=2)
    assert len(done.suspicions) == 2
    assert done.counts["surplus"] == 298
    flood = said(*([small] * 3000))
    assert len(flood) > MOST_CHARACTERS
    assert asked(replies(flood, flood)).suspicions == ()


def test_a_correction_that_does_not_fit_is_no_correction() -> None:
    for fixed in (
        "",
        "def other():\n    pass\n",
        "def total(prices:\n",
        "def total(p):\n    return '[redacted key]'\n",
    ):
        (found,) = asked(replies(said(problem(fixed=fixed)))).suspicions
        assert found.probe is not None
        assert found.probe.fixed == ""


def test_a_dead_endpoint_ends_the_asking_and_says_why_of_each() -> None:
    endpoint = replies(EndpointError("wrong key", slug="endpoint-auth", dead=True))
    done = asked(endpoint, TOTAL, LABEL)
    assert done.skipped == ((TOTAL.id, "wrong key"), (LABEL.id, "wrong key"))
    assert len(endpoint.requests) == 1


def test_a_spent_budget_of_the_review_ends_it_and_a_functions_own_does_not() -> None:
    for scope, requests in (("review", 1), ("function", 2)):
        spent = BudgetSpent("used up", scope=scope, which="budget.tokens_in")
        endpoint = replies(spent, said())
        done = asked(endpoint, TOTAL, LABEL)
        assert len(endpoint.requests) == requests
        assert [name for name, _ in done.skipped] == [TOTAL.id, LABEL.id][: 3 - requests]


def test_a_request_that_fails_costs_its_function_alone() -> None:
    endpoint = replies(
        EndpointError("too long", slug="endpoint-context"), said(problem(witness_call="label('a')"))
    )
    done = asked(endpoint, TOTAL, LABEL)
    assert done.skipped == ((TOTAL.id, "too long"),)
    assert [s.function for s in done.suspicions] == [LABEL]


def test_an_endpoint_that_cannot_be_asked_is_not() -> None:
    gone = Scripted(
        lambda _last, _count: "", EndpointError("nobody there", slug="endpoint-unreachable", dead=True)
    )
    assert asked(gone).skipped == ((TOTAL.id, "nobody there"),)
    mute = Scripted(lambda _last, _count: "", Capabilities())
    assert asked(mute).skipped == ((TOTAL.id, "the endpoint answers neither chat nor completions"),)
    assert gone.requests == mute.requests == []


def test_functions_are_asked_about_side_by_side_and_told_in_order() -> None:
    both = threading.Barrier(2, timeout=20)

    def answer(last: str, _count: int) -> str:
        both.wait()
        return said(problem(witness_call="label('a')" if "return name" in last else "total([1])", line=1))

    done = asked(Scripted(answer), TOTAL, LABEL, concurrency=2)
    assert [s.function for s in done.suspicions] == [TOTAL, LABEL]
    assert done.usage == USED.plus(USED)
