"""The client of OpenAI-compatible servers: what it sends, how it reads answers, what failures are called."""

from __future__ import annotations

import email.utils
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from servers import (
    HOSTED,
    LLAMA_CPP,
    PREFIXED,
    REASONING,
    TRANSFORMERS,
    Abilities,
    Fault,
    FaultyProxy,
    Scripted,
    Toy,
    ToyServer,
    refusal,
)

from bot.endpoints import Answer, Capabilities, Endpoint, Message, Request
from bot.endpoints.openai import OpenAI
from bot.endpoints.openai.server import LONGEST_BACKOFF, LONGEST_WAIT, proxy_for
from bot.endpoints.openai.shapes import strict
from bot.errors import ConfigError, EndpointError

ROOT = Path(__file__).parents[2]
KEY = "sk-test-0123456789"
SCHEMA = {
    "type": "object",
    "properties": {"line": {"type": "integer"}},
    "required": ["line"],
    "additionalProperties": False,
}

ALL = Capabilities(
    model="toy",
    completions=True,
    chat=True,
    token_ids=True,
    logprobs=20,
    chat_logprobs=20,
    scoring="echo",
    chosen_ids=True,
    n=True,
    batch=True,
    seed=True,
    stop=True,
    prefix="continue_final_message",
    schema="json_schema",
    tokenize=True,
)
"""What vLLM can do."""
LLAMA = replace(
    ALL, token_ids=False, scoring="", chosen_ids=False, n=False, batch=False, prefix="", tokenize=False
)
CHAT = Capabilities(model="toy", chat=True, chat_logprobs=20, n=True, seed=True, stop=True, schema="json_schema")
BARE = Capabilities(model="toy", completions=True, chat=True)
USER = (Message("user", "Hello"),)


def letters(text: str) -> dict[str, float]:
    """Letters without an end; after an `a` rather `b`."""
    return {"b": 0.7, "c": 0.3} if text.endswith("a") else {"a": 0.5, "b": 0.25, "\n": 0.25}


TOY = Toy(letters)


@pytest.fixture(scope="module")
def server() -> Iterator[ToyServer]:
    with ToyServer(TOY, key=KEY) as server:
        yield server


def endpoint(url: str, can: Capabilities | None = ALL, **more: Any) -> OpenAI:
    settings: dict[str, Any] = {"timeout": 5.0, "retries": 2, "sleep": lambda seconds: None, "random": lambda: 1.0}
    return OpenAI(url, more.pop("model", "toy"), more.pop("key", KEY), capabilities=can, **(settings | more))


def last(server: ToyServer) -> Any:
    return server.requests[-1].body


def failing(url: str, request: Request | None = None, **more: Any) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        endpoint(url, **more).send(request or Request("complete", ("x",), max_tokens=2))
    assert caught.value.hint
    return caught.value


# ------------------------------------------------------------------------------------------- what is sent


def test_it_is_an_endpoint(server: ToyServer) -> None:
    one: Endpoint = endpoint(server.url + "/")
    assert (one.name, one.model, one.seat) == (f"toy at {server.url}", "toy", server.url)


def test_a_plain_completion_is_asked_with_the_least_that_says_it(server: ToyServer) -> None:
    answer = endpoint(server.url).send(Request("complete", ("x",), max_tokens=3, purpose="rewrite"))
    assert last(server) == {"model": "toy", "prompt": "x", "max_tokens": 3, "temperature": 0.0}
    assert [(choice.text, choice.finish, choice.tokens) for choice in answer.choices] == [("aba", "length", ())]
    assert answer.model == "toy"
    assert (answer.usage.requests, answer.usage.tokens_out, answer.usage.estimated) == (1, 3, 0)
    assert answer.usage.tokens_in > 0
    assert answer.usage.seconds > 0


def test_everything_that_a_request_says_is_sent(server: ToyServer) -> None:
    request = Request(
        "complete",
        ("x", "ya"),
        max_tokens=2,
        n=2,
        temperature=0.5,
        top_p=0.9,
        stop=("\n",),
        seed=3,
        top=2,
        chosen_ids=(98,),
        ids=True,
    )
    endpoint(server.url).send(request)
    assert last(server) == {
        "model": "toy",
        "prompt": ["x", "ya"],
        "max_tokens": 2,
        "n": 2,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n"],
        "seed": 3,
        "logprobs": 2,
        "logprob_token_ids": [98],
        "return_tokens_as_token_ids": True,
        "return_token_ids": True,
    }


def test_what_a_server_cannot_is_not_sent(server: ToyServer) -> None:
    request = Request(
        "complete",
        ("x",),
        max_tokens=2,
        n=1,
        seed=3,
        stop=("b",),
        top=5,
        chosen_ids=(98,),
        ids=True,
        schema=SCHEMA,
    )
    answer = endpoint(server.url, BARE).send(request)
    assert last(server) == {"model": "toy", "prompt": "x", "max_tokens": 2, "temperature": 0.0}
    # The stop is then ours to keep.
    assert [(choice.text, choice.finish) for choice in answer.choices] == [("a", "stop")]


def test_no_more_alternatives_are_asked_for_than_the_server_gives(server: ToyServer) -> None:
    endpoint(server.url, replace(ALL, logprobs=5)).send(Request("complete", ("x",), max_tokens=1, top=20))
    assert last(server)["logprobs"] == 5


def test_only_the_headers_that_are_needed_go_out() -> None:
    """The library would add the machine's versions, and what OPENAI_* variables hold: tried in a process of its
    own, because it reads them where it is built."""
    with ToyServer(TOY) as server:
        script = (
            "from bot.endpoints import *; from bot.endpoints.openai import OpenAI\n"
            f"can = Capabilities(model='toy', completions=True)\n"
            f"for key in ({KEY!r}, None):\n"
            "    request = Request('complete', ('x',), max_tokens=1)\n"
            f"    OpenAI({server.url!r}, 'toy', key, capabilities=can).send(request)\n"
        )
        ambient = {
            "OPENAI_API_KEY": "sk-ambient-key",
            "OPENAI_ADMIN_KEY": "sk-admin-key",
            "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
            "OPENAI_ORG_ID": "org-1",
            "OPENAI_PROJECT_ID": "proj-1",
            "OPENAI_CUSTOM_HEADERS": "X-Secret: 1\nAuthorization: Bearer sk-custom-key",
            "HTTP_PROXY": "http://127.0.0.1:9",
        }
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | ambient
        subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)
    keyed, bare = ({name.lower(): value for name, value in asked.headers} for asked in server.requests)
    assert set(keyed) == set(bare) | {"authorization"}
    assert set(bare) <= {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "user-agent",
        "content-length",
        "content-type",
    }
    assert keyed["authorization"] == f"Bearer {KEY}"
    assert keyed["user-agent"] == "tryline"


# ------------------------------------------------------------------------------------------ log-probabilities


def test_tokens_come_with_their_alternatives_by_id(server: ToyServer) -> None:
    request = Request("complete", ("x",), max_tokens=2, top=2, ids=True)
    choice = endpoint(server.url).send(request).choices[0]
    assert choice.ids == (97, 98)
    assert [token.id for token in choice.tokens] == [97, 98]
    assert [token.text for token in choice.tokens] == ["token_id:97", "token_id:98"]
    first, second = choice.tokens
    assert first.logprob == pytest.approx(-0.6931, abs=1e-3)
    assert first.top[0] == (97, first.logprob)
    assert [one for one, _ in second.top] == [98, 99]
    assert choice.logprob == pytest.approx(-0.6931 - 0.3567, abs=1e-3)


def test_chosen_ids_come_back_beside_the_token(server: ToyServer) -> None:
    request = Request("complete", ("x",), max_tokens=1, top=1, ids=True, chosen_ids=(10, 120))
    top = dict(endpoint(server.url).send(request).choices[0].tokens[0].top)
    assert top[10] == pytest.approx(-1.3863, abs=1e-3)
    assert top[120] < -20


def test_a_token_named_by_text_keeps_its_text(server: ToyServer) -> None:
    choice = endpoint(server.url).send(Request("complete", ("x",), max_tokens=1, top=3)).choices[0]
    assert (choice.tokens[0].text, choice.tokens[0].id, choice.ids) == ("a", None, ())
    assert choice.tokens[0].top[0][0] == "a"
    assert {one for one, _ in choice.tokens[0].top} == {"a", "b", "\n"}


@pytest.mark.parametrize("way", ["echo", "prompt_logprobs"])
def test_a_given_text_is_scored(server: ToyServer, way: Any) -> None:
    request = Request("score", ((120, 97, 99), (120, 97)), ids=True, top=1)
    answer = endpoint(server.url, replace(ALL, scoring=way)).send(request)
    assert last(server)["max_tokens"] == (0 if way == "echo" else 1)
    assert [choice.prompt for choice in answer.choices] == [0, 1]
    tokens = answer.choices[0].tokens
    assert [token.id for token in tokens] == [120, 97, 99]
    assert tokens[0].logprob is None
    assert tokens[1].logprob == pytest.approx(-0.6931, abs=1e-3)
    assert tokens[2].logprob == pytest.approx(-1.2040, abs=1e-3)
    assert tokens[2].top[0][0] == 98
    assert answer.choices[0].ids == (120, 97, 99)


def test_a_text_is_scored_token_by_token_without_ids(server: ToyServer) -> None:
    choice = endpoint(server.url).send(Request("score", ("1a\n",))).choices[0]
    assert choice.text == "1a\n"
    assert [token.text for token in choice.tokens] == ["1", "a", "\n"]
    assert choice.tokens[1].logprob == pytest.approx(-0.6931, abs=1e-3)


def test_the_cached_part_of_a_prompt_is_counted(server: ToyServer) -> None:
    one = endpoint(server.url)
    request = Request("complete", ("def longer_than_a_block(of_tokens):\n" * 4,), max_tokens=1)
    one.send(request)
    usage = one.send(request).usage
    assert 0 < usage.tokens_cached <= usage.tokens_in


# ----------------------------------------------------------------------------- where the server does not do it


def test_several_answers_are_asked_one_by_one_where_n_is_ignored() -> None:
    with ToyServer(TOY, LLAMA_CPP, key=KEY) as server:
        request = Request("complete", ("x",), max_tokens=12, n=4, temperature=1.0, seed=5)
        one = endpoint(server.url, LLAMA)
        answer = one.send(request)
        asked = server.asked("/completions")
        again = one.send(request)
    assert len(answer.choices) == answer.usage.requests == len(asked) == 4
    assert all("n" not in body for body in asked)
    seeds = {body["seed"] for body in asked}
    assert 5 in seeds
    assert len(seeds) == 4
    assert not seeds & {6, 7, 8}  # a neighbouring seed of another request would repeat these answers
    assert len({choice.text for choice in answer.choices}) > 1
    assert [choice.text for choice in answer.choices] == [choice.text for choice in again.choices]


def test_a_greedy_request_has_one_answer(server: ToyServer) -> None:
    answer = endpoint(server.url).send(Request("complete", ("x",), max_tokens=2, n=3))
    assert len(answer.choices) == 1
    assert "n" not in last(server)


def test_prompts_are_asked_one_by_one_where_a_list_is_not_taken() -> None:
    with ToyServer(TOY, LLAMA_CPP, key=KEY) as server:
        answer = endpoint(server.url, LLAMA).send(Request("complete", ("x", "a", "xa"), max_tokens=1))
        assert [choice.prompt for choice in answer.choices] == [0, 1, 2]
        assert [choice.text for choice in answer.choices] == ["a", "b", "b"]
        assert {body["prompt"] for body in server.asked("/completions")} == {"x", "a", "xa"}


def test_text_and_ids_do_not_go_in_one_request(server: ToyServer) -> None:
    before = len(server.requests)
    answer = endpoint(server.url).send(Request("complete", ("x", (97,)), max_tokens=1))
    assert [choice.text for choice in answer.choices] == ["a", "b"]
    assert len(server.requests) == before + 2


def test_requests_of_one_send_run_side_by_side_within_the_limit() -> None:
    gate, lock, now, most = threading.Barrier(2, timeout=5), threading.Lock(), 0, 0

    def slow(text: str) -> dict[str, float]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        gate.wait()
        time.sleep(0.02)
        with lock:
            now -= 1
        return {"a": 1.0}

    with ToyServer(Toy(slow), LLAMA_CPP) as server:
        request = Request("complete", tuple("123456"), max_tokens=1)
        assert len(endpoint(server.url, LLAMA, concurrency=2).send(request).choices) == 6
    assert most == 2


def test_waiting_for_a_free_place_is_not_waiting_for_the_server() -> None:
    faults = dict.fromkeys(range(9), Fault("slow", seconds=0.3))
    with ToyServer(TOY) as real, FaultyProxy(real.url, faults) as proxy:
        one = endpoint(proxy.url, concurrency=1, timeout=0.5, retries=0)
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(one.send, [Request("complete", ("x",), max_tokens=1)] * 3))
    assert all(0.3 <= answer.usage.seconds < 0.5 for answer in answers)


def test_what_a_server_cannot_do_is_said_before_anything_is_sent(server: ToyServer) -> None:
    before = len(server.requests)
    for request, words in (
        (Request("score", ("x",)), "log-probabilities of a given text"),
        (Request("complete", ((1, 2),)), "token ids"),
        (Request("tokenize", ("x",)), "token ids"),
    ):
        error = failing(server.url, request, can=BARE)
        assert (error.slug, error.dead) == ("endpoint-refused", False)
        assert words in error.message
    assert "cannot chat" in failing(server.url, Request("chat", messages=USER), can=Capabilities("toy")).message
    assert len(server.requests) == before


# -------------------------------------------------------------------------------------------------------- chat


def test_chat_with_the_beginning_of_the_answer() -> None:
    model = Scripted([("Hello", ["Good morning to you"])])
    for abilities, can in ((Abilities(), ALL), (PREFIXED, replace(CHAT, prefix="prefix", seed=False, n=False))):
        with ToyServer(model, abilities, key=KEY) as server:
            request = Request("chat", messages=USER, prefix="Good morning", max_tokens=12, top=1)
            choice = endpoint(server.url, can).send(request).choices[0]
            body = last(server)
        assert choice.text == " to you"
        assert choice.finish == "stop"
        assert choice.tokens[0].top
        assert body["messages"][0] == {"role": "user", "content": "Hello"}
        if can.prefix == "prefix":
            assert body["messages"][1] == {"role": "assistant", "content": "Good morning", "prefix": True}
        else:
            assert body["messages"][1] == {"role": "assistant", "content": "Good morning"}
            assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_a_beginning_is_left_out_where_it_would_become_a_turn() -> None:
    with ToyServer(Scripted([("Hello", ["Good morning"])]), HOSTED, key=KEY) as server:
        answer = endpoint(server.url, CHAT).send(Request("chat", messages=USER, prefix="Good", max_tokens=12))
        assert last(server)["messages"] == [{"role": "user", "content": "Hello"}]
    assert answer.choices[0].text == "Good morning"


@pytest.mark.parametrize(("how", "kind"), [("json_schema", "json_schema"), ("json_object", "json_object")])
def test_structured_output_is_asked_in_the_way_that_works(server: ToyServer, how: Any, kind: str) -> None:
    request = Request("chat", messages=USER, max_tokens=40, schema=SCHEMA)
    answer = endpoint(server.url, replace(ALL, schema=how)).send(request)
    form = last(server)["response_format"]
    assert form["type"] == kind
    if how == "json_schema":
        assert form["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}
        assert set(json.loads(answer.choices[0].text)) == {"line"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (SCHEMA, True),
        ({"type": "string"}, True),
        ({**SCHEMA, "required": []}, False),
        ({"type": "object", "properties": {}, "required": []}, False),
        ({"type": "array", "items": {**SCHEMA, "additionalProperties": True}}, False),
        ({**SCHEMA, "properties": {"line": {"type": "object"}}}, False),
    ],
)
def test_a_schema_is_called_strict_only_where_hosted_servers_take_it(schema: Any, expected: bool) -> None:
    assert strict(schema) is expected


def test_a_reasoning_model_teaches_how_it_wants_to_be_asked() -> None:
    with ToyServer(Scripted([("Hello", ["Good morning"])]), REASONING, key=KEY) as server:
        one = endpoint(server.url, CHAT)
        request = Request("chat", messages=USER, max_tokens=12, temperature=0.5, top_p=0.9, stop=("!",))
        assert one.send(request).choices[0].text == "Good morning"
        learning = len(server.requests)
        assert one.send(request).choices[0].text == "Good morning"
        assert len(server.requests) == learning + 1  # learned once
        body = last(server)
    assert body["max_completion_tokens"] == 12
    assert not {"max_tokens", "temperature", "top_p", "stop"} & set(body)


def test_a_stop_that_the_server_will_not_take_is_kept_by_us() -> None:
    with ToyServer(Scripted([("Hello", ["Good morning"])]), REASONING, key=KEY) as server:
        choice = (
            endpoint(server.url, CHAT).send(Request("chat", messages=USER, stop=("mor",), max_tokens=9)).choices[0]
        )
    assert (choice.text, choice.finish) == ("Good ", "stop")


# ------------------------------------------------------------------------------------------------- tokenizer


def test_text_becomes_ids_and_text_again(server: ToyServer) -> None:
    one = endpoint(server.url)
    answer = one.send(Request("tokenize", ("1=", "c\n"), special=False))
    assert [choice.ids for choice in answer.choices] == [(49, 61), (99, 10)]
    assert (answer.usage.requests, answer.usage.tokens_in, answer.usage.estimated) == (0, 0, 0)
    assert server.requests[-1].path == "/tokenize"  # beside /v1, not below it
    assert server.requests[-1].body["add_special_tokens"] is False
    back = one.send(Request("detokenize", tuple(choice.ids for choice in answer.choices)))
    assert [choice.text for choice in back.choices] == ["1=", "c\n"]


# -------------------------------------------------------------------------------------------------- failures


def attempts(fault: Fault | Mapping[int, Fault], **more: Any) -> tuple[EndpointError | Answer, int, list[float]]:
    """(What came of a request that met the fault (each time, or at the numbered attempts), how often it was
    sent, the pauses)."""
    pauses: list[float] = []
    choose = fault if isinstance(fault, Mapping) else dict.fromkeys(range(50), fault)
    with ToyServer(TOY) as real, FaultyProxy(real.url, choose) as proxy:
        one = endpoint(proxy.url, more.pop("can", ALL), sleep=pauses.append, **more)
        try:
            result: EndpointError | Answer = one.send(Request("complete", ("x",), max_tokens=2))
        except EndpointError as error:
            result = error
            assert proxy.root in error.message
        return result, len(proxy.requests), pauses


@pytest.mark.parametrize(
    ("fault", "slug", "dead", "sent", "words"),
    [
        (Fault("status", 401, {"error": "Unauthorized"}), "endpoint-auth", True, 1, "(401): Unauthorized"),
        (Fault("status", 401, {"detail": "Invalid API key"}), "endpoint-auth", True, 1, "(401): Invalid API key"),
        (Fault("status", 403, {"error": {"message": "No."}}), "endpoint-auth", True, 1, "(403): No."),
        (
            Fault("status", 400, [{"error": {"code": 400, "message": "API key not valid.", "status": "X"}}]),
            "endpoint-auth",
            True,
            1,
            "API key not valid",
        ),
        (
            Fault("status", 404, {"error": {"message": "The model `toy` does not exist.", "code": 404}}),
            "endpoint-model",
            True,
            1,
            "The model `toy` does not exist.",
        ),
        (Fault("status", 400, {"detail": "Server is pinned to /w"}), "endpoint-model", True, 1, "pinned to"),
        (
            Fault("status", 422, {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs are not permitted"}]}),
            "endpoint-refused",
            False,
            1,
            "Extra inputs are not permitted (parameter ['body', 'x'])",
        ),
        (
            Fault("status", 402, {"error": {"message": "Insufficient Balance"}}),
            "endpoint-refused",
            True,
            1,
            "Balance",
        ),
        (Fault("status", 307, "", {"Location": "http://127.0.0.1:9/"}), "endpoint-refused", True, 1, "(307)"),
        (refusal(429), "endpoint-busy", False, 3, "planted 429"),
        (
            Fault("status", 429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}),
            "endpoint-busy",
            True,
            1,
            "quota",
        ),
        (refusal(408), "endpoint-refused", False, 3, "planted 408"),
        (refusal(409), "endpoint-refused", False, 3, "planted 409"),
        (refusal(500), "endpoint-server", False, 3, "planted 500"),
        (refusal(501), "endpoint-server", False, 1, "planted 501"),
        (refusal(503, "Loading model"), "endpoint-server", False, 3, "Loading model"),
        (
            Fault("status", 502, "<html><head><style>b{}</style></head><body><h1>Bad Gateway</h1></body></html>"),
            "endpoint-server",
            False,
            3,
            "(502): Bad Gateway",
        ),
        (Fault("reset"), "endpoint-unreachable", True, 3, "cannot reach"),
        (Fault("closed"), "endpoint-unreachable", True, 3, "cannot reach"),
        (Fault("truncated"), "endpoint-garbled", False, 3, "broke off"),
        (Fault("garbled", body='{"choices": [{"te'), "endpoint-garbled", False, 3, "is not JSON"),
        (Fault("garbled", body=""), "endpoint-garbled", False, 3, "is empty"),
        (Fault("garbled", body="<!DOCTYPE html><p>Log in"), "endpoint-garbled", False, 1, "is not JSON"),
        (Fault("garbled", body="[" * 100_000), "endpoint-garbled", False, 3, "is not JSON"),
        (Fault("garbled", body="[]"), "endpoint-garbled", False, 1, "is no JSON object"),
        (
            Fault("garbled", body={"error": {"message": "upstream is full", "code": 429}}),
            "endpoint-busy",
            False,
            3,
            "(429): upstream is full",
        ),
    ],
)
def test_each_failure_has_its_name(fault: Fault, slug: str, dead: bool, sent: int, words: str) -> None:
    error, times, pauses = attempts(fault)
    assert isinstance(error, EndpointError)
    assert (error.slug, error.dead, times) == (slug, dead, sent)
    assert words in error.message
    assert error.hint
    assert len(pauses) == sent - 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": "none"},
        {"choices": ["text"]},
        {"choices": [{"index": 0}]},
        {"choices": [{"text": 3}]},
        {"choices": [{"text": "a", "logprobs": {"tokens": ["a", "b"], "token_logprobs": [-1.0]}}]},
        {"choices": [{"text": "a", "logprobs": {"tokens": [7], "token_logprobs": [-1.0]}}]},
    ],
)
def test_a_good_status_with_another_shape_is_not_believed(body: Any) -> None:
    with ToyServer(TOY) as real, FaultyProxy(real.url, {0: Fault("garbled", body=body)}) as proxy:
        assert failing(proxy.url).slug == "endpoint-garbled"
        assert len(proxy.requests) == 1


def test_choices_that_fit_no_prompt_are_not_believed() -> None:
    body = {"choices": [{"index": index, "text": "a"} for index in range(3)]}
    with ToyServer(TOY) as real, FaultyProxy(real.url, {0: Fault("garbled", body=body)}) as proxy:
        request = Request("complete", ("x", "y"), max_tokens=1)
        assert "3 choices for 2 prompts" in failing(proxy.url, request).message


def test_odd_figures_and_halves_of_characters_do_no_harm() -> None:
    logprobs = {
        "tokens": ["a", "\ud83d", "c"],
        "token_logprobs": [float("-inf"), None, "x"],
        "top_logprobs": [{"a": float("nan"), "b": -1.5}, None, {"c": True}],
    }
    body = {
        "choices": [{"index": 0, "text": "a\ud83dc", "logprobs": logprobs, "finish_reason": None}],
        "model": 7,
        "usage": {"prompt_tokens": -4, "completion_tokens": "many", "prompt_tokens_details": []},
    }
    with ToyServer(TOY) as real, FaultyProxy(real.url, {0: Fault("garbled", body=body)}) as proxy:
        answer = endpoint(proxy.url).send(Request("complete", ("x" * 30,), max_tokens=3, top=2))
    choice = answer.choices[0]
    assert choice.text == "a�c"
    assert [(token.logprob, token.top) for token in choice.tokens] == [
        (-9999.0, (("b", -1.5),)),
        (None, ()),
        (None, ()),
    ]
    assert choice.logprob is None
    assert answer.model == "toy"
    assert (answer.usage.estimated, answer.usage.tokens_in, answer.usage.tokens_out) == (1, 10, 3)


def test_half_a_character_in_a_prompt_is_sent_as_a_whole_one(server: ToyServer) -> None:
    endpoint(server.url).send(Request("complete", ("x\udc80",), max_tokens=1))
    assert last(server)["prompt"] == "x�"


@pytest.mark.parametrize("style", ["vllm", "llama.cpp", "openai"])
def test_a_prompt_that_is_too_long_is_called_that(style: Any) -> None:
    with ToyServer(TOY, Abilities(style=style, context=64), key=KEY) as server:
        error = failing(server.url, Request("complete", ("1" * 200,), max_tokens=2))
        assert (error.slug, error.dead, len(server.requests)) == ("endpoint-context", False, 1)
        assert "64 tokens" in error.message


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "too much", "type": "invalid_request_error", "code": "context_length_exceeded"}},
        {"error": {"message": "too much", "type": "exceed_context_size_error", "code": 400, "n_ctx": 4096}},
        {"error": {"message": "max_tokens=9 cannot be greater than max_model_len=5.", "code": 400}},
        {"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 5 maximum"}},
    ],
)
def test_further_words_for_too_long(body: Any) -> None:
    error, times, _ = attempts(Fault("status", 400, body))
    assert isinstance(error, EndpointError)
    assert (error.slug, error.dead, times) == ("endpoint-context", False, 1)


def test_a_passing_failure_is_tried_again_with_growing_pauses() -> None:
    faults = {0: refusal(503), 1: refusal(429), 2: Fault("reset"), 3: Fault("truncated")}
    answer, sent, pauses = attempts(faults, retries=4)
    assert isinstance(answer, Answer)
    assert (sent, pauses) == (5, [0.5, 1.0, 2.0, 4.0])
    assert answer.usage.requests == 5
    assert answer.usage.seconds >= 7.5  # the pauses are waiting too


def test_pauses_are_drawn_at_random_and_do_not_grow_for_ever() -> None:
    _, _, pauses = attempts(refusal(500), retries=9, random=lambda: 0.5)
    assert pauses[:3] == [0.25, 0.5, 1.0]
    assert pauses[-1] == LONGEST_BACKOFF / 2


@pytest.mark.parametrize(
    ("asked", "pause"),
    [("7", 7.5), ("0", 0.5), ("1.5", 2.0), ("soon", 0.5), (str(LONGEST_WAIT), LONGEST_WAIT + 0.5)],
)
def test_the_pause_that_a_server_asks_for_is_kept(asked: str, pause: float) -> None:
    _, sent, pauses = attempts({0: refusal(429, retry_after=asked)})
    assert (sent, pauses) == (2, [pause])


def test_a_date_to_come_back_at_is_kept() -> None:
    date = email.utils.formatdate(1_000_030, usegmt=True)
    _, _, pauses = attempts({0: refusal(503, retry_after=date)}, now=lambda: 1_000_000.0)
    assert pauses == [30.5]
    _, _, pauses = attempts({0: refusal(503, retry_after=date)}, now=lambda: 1_000_060.0)
    assert pauses == [0.5]


def test_a_server_that_wants_an_hour_is_not_waited_for() -> None:
    error, sent, pauses = attempts(refusal(429, retry_after="3600"))
    assert isinstance(error, EndpointError)
    assert (error.slug, sent, pauses) == ("endpoint-busy", 1, [])


@pytest.mark.parametrize("fault", [Fault("slow", seconds=0.6), Fault("dribble", seconds=1.2)])
def test_an_answer_that_takes_too_long_is_not_waited_for(fault: Fault) -> None:
    began = time.monotonic()
    error, sent, _ = attempts(fault, timeout=0.2, retries=1)
    assert isinstance(error, EndpointError)
    assert (error.slug, error.dead, sent) == ("endpoint-timeout", False, 2)
    assert "within 0.2 seconds" in error.message
    assert time.monotonic() - began < 2.0


def test_nobody_there() -> None:
    error = failing("http://127.0.0.1:9/v1", retries=1)
    assert (error.slug, error.dead) == ("endpoint-unreachable", True)
    assert "http://127.0.0.1:9/v1" in error.message


@pytest.mark.parametrize("key", [KEY, "plain-0123456789"])
def test_the_key_is_in_no_message(key: str) -> None:
    words = {
        "error": {"message": f"Incorrect API key provided: {key}, not Bearer {key}; you have sk-abcdefgh***wxyz"}
    }
    error, _, _ = attempts(Fault("status", 401, words), key=key)
    assert isinstance(error, EndpointError)
    assert "Incorrect API key provided" in error.message
    assert key not in error.message
    assert "wxyz" not in error.message


def test_a_servers_words_are_clipped_and_cannot_steer_a_terminal() -> None:
    error, _, _ = attempts(Fault("status", 400, {"error": {"message": "\x1b[31mred\n\u202e" + "x" * 5000}}))
    assert isinstance(error, EndpointError)
    assert "\x1b" not in error.message
    assert "\u202e" not in error.message
    assert "\n" not in error.message
    assert len(error.message) < 500


# -------------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://host/v1",
        "http://",
        "http://user:secret@host/v1",
        "http://host/v1?key=secret",
        "http://h:x/",
    ],
)
def test_a_url_that_cannot_be_asked_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint(url)
    assert "secret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel"])
def test_a_key_that_no_header_takes_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint("http://127.0.0.1:9/v1", key=key)
    assert key not in caught.value.message + caught.value.hint


def test_a_key_may_be_wrapped_in_blanks(server: ToyServer) -> None:
    assert endpoint(server.url, key=f" {KEY}\n").send(Request("complete", ("x",), max_tokens=1)).choices


@pytest.mark.parametrize(
    ("environ", "url", "expected"),
    [
        ({}, "https://api.example.com/v1", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://api.example.com/v1", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://api.example.com/v1", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://api.example.com/v1", None),
        ({"ALL_PROXY": "http://p:1"}, "http://api.example.com/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other, .example.com"}, "https://api.example.com/v1", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.co"}, "https://api.example.com/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://api.example.com/v1", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "vllm:8000"}, "http://vllm:8000/v1", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "vllm:8001"}, "http://vllm:8000/v1", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "http://localhost:8000/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:8000/v1", None),
    ],
)
def test_the_proxy_comes_from_the_usual_variables(
    environ: Mapping[str, str], url: str, expected: str | None
) -> None:
    assert proxy_for(url, environ) == expected


def test_a_named_authority_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
        endpoint("https://127.0.0.1:9/v1", environ={"SSL_CERT_FILE": str(tmp_path / "none.pem")})


def test_transformers_takes_no_field_that_it_does_not_know() -> None:
    """It answers 422 to any; a client that knows its capabilities sends none."""
    with ToyServer(TOY, TRANSFORMERS) as server:
        can = Capabilities(model="toy", completions=True, chat=True, stop=True)
        request = Request(
            "complete", ("x", "a"), max_tokens=3, n=2, temperature=0.7, seed=1, top=5, ids=True, stop=("\n",)
        )
        assert len(endpoint(server.url, can).send(request).choices) == 4
        assert {asked.path for asked in server.requests} == {"/v1/completions"}
