"""An endpoint in this process: counts words as tokens, answers as told, remembers what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bot.domain import Usage
from bot.endpoints import Answer, Capabilities, Choice, Request
from bot.errors import EndpointError

ABLE = Capabilities(
    "tiny", completions=True, chat=True, logprobs=20, scoring="echo", n=True, batch=True, seed=True
)

Reply = Callable[[Request], Answer | EndpointError]


def tokens_of(prompt: str | tuple[int, ...]) -> int:
    return len(prompt.split()) if isinstance(prompt, str) else len(prompt)


def plain(request: Request) -> Answer:
    """A choice for each prompt; tokens in: words; tokens out: three for each choice."""
    if request.kind == "tokenize":
        choices = [Choice("", prompt=i, ids=tuple(range(tokens_of(p)))) for i, p in enumerate(request.prompts)]
        return Answer(tuple(choices), Usage(), "tiny")
    prompts = [message.content for message in request.messages] if request.kind == "chat" else request.prompts
    heard = sum(tokens_of(prompt) for prompt in prompts)
    many = 1 if request.kind == "chat" else len(request.prompts)
    choices = [Choice(f"answer {i}", prompt=i // request.n) for i in range(many * request.n)]
    out = min(3, request.max_tokens) * len(choices)
    return Answer(tuple(choices), Usage(requests=1, tokens_in=heard, tokens_out=out), "tiny")


class FakeEndpoint:
    """Implements the protocol. `reply` answers or returns an error to raise."""

    def __init__(
        self,
        reply: Reply = plain,
        *,
        model: str = "tiny",
        seat: str = "http://127.0.0.1:1/v1",
        able: Capabilities | EndpointError = ABLE,
        seconds: float = 0.0,
    ) -> None:
        self.name = f"{model} at {seat}"
        self.model_: str | EndpointError = model
        self.seat = seat
        self.reply = reply
        self.able = able
        self.seconds = seconds
        self.sent: list[Request] = []
        self.running: list[Request] = []
        self.most_running = 0
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        if isinstance(self.model_, EndpointError):
            raise self.model_
        return self.model_

    @property
    def capabilities(self) -> Capabilities:
        if isinstance(self.able, EndpointError):
            raise self.able
        return self.able

    def send(self, request: Request) -> Answer:
        with self._lock:
            self.sent.append(request)
            self.running.append(request)
            self.most_running = max(self.most_running, len(self.running))
        try:
            if self.seconds:
                time.sleep(self.seconds)
            reply = self.reply(request)
        finally:
            with self._lock:
                self.running.remove(request)
        if isinstance(reply, EndpointError):
            raise reply
        return reply


def failing(slug: str = "endpoint-server", *, dead: bool = False, message: str = "it failed.") -> Reply:
    """A reply that is always this error."""
    return lambda request: EndpointError(message, slug=slug, dead=dead)


def complete(text: str = "one two", *, max_tokens: int = 20, **how) -> Request:
    return Request("complete", prompts=(text,), max_tokens=max_tokens, **how)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """What `count` threads that begin at the same moment return or raise."""
    begin = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(index: int) -> None:
        begin.wait(10)
        try:
            results[index] = work(index)
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return results
