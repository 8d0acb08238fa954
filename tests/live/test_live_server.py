"""The server of the live tests is what they take it for: a real vLLM that keeps prefixes, and ends with us."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from typing import Any

import pytest
from vllm_server import Server, running, stop


def ask(server: Server, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One request at the server's root, as plain JSON."""
    request = urllib.request.Request(
        server.url.removesuffix("/v1") + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.live
def test_it_is_vllm_and_serves_our_model(server: Server) -> None:
    assert ask(server, "/version")["version"].startswith("0.32.")
    (model,) = ask(server, "/v1/models")["data"]
    assert (model["id"], model["max_model_len"], model["owned_by"]) == (server.model, server.context, "vllm")


@pytest.mark.live
def test_a_prompt_that_begins_like_the_last_one_is_read_from_the_prefix_cache(server: Server) -> None:
    prompt = "\n".join(f"def plan_{number}(xs):\n    return xs[{number}]" for number in range(40))
    body = {"model": server.model, "prompt": prompt, "max_tokens": 1, "temperature": 0}
    ask(server, "/v1/completions", body)
    usage = ask(server, "/v1/completions", body | {"prompt": prompt + "\n# more"})["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] > usage["prompt_tokens"] // 2


@pytest.mark.live
def test_line_feeds_and_digits_are_tokens_of_their_own(server: Server) -> None:
    answer = ask(
        server, "/tokenize", {"model": server.model, "prompt": "f():\n\n    x = 12\n", "return_token_strs": True}
    )
    words = answer["token_strs"]
    assert words[0] == "<|begin|>"
    assert words.count("\u010a") == 3
    assert words[-3:] == ["1", "2", "\u010a"]
    assert all(word == "\u010a" for word in words if "\u010a" in word)


def test_a_server_ends_with_its_children() -> None:
    tree = "sleep 300 & sleep 300 & wait"
    process = subprocess.Popen(["/bin/sh", "-c", tree], start_new_session=True)
    deadline = time.monotonic() + 10
    while len(running(process.pid)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(running(process.pid)) == 3
    stop(process)
    assert running(process.pid) == []
