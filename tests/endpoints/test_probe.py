"""The probe: what played servers of each kind are found to do, what is not believed, and what is kept on disk."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
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
    VLLM,
    Abilities,
    Fault,
    FaultyProxy,
    Scripted,
    Toy,
    ToyServer,
    refusal,
)

from bot.endpoints import Capabilities, Request
from bot.endpoints.openai import OpenAI
from bot.errors import EndpointError

KEY = "sk-test-0123456789"
SPREAD = ("red", "green", "blue", "cyan", "pink", "grey", "black", "white")


def talkative(text: str) -> Mapping[str, float]:
    """Words without an end, some likelier than others: what was said last decides which."""
    turn = len(text) % len(SPREAD)
    order = SPREAD[turn:] + SPREAD[:turn]
    if text.endswith(" ") or text.endswith("\n"):
        return {word: (0.3 if index == 0 else 0.1) for index, word in enumerate(order)}
    return {" ": 1.0}


TOY = Toy(talkative)


def endpoint(url: str, model: str | None = "toy", **more: Any) -> OpenAI:
    settings: dict[str, Any] = {"timeout": 5.0, "retries": 1, "sleep": lambda seconds: None}
    return OpenAI(url, model, KEY, **(settings | more))


def found(abilities: Abilities, toy: Toy = TOY) -> tuple[Capabilities, ToyServer]:
    with ToyServer(toy, abilities, key=KEY) as server:
        return endpoint(server.url).capabilities, server


EVERYTHING = Capabilities(
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
    template=("<|user|>\n", "<|turn|>\n<|assistant|>\n"),
    context=4096,
)


@pytest.mark.parametrize(
    ("abilities", "expected", "tier"),
    [
        (VLLM, EVERYTHING, "A"),
        (
            LLAMA_CPP,
            Capabilities(
                model="toy",
                completions=True,
                chat=True,
                logprobs=20,
                chat_logprobs=20,
                seed=True,
                stop=True,
                schema="json_object",
            ),
            "B",
        ),
        (TRANSFORMERS, Capabilities(model="toy", completions=True, chat=True, stop=True), "D"),
        (
            HOSTED,
            Capabilities(
                model="toy", chat=True, chat_logprobs=20, n=True, seed=True, stop=True, schema="json_schema"
            ),
            "C",
        ),
        (REASONING, Capabilities(model="toy", chat=True, n=True, seed=True, schema="json_schema"), "D"),
        (
            PREFIXED,
            Capabilities(
                model="toy", chat=True, chat_logprobs=20, stop=True, prefix="prefix", schema="json_object"
            ),
            "B",
        ),
    ],
)
def test_each_kind_of_server_is_seen_as_it_is(abilities: Abilities, expected: Capabilities, tier: str) -> None:
    can, server = found(abilities)
    assert replace(can, notes=()) == expected
    assert can.tier == tier
    assert (can.notes == ()) == (tier == "A")
    assert len(server.requests) <= 18
    assert all((asked.body or {}).get("max_tokens", 0) <= 24 for asked in server.requests)


@pytest.mark.parametrize(
    ("change", "expected", "note"),
    [
        ({"logprobs": 5}, {"logprobs": 5}, None),
        ({"chat_logprobs": 3}, {"chat_logprobs": 3}, None),
        ({"logprobs": 0}, {"logprobs": 0, "token_ids": False, "chosen_ids": False, "scoring": ""}, "none came"),
        ({"echo": "off-by-one"}, {"scoring": "prompt_logprobs"}, "figures are wrong"),
        ({"echo": "ignored"}, {"scoring": "prompt_logprobs"}, "echo"),
        ({"echo": "refused"}, {"scoring": "prompt_logprobs"}, "echo: You requested echo"),
        ({"nothing": "ignored"}, {"scoring": "prompt_logprobs"}, "scoring"),
        ({"nothing": "fails"}, {"scoring": "prompt_logprobs"}, "scoring"),
        ({"echo": "refused", "prompt_logprobs": False}, {"scoring": ""}, "prompt_logprobs"),
        ({"token_names": False}, {"token_ids": False, "chosen_ids": False}, "token ids: asked for, none came"),
        ({"token_prompts": False}, {"token_ids": False, "scoring": ""}, "token ids as a prompt"),
        ({"logprob_token_ids": False}, {"chosen_ids": False}, None),
        ({"batch": False}, {"batch": False}, "several prompts"),
        ({"n": "ignored"}, {"n": False}, "n: one answer came"),
        ({"n": "same"}, {"n": False}, "all the same"),
        ({"n": "refused"}, {"n": False}, "n: Invalid n value"),
        ({"seed": False}, {"seed": False}, "equal seeds gave different answers"),
        ({"stop": False}, {"stop": False}, None),
        ({"continuing": ""}, {"prefix": ""}, None),
        ({"schema": "json_object"}, {"schema": "json_object"}, None),
        ({"schema": ""}, {"schema": ""}, "not enforced"),
        ({"tokenize": False}, {"tokenize": False, "template": None}, "tokenize: Not Found"),
        ({"chat": False}, {"chat": False, "chat_logprobs": 0, "prefix": ""}, "chat: Not Found"),
        ({"begin": True}, {"scoring": "echo"}, None),
        (
            {"begin": True, "token_names": False},
            {"scoring": "echo", "token_ids": False, "chosen_ids": False},
            None,
        ),
    ],
)
def test_each_ability_is_judged_by_what_came_back(
    change: dict[str, Any], expected: dict[str, Any], note: str | None
) -> None:
    """vLLM with one habit changed is everything but that."""
    can, _ = found(replace(VLLM, **change))
    for name in ("n", "batch", "seed", "stop", "scoring", "token_ids", "chosen_ids", "logprobs", "tokenize"):
        wanted = expected.get(name, getattr(EVERYTHING, name))
        assert getattr(can, name) == wanted, (name, can.notes)
    for name, value in expected.items():
        assert getattr(can, name) == value, (name, can.notes)
    if note is not None:
        assert any(note in line for line in can.notes), can.notes


def test_ids_that_are_read_as_something_else_are_no_prompt() -> None:
    def other(number: int, path: str, body: Any) -> Fault | None:
        prompt = body.get("prompt") if isinstance(body, dict) else None
        if not isinstance(prompt, list) or not isinstance(prompt[0], int) or "echo" in body:
            return None
        return Fault("garbled", body={"choices": [{"index": 0, "text": "[7, 8]", "finish_reason": "length"}]})

    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, other) as proxy:
        can = endpoint(proxy.url).capabilities
    assert not can.token_ids
    assert any("in another way than their text" in note for note in can.notes)


def test_several_prompts_must_be_answered_in_their_order() -> None:
    def reversed_choices(number: int, path: str, body: Any) -> Fault | None:
        if not isinstance(body, dict) or not isinstance(body.get("prompt"), list) or "seed" in body:
            return None
        texts = ["a", "b"] if all(isinstance(prompt, str) for prompt in body["prompt"]) else ["c"]
        choices = [{"index": index, "text": text, "finish_reason": "length"} for index, text in enumerate(texts)]
        return Fault("garbled", body={"choices": choices})

    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, reversed_choices) as proxy:
        assert endpoint(proxy.url).capabilities.batch is False


def test_the_mark_that_ends_an_answer_does_not_spoil_the_check_of_an_echo() -> None:
    """It is among the tokens of the answer, and in no text that could be sent back."""
    brief = Scripted([(r"return$", [" a + b"]), (r".", ["red green", "blue", "pink cyan"])])
    can, _ = found(replace(VLLM, token_names=False), brief)
    assert can.scoring == "echo"


def test_an_endless_scorer_is_never_asked_for_endlessness() -> None:
    """llama.cpp takes `max_tokens` 0 for all that the context holds."""
    _, server = found(LLAMA_CPP)
    assert all(body["max_tokens"] > 0 for body in server.asked("/completions"))


def test_a_beginning_that_became_a_turn_is_no_continuation_though_it_reads_like_one() -> None:
    def obliging(text: str) -> Mapping[str, float]:
        return {" ": 1.0} if text.endswith("delta") else {"delta": 1.0}

    can, _ = found(replace(VLLM, continuing=""), Toy(obliging))
    assert can.prefix == ""


def test_without_usage_the_continuation_itself_decides() -> None:
    def without_usage(number: int, path: str, body: Any) -> Fault | None:
        flagged = isinstance(body, dict) and len(body.get("messages", ())) == 2
        if not flagged:
            return None
        continued = body.get("continue_final_message")
        message = {"role": "assistant", "content": " delta echo" if continued else "alpha bravo"}
        return Fault("garbled", body={"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, without_usage) as proxy:
        assert endpoint(proxy.url).capabilities.prefix == "continue_final_message"


def test_blanks_that_a_weak_model_puts_into_its_json_do_not_hide_that_it_is_enforced() -> None:
    def blank(number: int, path: str, body: Any) -> Fault | None:
        if not isinstance(body, dict) or "response_format" not in body:
            return None
        message = {"role": "assistant", "content": '{ "kind" :\n\n      '}
        return Fault("garbled", body={"choices": [{"index": 0, "message": message, "finish_reason": "length"}]})

    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, blank) as proxy:
        assert endpoint(proxy.url).capabilities.schema == "json_schema"


# ----------------------------------------------------------------------------------------------- which model


def listing(*models: str) -> Fault:
    data = [{"id": model, "object": "model", "context_length": 2048} for model in models]
    return Fault("garbled", body={"object": "list", "data": data})


def test_the_only_model_is_taken() -> None:
    with ToyServer(TOY, key=KEY) as server:
        one = endpoint(server.url, None)
        assert one.name == server.url
        assert server.requests == []  # nothing is sent before the first use
        assert (one.model, one.name) == ("toy", f"toy at {server.url}")
        assert one.send(Request("complete", ("x ",), max_tokens=1)).choices[0].text
        assert {body["model"] for body in server.asked("/completions")} == {"toy"}


def test_of_several_models_none_is_guessed() -> None:
    with ToyServer(TOY) as real, FaultyProxy(real.url, {0: listing("small", "large\x1b[2J")}) as proxy:
        with pytest.raises(EndpointError) as caught:
            _ = endpoint(proxy.url, None).model
        assert (caught.value.slug, caught.value.dead) == ("endpoint-model", True)
        assert "several models: small, large[2J" in caught.value.message
        assert "endpoint.model" in caught.value.hint
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("body", [{"data": []}, {"data": "x"}, {}, {"data": [7, {"id": ""}, {"id": None}]}])
def test_a_server_that_names_no_model_is_not_guessed_at(body: Any) -> None:
    with ToyServer(TOY) as real, FaultyProxy(real.url, {0: Fault("garbled", body=body)}) as proxy:
        with pytest.raises(EndpointError) as caught:
            _ = endpoint(proxy.url, None).capabilities
        assert caught.value.slug == "endpoint-model"


def test_the_context_is_read_where_a_list_has_it() -> None:
    can = replace(VLLM, tokenize=False)
    with ToyServer(TOY, can) as real, FaultyProxy(real.url, {0: listing("other", "toy")}) as proxy:
        assert endpoint(proxy.url).capabilities.context == 2048


def test_a_named_model_needs_no_list() -> None:
    """Hosted keys may lack the right to list models, and some servers fail at it."""
    for fault in (refusal(403), refusal(500), refusal(404), Fault("garbled", body="<html>")):
        with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, {0: fault}) as proxy:
            assert endpoint(proxy.url).capabilities.tier == "A"


# ------------------------------------------------------------------------------------- what ends it, what not


def planted(path: str, fault: Fault) -> Any:
    return lambda number, asked, body: fault if path in asked else None


@pytest.mark.parametrize(
    ("fault", "slug"),
    [
        (Fault("status", 401, {"error": "Unauthorized"}), "endpoint-auth"),
        (Fault("status", 404, {"error": {"message": "The model `toy` does not exist."}}), "endpoint-model"),
        (refusal(429), "endpoint-busy"),
        (Fault("reset"), "endpoint-unreachable"),
        (Fault("slow", seconds=0.5), "endpoint-timeout"),
    ],
)
def test_what_keeps_it_from_asking_is_an_error(fault: Fault, slug: str, tmp_path: Path) -> None:
    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, planted("/completions", fault)) as proxy:
        with pytest.raises(EndpointError) as caught:
            _ = endpoint(proxy.url, timeout=0.2, cache_dir=tmp_path).capabilities
        assert caught.value.slug == slug
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(EndpointError) as caught:
        _ = endpoint("http://127.0.0.1:9/v1").capabilities
    assert (caught.value.slug, caught.value.dead) == ("endpoint-unreachable", True)


def test_a_server_that_can_do_nothing_is_tier_e_and_asked_again_next_time(tmp_path: Path) -> None:
    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, planted("/completions", refusal(500))) as proxy:
        one = endpoint(proxy.url, cache_dir=tmp_path)
        assert one.capabilities.tier == "E"
        assert one.capabilities.notes == ("chat: planted 500", "completions: planted 500")
        with pytest.raises(EndpointError, match="cannot continue a text"):
            one.send(Request("complete", ("x",), max_tokens=1))
    assert list(tmp_path.iterdir()) == []


def test_a_chat_model_of_a_host_that_has_no_completions_for_it() -> None:
    fault = Fault("status", 404, {"error": {"message": "This is a chat model and not supported here."}})
    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, planted("/v1/completions", fault)) as proxy:
        can = endpoint(proxy.url).capabilities
    assert (can.tier, can.completions, can.chat) == ("B", False, True)
    assert any("This is a chat model" in note for note in can.notes)


@pytest.mark.parametrize("fault", [refusal(500), Fault("truncated"), Fault("garbled", body={"odd": 1})])
def test_a_question_that_fails_costs_only_its_own_answer(fault: Fault) -> None:
    def at_seeds(number: int, path: str, body: Any) -> Fault | None:
        return fault if isinstance(body, dict) and "seed" in body else None

    with ToyServer(TOY, VLLM) as real, FaultyProxy(real.url, at_seeds) as proxy:
        can = endpoint(proxy.url).capabilities
    assert (can.seed, can.n, can.tier, can.stop, can.batch) == (False, True, "A", True, True)


# ------------------------------------------------------------------------------------------------- on disk


def test_what_was_found_out_is_kept_for_a_day(tmp_path: Path) -> None:
    folder = tmp_path / "probes"
    now = 1_000_000.0
    with ToyServer(TOY, key=KEY) as server:
        first = endpoint(server.url, cache_dir=folder, now=lambda: now).capabilities
        asked = len(server.requests)
        assert endpoint(server.url, cache_dir=folder, now=lambda: now + 23 * 3600).capabilities == first
        assert len(server.requests) == asked
        assert endpoint(server.url, cache_dir=folder, now=lambda: now + 25 * 3600).capabilities == first
        assert len(server.requests) == 2 * asked
        assert endpoint(server.url, cache_dir=folder, now=lambda: now - 3600).capabilities == first
        assert len(server.requests) == 3 * asked  # a clock that was set back
    (file,) = folder.iterdir()
    assert KEY not in file.read_text()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: "\udcff",
        lambda text: text.replace('"version":1', '"version":0'),
        lambda text: text.replace('"logprobs":20', '"logprobs":"many"'),
        lambda text: text.replace('"scoring":"echo"', '"scoring":"luck"'),
        lambda text: text.replace('"made":', '"made":"x","then":'),
        lambda text: text.replace('"model":"toy"', '"model":"other"'),
        lambda text: text.replace('"url":"http', '"url":"ftp'),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_not_believed(tmp_path: Path, spoil: Any) -> None:
    with ToyServer(TOY, key=KEY) as server:
        can = endpoint(server.url, cache_dir=tmp_path).capabilities
        asked = len(server.requests)
        (file,) = tmp_path.iterdir()
        whole = file.read_text()
        spoiled = spoil(whole)
        assert spoiled != whole
        file.write_bytes(spoiled.encode("utf-8", "surrogateescape"))
        assert endpoint(server.url, cache_dir=tmp_path).capabilities == can
        assert len(server.requests) == 2 * asked
        assert json.loads(file.read_text()) is not None
        assert len(list(tmp_path.iterdir())) == 1


def test_models_and_places_do_not_share_what_was_found_out(tmp_path: Path) -> None:
    with ToyServer(TOY, key=KEY) as one, ToyServer(TOY, HOSTED, key=KEY) as other:
        assert endpoint(one.url, cache_dir=tmp_path).capabilities.tier == "A"
        assert endpoint(other.url, cache_dir=tmp_path).capabilities.tier == "C"
        assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_to_costs_a_probe(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with ToyServer(TOY, key=KEY) as server:
        assert endpoint(server.url, cache_dir=tmp_path / "file" / "below").capabilities.tier == "A"


def test_several_threads_probe_once() -> None:
    gate = threading.Barrier(4)

    def ask(one: OpenAI) -> Capabilities:
        gate.wait()
        return one.capabilities

    with ToyServer(TOY, key=KEY) as server:
        one = endpoint(server.url)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, [one] * 4))
        assert all(answer == answers[0] for answer in answers)
        assert len([asked for asked in server.requests if asked.path == "/v1/models"]) == 1


def test_given_capabilities_are_believed() -> None:
    with ToyServer(TOY, key=KEY) as server:
        one = endpoint(server.url, None, capabilities=EVERYTHING)
        assert (one.model, one.capabilities) == ("toy", EVERYTHING)
        assert server.requests == []


# --------------------------------------------------------------------------------------------------- doctor


def test_the_doctor_tells_what_an_endpoint_can_do() -> None:
    with ToyServer(TOY, LLAMA_CPP, key=KEY) as server:
        rows = endpoint(server.url).diagnose()
    told = {row.name: row.detail for row in rows}
    assert told["endpoint"] == f"{server.url}, with a key"
    assert told["model"] == "toy"
    assert told["tier"].startswith("B: ")
    assert told["completions"] == "yes, 20 log-probabilities for each token"
    assert told["scoring of given text"] == "no"
    assert told["structured output"] == "json_object"
    assert told["context"] == "not told"
    assert "figures are wrong" in " ".join(row.detail for row in rows if row.name == "note")
    assert all(row.ok for row in rows)
    assert KEY not in repr(rows)


def test_the_doctor_says_what_is_wrong_and_does_not_raise() -> None:
    rows = endpoint("http://127.0.0.1:9/v1").diagnose()
    assert [(row.name, row.ok) for row in rows] == [("endpoint", True), ("model", True), ("tier", False)]
    assert "cannot reach" in rows[-1].detail
    assert rows[-1].remedy
    with ToyServer(TOY, key="another") as server:
        rows = endpoint(server.url).diagnose()
    assert "refused the key" in rows[-1].detail
    assert KEY not in repr(rows)


def test_the_doctor_finds_tier_e_wrong() -> None:
    with ToyServer(TOY) as real, FaultyProxy(real.url, planted("/completions", refusal(500))) as proxy:
        rows = endpoint(proxy.url).diagnose()
    assert [(row.ok, bool(row.remedy)) for row in rows if row.name == "tier"] == [(False, True)]
