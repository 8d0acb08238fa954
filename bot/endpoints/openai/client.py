"""The endpoint behind every OpenAI-compatible server: requests as values in, answers as values out."""

from __future__ import annotations

import random as chance
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.domain import Usage
from bot.endpoints import Answer, Capabilities, Choice, Prompt, Request
from bot.endpoints.openai import memory
from bot.endpoints.openai.diagnose import rows, unreached
from bot.endpoints.openai.probe import probe, resolve
from bot.endpoints.openai.server import Server
from bot.endpoints.openai.shapes import (
    chat_body,
    completion_body,
    estimated,
    read_chat,
    read_completion,
    read_ids,
    read_prompt_logprobs,
    read_text,
    read_usage,
    score_body,
    seed_of,
    whole,
)
from bot.errors import EndpointError
from bot.sandboxes import Diagnosis


@dataclass(frozen=True)
class _Part:
    """One HTTP request of those that a Request becomes."""

    path: str
    body: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], tuple[Choice, ...]]
    prompts: tuple[int, ...] = (0,)
    """Which prompts of the request it asks about."""
    sent: str | int = 0
    """The prompt's text, or how many ids it has: for an estimate."""
    counted: bool = True
    """Whether a model works on it: turning text into ids and back costs no tokens."""


class OpenAI:
    """A model behind an OpenAI-compatible server (implements `Endpoint`).

    Nothing is sent before the first use. `model` None is the only one that the server lists. `capabilities` that
    are given are believed; otherwise the first use probes the server, and keeps what it found under `cache_dir`
    for a day. `environ` gives proxies and private authorities, nothing else is read from an environment. Raises
    ConfigError for a URL or a key that no request can carry.

    `send` asks several times where the server does not honour `n` or takes one prompt at a time, with seeds
    derived from the request's. A greedy request has one answer however many are asked for. Tokens of a choice
    that ended at a stop may include those that spelled the stop (vLLM), which its text does not.
    """

    def __init__(
        self,
        url: str,
        model: str | None,
        key: str | None,
        *,
        timeout: float = 120.0,
        connect_timeout: float = 10.0,
        retries: int = 4,
        concurrency: int = 4,
        capabilities: Capabilities | None = None,
        cache_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._server = Server(
            url,
            key,
            timeout=timeout,
            connect_timeout=connect_timeout,
            retries=retries,
            concurrency=concurrency,
            environ=environ or {},
            clock=clock,
            now=now,
            sleep=sleep,
            random=random,
        )
        self.seat = self._server.url
        self.name = f"{model} at {self.seat}" if model else self.seat
        self._model = model or (capabilities.model if capabilities else "")
        self._capabilities = replace(capabilities, model=self._model) if capabilities else None
        self._cache_dir = cache_dir
        self._now = now
        self._finding_out = threading.RLock()

    def close(self) -> None:
        """Closes its connections."""
        self._server.close()

    @property
    def model(self) -> str:
        """The model that is asked. Where none was named, the first look asks the server. Raises EndpointError."""
        with self._finding_out:
            if not self._model:
                self._model = resolve(self._server, None).model
                self.name = f"{self._model} at {self.seat}"
            return self._model

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do, found out once. Raises EndpointError where it cannot be asked at all."""
        with self._finding_out:
            if self._capabilities is None:
                self._capabilities = self._found_out()
            return self._capabilities

    def _found_out(self) -> Capabilities:
        """Capabilities from disk, or asked for."""
        model = self.model
        known = memory.load(self._cache_dir, self.seat, model, now=self._now())
        if known is not None:
            return known
        found = probe(self._server, model)
        # A server that can do nothing may only have been starting: ask again next time.
        if found.tier != "E":
            memory.save(self._cache_dir, self.seat, found, now=self._now())
        return found

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """Lines for `tryline doctor`. Never raises."""
        try:
            return rows(self.seat, self.capabilities, key=self._server.has_key)
        except EndpointError as error:
            return unreached(self.seat, self._model, error, key=self._server.has_key)

    def send(self, request: Request) -> Answer:
        """The answer to one request. May be called from several threads. Raises EndpointError."""
        can = self.capabilities
        parts = self._parts(request, can)
        if len(parts) == 1:
            answers = [self._part(parts[0])]
        else:
            with ThreadPoolExecutor(min(len(parts), self._server.concurrency)) as pool:
                waiting = [pool.submit(self._part, part) for part in parts]
                try:
                    answers = [one.result() for one in waiting]
                finally:
                    pool.shutdown(wait=False, cancel_futures=True)
        usage = Usage()
        for answer in answers:
            usage = usage.plus(answer.usage)
        choices = sorted((choice for answer in answers for choice in answer.choices), key=lambda one: one.prompt)
        named = next((answer.model for answer in answers if answer.model), can.model)
        return Answer(tuple(choices), usage, named)

    def _part(self, part: _Part) -> Answer:
        """What one HTTP request brings."""
        reply = self._server.post(part.path, part.body)
        choices = tuple(replace(choice, prompt=part.prompts[choice.prompt]) for choice in part.read(reply.data))
        if part.counted:
            usage = read_usage(
                reply.data, sent=part.sent, got=choices, attempts=reply.attempts, seconds=reply.seconds
            )
        else:
            usage = Usage(seconds=reply.seconds)  # text into ids and back: the model was not asked
        model = reply.data.get("model")
        return Answer(choices, usage, whole(model[:200]) if isinstance(model, str) else "")

    # ------------------------------------------------------------------------------------------- what is asked

    def _parts(self, request: Request, can: Capabilities) -> list[_Part]:
        """The HTTP requests that a request becomes. Raises EndpointError for what this server cannot do."""
        if request.kind == "chat":
            self._need(can.chat, "chat")
            return self._chats(request, can)
        if not request.prompts:
            raise self._cannot(f"`{request.kind}` without a prompt")
        if request.kind in ("tokenize", "detokenize"):
            self._need(can.tokenize, "turn text into token ids")
            return [self._turned(request, can, index) for index in range(len(request.prompts))]
        if any(not isinstance(prompt, str) for prompt in request.prompts):
            self._need(can.token_ids, "take token ids as a prompt")
        if request.kind == "score":
            self._need(bool(can.scoring), "give the log-probabilities of a given text")
            return [self._score(request, can, group) for group in self._groups(request, can)]
        self._need(can.completions, "continue a text")
        groups, draws = self._groups(request, can), self._draws(request, can)
        return [self._completion(request, can, group, n, seed) for n, seed in draws for group in groups]

    def _groups(self, request: Request, can: Capabilities) -> list[tuple[int, ...]]:
        """Indexes of the prompts that one HTTP request asks about."""
        kinds = {isinstance(prompt, str) for prompt in request.prompts}
        indexes = tuple(range(len(request.prompts)))
        return [indexes] if can.batch and len(kinds) == 1 else [(index,) for index in indexes]

    def _draws(self, request: Request, can: Capabilities) -> list[tuple[int, int | None]]:
        """(`n`, seed) of each HTTP request about one prompt."""
        wanted = 1 if request.temperature == 0 else max(1, request.n)
        if wanted == 1 or can.n:
            return [(wanted, request.seed)]
        return [(1, seed_of(request.seed, index)) for index in range(wanted)]

    def _completion(
        self, request: Request, can: Capabilities, group: tuple[int, ...], n: int, seed: int | None
    ) -> _Part:
        prompts = [request.prompts[index] for index in group]
        body = completion_body(request, prompts, can, n=n, seed=seed)

        def read(data: Mapping[str, Any]) -> tuple[Choice, ...]:
            return read_completion(data, len(group), stop=request.stop)

        return _Part("/completions", body, read, group, _size(prompts))

    def _score(self, request: Request, can: Capabilities, group: tuple[int, ...]) -> _Part:
        prompts = [request.prompts[index] for index in group]

        def read(data: Mapping[str, Any]) -> tuple[Choice, ...]:
            if can.scoring == "echo":
                return read_completion(data, len(group), score=True)
            return read_prompt_logprobs(data, prompts)

        return _Part("/completions", score_body(request, prompts, can), read, group, _size(prompts))

    def _chats(self, request: Request, can: Capabilities) -> list[_Part]:
        def read(data: Mapping[str, Any]) -> tuple[Choice, ...]:
            return tuple(replace(choice, prompt=0) for choice in read_chat(data, stop=request.stop))

        text = "".join(turn.content for turn in request.messages) + request.prefix
        return [
            _Part("/chat/completions", chat_body(request, can, n=n, seed=seed), read, (0,), text)
            for n, seed in self._draws(request, can)
        ]

    def _turned(self, request: Request, can: Capabilities, index: int) -> _Part:
        """Text to ids or ids to text; both lie beside the API, at the server's root."""
        prompt = request.prompts[index]
        if request.kind == "tokenize" and isinstance(prompt, str):
            body = {"model": can.model, "prompt": whole(prompt), "add_special_tokens": request.special}
            text = prompt

            def ids(data: Mapping[str, Any]) -> tuple[Choice, ...]:
                return (Choice(text, ids=read_ids(data)),)

            return _Part("//tokenize", body, ids, (index,), counted=False)
        if request.kind == "detokenize" and not isinstance(prompt, str):
            known = prompt

            def words(data: Mapping[str, Any]) -> tuple[Choice, ...]:
                return (Choice(read_text(data), ids=known),)

            return _Part(
                "//detokenize", {"model": can.model, "tokens": list(prompt)}, words, (index,), counted=False
            )
        raise self._cannot("`tokenize` of what is no text, or `detokenize` of what is no list of ids")

    def _need(self, able: bool, what: str) -> None:
        if not able:
            raise self._cannot(what)

    def _cannot(self, what: str) -> EndpointError:
        return EndpointError(
            f"{self.name} cannot {what}",
            hint="`tryline doctor` shows what the endpoint can do.",
            slug="endpoint-refused",
        )


def _size(prompts: Sequence[Prompt]) -> int:
    """About how many tokens the prompts have."""
    return sum(estimated(prompt) if isinstance(prompt, str) else len(prompt) for prompt in prompts)
