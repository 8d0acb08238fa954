"""Budgets: nothing is sent that could overrun a limit, and what is booked is what the servers said."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import reduce

import pytest
from fake_endpoint import ABLE, Clock, FakeEndpoint, Reply, complete, failing, plain, together
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import HOSTED, LLAMA_CPP, TRANSFORMERS, VLLM, Abilities, Scripted, ToyServer

from bot.domain import Usage
from bot.endpoints import Answer, Choice, Message, Request
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.openai import OpenAI
from bot.errors import BudgetSpent, EndpointError
from bot.settings import BudgetSettings, EndpointSettings


def metered(inner: FakeEndpoint, clock: Clock | None = None, **limits) -> Metered:
    return Metered(inner, Ledger(clock or Clock()), Allowance(**limits))


def spent(endpoint: Metered, request: Request) -> BudgetSpent:
    """The refusal of a request, of which nothing was sent."""
    before = len(endpoint.inner.sent)
    with pytest.raises(BudgetSpent) as caught:
        endpoint.send(request)
    assert len(endpoint.inner.sent) == before
    return caught.value


def answering(tokens_in: int = 0, tokens_out: int = 0, **more) -> FakeEndpoint:
    usage = Usage(requests=1, tokens_in=tokens_in, tokens_out=tokens_out, **more)
    return FakeEndpoint(lambda request: Answer((Choice("x"),), usage))


# ------------------------------------------------------------------------------------------------------- races


def test_a_race_of_twenty_against_ten_requests_sends_ten() -> None:
    inner = FakeEndpoint(seconds=0.01)
    endpoint = metered(inner, requests=10)
    results = together(20, lambda index: endpoint.send(complete()))
    assert len(inner.sent) == 10
    assert sum(isinstance(result, BudgetSpent) for result in results) == 10
    assert endpoint.ledger.usage.requests == 10


def test_requests_side_by_side_never_promise_more_than_there_is() -> None:
    limit = 350
    most = 0

    def look(request: Request) -> Answer:
        nonlocal most
        held = sum(running.max_tokens for running in list(inner.running))
        most = max(most, held + endpoint.ledger.usage.tokens_out)
        return Answer((Choice("x"),), Usage(requests=1, tokens_in=2, tokens_out=7))

    inner = FakeEndpoint(look, seconds=0.005)
    endpoint = metered(inner, tokens_out=limit)
    results = together(20, lambda index: endpoint.send(complete(max_tokens=100)))
    # Each may take 100 and takes 7: who finds no room waits for true figures, so all are served.
    assert [result for result in results if not isinstance(result, Answer)] == []
    assert endpoint.ledger.usage.tokens_out == 140
    assert 100 < most <= limit
    assert inner.most_running > 1


def test_a_waiting_request_is_refused_once_the_figures_leave_no_room() -> None:
    inner = FakeEndpoint(lambda request: Answer((Choice("x"),), Usage(requests=1, tokens_out=95)), seconds=0.02)
    endpoint = metered(inner, tokens_out=100)
    results = together(5, lambda index: endpoint.send(complete(max_tokens=95)))
    assert sum(isinstance(result, BudgetSpent) for result in results) == 4
    assert len(inner.sent) == 1


def test_money_is_reserved_too() -> None:
    inner = FakeEndpoint(lambda request: Answer((Choice("x"),), Usage(requests=1, tokens_out=15)), seconds=0.01)
    endpoint = metered(inner, money=30.0, price_out=1_000_000)
    results = together(12, lambda index: endpoint.send(complete(max_tokens=15)))
    assert sum(isinstance(result, Answer) for result in results) == 2
    assert endpoint.ledger.usage.money == 30.0


# --------------------------------------------------------------------------------------------------- each limit


@pytest.mark.parametrize(
    ("limits", "scope", "which"),
    [
        ({"requests": 3}, "review", "budget.requests"),
        ({"tokens_in": 58}, "review", "budget.tokens_in"),
        ({"tokens_out": 45}, "review", "budget.tokens_out"),
        ({"money": 0.00005, "price_in": 1.0}, "review", "budget.money"),
        ({"money": 0.0009, "price_out": 20.0}, "review", "budget.money"),
        ({"function_requests": 3}, "function", "budget.function_requests"),
        ({"function_tokens_in": 58}, "function", "budget.function_tokens_in"),
        ({"function_tokens_out": 45}, "function", "budget.function_tokens_out"),
    ],
)
def test_each_limit_stops_on_time_and_is_named(limits: dict[str, float], scope: str, which: str) -> None:
    endpoint = metered(answering(tokens_in=15, tokens_out=15), **limits)
    with endpoint.ledger.function("a.py::f"):
        for _ in range(3):
            endpoint.send(complete("x" * 12, max_tokens=15))
        error = spent(endpoint, complete("x" * 12, max_tokens=15))
    assert (error.scope, error.which, error.slug) == (scope, which, "endpoint-budget")
    assert f"The budget of the {scope} is spent" in error.message
    assert which in error.hint


def test_the_limits_that_refused_are_noted_once_each() -> None:
    endpoint = metered(answering(), requests=1)
    assert endpoint.notes == ()
    endpoint.send(Request("complete", ("a",), max_tokens=1))
    for _ in range(2):
        spent(endpoint, Request("complete", ("b",), max_tokens=1))
    assert endpoint.notes == ("The model was cut short: the budget of the review was spent (`budget.requests`).",)


def test_the_message_has_the_figures() -> None:
    endpoint = metered(answering(tokens_out=1500), tokens_out=2000)
    endpoint.send(complete(max_tokens=1500))
    error = spent(endpoint, replace(complete(max_tokens=2), n=300))
    assert "1,500 of 2,000 tokens out are used, and the next request may need 600" in error.message


def test_time_is_up_for_the_next_request() -> None:
    clock = Clock()

    def slow(request: Request) -> Answer:
        clock.now += 4.0
        return plain(request)

    endpoint = metered(FakeEndpoint(slow), clock, seconds=10.0)
    for _ in range(3):
        assert endpoint.send(complete()).usage.seconds == 4.0
    error = spent(endpoint, complete())
    assert (error.scope, error.which) == ("review", "budget.endpoint_seconds")
    assert "12 of 10 seconds" in error.message


def test_time_runs_for_requests_under_way() -> None:
    clock, reached, go = Clock(), threading.Event(), threading.Event()

    def hang(request: Request) -> Answer:
        reached.set()
        assert go.wait(10)
        return plain(request)

    endpoint = metered(FakeEndpoint(hang), clock, seconds=10.0)
    thread = threading.Thread(target=endpoint.send, args=(complete(),), daemon=True)
    thread.start()
    assert reached.wait(10)
    clock.now += 10.0
    error = spent(endpoint, complete())
    go.set()
    thread.join(10)
    assert error.which == "budget.endpoint_seconds"
    assert endpoint.ledger.usage.seconds == 10.0


def test_no_limits_no_refusal() -> None:
    endpoint = metered(answering(tokens_in=10**9, tokens_out=10**9))
    for _ in range(5):
        endpoint.send(complete(max_tokens=10**9))
    assert endpoint.ledger.usage.tokens_out == 5 * 10**9


# ------------------------------------------------------------------------------------------------ shorter answers


@pytest.mark.parametrize(
    ("limits", "granted"),
    [
        ({"tokens_out": 50}, 50),
        ({"function_tokens_out": 40}, 40),
        ({"tokens_out": 50, "function_tokens_out": 40}, 40),
        ({"money": 0.033, "price_out": 1000.0}, 33),
        # 20 of the money goes for the prompt: 12 bytes and 2, a token each at most.
        ({"money": 0.034, "price_in": 1000.0, "price_out": 1000.0}, 20),
    ],
)
def test_an_answer_is_shortened_to_what_is_left(limits: dict[str, float], granted: int) -> None:
    inner = answering()
    endpoint = metered(inner, **limits)
    with endpoint.ledger.function("f"):
        endpoint.send(complete("x" * 12, max_tokens=100))
    assert [request.max_tokens for request in inner.sent] == [granted]


def test_a_shortened_answer_is_shared_by_choices_and_prompts() -> None:
    inner = answering()
    endpoint = metered(inner, tokens_out=200)
    endpoint.send(Request("complete", prompts=("a", "b"), max_tokens=100, n=4))
    endpoint.send(Request("chat", messages=(Message("user", "a"),), max_tokens=100, n=4))
    assert [request.max_tokens for request in inner.sent] == [25, 50]


def test_less_than_sixteen_tokens_are_not_worth_asking_for() -> None:
    assert spent(metered(answering(), tokens_out=15), complete(max_tokens=100)).which == "budget.tokens_out"
    inner = answering()
    metered(inner, tokens_out=16).send(complete(max_tokens=100))
    assert inner.sent[0].max_tokens == 16


def test_a_request_for_less_than_sixteen_is_not_shortened() -> None:
    endpoint = metered(answering(tokens_out=5), tokens_out=12)
    endpoint.send(complete(max_tokens=8))
    assert spent(endpoint, complete(max_tokens=8)).which == "budget.tokens_out"


def test_scores_are_not_shortened() -> None:
    endpoint = metered(answering(), tokens_out=1)
    assert spent(endpoint, Request("score", prompts=("a", "b"), top=1)).which == "budget.tokens_out"
    endpoint.send(Request("score", prompts=("a",), top=1))


def test_a_longer_prompt_than_allowed_is_not_saved_by_a_shorter_answer() -> None:
    endpoint = metered(answering(), tokens_in=50, tokens_out=50)
    assert spent(endpoint, complete("x" * 100, max_tokens=100)).which == "budget.tokens_in"


# ------------------------------------------------------------------------------------------------- what is booked

usages = st.builds(
    Usage,
    requests=st.integers(0, 3),
    tokens_in=st.integers(0, 1000),
    tokens_out=st.integers(0, 1000),
    tokens_cached=st.integers(0, 10),
    from_cache=st.integers(0, 1),
    estimated=st.integers(0, 1),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["f", "g", ""]), usages), max_size=12), st.integers(0, 3000))
def test_the_ledger_is_the_sum_of_usages(answers: list[tuple[str, Usage]], limit: int) -> None:
    clock, given_usage = Clock(), iter(answers)

    def reply(request: Request) -> Answer:
        clock.now += 0.5
        return Answer((Choice("x"),), next(given_usage)[1])

    endpoint = Metered(
        FakeEndpoint(reply), Ledger(clock), Allowance(tokens_out=limit, price_in=2.0, price_out=8.0)
    )
    seen: dict[str, list[Usage]] = {"f": [], "g": [], "": []}
    for function, _ in answers:
        try:
            if function:
                with endpoint.ledger.function(function):
                    seen[function].append(endpoint.send(complete(max_tokens=100)).usage)
            else:
                seen[function].append(endpoint.send(complete(max_tokens=100)).usage)
        except BudgetSpent:
            continue
    every = reduce(Usage.plus, [usage for group in seen.values() for usage in group], Usage())
    total = endpoint.ledger.usage
    assert replace(total, money=0.0) == replace(every, money=0.0)
    assert total.money == pytest.approx(every.money)
    assert total.money == pytest.approx((total.tokens_in * 2 + total.tokens_out * 8) / 1e6)
    for name, account in endpoint.ledger.functions.items():
        assert replace(account, money=0.0) == replace(reduce(Usage.plus, seen[name], Usage()), money=0.0)


def test_cached_answers_cost_nothing() -> None:
    endpoint = metered(
        FakeEndpoint(lambda request: Answer((Choice("x"),), Usage(from_cache=1))), requests=1, price_in=9
    )
    for _ in range(5):
        endpoint.send(complete())
    assert endpoint.ledger.usage == Usage(from_cache=5)


def test_prompt_cache_hits_of_the_server_cost_like_other_tokens() -> None:
    endpoint = metered(answering(tokens_in=1000, tokens_cached=900), price_in=1.0)
    assert endpoint.send(complete()).usage.money == 0.001


def test_accounts_are_kept_by_function() -> None:
    endpoint = metered(answering(tokens_out=10), function_tokens_out=30)
    ledger = endpoint.ledger
    endpoint.send(complete(max_tokens=10))
    assert ledger.function_usage == Usage()
    with ledger.function("f"):
        together(2, lambda index: endpoint.send(complete(max_tokens=10)))
        assert ledger.function_usage.tokens_out == 20
        with ledger.function("g"):
            endpoint.send(complete(max_tokens=10))
            assert ledger.function_usage.tokens_out == 10
        assert ledger.function_usage.tokens_out == 20
    with ledger.function("f"):
        endpoint.send(complete(max_tokens=10))
        assert spent(endpoint, complete(max_tokens=10)).scope == "function"
    endpoint.send(complete(max_tokens=10))
    assert {name: usage.tokens_out for name, usage in ledger.functions.items()} == {"f": 30, "g": 10}
    assert ledger.usage.tokens_out == 60


def test_an_answer_is_booked_where_its_request_began() -> None:
    reached, go = threading.Event(), threading.Event()

    def hang(request: Request) -> Answer:
        reached.set()
        assert go.wait(10)
        return plain(request)

    endpoint = metered(FakeEndpoint(hang))
    with endpoint.ledger.function("f"):
        thread = threading.Thread(target=endpoint.send, args=(complete(),), daemon=True)
        thread.start()
        assert reached.wait(10)
    with endpoint.ledger.function("g"):
        go.set()
        thread.join(10)
    assert {name: usage.requests for name, usage in endpoint.ledger.functions.items()} == {"f": 1, "g": 0}


def test_a_function_does_not_wait_for_what_another_has_under_way() -> None:
    reached, go = threading.Event(), threading.Event()

    def hang(request: Request) -> Answer:
        if request.prompts == ("slow",):
            reached.set()
            assert go.wait(10)
        return plain(request)

    endpoint = metered(FakeEndpoint(hang), function_requests=1)
    with endpoint.ledger.function("f"):
        slow = threading.Thread(target=endpoint.send, args=(complete("slow"),), daemon=True)
        slow.start()
        assert reached.wait(10)
    with endpoint.ledger.function("g"):
        quick = threading.Thread(target=endpoint.send, args=(complete(),), daemon=True)
        quick.start()
        quick.join(5)
        assert not quick.is_alive()
    go.set()
    slow.join(10)


@pytest.mark.parametrize(
    ("slug", "booked"),
    [
        ("endpoint-refused", Usage(requests=1)),
        ("endpoint-unreachable", Usage(requests=1)),
        # The server may have worked: what it may have made at most, marked as our own guess.
        ("endpoint-timeout", Usage(requests=1, tokens_in=9, tokens_out=20, estimated=1)),
        ("endpoint-garbled", Usage(requests=1, tokens_in=9, tokens_out=20, estimated=1)),
        ("endpoint-offline", Usage()),
    ],
)
def test_failures_are_booked_by_what_may_have_been_used(slug: str, booked: Usage) -> None:
    endpoint = metered(FakeEndpoint(failing(slug)))
    with pytest.raises(EndpointError):
        endpoint.send(complete("one two", max_tokens=20))
    assert endpoint.ledger.usage == booked


def test_a_failure_of_any_kind_gives_its_reservation_back() -> None:
    def broken(request: Request) -> Answer:
        raise RuntimeError("a defect")

    endpoint = metered(FakeEndpoint(broken), tokens_out=20)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            endpoint.send(complete(max_tokens=20))
    endpoint.inner.reply = plain
    endpoint.send(complete(max_tokens=20))


# ----------------------------------------------------------------------------------------- how long is a prompt?

TEXT = "word " * 100  # 500 bytes, 100 tokens of the fake


def test_ids_are_counted_as_they_are() -> None:
    endpoint = metered(FakeEndpoint(), tokens_in=5)
    endpoint.send(Request("complete", prompts=((1, 2), (3, 4, 5)), max_tokens=1))
    assert endpoint.ledger.usage.tokens_in == 5
    ids = Request("complete", prompts=((1, 2, 3, 4, 5, 6),), max_tokens=1)
    assert spent(metered(FakeEndpoint(), tokens_in=5), ids).which == "budget.tokens_in"


def test_an_unknown_tokenizer_may_make_a_token_of_each_byte() -> None:
    assert spent(metered(FakeEndpoint(), tokens_in=400), complete(TEXT)).which == "budget.tokens_in"
    metered(FakeEndpoint(), tokens_in=502).send(complete(TEXT))
    accents = "é" * 100
    assert spent(metered(FakeEndpoint(), tokens_in=199), complete(accents)).which == "budget.tokens_in"


def test_a_server_that_can_count_is_asked_where_it_matters() -> None:
    inner = FakeEndpoint(able=replace(ABLE, tokenize=True))
    endpoint = metered(inner, tokens_in=700)
    for _ in range(6):
        endpoint.send(complete(TEXT))
    # 500 bytes fit three times into 700 tokens when each turns out to be 100; after that it asks.
    assert [request.kind for request in inner.sent] == ["complete"] * 2 + ["tokenize", "complete"] * 4
    assert endpoint.ledger.usage.tokens_in == 600
    assert endpoint.ledger.usage.requests == 6


def test_counting_is_no_request_to_the_model() -> None:
    inner = FakeEndpoint(able=replace(ABLE, tokenize=True))
    endpoint = metered(inner, tokens_in=400, requests=1)
    endpoint.send(complete(TEXT))
    assert [request.kind for request in inner.sent] == ["tokenize", "complete"]
    assert endpoint.ledger.usage.requests == 1
    assert spent(endpoint, complete(TEXT)).which == "budget.requests"
    assert len(inner.sent) == 2, "what cannot fit is not counted either"


def test_a_server_that_fails_to_count_is_not_trusted_blindly() -> None:
    def reply(request: Request) -> Answer | EndpointError:
        return EndpointError("no", slug="endpoint-server") if request.kind == "tokenize" else plain(request)

    endpoint = metered(FakeEndpoint(reply, able=replace(ABLE, tokenize=True)), tokens_in=400)
    with pytest.raises(BudgetSpent):
        endpoint.send(complete(TEXT))


def test_density_is_learned_from_the_server() -> None:
    inner = FakeEndpoint()
    endpoint = metered(inner, tokens_in=800)
    for _ in range(3):
        endpoint.send(complete(TEXT))
    # Left: 500. At a byte each 502 would be needed; by what was measured, with a margin, 127.
    for _ in range(3):
        endpoint.send(complete(TEXT))
    assert endpoint.ledger.usage.tokens_in == 600
    endpoint.send(complete(TEXT))
    assert spent(endpoint, complete(TEXT)).which == "budget.tokens_in"


def guessed(request: Request) -> Answer:
    return Answer((Choice("x"),), Usage(requests=1, tokens_in=100, estimated=1))


@pytest.mark.parametrize(("reply", "text", "limit"), [(guessed, TEXT, 750), (plain, "word " * 20, 500)])
def test_density_is_not_learned_from_estimates_or_tiny_prompts(reply: Reply, text: str, limit: int) -> None:
    endpoint = metered(FakeEndpoint(reply), tokens_in=limit)
    for _ in range(3):
        endpoint.send(complete(text))
    assert spent(endpoint, complete(TEXT)).which == "budget.tokens_in"


def test_everything_that_is_sent_counts_as_prompt() -> None:
    talk = Request("chat", messages=(Message("user", "x" * 100),), prefix="y" * 100, max_tokens=1)
    for request, least in ((talk, 200), (replace(talk, schema={"const": "z" * 100}), 300)):
        assert spent(metered(FakeEndpoint(), tokens_in=least), request).which == "budget.tokens_in"
        metered(FakeEndpoint(), tokens_in=least + 250).send(request)


def test_servers_without_batches_are_sent_a_request_for_each_prompt() -> None:
    request = Request("complete", prompts=("a", "b", "c"), max_tokens=1)
    alone = FakeEndpoint(able=replace(ABLE, batch=False))
    assert spent(metered(alone, requests=2), request).which == "budget.requests"
    metered(FakeEndpoint(), requests=2).send(request)


def test_servers_that_ignore_n_are_sent_a_request_for_each_choice() -> None:
    request = complete("x" * 12, max_tokens=1, n=3, temperature=1.0)
    alone = FakeEndpoint(able=replace(ABLE, n=False))
    assert spent(metered(alone, requests=2), request).which == "budget.requests"
    assert spent(metered(alone, tokens_in=41), request).which == "budget.tokens_in"
    assert spent(metered(alone, money=41.0, price_in=1e6), request).which == "budget.money"
    metered(alone, requests=3, tokens_in=42, money=42.0, price_in=1e6).send(request)
    metered(alone, requests=1).send(replace(request, temperature=0.0))
    metered(FakeEndpoint(), requests=1, tokens_in=14).send(request)


def test_ids_and_texts_in_one_request_are_sent_apart() -> None:
    request = Request("complete", prompts=("a", (1, 2)), max_tokens=1)
    assert spent(metered(FakeEndpoint(), requests=1), request).which == "budget.requests"


# ------------------------------------------------------------------------------------------------ on a real server


def test_a_race_over_http_sends_what_the_budget_allows() -> None:
    with ToyServer(Scripted([("", ["return 1"])])) as server:
        client = OpenAI(server.url, "toy", None, concurrency=16)
        assert client.capabilities.tier == "A"
        probed = len(server.requests)
        endpoint = Metered(client, Ledger(), Allowance(requests=10, price_in=1.0, price_out=4.0))
        results = together(20, lambda index: endpoint.send(complete(f"prompt {index}: ", max_tokens=8)))
        client.close()
        assert len(server.requests) - probed == 10
    usages = [result.usage for result in results if isinstance(result, Answer)]
    total = reduce(Usage.plus, usages, Usage())
    assert sum(isinstance(result, BudgetSpent) for result in results) == 10
    booked = endpoint.ledger.usage
    assert (booked.requests, booked.estimated) == (10, 0)
    assert (booked.tokens_in, booked.tokens_out) == (total.tokens_in, total.tokens_out)
    assert booked.tokens_in > 10
    assert booked.money == pytest.approx((booked.tokens_in + 4 * booked.tokens_out) / 1e6)


@pytest.mark.parametrize(
    "abilities", [VLLM, LLAMA_CPP, TRANSFORMERS, HOSTED], ids=["vllm", "llama.cpp", "transformers", "hosted"]
)
def test_no_server_uses_more_than_was_set_aside(abilities: Abilities) -> None:
    """The bounds hold against servers' own figures: chat templates, ignored parameters, counted prompts."""
    sampling = {"max_tokens": 9, "n": 2, "temperature": 1.0, "seed": 1}
    with ToyServer(Scripted([("", ["return 1\n" * 9])]), abilities) as server:
        client = OpenAI(server.url, "toy", None)
        can = client.capabilities
        asked = [Request("chat", messages=(Message("user", "é" * 40),), **sampling)]
        if can.completions:
            asked.append(complete("def f(x):\n", **sampling))
        if can.scoring:
            asked.append(Request("score", prompts=("def f(x):\n", "    return x"), top=1))
        for request in asked:
            used = Metered(client, Ledger(), Allowance()).send(request).usage
            assert used.requests and used.tokens_in and used.tokens_out
            sent = len(server.asked("/completions") + server.asked("/chat/completions"))
            for name in ("requests", "tokens_in", "tokens_out"):
                too_little = Allowance(**{name: getattr(used, name) - 1})
                with pytest.raises(BudgetSpent):
                    Metered(client, Ledger(), too_little).send(request)
            assert len(server.asked("/completions") + server.asked("/chat/completions")) == sent
        client.close()


# -------------------------------------------------------------------------------------------------- odds and ends


def test_the_allowance_is_what_is_configured() -> None:
    budget = BudgetSettings(
        tokens_in=1,
        tokens_out=2,
        requests=3,
        endpoint_seconds=4,
        money=5,
        function_tokens_in=6,
        function_tokens_out=7,
        function_requests=8,
    )
    endpoint = EndpointSettings(price_in=9, price_out=10)
    assert Allowance.of(budget, endpoint) == Allowance(1, 2, 3, 4.0, 5.0, 6, 7, 8, 9.0, 10.0)


def test_a_metered_endpoint_looks_like_the_one_inside() -> None:
    inner = FakeEndpoint()
    endpoint = metered(inner)
    assert (endpoint.name, endpoint.model, endpoint.seat) == (inner.name, inner.model, inner.seat)
    assert endpoint.capabilities is inner.able
