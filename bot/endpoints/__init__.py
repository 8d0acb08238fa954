"""The seams to whatever proposes: a model endpoint that answers requests, and proposers of single lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from bot.domain import Proposal, Situation, Usage


class Proposer(Protocol):
    """Proposes candidates for one line of a function. Deterministic for equal situations and seed."""

    name: str
    tier: str
    """What guidance it allows, `A` to `E` (docs/architecture.md)."""

    def propose(self, situation: Situation) -> tuple[Proposal, ...]:
        """At most `situation.width` proposals, likeliest first, the line's own text (`keep`) among them.

        Every proposal's edit applies to `situation.source`; the result parses and differs from it, apart from
        `keep`. Log-probabilities are normalised over the line's whole list, before `skip` and `width` cut it.
        """


# ---------------------------------------------------------------------------------------------- model endpoints


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt = str | tuple[int, ...]
"""Text, or token ids where the server takes them."""


@dataclass(frozen=True)
class Request:
    """One request to an endpoint, independent of the library and the wire that carry it.

    `complete` continues each of `prompts`; `chat` answers `messages` (and continues `prefix`, the beginning of
    the answer, where the server can); `score` gives the log-probabilities of each prompt's own tokens and
    generates nothing; `tokenize` gives the ids of each prompt that is text, `detokenize` the text of each prompt
    that is ids.
    """

    kind: Literal["complete", "chat", "score", "tokenize", "detokenize"]
    prompts: tuple[Prompt, ...] = ()
    messages: tuple[Message, ...] = ()
    prefix: str = ""
    max_tokens: int = 0
    """Most tokens of one choice; ignored by `score` and `tokenize`."""
    n: int = 1
    """Choices for each prompt."""
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    top: int | None = None
    """How many alternatives of each token come back with their log-probabilities; 0: the token's own only;
    None: no log-probabilities at all."""
    chosen_ids: tuple[int, ...] = ()
    """Token ids whose log-probabilities come back at every position (vLLM's `logprob_token_ids`)."""
    ids: bool = False
    """Whether tokens are to be named by id: strings of partial characters collide."""
    special: bool = True
    """`tokenize` only: whether the tokens that open a text (BOS) are put before it."""
    schema: Mapping[str, Any] | None = None
    """JSON schema that the answer must follow, where the server can enforce one."""
    purpose: str = ""
    """What it is for (`rewrite`, `continue`, `score`, `review`, `probe`): for usage and messages, never sent."""

    def key(self, model: str, seat: str = "") -> str:
        """SHA-256 of everything that decides the answer: equal requests to one model at one `seat` (the base
        URL) have equal keys. `purpose` is left out."""
        content = {**asdict(self), "model": model, "seat": seat}
        del content["purpose"]
        text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True)
class Token:
    """One token of a choice, or of a scored prompt."""

    text: str
    """Its text; `token_id:N` where only the id is known."""
    id: int | None
    logprob: float | None
    """Natural logarithm; None for a prompt's first token, which nothing precedes."""
    top: tuple[tuple[int | str, float], ...] = ()
    """(id, or text where ids are not given; log-probability) of the likeliest tokens here, likeliest first. The
    token itself is among them where the server says so."""


@dataclass(frozen=True)
class Choice:
    """One continuation, one answer, or one scored prompt."""

    text: str
    finish: str = "stop"
    """`stop`, `length`, or another word of the server's."""
    tokens: tuple[Token, ...] = ()
    """Empty where log-probabilities were not asked for or do not come."""
    prompt: int = 0
    """Index of the prompt that it belongs to."""
    ids: tuple[int, ...] = ()
    """Token ids of the text, or of a tokenized prompt; empty where they are not known."""

    @property
    def logprob(self) -> float | None:
        """Sum over its tokens; None where one is not known."""
        if not self.tokens or any(token.logprob is None for token in self.tokens):
            return None
        return sum(token.logprob or 0.0 for token in self.tokens)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    choices: tuple[Choice, ...]
    """In the order of the prompts; may be fewer than asked where the server ignores `n`."""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    """The model that the server names."""


@dataclass(frozen=True)
class Capabilities:
    """What one server and model can do, found out by asking (`endpoints/openai/probe.py`), never assumed."""

    model: str = ""
    completions: bool = False
    """`/completions` continues a text of ours."""
    chat: bool = False
    token_ids: bool = False
    """Prompts may be lists of token ids, and answers name tokens by id."""
    logprobs: int = 0
    """Most alternatives that come back for each token of a completion; 0: none."""
    chat_logprobs: int = 0
    """The same for chat."""
    scoring: Literal["", "echo", "prompt_logprobs"] = ""
    """How the log-probabilities of given text can be had."""
    chosen_ids: bool = False
    """The log-probabilities of given ids can be had (`logprob_token_ids`)."""
    n: bool = False
    """Several choices in one request, really different ones where the temperature allows."""
    batch: bool = False
    """Several prompts in one request."""
    seed: bool = False
    """Equal seeds give equal answers."""
    stop: bool = False
    prefix: Literal["", "continue_final_message", "prefix"] = ""
    """How chat continues the beginning of an answer; empty where it cannot."""
    schema: Literal["", "json_schema", "json_object"] = ""
    """What really enforces structured output."""
    tokenize: bool = False
    """`/tokenize` and `/detokenize` turn text into ids and back."""
    template: tuple[str, str] | None = None
    """What the chat template puts before and after a single user message, up to where the answer begins; None
    where the server does not say. With it, completions can be asked the way chat is."""
    context: int | None = None
    """Tokens of prompt and answer together; None where the server does not say."""
    notes: tuple[str, ...] = ()
    """What was silently ignored or refused, in words."""

    @property
    def tier(self) -> str:
        """`A` completions with log-probabilities and scoring: line-level CFG, token-level CFG when asked for;
        `B` a prefix and top-k log-probabilities; `C` chat with log-probabilities; `D` chat only; `E` nothing.

        C and D are execution-conditioned sampling, never CFG.
        """
        # Where an unknown chat template stands between us and the model, chat's own prefix is the better way in,
        # and what chat says cannot be scored.
        direct = self.template is not None or not self.chat or not self.prefix
        if self.completions and self.logprobs and self.scoring and direct:
            return "A"
        if (self.completions and self.logprobs) or (self.prefix and self.chat_logprobs):
            return "B"
        if self.chat and self.chat_logprobs:
            return "C"
        return "D" if self.chat or self.completions else "E"


class Endpoint(Protocol):
    """A model behind an OpenAI-compatible server, or a wrapper around one that meters, records or caches."""

    @property
    def name(self) -> str:
        """`MODEL at URL`, for people; never a key."""

    @property
    def model(self) -> str:
        """The model's name, as the server knows it."""

    @property
    def seat(self) -> str:
        """The base URL: what makes equal model names different models."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do. The first use may probe the server. Raises EndpointError."""

    def send(self, request: Request) -> Answer:
        """One request, retried where that can help. May be called from several threads.

        Raises EndpointError: `dead` where no further request can succeed, with slug `endpoint-context` where the
        prompt is too long; BudgetSpent, before anything is sent, where the budget does not allow it.
        """


class Accounts(Protocol):
    """What requests used, by function (`endpoints/metered.py` keeps them)."""

    @property
    def usage(self) -> Usage:
        """Of the whole review."""

    def function(self, name: str) -> AbstractContextManager[None]:
        """Requests inside belong to this function's account, and to its budget."""


@dataclass(frozen=True)
class Model:
    """An endpoint, ready to be asked, with what it used and what is to be said of it."""

    endpoint: Endpoint
    accounts: Accounts
    notes: Callable[[], tuple[str, ...]] = tuple
    """What went wrong on the way and did not stop it, in words for the report."""
