"""The played server itself: what it says is what real servers were seen to say, and its figures are the toy's."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import (
    FLOOR,
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
    Tokenizer,
    Toy,
    ToyServer,
    refusal,
)
from servers.toy import plainest


def letters(text: str) -> dict[str, float]:
    """After an `a` rather `b`; after three letters of the answer perhaps the end."""
    if text.endswith("a"):
        return {"b": 0.7, "c": 0.2, "": 0.1}
    return {"a": 0.5, "b": 0.25, "\n": 0.25}


@pytest.fixture(scope="module")
def server() -> Iterator[ToyServer]:
    with ToyServer(Toy(letters), key="sk-test") as server:
        yield server


def client(url: str, key: str = "sk-test") -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=10)


def complete(server: ToyServer, prompt: Any = "x ", **more: Any) -> Any:
    extra = {name: more.pop(name) for name in list(more) if name in EXTRA}
    more = {"max_tokens": 1, "temperature": 0} | more
    return client(server.url).completions.create(model="toy", prompt=prompt, extra_body=extra, **more)


EXTRA = (
    "return_tokens_as_token_ids",
    "return_token_ids",
    "prompt_logprobs",
    "logprob_token_ids",
    "include_stop_str_in_output",
    "nonsense",
)


def chat(server: ToyServer, messages: Any = "x ", **more: Any) -> Any:
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return client(server.url).chat.completions.create(model="toy", messages=messages, **more)


# -------------------------------------------------------------------------------------------------- tokens


@given(st.text())
def test_any_text_comes_back_from_its_ids(text: str) -> None:
    tokenizer = Tokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_tokens_are_words_blanks_and_single_characters() -> None:
    tokenizer = Tokenizer()
    pieces = [tokenizer.exact([value]) for value in tokenizer.encode("  if x_y==10:\n\n\té<|end|>")]
    expected = ["  ", "if", " ", "x_y", *"==10:\n\n\t", "\udcc3", "\udca9", "<|end|>"]
    assert pieces == expected
    assert Tokenizer().encode("return") == tokenizer.encode("return") == [tokenizer.single("return")]


# ------------------------------------------------------------------------------------------------- figures


def test_generated_tokens_carry_the_toys_own_log_probabilities(server: ToyServer) -> None:
    choice = complete(server, max_tokens=3, logprobs=3).choices[0]
    assert choice.text == "aba"
    assert choice.finish_reason == "length"
    assert choice.logprobs.tokens == ["a", "b", "a"]
    assert choice.logprobs.token_logprobs == pytest.approx([math.log(0.5), math.log(0.7), math.log(0.5)])
    first, second, _ = choice.logprobs.top_logprobs
    assert first == pytest.approx({"a": math.log(0.5), "b": math.log(0.25), "\n": math.log(0.25)})
    assert list(second) == ["b", "c", "<|end|>"]


def test_lists_are_filled_up_with_what_the_toy_does_not_name(server: ToyServer) -> None:
    top = complete(server, logprobs=20).choices[0].logprobs.top_logprobs[0]
    assert len(top) == 20
    assert sorted(top.values(), reverse=True) == list(top.values())
    assert list(top.values())[3] == pytest.approx(FLOOR, abs=0.1)


@pytest.mark.thorough
def test_a_sampled_token_outside_the_list_is_added_to_it(server: ToyServer) -> None:
    seen = {
        len(complete(server, logprobs=1, temperature=1, seed=seed).choices[0].logprobs.top_logprobs[0])
        for seed in range(20)
    }
    assert seen == {1, 2}
    assert complete(server, logprobs=0).choices[0].logprobs.top_logprobs == [{"a": pytest.approx(math.log(0.5))}]


def test_scoring_gives_a_prompts_own_tokens_and_writes_none(server: ToyServer) -> None:
    answer = complete(server, "x a b", max_tokens=0, echo=True, logprobs=1)
    choice = answer.choices[0]
    assert choice.text == "x a b"
    assert choice.logprobs.tokens == ["x", " ", "a", " ", "b"]
    assert choice.logprobs.token_logprobs[0] is None
    assert choice.logprobs.top_logprobs[0] is None
    assert choice.logprobs.token_logprobs[2] == pytest.approx(math.log(0.5))
    assert choice.logprobs.token_logprobs[4] == pytest.approx(math.log(0.25))
    assert choice.logprobs.token_logprobs[3] < FLOOR
    assert answer.usage.completion_tokens == 1


def test_prompt_logprobs_are_by_id_with_rank(server: ToyServer) -> None:
    entries = complete(server, "x b", prompt_logprobs=1).choices[0].prompt_logprobs
    assert entries[0] is None
    b, a = str(ord("b")), str(ord("a"))
    assert entries[2][b] == {"logprob": pytest.approx(math.log(0.25)), "rank": 3, "decoded_token": "b"}
    assert entries[2][a]["rank"] == 1


def test_tokens_go_in_and_out_as_ids(server: ToyServer) -> None:
    ids = server.tokenizer.encode("x ")
    choice = complete(
        server, ids, max_tokens=2, logprobs=1, return_tokens_as_token_ids=True, return_token_ids=True
    ).choices[0]
    assert choice.logprobs.tokens == ["token_id:97", "token_id:98"]
    assert list(choice.logprobs.top_logprobs[0]) == ["token_id:97"]
    assert choice.logprobs.text_offset == [0, len("token_id:97")]
    assert choice.token_ids == [97, 98]
    assert choice.prompt_token_ids == ids


def test_chosen_ids_get_their_log_probabilities_exactly(server: ToyServer) -> None:
    found = complete(server, logprobs=1, logprob_token_ids=[98, 122], return_tokens_as_token_ids=True)
    top = found.choices[0].logprobs.top_logprobs[0]
    assert list(top) == ["token_id:97", "token_id:98", "token_id:122"]
    assert top["token_id:98"] == pytest.approx(math.log(0.25))
    with pytest.raises(openai.BadRequestError, match="`logprobs` must be set"):
        complete(server, logprob_token_ids=[98])


PARTS = [chr(0xDC00 + byte) for byte in (0xC3, 0xC2, 0xE2)]
"""Bytes that begin a character."""


def test_parts_of_a_character_collide_by_name_but_not_by_id() -> None:
    with ToyServer(Toy(lambda text: dict(zip(PARTS, (0.5, 0.3, 0.2), strict=True)))) as server:
        by_name = complete(server, logprobs=3).choices[0].logprobs.top_logprobs[0]
        by_id = complete(server, logprobs=3, return_tokens_as_token_ids=True).choices[0].logprobs.top_logprobs[0]
    assert list(by_name) == [""]
    assert len(by_id) == 3


def test_a_prompt_that_ends_within_a_character_is_repeated_before_the_answer() -> None:
    with ToyServer(Toy(lambda text: {"": 1.0} if text.endswith("é") else {"\udca9": 1.0})) as server:
        assert complete(server, [120, 10, 0xC3], max_tokens=2).choices[0].text == "x\né"
        assert complete(server, [120, 10, 0xC3, 0xA9]).choices[0].text == ""
    with ToyServer(Toy(lambda text: {"\udcc3": 1.0})) as server:
        assert complete(server).choices[0].text == ""


@pytest.mark.thorough
def test_sampling_follows_the_seed_and_the_probabilities(server: ToyServer) -> None:
    one = complete(server, temperature=1, n=4, seed=5, max_tokens=6)
    two = complete(server, temperature=1, n=4, seed=5, max_tokens=6)
    texts = [choice.text for choice in one.choices]
    assert texts == [choice.text for choice in two.choices]
    assert len(set(texts)) > 1
    drawn = Counter(choice.text for choice in complete(server, temperature=1, n=1000, seed=1).choices)
    assert drawn["a"] == pytest.approx(500, abs=60)
    cold = Counter(choice.text for choice in complete(server, temperature=0.3, n=1000, seed=1).choices)
    assert cold["a"] > 800
    narrow = Counter(choice.text for choice in complete(server, temperature=1, n=100, seed=1, top_p=0.4).choices)
    assert narrow == {"a": 100}
    unseeded = {complete(server, temperature=1, max_tokens=8).choices[0].text for _ in range(5)}
    assert len(unseeded) > 1


def test_several_prompts_come_back_in_order(server: ToyServer) -> None:
    answer = complete(server, ["x ", "a"], temperature=1, n=2, seed=0)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in complete(server, ["x ", "a", [97]]).choices] == ["a", "b", "b"]


def test_a_stop_string_ends_the_text_before_it(server: ToyServer) -> None:
    choice = complete(server, max_tokens=9, stop=["ba"], logprobs=0, return_token_ids=True).choices[0]
    assert (choice.text, choice.finish_reason, choice.stop_reason) == ("a", "stop", "ba")
    assert choice.token_ids == [97, 98, 97]
    kept = complete(server, max_tokens=9, stop="ba", include_stop_str_in_output=True).choices[0]
    assert kept.text == "aba"


def test_the_end_is_a_token_without_text() -> None:
    with ToyServer(Toy(lambda text: {"": 1.0})) as server:
        answer = complete(server, max_tokens=9, logprobs=0, return_token_ids=True)
    choice = answer.choices[0]
    assert (choice.text, choice.finish_reason, choice.stop_reason) == ("", "stop", None)
    assert choice.logprobs.tokens == ["<|end|>"]
    assert answer.usage.completion_tokens == 1


def test_usage_counts_tokens_and_what_the_prefix_cache_held(server: ToyServer) -> None:
    prompt = "usage " * 30
    first, second = (complete(server, prompt, max_tokens=3).usage for _ in range(2))
    assert (first.prompt_tokens, first.completion_tokens, first.total_tokens) == (60, 3, 63)
    assert first.prompt_tokens_details.cached_tokens == 0
    assert second.prompt_tokens_details.cached_tokens == 48


# --------------------------------------------------------------------------------------------------- chat


def test_chat_answers_with_log_probabilities_and_bytes(server: ToyServer) -> None:
    choice = chat(server, temperature=0, max_tokens=1, logprobs=True, top_logprobs=2).choices[0]
    assert choice.message.content == "a"
    entry = choice.logprobs.content[0]
    assert (entry.token, entry.bytes) == ("a", [97])
    assert [(other.token, other.bytes) for other in entry.top_logprobs] == [("a", [97]), ("\n", [10])]


def test_named_by_ids_chats_alternatives_have_the_bytes_of_their_names(server: ToyServer) -> None:
    extra = {"return_tokens_as_token_ids": True}
    choice = chat(server, temperature=0, max_tokens=1, logprobs=True, top_logprobs=1, extra_body=extra).choices[0]
    entry = choice.logprobs.content[0]
    assert entry.bytes == [97]
    assert bytes(entry.top_logprobs[0].bytes) == b"token_id:97"


def last_turn(text: str) -> dict[str, float]:
    """Says which kind of turn it is in, then ends."""
    if text.endswith(("new", "more")):
        return {"": 1.0}
    return {"new": 1.0} if text.endswith("<|assistant|>\n") else {"more": 1.0}


PREFILLED = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "begun "}]


def test_an_unfinished_turn_is_continued_only_where_that_is_known() -> None:
    continued = {"continue_final_message": True, "add_generation_prompt": False}
    with ToyServer(Toy(last_turn)) as server:
        assert chat(server, PREFILLED, extra_body=continued).choices[0].message.content == "more"
        assert chat(server, PREFILLED).choices[0].message.content == "new"
        with pytest.raises(openai.BadRequestError, match="are not compatible"):
            chat(server, PREFILLED, extra_body={"continue_final_message": True})
    with ToyServer(Toy(last_turn), replace(VLLM, continuing="")) as server:
        assert chat(server, PREFILLED, extra_body=continued).choices[0].message.content == "new"
    with ToyServer(Toy(last_turn), PREFIXED) as server:
        assert chat(server, [PREFILLED[0], PREFILLED[1] | {"prefix": True}]).choices[0].message.content == "more"
        assert chat(server, PREFILLED).choices[0].message.content == "new"


SCHEMA = {
    "type": "object",
    "properties": {"sev": {"enum": ["low", "high"]}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["sev", "lines"],
    "additionalProperties": False,
}
FORM: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


def test_a_schema_is_enforced_where_that_is_known() -> None:
    model = Scripted([("good", ['{"sev": "high", "lines": [3]}']), ("bad", ['{"sev": "none"}'])])
    with ToyServer(model) as server:
        good, bad = (chat(server, q, temperature=0, response_format=FORM) for q in ("good", "bad"))
        assert json.loads(good.choices[0].message.content) == {"sev": "high", "lines": [3]}
        assert json.loads(bad.choices[0].message.content) == {"sev": "low", "lines": []}
    with ToyServer(model, replace(VLLM, schema="")) as server:
        assert chat(server, "bad", response_format=FORM).choices[0].message.content == '{"sev": "none"}'


def test_the_plainest_value_of_every_form() -> None:
    assert plainest({"type": "string", "minLength": 2}) == "aa"
    assert plainest({"type": ["integer", "null"], "minimum": 4}) == 4
    assert plainest({"anyOf": [{"const": 7}]}) == 7
    assert plainest({"type": "array", "items": {"type": "boolean"}, "minItems": 2}) == [False, False]


# ------------------------------------------------------------------------------------------- whole answers


def test_scripted_answers_come_whole_and_continue_what_is_begun() -> None:
    body = "def f(x):\n    return x  # é\n"
    with ToyServer(Scripted([("rewrite", [body, "def f(x):\n    return 2\n"])])) as server:
        assert complete(server, "rewrite ", max_tokens=99).choices[0].text == body
        assert complete(server, "rewrite def f(x):\n    ", max_tokens=99).choices[0].text == "return x  # é\n"
        assert complete(server, "rewrite def f(x):\n    return 2", max_tokens=99).choices[0].text == "\n"
        assert complete(server, "something else", max_tokens=99).choices[0].text == ""
        drawn = {c.text for c in complete(server, "rewrite ", temperature=1, n=20, seed=1, max_tokens=99).choices}
        assert len(drawn) == 2
        parted = complete(server, "rewrite def f(x):\n    return ", logprobs=2).choices[0].logprobs.top_logprobs[0]
        assert parted == pytest.approx({"x": math.log(1 / 1.9), "2": math.log(0.9 / 1.9)})


# ---------------------------------------------------------------------------------------------- neighbours


def test_models_tokenize_and_detokenize(server: ToyServer) -> None:
    listed = client(server.url).models.list().data
    assert [(model.id, model.max_model_len) for model in listed] == [("toy", 4096)]
    root = client(server.root)
    said: Any = root.post(
        "/tokenize", cast_to=object, body={"model": "toy", "prompt": "x é", "return_token_strs": True}
    )
    assert said["count"] == 4
    assert said["token_strs"] == ["x", " ", "�", "�"]
    back: Any = root.post("/detokenize", cast_to=object, body={"model": "toy", "tokens": said["tokens"]})
    assert back == {"prompt": "x é"}
    messages = [{"role": "user", "content": "hi"}]
    turn: Any = root.post("/tokenize", cast_to=object, body={"model": "toy", "messages": messages})
    assert server.tokenizer.decode(turn["tokens"]) == "<|user|>\nhi<|turn|>\n<|assistant|>\n"


def test_a_beginning_token_is_put_before_text_alone() -> None:
    with ToyServer(Toy(letters), replace(VLLM, begin=True)) as server:
        answer = complete(server, "x ", max_tokens=0, echo=True, logprobs=0)
        assert answer.choices[0].text == "x "
        assert answer.choices[0].logprobs.tokens == ["<|begin|>", "x", " "]
        assert complete(server, [120, 32]).usage.prompt_tokens == 2


def test_what_was_asked_is_kept_in_order(server: ToyServer) -> None:
    before = len(server.requests)
    complete(server, "kept", nonsense=1)
    asked = server.requests[before]
    assert (asked.method, asked.path) == ("POST", "/v1/completions")
    assert asked.body["prompt"] == "kept"
    assert asked.body["nonsense"] == 1
    assert asked.header("authorization") == "Bearer sk-test"
    assert server.asked("/completions")[-1] == asked.body


# -------------------------------------------------------------------------------------------------- errors


@pytest.mark.thorough
def test_vllms_refusals_have_vllms_words(server: ToyServer) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong_key:
        client(server.url, "sk-other").models.list()
    assert wrong_key.value.body == "Unauthorized"
    with pytest.raises(openai.NotFoundError, match=r"The model `nope` does not exist\. Valid aliases: toy\."):
        client(server.url).completions.create(model="nope", prompt="x")
    with pytest.raises(openai.BadRequestError, match="greater than max allowed: 20") as refused:
        complete(server, logprobs=21)
    assert refused.value.body == {
        "message": "Requested sample logprobs of 21, which is greater than max allowed: 20 "
        "(parameter=logprobs, value=21)",
        "type": "BadRequestError",
        "param": "logprobs",
        "code": 400,
    }
    with pytest.raises(openai.BadRequestError, match="max_tokens must be at least 1, got 0"):
        complete(server, max_tokens=0)
    with pytest.raises(openai.BadRequestError, match="n must be 1 when using greedy sampling, got 2"):
        complete(server, n=2)
    with pytest.raises(openai.BadRequestError, match="cannot be greater than max_model_len=4096"):
        complete(server, max_tokens=5000)
    with pytest.raises(openai.BadRequestError, match="maximum context length is 4096 tokens") as long:
        complete(server, "x " * 3000)
    assert isinstance(long.value.body, dict)
    assert long.value.body["code"] == 400
    with pytest.raises(openai.BadRequestError, match="contains 5000 input tokens"):
        complete(server, [97] * 5000)
    with pytest.raises(openai.BadRequestError, match="max_tokens must be at least 1, got 0"):
        complete(server, [97] * 4096)
    assert complete(server, [97] * 4095).usage.completion_tokens == 1
    with pytest.raises(openai.BadRequestError, match="temperature must be non-negative"):
        complete(server, temperature=-1)


def test_a_toy_that_does_not_add_up_says_so() -> None:
    for broken in ({"a": 0.4}, {"two words": 1.0}):
        with (
            ToyServer(Toy(lambda text, broken=broken: broken)) as server,
            pytest.raises(openai.InternalServerError, match="the toy failed"),
        ):
            complete(server)


# ------------------------------------------------------------------------------------------ weaker servers


def weak(abilities: Abilities) -> ToyServer:
    return ToyServer(Toy(letters), abilities)


def test_llama_cpp_ignores_n_counts_zero_as_endless_and_shifts_echo() -> None:
    with weak(replace(LLAMA_CPP, context=50)) as server:
        assert len(complete(server, n=3, temperature=1).choices) == 1
        assert complete(server, max_tokens=0).usage.completion_tokens > 40
        scored = complete(server, "x ab", echo=True, logprobs=1).choices[0].logprobs
        assert scored.token_logprobs[3] != pytest.approx(math.log(0.7), abs=0.1)
        assert len(complete(server, logprobs=60).choices[0].logprobs.top_logprobs[0]) == 60
        with pytest.raises(openai.InternalServerError):
            complete(server, ["x", "y"])
        with pytest.raises(openai.BadRequestError) as long:
            complete(server, "x " * 50)
        assert long.value.code == "context_length_exceeded"
        assert client(server.url).completions.create(model="other", prompt="x").model == "other"
        with pytest.raises(openai.NotFoundError):
            client(server.root).post("/tokenize", cast_to=object, body={"prompt": "x"})


def test_transformers_serve_refuses_what_it_does_not_know_and_ignores_log_probabilities() -> None:
    with weak(TRANSFORMERS) as server:
        assert complete(server, logprobs=5).choices[0].logprobs is None
        with pytest.raises(openai.UnprocessableEntityError) as unknown:
            complete(server, nonsense=1)
        assert unknown.value.response.json() == {"detail": "Unexpected fields in the request: {'nonsense'}"}
        with pytest.raises(openai.BadRequestError) as refused:
            complete(server, [97])
        assert refused.value.response.json() == {"detail": "prompt must be a string."}
        with pytest.raises(openai.InternalServerError):
            complete(server, max_tokens=0)


def test_hosted_chat_knows_no_completions() -> None:
    with weak(HOSTED) as server:
        with pytest.raises(openai.NotFoundError):
            complete(server)
        assert len(chat(server, n=2, temperature=0, max_tokens=2).choices) == 2
        entry = (
            chat(server, logprobs=True, top_logprobs=2, temperature=0, max_tokens=1).choices[0].logprobs.content[0]
        )
        assert len(entry.top_logprobs) == 2
        with pytest.raises(openai.BadRequestError, match="Unrecognized request argument"):
            chat(server, extra_body={"return_token_ids": True})


def test_a_reasoning_model_wants_the_newer_name_of_max_tokens() -> None:
    with weak(REASONING) as server:
        with pytest.raises(openai.BadRequestError, match="Use 'max_completion_tokens' instead"):
            chat(server, max_tokens=2)
        with pytest.raises(openai.BadRequestError, match="'temperature' is not supported"):
            chat(server, temperature=0.5)
        assert chat(server, max_completion_tokens=2).usage.completion_tokens <= 2


def texts(server: ToyServer, **more: Any) -> list[str]:
    return [choice.text for choice in complete(server, **({"max_tokens": 9} | more)).choices]


def named(server: ToyServer, **more: Any) -> list[str]:
    """Names of the first token's alternatives."""
    return list(complete(server, **more).choices[0].logprobs.top_logprobs[0])


def ended(server: ToyServer) -> Any:
    """A choice that ends at once: with this seed the end is drawn after an `a`."""
    choice = complete(server, "a", temperature=1, seed=0, logprobs=0).choices[0]
    assert choice.finish_reason == "stop"
    return choice


SWITCHES: list[tuple[dict[str, Any], Any]] = [
    ({"n": "same"}, lambda s: len(set(texts(s, temperature=1, n=9))) == 1),
    ({"seed": False}, lambda s: len({texts(s, temperature=1, seed=1)[0] for _ in range(5)}) > 1),
    ({"always_stops": True}, lambda s: complete(s).choices[0].finish_reason == "stop"),
    ({"names_end": False}, lambda s: ended(s).logprobs.tokens == []),
    ({"stop": False}, lambda s: texts(s, stop=["b"], max_tokens=3) == ["aba"]),
    ({"usage": False}, lambda s: complete(s).usage is None),
    ({"echo": "ignored"}, lambda s: texts(s, echo=True, max_tokens=1) == ["a"]),
    ({"token_names": False}, lambda s: named(s, logprobs=0, return_tokens_as_token_ids=True) == ["a"]),
    ({"prompt_logprobs": False}, lambda s: complete(s, prompt_logprobs=1).choices[0].prompt_logprobs is None),
    ({"logprob_token_ids": False}, lambda s: named(s, logprobs=1, logprob_token_ids=[122]) == ["a"]),
    ({"over": "served"}, lambda s: len(named(s, logprobs=40)) == 40),
    ({"nothing": "ignored"}, lambda s: complete(s, max_tokens=0, echo=True).usage.completion_tokens == 16),
]


@pytest.mark.parametrize(("change", "checked"), SWITCHES, ids=[str(change) for change, _ in SWITCHES])
def test_abilities_are_switched_one_by_one(change: dict[str, Any], checked: Any) -> None:
    with weak(VLLM) as strong:
        if change != {"over": "served"}:
            assert not checked(strong)
    with weak(replace(VLLM, **change)) as server:
        assert checked(server)


# ---------------------------------------------------------------------------------------------- the proxy


def test_the_proxy_passes_on_what_it_is_not_told_to_spoil(server: ToyServer) -> None:
    with FaultyProxy(server.url, {}) as proxy:
        assert client(proxy.url).models.list().data[0].id == "toy"
        assert (
            client(proxy.url)
            .completions.create(model="toy", prompt="x ", max_tokens=1, temperature=0)
            .choices[0]
            .text
            == "a"
        )
        assert [path for path, _, _ in proxy.requests] == ["/v1/models", "/v1/completions"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusal(401), openai.AuthenticationError),
        (refusal(404), openai.NotFoundError),
        (refusal(429, retry_after="7"), openai.RateLimitError),
        (refusal(500), openai.InternalServerError),
        (refusal(503), openai.InternalServerError),
        (Fault("reset"), openai.APIConnectionError),
        (Fault("closed"), openai.APIConnectionError),
        (Fault("reset-late"), openai.APIConnectionError),
        (Fault("truncated"), openai.APIConnectionError),
        (Fault("slow", seconds=1.0), openai.APITimeoutError),
        (Fault("garbled", body='{"choices": ['), json.JSONDecodeError),
    ],
)
def test_the_proxy_spoils_what_it_is_told_to(server: ToyServer, fault: Fault, error: type[Exception]) -> None:
    asked = len(server.requests)
    with FaultyProxy(server.url, lambda number, path, body: fault if number == 0 else None) as proxy:
        patient = client(proxy.url)
        asking = patient.with_options(timeout=0.3) if fault.kind == "slow" else patient
        with pytest.raises(error) as raised:
            asking.completions.create(model="toy", prompt="x")
        if fault.headers:
            assert raised.value.response.headers["Retry-After"] == "7"
        assert patient.completions.create(model="toy", prompt="x").choices
        if fault.kind in ("status", "reset", "closed"):
            assert len(server.requests) - asked == 1


def test_a_dribbled_answer_is_whole_in_the_end(server: ToyServer) -> None:
    with FaultyProxy(server.url, {0: Fault("dribble", seconds=0.05)}) as proxy:
        assert client(proxy.url).completions.create(model="toy", prompt="x ").choices
