"""One line, token by token, each taken from a mix of the model's predictions without and with the signal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from bot.endpoints import Answer, Choice, Prompt, Request
from bot.errors import EndpointError
from bot.steps.propose.mixing import Ranked, mix

MOST_TOP = 20
"""Alternatives that are asked for; what vLLM gives without being told otherwise."""
CONTEXT = 16
"""Tokens before a line that are turned into text with it: some tokenizers spell a text's first token otherwise."""


class Asks(Protocol):
    """What is needed of an endpoint."""

    def send(self, request: Request) -> Answer:
        """As `Endpoint.send`."""


@dataclass(frozen=True)
class Branches:
    """Two prompts as token ids, the same but for the signal. Held in three pieces and never as text: text that is
    cut and encoded anew drifts, and prompts put together twice come to differ in more than the signal.
    """

    head: tuple[int, ...]
    signal: tuple[int, ...]
    """Stands in the conditional prompt alone; empty: both prompts are one."""
    response: tuple[int, ...]
    """The beginning of the answer."""

    @property
    def unconditional(self) -> tuple[int, ...]:
        """The prompt without the signal."""
        return self.head + self.response

    @property
    def conditional(self) -> tuple[int, ...]:
        """The prompt with the signal."""
        return self.head + self.signal + self.response

    def followed_by(self, token: int) -> Branches:
        """Both prompts with one more token."""
        return replace(self, response=(*self.response, token))

    def prompts(self, gamma: float) -> tuple[Prompt, ...]:
        """What has to be asked for a mix with `gamma`: without the signal, with it, or both in this order."""
        plain, led = self.unconditional, self.conditional
        start = len(self.head)
        if plain != led[:start] + led[start + len(self.signal) :]:
            raise AssertionError("the prompts differ in more than the signal")
        if gamma == 0 or not self.signal:
            return (plain,)
        return (led,) if gamma == 1 else (plain, led)


@dataclass(frozen=True)
class Decoded:
    """What was written."""

    ids: tuple[int, ...]
    """Without the token that ended the answer."""
    text: str
    """With the line feed, where one ended it; a token may hold more behind it."""
    logprob: float
    """Of its ids in the mixes that they were taken from, in nats."""
    swayed: int
    """Tokens, the end included, that are not the ones that would have come without the signal, given what stands
    before them. 0 at gamma 1, which never asks."""
    ended: bool
    """Whether the model ended its answer."""


def decode_line(
    endpoint: Asks,
    branches: Branches,
    *,
    gamma: float,
    clip: float,
    top: int = MOST_TOP,
    max_tokens: int,
    breaks: dict[int, bool] | None = None,
) -> Decoded:
    """The rest of the line that both prompts end in: greedily the likeliest token of each mix (`mixing.mix`), to
    the first that holds a line feed, to the end of the answer, or to `max_tokens`.

    After EG-CFG (Lavon, Katz and Wolf, 2025), sections 3.2 and 3.3. Each token is one request, both prompts in it
    as ids; gamma 0 asks without the signal only, gamma 1 with it only. `breaks` remembers which tokens hold a line
    feed, from line to line if the caller keeps it.

    The endpoint must take and name token ids and turn them into text. Raises EndpointError: as it does, and
    `endpoint-garbled` where an answer lacks the log-probabilities by id.
    """
    breaks = {} if breaks is None else breaks
    before, logprob, swayed = branches.response, 0.0, 0
    ends: set[int] = set()
    ended = False
    while not ended and len(branches.response) - len(before) < max_tokens:
        prompts = branches.prompts(gamma)
        answer = endpoint.send(Request("complete", prompts, max_tokens=1, top=top, ids=True, purpose="continue"))
        choices = _by_prompt(answer, len(prompts))
        if all(choice.finish == "stop" and not choice.tokens for choice in choices):
            ended = True  # some servers do not name the token that ends an answer
            break
        for choice in choices:
            _learn(endpoint, choice, breaks, ends)
        ranked = [_ranked(choice) for choice in choices]
        mixed = mix(ranked[0], ranked[-1], gamma=gamma, clip=clip)
        token, value = mixed[0]
        swayed += token != min(ranked[0], key=lambda item: (-item[1], item[0]))[0]
        ended = token in ends
        if not ended:
            branches = branches.followed_by(token)
            logprob += value
            if token not in breaks:
                breaks[token] = "\n" in _detokenized(endpoint, (token,))[0]
            if breaks[token]:
                break
    ids = branches.response[len(before) :]
    return Decoded(ids, _text(endpoint, before, ids), logprob, swayed, ended)


def _by_prompt(answer: Answer, count: int) -> list[Choice]:
    """One choice for each prompt, in their order. Raises EndpointError."""
    choices = {choice.prompt: choice for choice in reversed(answer.choices)}
    if any(index not in choices for index in range(count)):
        raise _garbled("lacks a choice for one of two prompts")
    return [choices[index] for index in range(count)]


def _learn(endpoint: Asks, choice: Choice, breaks: dict[int, bool], ends: set[int]) -> None:
    """What the text of a one-token choice tells about its token. Raises EndpointError.

    Not too much: after a prompt that ends within a character vLLM sends the whole prompt again before the token.
    """
    token = choice.tokens[0].id if choice.tokens else None
    if token is None:
        return
    # Nothing else can stop the first token. Some servers say `stop` of every answer: there it has its own text.
    if choice.finish == "stop" and (not choice.text or choice.text != _detokenized(endpoint, (token,))[0]):
        ends.add(token)
    elif "\n" not in choice.text:
        breaks.setdefault(token, False)


def _ranked(choice: Choice) -> Ranked:
    """The likeliest next tokens by id. Raises EndpointError."""
    top = choice.tokens[0].top if choice.tokens else ()
    named = [(token, logprob) for token, logprob in top if isinstance(token, int)]
    if not named:
        raise _garbled("lacks the log-probabilities of tokens by id")
    return named


def _text(endpoint: Asks, before: tuple[int, ...], ids: tuple[int, ...]) -> str:
    """The text of a line's ids: what they add to those before them."""
    if not ids:
        return ""
    context = before[-CONTEXT:]
    if not context:
        return _detokenized(endpoint, ids)[0]
    lead, whole = _detokenized(endpoint, context, context + ids)
    return whole[len(lead.rstrip("\ufffd")) :]  # without what stands for a character that only the line completes


def _detokenized(endpoint: Asks, *prompts: tuple[int, ...]) -> tuple[str, ...]:
    """The text of each list of ids. Raises EndpointError."""
    answer = endpoint.send(Request("detokenize", prompts, purpose="continue"))
    return tuple(choice.text for choice in _by_prompt(answer, len(prompts)))


def _garbled(what: str) -> EndpointError:
    return EndpointError(
        f"the endpoint's answer {what}",
        hint="Token-level guidance needs a server that names tokens by id, as vLLM does.",
        slug="endpoint-garbled",
    )
