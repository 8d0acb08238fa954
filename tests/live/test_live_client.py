"""The client and the probe against a real vLLM server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from vllm_server import TOP, Server

from bot.endpoints import Message, Request
from bot.endpoints.openai import OpenAI
from bot.errors import EndpointError

pytestmark = pytest.mark.live

HEAD = "def add(a, b):\n    # naïve → 12 ‰\n    total = 0\n"
NEAR = 1e-4
"""Nats: how far batches of other shapes round differently in single precision."""
SCHEMA = {
    "type": "object",
    "properties": {
        "severity": {"type": "string", "enum": ["low", "high"]},
        "lines": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "maxItems": 2},
    },
    "required": ["severity", "lines"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def endpoint(server: Server) -> Iterator[OpenAI]:
    client = OpenAI(server.url, server.model, server.key, retries=0)
    yield client
    client.close()


def ids_of(endpoint: OpenAI, *texts: str, special: bool = False) -> list[tuple[int, ...]]:
    answer = endpoint.send(Request("tokenize", prompts=texts, special=special))
    return [choice.ids for choice in answer.choices]


# ------------------------------------------------------------------------------------------------- the probe


def test_everything_that_vllm_can_do_is_found(endpoint: OpenAI, server: Server) -> None:
    can = endpoint.capabilities
    assert can.tier == "A"
    assert (can.completions, can.chat, can.token_ids, can.n, can.batch, can.seed, can.stop) == (True,) * 7
    assert (can.logprobs, can.chat_logprobs, can.context) == (TOP, TOP, server.context)
    assert (can.scoring, can.chosen_ids, can.tokenize) == ("echo", True, True)
    assert (can.prefix, can.schema, can.model) == ("continue_final_message", "json_schema", server.model)


def test_the_only_model_needs_no_name(server: Server, tmp_path: Path) -> None:
    client = OpenAI(server.url, None, server.key, cache_dir=tmp_path)
    assert client.model == server.model
    assert client.capabilities.tier == "A"


def test_the_template_makes_a_completion_of_a_chat(endpoint: OpenAI) -> None:
    assert endpoint.capabilities.template == ("<|begin|><|user|>\n", "<|end|>\n<|assistant|>\n")
    before, after = endpoint.capabilities.template
    chat = endpoint.send(Request("chat", messages=(Message("user", HEAD),), max_tokens=12, top=0))
    (ids,) = ids_of(endpoint, before + HEAD + after)
    plain = endpoint.send(Request("complete", prompts=(ids,), max_tokens=12, top=0))
    assert chat.choices[0].text == plain.choices[0].text
    assert chat.usage.tokens_in == plain.usage.tokens_in == len(ids)
    assert [token.logprob for token in chat.choices[0].tokens] == pytest.approx(
        [token.logprob for token in plain.choices[0].tokens], abs=NEAR
    )


# --------------------------------------------------------------------------------------- tokens and their chances


def test_scoring_a_text_gives_what_generating_it_gave(endpoint: OpenAI) -> None:
    (head,) = ids_of(endpoint, HEAD, special=True)
    written = endpoint.send(Request("complete", prompts=(head,), max_tokens=16, top=0, ids=True)).choices[0]
    scored = endpoint.send(Request("score", prompts=(head + written.ids,), top=0, ids=True)).choices[0]
    assert len(written.tokens) == 16
    assert scored.tokens[0].logprob is None
    assert [token.id for token in scored.tokens] == list(head + written.ids)
    assert [t.logprob for t in scored.tokens[len(head) :]] == pytest.approx(
        [t.logprob for t in written.tokens], abs=NEAR
    )


def test_each_prompt_of_a_batch_is_scored_as_if_alone(endpoint: OpenAI) -> None:
    prompts = ids_of(
        endpoint, *(f"{HEAD}    return {word}\n" for word in ("a", "b + total", "sum(a, b)")), special=True
    )
    together = endpoint.send(Request("score", prompts=tuple(prompts), top=0, ids=True)).choices
    assert [choice.prompt for choice in together] == [0, 1, 2]
    for prompt, choice in zip(prompts, together, strict=True):
        (alone,) = endpoint.send(Request("score", prompts=(prompt,), top=0, ids=True)).choices
        assert [t.id for t in choice.tokens] == list(prompt)
        assert [t.logprob for t in choice.tokens[1:]] == pytest.approx(
            [t.logprob for t in alone.tokens[1:]], abs=NEAR
        )


def test_scored_text_and_scored_ids_are_the_same(endpoint: OpenAI) -> None:
    (ids,) = ids_of(endpoint, HEAD, special=True)
    by_text = endpoint.send(Request("score", prompts=(HEAD,), top=1, ids=True)).choices[0]
    by_ids = endpoint.send(Request("score", prompts=(ids,), top=1, ids=True)).choices[0]
    assert by_text == by_ids
    assert by_text.ids == ids


def test_alternatives_are_named_by_id_sorted_and_complete(endpoint: OpenAI) -> None:
    answer = endpoint.send(Request("complete", prompts=(HEAD,), max_tokens=6, top=TOP, ids=True))
    for token in answer.choices[0].tokens:
        values = [logprob for _, logprob in token.top]
        assert len({key for key, _ in token.top}) == len(values) == TOP
        assert all(isinstance(key, int) for key, _ in token.top)
        assert values == sorted(values, reverse=True)
        assert token.top[0] == (token.id, token.logprob)  # greedy: the likeliest is taken
        assert sum(map(math.exp, values)) < 1


def test_chosen_ids_have_the_chances_that_scoring_gives_them(endpoint: OpenAI) -> None:
    (head,) = ids_of(endpoint, HEAD, special=True)
    chosen = (11, 300, 777)
    answer = endpoint.send(Request("complete", prompts=(head,), max_tokens=1, top=1, ids=True, chosen_ids=chosen))
    found = dict(answer.choices[0].tokens[0].top)
    assert set(chosen) <= set(found)
    scored = endpoint.send(Request("score", prompts=tuple((*head, one) for one in chosen), top=0, ids=True))
    for one, choice in zip(chosen, scored.choices, strict=True):
        assert found[one] == pytest.approx(choice.tokens[-1].logprob, abs=NEAR)


def test_text_becomes_ids_and_ids_become_text(endpoint: OpenAI) -> None:
    texts = (HEAD, "    return 12\n", "x = '\\u00e9€'\n")
    plain = ids_of(endpoint, *texts)
    opened = ids_of(endpoint, *texts, special=True)
    assert [len(ids) + 1 for ids in plain] == [len(ids) for ids in opened]
    back = endpoint.send(Request("detokenize", prompts=tuple(plain)))
    assert tuple(choice.text for choice in back.choices) == texts
    assert back.usage.tokens_in == 0


def test_lines_keep_their_ids_when_they_are_joined(endpoint: OpenAI) -> None:
    lines = HEAD.splitlines(keepends=True)
    (whole,) = ids_of(endpoint, HEAD)
    assert sum(ids_of(endpoint, *lines), ()) == whole


# --------------------------------------------------------------------------------------------------- sampling


def test_several_choices_differ_and_a_seed_repeats_them(endpoint: OpenAI) -> None:
    request = Request("complete", prompts=(HEAD,), max_tokens=10, n=4, temperature=1.0, seed=5, top=0)
    first, again = endpoint.send(request), endpoint.send(request)
    texts = [choice.text for choice in first.choices]
    assert len(set(texts)) == 4
    assert texts == [choice.text for choice in again.choices]
    assert first.usage.requests == 1
    assert first.usage.tokens_out == 40


def test_a_stop_ends_a_text_and_is_not_in_it(endpoint: OpenAI) -> None:
    free = endpoint.send(Request("complete", prompts=(HEAD,), max_tokens=24, temperature=1.0, seed=1)).choices[0]
    stop = free.text[len(free.text) // 2 :][:3]
    cut = endpoint.send(
        Request("complete", prompts=(HEAD,), max_tokens=24, temperature=1.0, seed=1, stop=(stop,))
    ).choices[0]
    assert (free.finish, cut.finish) == ("length", "stop")
    assert cut.text == free.text[: free.text.index(stop)]


def test_an_answer_goes_on_from_its_beginning(endpoint: OpenAI) -> None:
    user = Message("user", "Write a function.")
    begun = "```python\ndef add(a, b):\n"
    chat = endpoint.send(Request("chat", messages=(user,), prefix=begun, max_tokens=10, top=0))
    before, after = endpoint.capabilities.template or ("", "")
    (ids,) = ids_of(endpoint, before + user.content + after + begun)
    plain = endpoint.send(Request("complete", prompts=(ids,), max_tokens=10, top=0))
    assert chat.choices[0].text == plain.choices[0].text
    assert not chat.choices[0].text.startswith("```python")


def test_a_schema_is_enforced_on_a_model_that_knows_no_json(endpoint: OpenAI) -> None:
    for seed in range(3):
        answer = endpoint.send(
            Request(
                "chat",
                messages=(Message("user", "Name a problem."),),
                schema=SCHEMA,
                max_tokens=60,
                temperature=1.0,
                seed=seed,
            )
        )
        said = json.loads(answer.choices[0].text)
        assert set(said) == {"severity", "lines"}
        assert said["severity"] in ("low", "high")
        assert all(1 <= line <= 9 for line in said["lines"])


def test_usage_is_the_servers_own(endpoint: OpenAI) -> None:
    text = "".join(f"value_{number} = {number}\n" for number in range(60))
    (ids,) = ids_of(endpoint, text, special=True)
    request = Request("complete", prompts=(ids,), max_tokens=3)
    endpoint.send(request)
    usage = endpoint.send(request).usage
    assert (usage.requests, usage.tokens_in, usage.tokens_out, usage.estimated) == (1, len(ids), 3, 0)
    assert 0 < usage.tokens_cached < len(ids)


# ----------------------------------------------------------------------------------------------------- refusals


def test_a_prompt_beyond_the_context_is_named_so(endpoint: OpenAI, server: Server) -> None:
    with pytest.raises(EndpointError) as caught:
        endpoint.send(Request("complete", prompts=((9,) * (server.context + 1),), max_tokens=1))
    assert caught.value.slug == "endpoint-context"
    assert not caught.value.dead
    assert endpoint.send(Request("complete", prompts=(HEAD,), max_tokens=1)).choices


def test_a_wrong_key_is_dead_at_once_and_not_told(server: Server) -> None:
    client = OpenAI(server.url, server.model, "sk-wrong-4711", retries=3)
    with pytest.raises(EndpointError) as caught:
        client.send(Request("complete", prompts=("x",), max_tokens=1))
    assert caught.value.dead
    assert caught.value.slug == "endpoint-auth"
    assert "4711" not in f"{caught.value.message}{caught.value.hint}"


def test_a_wrong_model_is_dead_and_the_servers_words_are_told(server: Server) -> None:
    client = OpenAI(server.url, "nope", server.key, retries=3)
    with pytest.raises(EndpointError) as caught:
        client.send(Request("complete", prompts=("x",), max_tokens=1))
    assert caught.value.dead
    assert caught.value.slug == "endpoint-model"
    assert "nope" in caught.value.message
