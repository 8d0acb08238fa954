"""Requests as the JSON that a server takes, and its JSON as answers; pure, and trusting nothing that came back."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain import Usage
from bot.endpoints import Capabilities, Choice, Message, Prompt, Request, Token
from bot.errors import EndpointError

BYTES_PER_TOKEN = 3
"""For estimates where a server sends no usage: code has 3 to 4 bytes a token in common vocabularies, and a budget
is better over- than underestimated."""

_NAMED = re.compile(r"token_id:(\d{1,9})")
_HALVES = re.compile("[\ud800-\udfff]")


def garbled(what: str) -> EndpointError:
    """An answer that is not what the protocol promises."""
    return EndpointError(
        f"the endpoint's answer {what}",
        hint="Is endpoint.url the base URL of an OpenAI-compatible server? Usually it ends in /v1.",
        slug="endpoint-garbled",
    )


def whole(text: str) -> str:
    """The text with halves of surrogate pairs, which no encoding takes, replaced."""
    return _HALVES.sub("�", text)


# ------------------------------------------------------------------------------------------------------ bodies


def seed_of(seed: int | None, index: int) -> int | None:
    """The seed of one of several requests that stand for one with `n`: the first has the request's own, the
    others ones that neighbouring seeds do not lead to."""
    if seed is None or index == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}:{index}".encode()).digest()[:4], "big") >> 1


def completion_body(
    request: Request, prompts: Sequence[Prompt], can: Capabilities, *, n: int, seed: int | None
) -> dict[str, Any]:
    """The body for `/completions`."""
    body: dict[str, Any] = {"model": can.model, "prompt": _prompt(prompts), "max_tokens": request.max_tokens}
    body |= _sampling(request, can, n=n, seed=seed)
    if request.top is not None and can.logprobs:
        body["logprobs"] = min(request.top, can.logprobs)
        if request.chosen_ids and can.chosen_ids:
            body["logprob_token_ids"] = list(request.chosen_ids)
    if request.ids and can.token_ids:
        body |= {"return_tokens_as_token_ids": True, "return_token_ids": True}
    if request.schema is not None and can.schema and not can.chat:
        body["response_format"] = _format(request.schema, can.schema)
    return body


def score_body(request: Request, prompts: Sequence[Prompt], can: Capabilities) -> dict[str, Any]:
    """The body that has the log-probabilities of the prompts themselves come back."""
    body: dict[str, Any] = {"model": can.model, "prompt": _prompt(prompts), "temperature": 0.0}
    top = min(request.top or 0, can.logprobs)
    if can.scoring == "echo":
        body |= {"max_tokens": 0, "echo": True, "logprobs": top}
    else:
        body |= {"max_tokens": 1, "prompt_logprobs": top}
    if request.ids and can.token_ids:
        body |= {"return_tokens_as_token_ids": True, "return_token_ids": True}
    return body


def chat_body(request: Request, can: Capabilities, *, n: int, seed: int | None) -> dict[str, Any]:
    """The body for `/chat/completions`."""
    body: dict[str, Any] = {
        "model": can.model,
        "messages": chat_messages(request.messages, request.prefix, can.prefix),
        "max_tokens": request.max_tokens,
    }
    body |= _sampling(request, can, n=n, seed=seed)
    if request.prefix and can.prefix == "continue_final_message":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if request.top is not None and can.chat_logprobs:
        body |= {"logprobs": True, "top_logprobs": min(request.top, can.chat_logprobs)}
        if request.ids and can.token_ids:
            body |= {"return_tokens_as_token_ids": True, "return_token_ids": True}
    if request.schema is not None and can.schema:
        body["response_format"] = _format(request.schema, can.schema)
    return body


def chat_messages(messages: Sequence[Message], prefix: str, how: str) -> list[dict[str, Any]]:
    """The turns, and the beginning of the answer as the server wants to be told it (`Capabilities.prefix`)."""
    turns: list[dict[str, Any]] = [{"role": turn.role, "content": whole(turn.content)} for turn in messages]
    if prefix and how:
        last: dict[str, Any] = {"role": "assistant", "content": whole(prefix)}
        turns.append(last | ({"prefix": True} if how == "prefix" else {}))
    return turns


def _prompt(prompts: Sequence[Prompt]) -> Any:
    """One prompt alone, several as a list: some servers take no list."""
    plain = [whole(prompt) if isinstance(prompt, str) else list(prompt) for prompt in prompts]
    return plain[0] if len(plain) == 1 else plain


def _sampling(request: Request, can: Capabilities, *, n: int, seed: int | None) -> dict[str, Any]:
    """How tokens are drawn, and how many answers; what says the default is left out."""
    body: dict[str, Any] = {"temperature": request.temperature}
    if request.top_p != 1.0:
        body["top_p"] = request.top_p
    if n > 1:
        body["n"] = n
    if request.stop and can.stop:
        body["stop"] = [whole(text) for text in request.stop]
    if seed is not None and can.seed:
        body["seed"] = seed
    return body


def _format(schema: Mapping[str, Any], how: str) -> dict[str, Any]:
    """`response_format` for a schema."""
    if how == "json_object":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": dict(schema), "strict": strict(schema)},
    }


def strict(schema: object) -> bool:
    """Whether a schema is one that hosted servers enforce to the letter: objects closed, all required."""
    if isinstance(schema, list):
        return all(strict(item) for item in schema)
    if not isinstance(schema, Mapping):
        return True
    inner = schema.get("properties")
    if schema.get("type") == "object":
        names = set(inner) if isinstance(inner, Mapping) else set()
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != names:
            return False
    below = [value for name, value in schema.items() if name != "properties"]
    return all(strict(value) for value in [*below, *(inner.values() if isinstance(inner, Mapping) else ())])


# ----------------------------------------------------------------------------------------------------- answers


def read_completion(
    data: Mapping[str, Any], prompts: int, *, stop: Sequence[str] = (), score: bool = False
) -> tuple[Choice, ...]:
    """The choices of `/completions`, each with the index of its prompt. Raises EndpointError."""
    found = _choices(data)
    each, rest = divmod(len(found), prompts)
    if rest or not each:
        raise garbled(f"holds {len(found)} choices for {prompts} prompts")
    choices = []
    for place, choice in enumerate(found):
        text = _string(choice, "text")
        tokens = _tokens(choice.get("logprobs"))
        ids = _ids(choice.get("prompt_token_ids" if score else "token_ids")) or _ids_of(tokens)
        made = Choice(text, _finish(choice), tokens, place // each, ids)
        choices.append(made if score else cut(made, stop))
    return tuple(choices)


def read_prompt_logprobs(data: Mapping[str, Any], prompts: Sequence[Prompt]) -> tuple[Choice, ...]:
    """The prompts' own tokens out of vLLM's `prompt_logprobs`. Raises EndpointError."""
    found = _choices(data)
    if len(found) != len(prompts):
        raise garbled(f"holds {len(found)} choices for {len(prompts)} prompts")
    return tuple(
        _scored(choice, prompt, place) for place, (choice, prompt) in enumerate(zip(found, prompts, strict=True))
    )


def _scored(choice: Mapping[str, Any], prompt: Prompt, place: int) -> Choice:
    entries = choice.get("prompt_logprobs")
    if not isinstance(entries, list) or not entries:
        raise garbled("lacks prompt_logprobs")
    ids = _ids(choice.get("prompt_token_ids")) or (() if isinstance(prompt, str) else prompt)
    if ids and len(ids) != len(entries):
        raise garbled("has not one log-probability for each token of the prompt")
    tokens = []
    for index, entry in enumerate(entries):
        if entry is None and index == 0:
            tokens.append(Token(f"token_id:{ids[0]}" if ids else "", ids[0] if ids else None, None))
            continue
        if not isinstance(entry, Mapping) or not entry:
            raise garbled("has prompt_logprobs of another shape")
        # The prompt's own token stands first; the ids, where they are known, say which one it is.
        own = str(ids[index]) if ids else next(iter(entry))
        known = {name: item for name, item in entry.items() if name.isdecimal() and isinstance(item, Mapping)}
        if own not in known:
            raise garbled("has prompt_logprobs without the prompt's own token")
        top = [(f"token_id:{name}", item.get("logprob")) for name, item in known.items()]
        text = known[own].get("decoded_token")
        tokens.append(
            Token(
                whole(text) if isinstance(text, str) else f"token_id:{own}",
                int(own),
                _logprob(known[own].get("logprob")),
                _ranked(top),
            )
        )
    text = prompt if isinstance(prompt, str) else "".join(token.text for token in tokens)
    return Choice(text, _finish(choice), tuple(tokens), place, _ids_of(tuple(tokens)))


def read_chat(data: Mapping[str, Any], *, stop: Sequence[str] = ()) -> tuple[Choice, ...]:
    """The choices of `/chat/completions`. Raises EndpointError."""
    choices = []
    for choice in _choices(data):
        message = choice.get("message")
        if not isinstance(message, Mapping):
            raise garbled("has a choice without a message")
        refusal = message.get("refusal")
        # A model that only reasoned until its tokens were spent has no content; neither has one that refuses.
        text = "" if message.get("content") is None else _string(message, "content")
        finish = "refusal" if not text and isinstance(refusal, str) and refusal else _finish(choice)
        tokens = _chat_tokens(choice.get("logprobs"))
        ids = _ids(choice.get("token_ids")) or _ids_of(tokens)
        choices.append(cut(Choice(text, finish, tokens, 0, ids), stop))
    return tuple(choices)


def cut(choice: Choice, stop: Sequence[str]) -> Choice:
    """The choice ended where a server that does as it is told would have ended it.

    A choice that needs no cut is returned as it is: its tokens then may include the ones that spelled the stop.
    """
    places = [place for text in stop if text and (place := choice.text.find(text)) >= 0]
    if not places:
        return choice
    end, kept, length = min(places), 0, 0
    for token in choice.tokens:
        length += len(token.text)
        if length > end or token.id is not None:
            break
        kept += 1
    return Choice(choice.text[:end], "stop", choice.tokens[:kept], choice.prompt, ())


def read_ids(data: Mapping[str, Any]) -> tuple[int, ...]:
    """Token ids out of `/tokenize`. Raises EndpointError."""
    tokens = data.get("tokens")
    if not isinstance(tokens, list) or (tokens and not _ids(tokens)):
        raise garbled("holds no token ids")
    return _ids(tokens)


def read_text(data: Mapping[str, Any]) -> str:
    """Text out of `/detokenize`. Raises EndpointError."""
    return _string(data, "prompt")


def read_usage(
    data: Mapping[str, Any], *, sent: str | int, got: Sequence[Choice], attempts: int, seconds: float
) -> Usage:
    """What a reply used, by the server's figures; estimated from the text (or count of ids) that was sent and
    from what came back where it gives none."""
    usage = data.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    into, out = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else None
    if cached is None:
        cached = _count(usage.get("prompt_cache_hit_tokens"))
    if into is None and out is None:
        into = sent if isinstance(sent, int) else estimated(sent)
        out = sum(len(choice.ids) or len(choice.tokens) or estimated(choice.text) for choice in got)
        return Usage(attempts, into, out, 0, seconds=seconds, estimated=attempts)
    return Usage(attempts, into or 0, out or 0, min(cached or 0, into or 0), seconds=seconds)


def estimated(text: str) -> int:
    """About how many tokens a text has, rather too many."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


def _choices(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The choices in the order of their indexes; in the order in which they came where those mean nothing."""
    found = data.get("choices")
    if not isinstance(found, list) or not found:
        raise garbled("holds no choices")
    choices = [choice for choice in found if isinstance(choice, Mapping)]
    if len(choices) != len(found):
        raise garbled("has choices of another shape")
    order = [choice.get("index") for choice in choices]
    if sorted((index for index in order if isinstance(index, int)), key=int) == list(range(len(choices))):
        return sorted(choices, key=lambda choice: int(choice["index"]))
    return choices


def _string(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise garbled(f"has no text in `{name}`")
    return whole(value)


def _finish(choice: Mapping[str, Any]) -> str:
    reason = choice.get("finish_reason")
    return whole(reason[:40]) if isinstance(reason, str) else "stop"


def _ids(value: object) -> tuple[int, ...]:
    """Token ids; empty for anything that is not a list of them."""
    if not isinstance(value, list):
        return ()
    ids = tuple(item for item in value if isinstance(item, int) and not isinstance(item, bool) and item >= 0)
    return ids if len(ids) == len(value) else ()


def _ids_of(tokens: Sequence[Token]) -> tuple[int, ...]:
    """The ids of tokens; empty where one is not known."""
    ids = tuple(token.id for token in tokens if token.id is not None)
    return ids if len(ids) == len(tokens) else ()


def _tokens(logprobs: object) -> tuple[Token, ...]:
    """The tokens of a completion: four lists side by side. Empty where there are none."""
    if not isinstance(logprobs, Mapping):
        return ()
    if isinstance(logprobs.get("content"), list):
        return _chat_tokens(logprobs)  # newer llama.cpp answers completions in chat's shape
    names, values, tops = (logprobs.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not isinstance(names, list):
        return ()
    if not isinstance(values, list) or len(values) != len(names):
        raise garbled("has not one log-probability for each token")
    if not isinstance(tops, list) or len(tops) != len(names):
        tops = [None] * len(names)
    tokens = []
    for name, value, top in zip(names, values, tops, strict=True):
        if not isinstance(name, str):
            raise garbled("has tokens of another shape")
        pairs = list(top.items()) if isinstance(top, Mapping) else []
        tokens.append(Token(whole(name), _id(name), _logprob(value), _ranked(pairs)))
    return tuple(tokens)


def _chat_tokens(logprobs: object) -> tuple[Token, ...]:
    """The tokens of a chat answer: a list of objects. Empty where there are none."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(content, list):
        return ()
    tokens = []
    for item in content:
        if not isinstance(item, Mapping) or not isinstance(item.get("token"), str):
            raise garbled("has tokens of another shape")
        top = item.get("top_logprobs")
        others = [other for other in top if isinstance(other, Mapping)] if isinstance(top, list) else []
        pairs = [(str(other.get("token")), other.get("logprob")) for other in others]
        name = item["token"]
        tokens.append(Token(whole(name), _id(name), _logprob(item.get("logprob")), _ranked(pairs)))
    return tuple(tokens)


def _ranked(pairs: Sequence[tuple[object, object]]) -> tuple[tuple[int | str, float], ...]:
    """Alternatives, likeliest first; those that are named by id as numbers."""
    ranked: list[tuple[int | str, float]] = []
    for name, value in pairs:
        number = _logprob(value)
        if isinstance(name, str) and number is not None:
            known = _id(name)
            ranked.append((whole(name) if known is None else known, number))
    return tuple(sorted(ranked, key=lambda item: -item[1]))


def _id(name: str) -> int | None:
    """The number in `token_id:N`."""
    matched = _NAMED.fullmatch(name)
    return int(matched[1]) if matched else None


def _logprob(value: object) -> float | None:
    """A log-probability; None for what is none. Servers write -9999 or -Infinity for what cannot be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return max(-9999.0, float(value)) if value <= 0 or value < 1e-3 else None


def _count(value: object) -> int | None:
    """A count of tokens; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        return None
    return value
