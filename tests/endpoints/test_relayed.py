"""A model asked through somebody else: what crosses, what does not, and who pays."""

from __future__ import annotations

import json
import threading

import pytest
from fake_endpoint import ABLE, FakeEndpoint, complete, failing

from bot.domain import Usage
from bot.endpoints import Answer, Choice, Message, Request, Token
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.relayed import Ask, answering, relayed
from bot.errors import BudgetSpent, EndpointError, ExecutorError

ANSWER = Answer(
    (Choice("x\ud800", tokens=(Token("x", 7, -0.5, ((7, -0.5), ("y", float("-inf")))),)),),
    Usage(requests=1, tokens_in=3, tokens_out=5, seconds=1.5, money=0.25),
    "served",
)
REQUESTS = (
    complete(),
    Request("chat", messages=(Message("user", "hé\u2028"),), schema={"type": "object"}, stop=("a",), max_tokens=9),
    Request("score", prompts=((1, 2, 3), "text"), top=4, chosen_ids=(1, 2)),
)


def tapped(ask: Ask) -> tuple[Ask, list[bytes]]:
    """The same, and everything that crosses."""
    crossed: list[bytes] = []

    def through(question: bytes) -> bytes:
        crossed.append(question)
        crossed.append(ask(question))
        return crossed[-1]

    return through, crossed


@pytest.mark.parametrize("request_", REQUESTS)
def test_requests_and_answers_cross_as_they_are(request_: Request) -> None:
    inner = FakeEndpoint(lambda request: ANSWER)
    model = relayed(answering(inner))
    assert model.endpoint.send(request_) == ANSWER
    assert inner.sent == [request_]
    assert model.accounts.usage == ANSWER.usage


def test_capabilities_cross_and_are_asked_for_once() -> None:
    ask, crossed = tapped(answering(FakeEndpoint()))
    model = relayed(ask)
    assert model.endpoint.capabilities == ABLE
    assert model.endpoint.model == FakeEndpoint().model
    assert model.endpoint.seat
    assert len(crossed) == 2


def test_where_the_endpoint_is_does_not_cross() -> None:
    inner = FakeEndpoint(failing("endpoint-server", message="m at http://user:pass@host.example:1/v1 said no"))
    inner.seat = "http://user:pass@host.example:1/v1"
    ask, crossed = tapped(answering(inner))
    model = relayed(ask)
    assert model.endpoint.name
    with pytest.raises(EndpointError, match="the endpoint said no"):
        model.endpoint.send(complete())
    assert crossed
    for data in crossed:
        assert b"example" not in data
        assert b"pass" not in data


def test_an_error_is_raised_on_the_tasks_side_as_it_was() -> None:
    model = relayed(answering(FakeEndpoint(failing("endpoint-auth", dead=True))))
    with pytest.raises(EndpointError) as caught:
        model.endpoint.send(complete())
    assert (caught.value.slug, caught.value.dead) == ("endpoint-auth", True)


def test_each_function_has_its_own_budget_though_many_ask_at_once() -> None:
    spend = Answer((Choice("x"),), Usage(requests=1))
    together = threading.Barrier(3)

    def slow(request: Request) -> Answer:
        together.wait(30)
        return spend

    ledger = Ledger()
    metered = Metered(FakeEndpoint(slow), ledger, Allowance(function_requests=1))
    ask = answering(metered, ledger.within)

    def one(name: str) -> None:
        model = relayed(ask)
        with model.accounts.function(name):
            model.endpoint.send(complete())
            with pytest.raises(BudgetSpent):
                model.endpoint.send(complete())
        spent.append(name)

    spent: list[str] = []
    threads = [threading.Thread(target=one, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(spent) == ["a", "b", "c"]
    assert {name: used.requests for name, used in ledger.functions.items()} == {"a": 1, "b": 1, "c": 1}
    assert ledger.usage.requests == 3


def test_a_function_of_this_thread_goes_before_the_one_of_all() -> None:
    ledger = Ledger()
    endpoint = Metered(FakeEndpoint(lambda request: ANSWER), ledger, Allowance())
    with ledger.function("all"):
        endpoint.send(complete())
        with ledger.within("mine"):
            endpoint.send(complete())
            assert ledger.function_usage.requests == 1
        endpoint.send(complete())
    assert {name: used.requests for name, used in ledger.functions.items()} == {"all": 2, "mine": 1}


def test_where_nobody_answers_the_endpoint_is_dead() -> None:
    def gone(question: bytes) -> bytes:
        raise ExecutorError("nobody is there", slug="cluster-asked")

    with pytest.raises(EndpointError) as caught:
        relayed(gone).endpoint.send(complete())
    assert (caught.value.slug, caught.value.dead) == ("endpoint-unreachable", True)


@pytest.mark.parametrize(
    "said",
    [b"", b"nonsense", b"[]", b"{}", b"\xff", b'{"answer": 3}', b'{"answer": {"choices": 1}}', b'{"error": {}}',
     b'{"answer": {"choices": []}, "x": NaN}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_of_its_own(said: bytes) -> None:
    model = relayed(lambda question: said)
    with pytest.raises(EndpointError) as caught:
        model.endpoint.send(complete())
    assert caught.value.slug == "endpoint-garbled"


@pytest.mark.parametrize(
    "asked",
    [b"", b"nonsense", b"[]", b"\xff", b'{"request": 3, "function": "f"}', b'{"request": {"kind": "other"}}',
     b'{"request": {"kind": "complete"}, "function": 3}', b'{"request": {"kind": "complete", "key": 1}}'],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_sends_nothing(asked: bytes) -> None:
    inner = FakeEndpoint()
    said = json.loads(answering(inner)(asked))
    assert said["error"]["slug"] == "endpoint-refused"
    assert inner.sent == []


def test_a_request_that_is_too_long_is_not_sent() -> None:
    asked: list[bytes] = []

    def ask(question: bytes) -> bytes:
        asked.append(question)
        return b"{}"

    with pytest.raises(EndpointError) as caught:
        relayed(ask).endpoint.send(Request("complete", prompts=("x" * (17 << 20),)))
    assert caught.value.slug == "endpoint-context"
    assert asked == []
