"""The played server of the other tests answers as real vLLM does: in keys, kinds of values, words and statuses."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from servers import Scripted, ToyServer
from servers.abilities import Abilities
from vllm_server import CONTEXT, KEY, MODEL, Server

pytestmark = pytest.mark.live

USER = {"role": "user", "content": "say it"}
BEGUN = {"role": "assistant", "content": "def "}
OBJECT = {
    "type": "object",
    "properties": {"kind": {"type": "string", "enum": ["one", "two"]}},
    "required": ["kind"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": OBJECT}}

PLAIN = {"prompt": "def f(xs):\n", "max_tokens": 3, "temperature": 0}
TALK = {"messages": [USER], "max_tokens": 3, "temperature": 0}
REQUESTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "complete": ("/v1/completions", PLAIN),
    "logprobs": ("/v1/completions", PLAIN | {"logprobs": 5}),
    "own logprob": ("/v1/completions", PLAIN | {"logprobs": 0}),
    "by id": ("/v1/completions", PLAIN | {"logprobs": 5, "return_tokens_as_token_ids": True}),
    "ids told": ("/v1/completions", PLAIN | {"return_token_ids": True}),
    "ids": ("/v1/completions", PLAIN | {"prompt": [7, 8, 9]}),
    "several": ("/v1/completions", PLAIN | {"n": 2, "temperature": 1, "seed": 3}),
    "batch": ("/v1/completions", PLAIN | {"prompt": ["a", "b = 1"]}),
    "batch of ids": ("/v1/completions", PLAIN | {"prompt": [[7, 8], [9]]}),
    "score": ("/v1/completions", PLAIN | {"max_tokens": 0, "echo": True, "logprobs": 1}),
    "score ids": (
        "/v1/completions",
        PLAIN
        | {
            "prompt": [[7, 8, 9]],
            "max_tokens": 0,
            "echo": True,
            "logprobs": 0,
            "return_tokens_as_token_ids": True,
        },
    ),
    "prompt logprobs": ("/v1/completions", PLAIN | {"prompt_logprobs": 1}),
    "chosen ids": (
        "/v1/completions",
        PLAIN | {"max_tokens": 1, "logprobs": 1, "logprob_token_ids": [7, 8], "return_tokens_as_token_ids": True},
    ),
    "unknown field": ("/v1/completions", PLAIN | {"guided_regex": "a+", "best_of": 2}),
    "chat": ("/v1/chat/completions", TALK),
    "chat logprobs": ("/v1/chat/completions", TALK | {"logprobs": True, "top_logprobs": 3}),
    "chat several": ("/v1/chat/completions", TALK | {"n": 2, "temperature": 1, "seed": 3}),
    "chat goes on": (
        "/v1/chat/completions",
        TALK | {"messages": [USER, BEGUN], "continue_final_message": True, "add_generation_prompt": False},
    ),
    "chat schema": ("/v1/chat/completions", TALK | {"response_format": FORM, "max_tokens": 40}),
    "chat object": ("/v1/chat/completions", TALK | {"response_format": {"type": "json_object"}, "max_tokens": 40}),
    "tokenize": ("/tokenize", {"prompt": "def f"}),
    "tokenize bare": ("/tokenize", {"prompt": "def f", "add_special_tokens": False}),
    "tokenize chat": ("/tokenize", {"messages": [USER], "add_generation_prompt": True}),
    "detokenize": ("/detokenize", {"tokens": [7, 8, 9]}),
    "models": ("/v1/models", {}),
}
"""What is answered: name -> (path, body without the model)."""

REFUSED: dict[str, tuple[str, Mapping[str, Any]]] = {
    "unknown model": ("/v1/completions", PLAIN | {"model": "nope"}),
    "nothing wanted": ("/v1/completions", PLAIN | {"max_tokens": 0}),
    "too many logprobs": ("/v1/completions", PLAIN | {"logprobs": 1000}),
    "too many chat logprobs": ("/v1/chat/completions", TALK | {"logprobs": True, "top_logprobs": 1000}),
    "beyond the context": ("/v1/completions", PLAIN | {"prompt": [9] * (CONTEXT + 1)}),
    "longer than the context": ("/v1/completions", PLAIN | {"max_tokens": 10 * CONTEXT}),
    "greedy and several": ("/v1/completions", PLAIN | {"n": 2}),
    "cold": ("/v1/completions", PLAIN | {"temperature": -1}),
    "chosen ids alone": ("/v1/completions", PLAIN | {"logprob_token_ids": [7]}),
}
"""What is refused."""

UNREAD = {"permission", "created_cache_tokens", "multimodal_tokens"}
"""Fields of vLLM's that nothing reads and that are not played."""
BY_TOKEN = {"top_logprobs", "prompt_logprobs"}
"""Mappings (in chat: lists) whose keys are tokens."""


@pytest.fixture(scope="module")
def toy() -> Iterator[ToyServer]:
    with ToyServer(
        Scripted([(".*", ["return sum(xs)"])]), Abilities(context=CONTEXT, begin=True), name=MODEL, key=KEY
    ) as played:
        yield played


def ask(root: str, path: str, body: Mapping[str, Any], key: str = KEY) -> tuple[int, Any]:
    """Status and JSON."""
    request = urllib.request.Request(
        root + path,
        data=None if path.endswith("/models") else json.dumps({"model": MODEL, **body}).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def shape(value: Any, name: str = "") -> Any:
    """Keys and kinds of a JSON value: what parsers rely on. Elements of a list and values by token are merged."""
    if isinstance(value, dict):
        if name in BY_TOKEN and "token" not in value:
            return {"by token": merged([shape(item) for item in value.values()])}
        return {key: shape(item, key) for key, item in sorted(value.items()) if key not in UNREAD}
    if name == "bytes" and value == []:
        return shape([0])  # of a token that is no text
    if isinstance(value, list):
        return [merged([shape(item, name) for item in value])]
    return "number" if isinstance(value, float | int) and not isinstance(value, bool) else type(value).__name__


def merged(shapes: list[Any]) -> list[Any]:
    """Each different shape once."""
    return sorted({json.dumps(one, sort_keys=True) for one in shapes})


def spoken(words: Any) -> Any:
    """An error without its figures."""
    return re.sub(r"\d+(\.\d+)?", "N", json.dumps(words, sort_keys=True))


@pytest.mark.parametrize("name", REQUESTS)
def test_answers_have_the_same_keys_and_kinds(name: str, server: Server, toy: ToyServer) -> None:
    path, body = REQUESTS[name]
    status, real = ask(server.url.removesuffix("/v1"), path, body)
    played_status, played = ask(toy.root, path, body)
    assert (played_status, status) == (200, 200)
    assert shape(played) == shape(real)


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_have_the_same_status_and_words(name: str, server: Server, toy: ToyServer) -> None:
    path, body = REFUSED[name]
    status, real = ask(server.url.removesuffix("/v1"), path, body)
    played_status, played = ask(toy.root, path, body)
    assert played_status == status >= 400
    assert spoken(played) == spoken(real)


def test_a_wrong_key_is_refused_in_the_same_words(server: Server, toy: ToyServer) -> None:
    path, body = REQUESTS["complete"]
    real = ask(server.url.removesuffix("/v1"), path, body, "sk-wrong")
    assert ask(toy.root, path, body, "sk-wrong") == real == (401, {"error": "Unauthorized"})


def test_a_shape_tells_kinds_and_missing_keys_apart() -> None:
    assert shape({"a": 1}) == shape({"a": 2.5})
    assert shape({"a": 1}) != shape({"a": "1"})
    assert shape({"a": [1, None]}) != shape({"a": [1]})
    assert shape({"a": 1}) != shape({"a": 1, "b": None})
    assert shape({"top_logprobs": {"x": 1}}) == shape({"top_logprobs": {"y": 2, "z": 3}})
