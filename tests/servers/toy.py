"""A real OpenAI-compatible server on loopback around a toy model: answers as vLLM 0.32 does, or as weaker ones do.

The shapes were recorded from real servers. What it was asked is kept, word for word and in order.
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import jsonschema

from servers.abilities import VLLM, Abilities
from servers.models import Reader, Toy
from servers.tokens import ASSISTANT, BEGIN, END, SYSTEM, TURN, USER, Tokenizer

ROLES = {"system": SYSTEM, "developer": SYSTEM, "user": USER, "assistant": ASSISTANT}
BLOCK = 16
"""Tokens of one block of the prefix cache."""

_SHARED = {
    "model", "max_tokens", "n", "temperature", "top_p", "stop", "seed", "stream", "stream_options", "user",
    "presence_penalty", "frequency_penalty", "logit_bias", "metadata", "store",
}  # fmt: skip
_COMPLETION = _SHARED | {"prompt", "logprobs", "echo", "best_of", "suffix"}
_CHAT = _SHARED | {
    "messages", "logprobs", "top_logprobs", "max_completion_tokens", "response_format", "tools", "tool_choice",
    "reasoning_effort",
}  # fmt: skip


_INCOMPATIBLE = (
    "continue_final_message and add_generation_prompt are not compatible. Use continue_final_message when you "
    "want the model to continue the final message, and add_generation_prompt when you want to add a header that "
    "will prompt it to start a new assistant message instead."
)
_MAY = {"sampling": True, "logprobs": True, "view": True, "create_engine": False, "search_indices": False}
_PERMISSION = {
    "id": "modelperm-1",
    "object": "model_permission",
    "created": 1,
    **{f"allow_{what}": may for what, may in _MAY.items()},
    "allow_fine_tuning": False,
    "organization": "*",
    "group": None,
    "is_blocking": False,
}


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    body: Any
    """The JSON; None where there was none or it was no JSON."""
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Refused(Exception):
    """The server answers with an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass
class Written:
    """One choice while it is made."""

    ids: list[int] = field(default_factory=list)
    text: str = ""
    finish: str = "length"
    stop_reason: str | None = None


class ToyServer:
    """A server as a context manager: `with ToyServer(model) as server: ... server.url`.

    Without `key` any or no key is accepted. Every answer depends on the request alone, but for requests that
    sample without a seed: the k-th of those is sampled with seed k.
    """

    def __init__(
        self, model: Toy, abilities: Abilities = VLLM, *, name: str = "toy", key: str | None = None
    ) -> None:
        self.name = name
        self.abilities = abilities
        self.tokenizer = Tokenizer()
        self.requests: list[Asked] = []
        self._reader = Reader(model, self.tokenizer)
        self._key = key
        self._lock = threading.Lock()
        self._unseeded = 0
        self._cache: set[tuple[int, ...]] = set()
        self._server = _Listener(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> ToyServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    @property
    def root(self) -> str:
        """Where /tokenize lies."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The base URL, as users give it."""
        return f"{self.root}/v1"

    def asked(self, path: str) -> list[Any]:
        """The bodies that came to one path (`/completions`), in order."""
        return [asked.body for asked in self.requests if asked.path.removeprefix("/v1") == path]

    # ------------------------------------------------------------------------------------------- one request

    def handle(self, method: str, path: str, headers: Sequence[tuple[str, str]], raw: bytes) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        asked = Asked(method, path, body, tuple(headers))
        with self._lock:
            self.requests.append(asked)
        try:
            return 200, self._answer(asked, bool(raw))
        except Refused as refused:
            return refused.status, refused.body
        except Exception as error:  # a toy that does not add up is the test's fault: say so, loudly
            return 500, {"error": {"message": f"the toy failed: {error!r}", "type": "ToyError", "code": 500}}

    def _answer(self, asked: Asked, sent: bool) -> Any:
        path, able = asked.path.partition("?")[0], self.abilities
        if path == "/health":
            return None
        if self._key is not None and asked.header("authorization") != f"Bearer {self._key}":
            raise self._unauthorized()
        if asked.method == "GET":
            if path == "/v1/models" and able.models:
                return self._models()
            raise Refused(404, {"detail": "Not Found"})
        actions = {}
        if able.completions:
            actions["/v1/completions"] = self._complete
        if able.chat:
            actions["/v1/chat/completions"] = self._chat
        if able.tokenize:
            actions |= {"/tokenize": self._tokenize, "/detokenize": self._detokenize}
        if path not in actions:
            raise Refused(404, {"detail": "Not Found"})
        if not isinstance(asked.body, dict):
            raise self._bad("JSON decode error" if sent else "Field required", "body")
        return actions[path](asked.body)

    def _models(self) -> Any:
        entry: dict[str, Any] = {"id": self.name, "object": "model", "created": 1, "owned_by": "vllm"}
        if self.abilities.style == "vllm":
            entry |= {
                "root": self.name,
                "parent": None,
                "max_model_len": self.abilities.context,
                "permission": [_PERMISSION],
            }
        return {"object": "list", "data": [entry]}

    def _tokenize(self, body: Mapping[str, Any]) -> Any:
        if "messages" in body:
            ids = self._rendered(
                body["messages"],
                opens=body.get("add_generation_prompt", True),
                unfinished=body.get("continue_final_message", False),
            )
        else:
            ids = self._ids(body["prompt"], begin=body.get("add_special_tokens", True))
        names = [self.tokenizer.decode([value]) for value in ids] if body.get("return_token_strs") else None
        return {"count": len(ids), "max_model_len": self.abilities.context, "tokens": ids, "token_strs": names}

    def _detokenize(self, body: Mapping[str, Any]) -> Any:
        text = self.tokenizer.decode(body["tokens"])
        return {"prompt": text.removeprefix(" ") if self.abilities.strips else text}

    # ------------------------------------------------------------------------------------------- completions

    def _complete(self, body: Mapping[str, Any]) -> Any:
        able = self.abilities
        self._check(body, _COMPLETION)
        prompts = self._prompts(body.get("prompt"))
        top = body.get("logprobs") if able.logprobs else None
        self._check_top(top, able.logprobs, "sample logprobs", "logprobs")
        asked_scores = body.get("prompt_logprobs") if able.prompt_logprobs else None
        self._check_top(asked_scores, able.logprobs, "prompt logprobs", "prompt_logprobs")
        chosen = body.get("logprob_token_ids") if able.logprob_token_ids else None
        if chosen and top is None:
            raise self._bad("when using `logprob_token_ids`, `logprobs` must be set.", "logprob_token_ids")
        echo = bool(body.get("echo")) and able.echo != "ignored"
        if echo and able.echo == "refused":
            raise self._bad("You requested echo, which is not supported with this model.", "echo")
        most = self._most(body, 16, echo)
        scores = top if echo and asked_scores is None else asked_scores
        count = self._count(body)
        named = bool(body.get("return_tokens_as_token_ids")) and able.token_names
        with_ids = bool(body.get("return_token_ids")) and able.token_names
        cached = sum(self._remember(prompt) for prompt in prompts)
        choices, spent, seed = [], 0, self._seed(body)
        for ids in prompts:
            for index in range(count):
                written = self._write(ids, body, most, f"{seed}:{index}") if most else Written()
                spent += max(1, len(written.ids))
                # Like vLLM: the echoed prompt and what follows it share one list of tokens.
                rows = self._prompt_rows(ids, top) if echo and top is not None else []
                rows += self._rows(ids, written.ids, top, chosen) if top is not None else []
                lead = self.tokenizer.decode(ids, special=True).removeprefix("<|begin|>") if echo else ""
                choice = {
                    "index": len(choices),
                    "text": lead + written.text,
                    "logprobs": self._legacy(rows, named) if top is not None else None,
                    "finish_reason": written.finish,
                }
                if able.style == "vllm":
                    choice |= {
                        "stop_reason": written.stop_reason,
                        "token_ids": (written.ids or self._dropped(ids)) if with_ids else None,
                        "prompt_logprobs": self._scored(ids, scores) if scores is not None else None,
                        "prompt_token_ids": ids if with_ids else None,
                        "routed_experts": None,
                    }
                choices.append(choice)
        return self._envelope(
            "cmpl", "text_completion", body, choices, sum(len(ids) for ids in prompts), spent, cached
        )

    def _dropped(self, ids: list[int]) -> list[int]:
        """The token that scoring makes and leaves out, still named among the ids."""
        return [next(iter(self._reader.logprobs(ids)))]

    def _prompts(self, given: Any) -> list[list[int]]:
        """The prompts as ids. Raises Refused for forms that this server does not take."""
        able = self.abilities
        if given is None or given == "":
            raise self._bad("Either prompt or prompt_embeds must be provided and non-empty.", "prompt")
        if isinstance(given, str):
            return [self._fits(self._ids(given, begin=True))]
        if not isinstance(given, list) or not given:
            raise self._bad("You must pass at least one prompt", None)
        if all(isinstance(item, int) for item in given):
            given = [given]
        elif not able.batch:
            raise self._broken("prompt must be a string.")
        if not able.batch and len(given) > 1:
            raise self._broken("prompt must be a string.")
        prompts = []
        for item in given:
            if isinstance(item, str):
                prompts.append(self._fits(self._ids(item, begin=True)))
            elif isinstance(item, list) and all(isinstance(value, int) for value in item):
                if not able.token_prompts:
                    raise self._broken("prompt must be a string.")
                unknown = [value for value in item if not self.tokenizer.known(value)]
                if unknown:
                    raise self._bad(f"Token id {unknown[0]} is out of vocabulary", None)
                prompts.append(self._fits(list(item), text=False))
            else:
                raise self._bad("prompt must be text or a list of token ids", "prompt")
        return prompts

    def _most(self, body: Mapping[str, Any], standard: int, echo: bool = False) -> int:
        """How many tokens may be generated, before the context's end."""
        able = self.abilities
        given = body.get("max_completion_tokens", body.get("max_tokens"))
        if able.style == "llama.cpp":
            given = body.get("max_tokens")
        if given is None:
            return standard
        if given == 0 and able.nothing == "scores" and echo:
            return 0
        if given == 0 and able.nothing == "endless":
            return able.context
        if given == 0 and able.nothing == "fails":
            raise Refused(500, {"detail": "Internal Server Error"})
        if given == 0 and able.nothing == "ignored":
            return standard
        if given < 1:
            raise self._bad(f"max_tokens must be at least 1, got {given}.", "max_tokens", given)
        if given > able.context and able.style == "vllm":
            raise self._bad(
                f"max_tokens={given} cannot be greater than max_model_len={able.context}. "
                "Please request fewer output tokens.",
                "max_tokens",
                given,
            )
        return int(given)

    def _count(self, body: Mapping[str, Any]) -> int:
        """How many choices are made."""
        count = body.get("n") or 1
        if self.abilities.n == "ignored":
            return 1
        if count > 1 and self.abilities.n == "refused":
            raise self._bad(f"Invalid n value (currently only n = 1 is supported), got {count}.", "n", count)
        if count > 1 and body.get("temperature", 1.0) == 0 and not self.abilities.greedy_n:
            raise self._bad(f"n must be 1 when using greedy sampling, got {count}.", None)
        return int(count)

    # ------------------------------------------------------------------------------------------------- chat

    def _chat(self, body: Mapping[str, Any]) -> Any:
        able = self.abilities
        self._check(body, _CHAT)
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise self._bad(
                "Cannot apply chat template to an empty conversation. Provide at least one message.", None
            )
        opens = body.get("add_generation_prompt", True)
        unfinished = able.continuing == "continue_final_message" and body.get("continue_final_message", False)
        if unfinished and opens:
            raise self._bad(_INCOMPATIBLE, None)
        if able.continuing == "prefix" and messages[-1].get("prefix"):
            opens, unfinished = False, True
        elif able.continuing != "continue_final_message":
            opens = True
        ids = self._fits(self._rendered(messages, opens=opens, unfinished=unfinished))
        wants = bool(body.get("logprobs")) and able.chat_logprobs > 0
        top = body.get("top_logprobs") if able.chat_logprobs else None
        if top is not None and not wants:
            raise self._bad("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs")
        self._check_top(top, able.chat_logprobs, "sample logprobs", "logprobs")
        chosen = body.get("logprob_token_ids") if able.logprob_token_ids else None
        most = self._most(body, able.context)
        named = bool(body.get("return_tokens_as_token_ids")) and able.token_names
        with_ids = bool(body.get("return_token_ids")) and able.token_names
        cached = self._remember(ids)
        choices, spent, seed = [], 0, self._seed(body)
        for index in range(self._count(body)):
            written = self._enforced(
                self._write(ids, body, most, f"{seed}:{index}"), body.get("response_format"), most
            )
            spent += max(1, len(written.ids))
            message = {"role": "assistant", "content": written.text, "refusal": None}
            choice: dict[str, Any] = {"index": index, "message": message, "logprobs": None}
            choice["finish_reason"] = written.finish
            if wants:
                rows = self._rows(ids, written.ids, top or 0, chosen)
                choice["logprobs"] = {"content": [self._modern(row, top or 0, chosen, named) for row in rows]}
            if able.style == "vllm":
                message |= {"annotations": None, "audio": None, "function_call": None, "reasoning": None}
                choice |= {
                    "stop_reason": written.stop_reason,
                    "token_ids": written.ids if with_ids else None,
                    "routed_experts": None,
                }
            choices.append(choice)
        answer = self._envelope("chatcmpl", "chat.completion", body, choices, len(ids), spent, cached)
        if able.style == "vllm":
            answer |= {
                "prompt_logprobs": None,
                "prompt_token_ids": ids if with_ids else None,
                "prompt_text": None,
            }
        return answer

    def _rendered(self, messages: Sequence[Mapping[str, Any]], *, opens: bool, unfinished: bool) -> list[int]:
        """The chat template: `<|role|>`, line feed, text, `<|turn|>`, line feed; the last turn may stay open."""
        ids = []
        for index, message in enumerate(messages):
            content = message["content"]
            if not isinstance(content, str):
                content = "".join(part["text"] for part in content)
            ids += [ROLES[message["role"]], 10, *self.tokenizer.encode(content)]
            if not (unfinished and index == len(messages) - 1):
                ids += [TURN, 10]
        return ids + ([ASSISTANT, 10] if opens else [])

    def _enforced(self, written: Written, wanted: Any, most: int) -> Written:
        """What the grammar of a wanted form leaves of an answer: itself if it fits, else the plainest one."""
        kind = (wanted or {}).get("type")
        able = self.abilities.schema
        if kind == "json_schema" and able == "json_schema":
            schema = wanted["json_schema"]["schema"]
        elif kind in ("json_object", "json_schema") and able:
            schema = {"type": "object"}
        else:
            return written
        try:
            jsonschema.validate(json.loads(written.text), schema)
        except (ValueError, jsonschema.ValidationError):
            ids = [*self.tokenizer.encode(json.dumps(plainest(schema))), END]
            finish = "stop" if len(ids) <= most else "length"
            ids = ids[:most]
            return Written(ids, self.tokenizer.decode(ids, special=False), finish)
        return written

    # --------------------------------------------------------------------------------------------- sampling

    def _write(self, prompt: list[int], body: Mapping[str, Any], most: int, seed: str) -> Written:
        """One choice, token by token."""
        temperature = body.get("temperature", 1.0)
        chance = random.Random(seed.partition(":")[0] if self.abilities.n == "same" else seed)
        stops = body.get("stop") or []
        stops = [stops] if isinstance(stops, str) else stops
        written = Written(finish="stop" if self.abilities.always_stops else "length")
        # vLLM repeats a prompt that ends within a character before what follows it.
        begun = prompt if self.abilities.style == "vllm" and self.tokenizer.unfinished(prompt) else []
        while len(written.ids) < min(most, max(1, self.abilities.context - len(prompt))):
            token = self._reader.draw(prompt + written.ids, temperature, body.get("top_p", 1.0), chance)
            written.ids.append(token)
            if token == END:
                written.finish = "stop"
                if not self.abilities.names_end:
                    written.ids.pop()
                break
            written.text = self.tokenizer.whole(begun + written.ids, special=False)
            found = [(written.text.find(stop), stop) for stop in stops if stop in written.text]
            if found and self.abilities.stop:
                at, stop = min(found)
                kept = at + len(stop) if body.get("include_stop_str_in_output") else at
                written.text, written.finish, written.stop_reason = written.text[:kept], "stop", stop
                break
        return written

    def _seed(self, body: Mapping[str, Any]) -> str:
        """What the choices are drawn with."""
        if self.abilities.seed and body.get("seed") is not None:
            return f"given {body['seed']}"
        with self._lock:
            self._unseeded += 1
            return f"own {self._unseeded}"

    def _ids(self, text: str, *, begin: bool) -> list[int]:
        return ([BEGIN] if begin and self.abilities.begin else []) + self.tokenizer.encode(text)

    def _remember(self, ids: list[int]) -> int:
        """How many of a prompt's tokens the prefix cache held; they are held from now on."""
        with self._lock:
            blocks = [tuple(ids[:end]) for end in range(BLOCK, len(ids), BLOCK)]
            held = sum(block in self._cache for block in blocks) * BLOCK
            self._cache.update(blocks)
        return held

    # ------------------------------------------------------------------------------- log-probabilities as JSON

    def _rows(self, prompt: list[int], ids: list[int], top: int, chosen: Sequence[int] | None) -> list[Row]:
        """Log-probabilities of generated tokens."""
        rows = []
        for index, token in enumerate(ids):
            before = prompt + ids[:index]
            if chosen:
                others = [(value, self._reader.logprob(before, value)) for value in chosen]
            else:
                others = self._reader.top(before, top)
            rows.append(Row(token, self._reader.logprob(before, token), tuple(others)))
        return rows

    def _prompt_rows(self, ids: list[int], top: int) -> list[Row]:
        """Log-probabilities of a prompt's own tokens; the first has none."""
        shift = 1 if self.abilities.echo == "off-by-one" else 0
        rows = [Row(ids[0], None, ())]
        for index in range(1, len(ids)):
            before = ids[: index - shift] or ids[:1]
            others = tuple(self._reader.top(before, top))
            rows.append(Row(ids[index], self._reader.logprob(before, ids[index]), others))
        return rows

    def _scored(self, ids: list[int], top: int) -> list[dict[str, Any] | None]:
        """vLLM's `prompt_logprobs`: by id, the token's own first."""
        entries: list[dict[str, Any] | None] = [None]
        for index in range(1, len(ids)):
            before = ids[:index]
            row = Row(ids[index], self._reader.logprob(before, ids[index]), tuple(self._reader.top(before, top)))
            entries.append(
                {
                    str(value): {
                        "logprob": logprob,
                        "rank": self._reader.rank(before, value),
                        "decoded_token": self.tokenizer.whole([value]),
                    }
                    for value, logprob in row.entries()
                }
            )
        return entries

    def _legacy(self, rows: Sequence[Row], named: bool) -> dict[str, Any]:
        """The form of /completions: colliding names overwrite one another, as they do in real servers."""
        names = [self._name(row.token, named) for row in rows]
        offsets, reached = [], 0
        for name in names:
            offsets.append(reached)
            reached += len(name)
        return {
            "text_offset": offsets,
            "token_logprobs": [row.logprob for row in rows],
            "tokens": names,
            "top_logprobs": [
                None if row.logprob is None else {self._name(value, named): lp for value, lp in row.entries()}
                for row in rows
            ],
        }

    def _modern(self, row: Row, top: int, chosen: Sequence[int] | None, named: bool) -> dict[str, Any]:
        """The form of chat. Named by ids, alternatives have the bytes of their names, as in vLLM."""
        entries = row.entries() if chosen else row.entries()[:top]
        own = list(self.tokenizer.bytes([row.token]))
        without = self.abilities.style == "llama.cpp"
        others = []
        for value, logprob in entries:
            name = self._name(value, named)
            content = None if without else list(name.encode() if named else self.tokenizer.bytes([value]))
            others.append({"token": name, "logprob": logprob, "bytes": content})
        return {
            "token": self._name(row.token, named),
            "logprob": row.logprob,
            "bytes": None if without else own,
            "top_logprobs": others,
        }

    def _name(self, token: int, named: bool) -> str:
        return f"token_id:{token}" if named else self.tokenizer.whole([token])

    def _envelope(
        self,
        prefix: str,
        kind: str,
        body: Mapping[str, Any],
        choices: list[Any],
        sent: int,
        spent: int,
        cached: int,
    ) -> dict[str, Any]:
        able = self.abilities
        answer = {
            "id": f"{prefix}-{len(self.requests)}",
            "object": kind,
            "created": 1,
            "model": self.name if able.checks_model else body.get("model", self.name),
            "choices": choices,
        }
        if able.usage:
            answer["usage"] = {"prompt_tokens": sent, "completion_tokens": spent, "total_tokens": sent + spent}
            if able.style in ("vllm", "openai"):
                details: dict[str, Any] | None = {"cached_tokens": cached} if able.cached else None
                if able.style == "vllm" and details is not None:
                    made = 0 if prefix == "chatcmpl" else None
                    details |= {"created_cache_tokens": made, "multimodal_tokens": None}
                answer["usage"] |= {"prompt_tokens_details": details, "completion_tokens_details": None}
        if able.style == "vllm":
            answer |= {"service_tier": None, "system_fingerprint": "vllm-0.32.0-toy"}
            answer |= {"kv_transfer_params": None, "ec_transfer_params": None, "metrics": None}
        return answer

    # ------------------------------------------------------------------------------------------------ errors

    def _check(self, body: Mapping[str, Any], known: set[str]) -> None:
        """Refuses what this server does not take."""
        able = self.abilities
        model = body.get("model")
        if able.checks_model and model != self.name:
            if able.style == "transformers":
                raise Refused(400, {"detail": f"Server is pinned to {self.name}"})
            message = f"The model `{model}` does not exist. Valid aliases: {self.name}."
            code: Any = 404 if able.style == "vllm" else "model_not_found"
            kind = "NotFoundError" if able.style == "vllm" else "invalid_request_error"
            raise Refused(404, {"error": {"message": message, "type": kind, "param": "model", "code": code}})
        strangers = sorted(set(body) - known)
        if strangers and able.unknown == "refused":
            if able.style == "openai":
                raise self._bad(f"Unrecognized request argument supplied: {', '.join(strangers)}", None)
            raise Refused(422, {"detail": f"Unexpected fields in the request: {set(strangers)}"})
        for name in sorted(able.refuses & set(body)):
            raise self._unsupported(name)
        temperature = body.get("temperature", 1.0)
        if temperature < 0:
            temperature = float(temperature)
            raise self._bad(f"temperature must be non-negative, got {temperature}.", "temperature", temperature)

    def _check_top(self, wanted: Any, most: int, what: str, field: str) -> None:
        if wanted is not None and wanted > most and self.abilities.over == "refused":
            if self.abilities.style == "openai":
                raise self._bad(f"Invalid value for '{field}': must be less than or equal to {most}.", field)
            raise self._bad(
                f"Requested {what} of {wanted}, which is greater than max allowed: {most}", field, wanted
            )

    def _fits(self, ids: list[int], *, text: bool = True) -> list[int]:
        """The prompt itself. Raises Refused where it is longer than the context."""
        able = self.abilities
        if len(ids) < able.context:
            return ids
        if able.style == "transformers":
            return ids
        if able.style == "vllm":
            if len(ids) == able.context:  # it fits, and leaves no room for an answer
                raise self._bad("max_tokens must be at least 1, got 0.", "max_tokens", 0)
            # A text is not encoded further than to one token too many.
            count = min(len(ids), able.context + 1) if text else len(ids)
            least = "at least " if count == able.context + 1 else ""
            raise self._bad(
                f"This model's maximum context length is {able.context} tokens. However, your prompt contains "
                f"{least}{count} input tokens, which exceeds this limit even without any output tokens. Please "
                "reduce the length of the input prompt.",
                "input_tokens",
                count,
            )
        message = (
            f"This model's maximum context length is {able.context} tokens, however you requested {len(ids) + 16} "
            f"tokens ({len(ids)} in your prompt; 16 for the completion). Please reduce your prompt; or completion "
            "length."
        )
        error = {"message": message, "type": "invalid_request_error", "param": "messages"}
        raise Refused(400, {"error": {**error, "code": "context_length_exceeded"}})

    def _bad(self, message: str, param: str | None, value: Any = None) -> Refused:
        """400 in this server's form."""
        if self.abilities.style == "transformers":
            return Refused(400, {"detail": message})
        if self.abilities.style == "vllm":
            if param is not None:
                value_words = "" if value is None else f", value={value}"
                message = f"{message} (parameter={param}{value_words})"
            return Refused(
                400, {"error": {"message": message, "type": "BadRequestError", "param": param, "code": 400}}
            )
        return Refused(
            400, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
        )

    def _unsupported(self, name: str) -> Refused:
        """How hosted models refuse a field."""
        instead = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
        message = f"Unsupported parameter: '{name}' is not supported with this model.{instead}"
        error = {"message": message, "type": "invalid_request_error", "param": name}
        return Refused(400, {"error": {**error, "code": "unsupported_parameter"}})

    def _broken(self, message: str) -> Refused:
        """How servers fail at prompts that are not one text."""
        if self.abilities.style == "transformers":
            return Refused(400, {"detail": message})
        return Refused(500, {"error": {"message": message, "type": "internal_server_error", "code": None}})

    def _unauthorized(self) -> Refused:
        style = self.abilities.style
        if style == "vllm":
            return Refused(401, {"error": "Unauthorized"})
        if style == "openai":
            message = "Incorrect API key provided: sk-wrong."
            error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
            return Refused(401, {"error": error})
        return Refused(401, {"detail": "Invalid API key"})


@dataclass(frozen=True)
class Row:
    """One token's log-probability and those of the others that were asked for."""

    token: int
    logprob: float | None
    others: tuple[tuple[int, float], ...]

    def entries(self) -> list[tuple[int, float]]:
        """The token itself first, then the others in order, as vLLM lists them."""
        own = [] if self.logprob is None else [(self.token, self.logprob)]
        return own + [(value, logprob) for value, logprob in self.others if value != self.token]


def plainest(schema: Mapping[str, Any]) -> Any:
    """The plainest value that a JSON schema allows, of the forms that constrained decoding makes."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return plainest(schema["anyOf"][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: plainest(schema["properties"][name]) for name in schema.get("required", ())}
    if kind == "array":
        return [plainest(schema["items"])] * schema.get("minItems", 0)
    if kind == "string":
        return "a" * schema.get("minLength", 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"boolean": False, "null": None}[kind]


class _Listener(ThreadingHTTPServer):
    """The socket."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, toy: ToyServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.toy = toy
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends the connections that clients keep: a server that has gone answers nobody."""
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = self.server.toy.handle(self.command, self.path, self.headers.items(), raw)
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
