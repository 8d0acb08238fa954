"""Endpoints in order: which one serves, when the next one takes over, and what is said of it."""

from __future__ import annotations

import threading

import pytest
from fake_endpoint import ABLE, FakeEndpoint, complete, failing, plain, together
from servers import Scripted, ToyServer

from bot.endpoints import Answer, Capabilities, Message, Request
from bot.endpoints.fallback import Fallback
from bot.endpoints.openai import OpenAI
from bot.errors import BudgetSpent, EndpointError


def pair(first=plain, second=plain, **how) -> tuple[FakeEndpoint, FakeEndpoint, Fallback]:
    one, two = FakeEndpoint(first, model="one"), FakeEndpoint(second, model="two", **how)
    return one, two, Fallback([one, two])


def dead(slug: str = "endpoint-auth"):
    return failing(slug, dead=True, message="the key was refused.")


def test_the_first_serves_while_it_lives() -> None:
    one, two, both = pair()
    assert both.send(complete()).choices
    assert (both.name, both.model, both.seat) == (one.name, one.model, one.seat)
    assert both.capabilities is one.able
    assert (len(one.sent), len(two.sent), both.notes) == (1, 0, ())


def test_a_dead_one_is_left_and_the_request_goes_on() -> None:
    one, two, both = pair(dead(), able=Capabilities("two", completions=True))
    assert both.send(complete()).choices
    assert (both.name, both.model) == (two.name, "two")
    assert both.capabilities is two.able
    both.send(complete())
    assert (len(one.sent), len(two.sent)) == (1, 2)
    assert both.notes == (f"{one.name} failed (the key was refused); {two.name} was asked from there on",)


def test_three_failures_in_a_row_are_enough() -> None:
    one, two, both = pair(failing("endpoint-timeout"))
    for _ in range(2):
        with pytest.raises(EndpointError, match="it failed"):
            both.send(complete())
    assert both.send(complete()).choices
    assert (len(one.sent), len(two.sent)) == (3, 1)
    assert "failed 3 times in a row" in both.notes[0]


def test_a_success_between_failures_counts_for_the_endpoint() -> None:
    one, _, both = pair()
    context = failing("endpoint-context")  # an answer, too: somebody is there
    for reply in (failing(), failing(), plain, failing(), failing(), context, failing(), failing()):
        one.reply = reply
        if reply is plain:
            both.send(complete())
        else:
            with pytest.raises(EndpointError):
                both.send(complete())
    assert both.model == "one"


@pytest.mark.parametrize("slug", ["endpoint-context", "endpoint-refused"])
def test_what_is_wrong_with_the_request_is_not_the_endpoints_fault(slug: str) -> None:
    one, two, both = pair(failing(slug))
    for _ in range(5):
        with pytest.raises(EndpointError) as caught:
            both.send(complete())
        assert caught.value.slug == slug
    one.reply = failing()
    for _ in range(2):
        with pytest.raises(EndpointError):
            both.send(complete())
    assert both.model == "one"
    assert two.sent == []


def test_a_spent_budget_never_switches() -> None:
    _, two, both = pair(lambda request: BudgetSpent("spent", scope="review", which="budget.money"))
    for _ in range(5):
        with pytest.raises(BudgetSpent):
            both.send(complete())
    assert (both.model, two.sent, both.notes) == ("one", [], ())


def test_when_all_are_dead_the_last_error_says_so() -> None:
    one, two, both = pair(dead(), failing("endpoint-server", message="boom."))
    for _ in range(2):
        with pytest.raises(EndpointError) as caught:
            both.send(complete())
        assert not caught.value.dead
    for _ in range(2):
        with pytest.raises(EndpointError) as caught:
            both.send(complete())
        assert (caught.value.message, caught.value.slug, caught.value.dead) == ("boom.", "endpoint-server", True)
    with pytest.raises(EndpointError) as caught:
        both.capabilities  # noqa: B018
    assert caught.value.dead
    assert (len(one.sent), len(two.sent)) == (1, 3)
    assert both.notes[1] == f"{two.name} failed 3 times in a row (boom); no model was asked from there on"
    assert both.model == "two"


def test_an_endpoint_that_cannot_be_probed_is_left_too() -> None:
    one, two, both = pair()
    one.able = EndpointError("nobody there", slug="endpoint-unreachable", dead=True)
    assert both.capabilities is two.able
    assert both.model == "two"


@pytest.mark.parametrize(
    "request_",
    [
        Request("complete", prompts=((1, 2),), max_tokens=5),
        Request("detokenize", prompts=((1, 2),)),
        complete(chosen_ids=(5,)),
    ],
)
def test_token_ids_are_never_sent_to_another_model(request_: Request) -> None:
    _, two, both = pair(dead())
    with pytest.raises(EndpointError) as caught:
        both.send(request_)
    assert not caught.value.dead  # another plan, made for the next one, may succeed
    assert two.sent == []
    assert both.model == "two"
    both.send(complete())


@pytest.mark.parametrize(
    ("request_", "able", "goes"),
    [
        (complete(), Capabilities(chat=True), False),
        (complete(), Capabilities(completions=True), True),
        (Request("chat", messages=(Message("user", "x"),), max_tokens=5), Capabilities(completions=True), False),
        (Request("chat", messages=(Message("user", "x"),), max_tokens=5), Capabilities(chat=True), True),
        (Request("score", prompts=("x",), top=0), Capabilities(completions=True), False),
        (Request("score", prompts=("x",), top=0), Capabilities(scoring="echo"), True),
        (Request("tokenize", prompts=("x",)), ABLE, False),
        (Request("tokenize", prompts=("x",)), Capabilities(tokenize=True), True),
    ],
)
def test_a_request_that_the_next_one_cannot_take_is_planned_anew(request_, able, goes: bool) -> None:
    _, two, both = pair(dead(), able=able)
    if goes:
        assert both.send(request_).choices
    else:
        with pytest.raises(EndpointError) as caught:
            both.send(request_)
        assert not caught.value.dead
    assert len(two.sent) == goes


def test_a_request_of_ids_to_the_last_one_hears_that_all_are_dead() -> None:
    both = Fallback([FakeEndpoint(dead())])
    with pytest.raises(EndpointError) as caught:
        both.send(Request("complete", prompts=((1,),), max_tokens=1))
    assert caught.value.dead


def test_threads_switch_once_and_lose_no_request() -> None:
    barrier = threading.Barrier(8)

    def reply(request: Request) -> EndpointError:
        barrier.wait(10)  # all eight fail together
        return EndpointError("gone", slug="endpoint-unreachable", dead=True)

    one, two, both = pair(reply)
    results = together(8, lambda index: both.send(complete(f"prompt {index}")))
    assert all(isinstance(result, Answer) for result in results)
    assert (len(one.sent), len(two.sent)) == (8, 8)
    assert len(both.notes) == 1


def test_failures_of_one_that_was_left_do_not_count_against_the_next() -> None:
    started, go = threading.Event(), threading.Event()

    def reply(request: Request) -> EndpointError:
        if request.prompts == ("slow",):
            started.set()
            assert go.wait(10)
        return EndpointError("gone", slug="endpoint-unreachable", dead=True)

    _, two, both = pair(reply)
    slow = threading.Thread(target=both.send, args=(complete("slow"),))
    slow.start()
    assert started.wait(10)
    both.send(complete())
    go.set()
    slow.join(10)
    assert both.model == "two"
    assert len(two.sent) == 2


def test_no_endpoints_are_no_fallback() -> None:
    with pytest.raises(ValueError, match="no endpoints"):
        Fallback([])


def test_an_endpoint_that_cannot_name_its_model_is_left_too() -> None:
    one, _, both = pair()
    one.model_ = EndpointError("nobody there", slug="endpoint-unreachable", dead=True)
    assert both.model == "two"
    alone = Fallback([one])
    for _ in range(2):
        with pytest.raises(EndpointError, match="nobody there"):
            alone.model  # noqa: B018


def test_a_stopped_server_is_left_for_one_that_runs() -> None:
    with ToyServer(Scripted([("", ["return 1"])])) as gone:
        pass
    with ToyServer(Scripted([("", ["return 2"])]), name="second") as server:
        clients = [OpenAI(url, None, None, retries=0) for url in (gone.url, server.url)]
        both = Fallback(clients)
        assert both.capabilities.tier == "A"
        assert both.model == "second"
        assert both.send(complete("def f():")).choices[0].text == "return 2"
        for client in clients:
            client.close()
    assert len(both.notes) == 1
    assert gone.url in both.notes[0]
    assert server.url in both.notes[0]
