"""What is asked of a model, whatever its server can do: whole functions, next lines, and how likely given lines
are.

A prompt is three segments, and both branches of guidance differ in the middle one alone: head (what the task
is), signal (what candidates did when they ran), response (the answer's beginning: accepted lines). Where the
server takes token ids, segments are ids, so that no text is cut anew when they are joined.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot import prompts
from bot.domain import Brief, Usage
from bot.endpoints import Answer, Capabilities, Choice, Endpoint, Message, Prompt, Request
from bot.guarding import clean, neutral, redact, restore, revive
from bot.languages import Language
from bot.signal import Counter
from bot.steps.propose.text import normal_ends

LINE_TOKENS = 60
"""Tokens that one line of code is allowed; longer ones are cut, and the cut line is dropped."""
CLEAR_TOKENS = 64
"""Tokens of an answer beside the function: words before it, imports."""
SHORTEST_ANSWER = 400
"""Tokens that a whole function may take at least: a stub says nothing of how long it will be."""
ROOM = 8
"""How much more room a model gets whose answers are cut off: it may think aloud before them."""
SAMPLE_SEED = 1_000_003
"""What seeds of different requests are apart."""


@dataclass(frozen=True)
class Guidance:
    """How a model is led (`guidance.*` in the configuration)."""

    rungs: tuple[str, ...] = ("plain", "best-of-n", "self-debug", "line-guided")
    best_of: int = 4
    debug_rounds: int = 2
    samples: int = 4
    horizon: int = 2
    temperature: float = 0.7
    gamma: float = 1.5
    clip: float = 4.0
    reward: float = 1.0
    signal_tokens: int = 1500
    seed: int = 0
    evidence: str = "traces"
    """What the conditional prompt holds: `traces`; `candidates`, without what they did; `placebo`; `none`."""
    placebo: tuple[str, ...] = ()
    """Signals of another task, of several lengths, for `placebo`."""


@dataclass(frozen=True)
class Draft:
    """Something that the model wrote."""

    text: str
    """An answer, or the lines that follow accepted ones (indented as the function's own)."""
    ended: bool
    """Whether the function ends with it."""
    logprob: float | None
    """Of the text under its own prompt; None where that is not known."""
    tokens: int
    """0 where it is not known."""


@dataclass(frozen=True)
class Scored:
    """How likely one text is after accepted lines."""

    plain: float
    """Log-probability under the prompt without the signal."""
    conditional: float
    """Under the prompt with it."""
    tokens: int


class Writer:
    """Asks one model about one function, and is an `Endpoint` that adds up what it used. Not for several
    threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        brief: Brief,
        guidance: Guidance,
        language: Language,
        count: Callable[[str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self.brief = brief
        self.guidance = guidance
        self.count = count
        # What is proposed is shown to strangers: it is called by the model's name, not by where that runs.
        self.name, self.model, self.seat = endpoint.model, endpoint.model, endpoint.seat
        self.usage = Usage()
        self.clock = clock
        self.waited: Callable[[float], None] = lambda _seconds: None
        """Told how long each request took, answered or not."""
        self.asked = 0
        self.room = 1
        """How many times the usual tokens an answer may take."""
        self.source = normal_ends(brief.function.source)
        self.margin = len(language.margin(self.source))
        self._known: dict[str, tuple[int, ...]] = {}

    @property
    def can(self) -> Capabilities:
        """What the server can do. Raises EndpointError when it has to be asked and does not answer."""
        return self.endpoint.capabilities

    @property
    def capabilities(self) -> Capabilities:
        """The same, under the name that `Endpoint` gives it."""
        return self.endpoint.capabilities

    @property
    def tier(self) -> str:
        """`A` to `D`."""
        return self.can.tier

    # -- whole functions

    def rewrites(self, n: int, temperature: float) -> tuple[Draft, ...]:
        """Whole functions, as answers to the task. Raises EndpointError."""
        return self.whole("", n, temperature, "rewrite")

    def repaired(
        self, attempt: str, failures: Sequence[tuple[str, str]], block: str, temperature: float
    ) -> tuple[Draft, ...]:
        """Whole functions after an attempt that failed. Raises EndpointError."""
        said = prompts.retry(self.brief, self.shown(attempt), failures, block)
        return self.whole(said, 1, temperature, "debug")

    def whole(self, more: str, n: int, temperature: float, purpose: str) -> tuple[Draft, ...]:
        """Answers that hold the whole function; `more` follows the task."""
        most = max(SHORTEST_ANSWER, 2 * self.count(self.shown(self.source)) + CLEAR_TOKENS)
        head = prompts.task(self.brief) + more
        if self.can.chat and not self.can.template:
            # The server knows its chat template and we do not: the answer brings its own fence and words.
            answer = self.chatted(head, n, temperature, purpose)
            return tuple(
                Draft(self.read(c.text), c.finish == "stop", c.logprob, len(c.tokens)) for c in answer.choices
            )
        request = Request(
            "complete",
            prompts=(self.prompt(head, "", ""),),
            max_tokens=most,
            n=n,
            temperature=temperature,
            stop=(self.stop,),
            seed=self.seed(),
            purpose=purpose,
        )
        opening = prompts.opening(self.brief)
        return tuple(
            Draft(opening + self.read(c.text), c.finish == "stop", c.logprob, len(c.tokens))
            for c in self.send(request).choices
        )

    def chatted(self, user: str, n: int, temperature: float, purpose: str) -> Answer:
        """Answers of a server that knows its own template.

        A model that thinks before it answers needs room for that: when every answer is cut off, it gets more from
        then on, and is asked once again.
        """
        most = max(SHORTEST_ANSWER, 2 * self.count(self.shown(self.source))) + 4 * CLEAR_TOKENS
        request = Request(
            "chat",
            messages=(Message("user", user),),
            max_tokens=most * self.room,
            n=n,
            temperature=temperature,
            seed=self.seed(),
            purpose=purpose,
        )
        answer = self.send(request)
        if self.room == 1 and answer.choices and all(choice.finish == "length" for choice in answer.choices):
            self.room = ROOM
            answer = self.send(replace(request, max_tokens=most * self.room))
        return answer

    # -- the next lines

    def continuations(self, accepted: str, block: str, n: int, temperature: float) -> tuple[Draft, ...]:
        """What follows accepted lines, the next statement and `horizon` lines more. Raises EndpointError.

        `accepted` is the function's text so far, whole lines. A server that cannot continue a prefix is told
        what is fixed; answers that begin otherwise are dropped.
        """
        lines = self.guidance.horizon + 1
        shape = self.shape()
        if shape == "chat":
            return self.continued_in_chat(accepted, block, n, temperature)
        top = self.can.logprobs if shape == "complete" else self.can.chat_logprobs
        request = Request(
            "complete",
            max_tokens=LINE_TOKENS * lines,
            n=n,
            temperature=temperature,
            top_p=0.95 if temperature else 1.0,
            stop=(self.stop,),
            seed=self.seed(),
            top=0 if top else None,
            purpose="continue",
        )
        if shape == "complete":
            request = replace(request, prompts=(self.prompt(self.head(), block, accepted),))
        else:
            user = self.head() + prompts.evidence(block)
            prefix = prompts.opening(self.brief) + self.shown(accepted)
            request = replace(request, kind="chat", messages=(Message("user", user),), prefix=prefix)
        return tuple(self.following(choice) for choice in self.send(request).choices)

    def following(self, choice: Choice) -> Draft:
        """A continuation as lines of the function; its last line is dropped where it may be cut."""
        text = self.read(choice.text)
        ended = choice.finish == "stop"
        fence = self.stop.strip()
        at = next((i for i, line in enumerate(text.split("\n")) if line.strip() == fence), None)
        if at is not None:
            text, ended = "\n".join(text.split("\n")[:at]), True
        if not ended:
            text = text.rpartition("\n")[0]
        lines = [line.rstrip() for line in text.split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        # What stands at the function's own margin or before it is not of the function any more.
        for index, line in enumerate(lines):
            if line and len(line) - len(line.lstrip()) <= self.margin and line.lstrip()[0] not in ")]}#\"'":
                lines, ended = lines[:index], True
                break
        return Draft("\n".join(lines), ended, choice.logprob, len(choice.tokens))

    def continued_in_chat(self, accepted: str, block: str, n: int, temperature: float) -> tuple[Draft, ...]:
        """The same from a server that only answers: the lines behind the accepted ones, of answers that keep
        them."""
        user = self.head() + prompts.evidence(block) + prompts.continued(self.brief, accepted)
        drafts = []
        for choice in self.chatted(user, n, temperature, "continue").choices:
            rest = after_prefix(self.read(choice.text), accepted)
            if rest is not None:
                drafts.append(Draft(rest, choice.finish == "stop", None, 0))
        return tuple(drafts)

    # -- how likely

    def scores(self, accepted: str, block: str, texts: Sequence[str]) -> list[Scored]:
        """How likely each text (whole lines; '' is the end of the function) is under both prompts.

        One batch of requests; needs tier A. Raises EndpointError.
        """
        branches = [""] if not block else ["", block]
        lines = [self.line_of(text) for text in texts]
        if self.by_ids:
            self.response_ids("".join(lines))  # asked for together, not one after the other
        asked: list[tuple[Prompt, Prompt]] = []
        for branch in branches:
            start = self.prompt(self.head(), branch, accepted)
            asked += [(start, self.joined(start, line)) for line in lines]
        request = Request(
            "score",
            prompts=tuple(whole for _, whole in asked),
            top=0,
            ids=self.by_ids,
            purpose="score",
        )
        answer = self.send(request)
        found: dict[int, tuple[float, int]] = {}
        for choice in answer.choices:
            start, _ = asked[choice.prompt]
            found[choice.prompt] = tail_logprob(choice, start)
        rows = []
        for index in range(len(texts)):
            plain, tokens = found.get(index, (-math.inf, 1))
            conditional, _ = found.get(index + len(texts), (plain, tokens)) if block else (plain, tokens)
            rows.append(Scored(plain, conditional, tokens))
        return rows

    def line_of(self, text: str) -> str:
        """A text as it would stand in the answer."""
        return self.shown(text) if text else self.stop.lstrip("\n") + "\n"

    # -- prompts

    @property
    def stop(self) -> str:
        """What ends an answer."""
        return "\n" + prompts.closing(self.brief)

    @property
    def by_ids(self) -> bool:
        """Whether prompts are sent as token ids."""
        return self.can.token_ids and self.can.tokenize and self.can.completions

    def shape(self) -> str:
        """How the next lines are asked for: `complete`, `prefix` (chat that goes on with a prefix) or `chat`."""
        if self.can.completions and (self.can.template or not self.can.chat or not self.can.prefix):
            # An unknown template is no reason to give up the prefix: base models need none.
            return "complete"
        return "prefix" if self.can.prefix else "chat"

    def head(self) -> str:
        """The first segment's text."""
        return prompts.task(self.brief)

    def prompt(self, head: str, block: str, accepted: str) -> Prompt:
        """The three segments, joined: as ids where the server takes them, else as text."""
        head, signal, response = self.segments(head, block, accepted)
        if not self.by_ids:
            return head + signal + response
        return self.ids(head, first=True) + self.ids(signal) + self.response_ids(response)

    def segments(self, head: str, block: str, accepted: str) -> tuple[str, str, str]:
        """(head, signal, response) as text, with the chat template around them where it is known."""
        before, after = self.can.template or ("", "\n")
        return before + head, prompts.evidence(block), after + prompts.opening(self.brief) + self.shown(accepted)

    def id_segments(self, block: str, accepted: str) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """The same as token ids. Raises EndpointError."""
        head, signal, response = self.segments(self.head(), block, accepted)
        return self.ids(head, first=True), self.ids(signal), self.response_ids(response)

    def response_ids(self, response: str) -> tuple[int, ...]:
        """The response's ids, line by line: what was accepted keeps its ids when lines follow."""
        lines = response.splitlines(keepends=True)
        self.learn([line for line in lines if line not in self._known], first=False)
        return tuple(i for line in lines for i in self._known[line])

    def ids(self, text: str, *, first: bool = False) -> tuple[int, ...]:
        """Token ids of a segment; the first one brings what opens a text, unless the template does."""
        if not text:
            return ()
        key = ("^" if first else "") + text
        if key not in self._known:
            self.learn([text], first=first)
        return self._known[key]

    def learn(self, texts: Sequence[str], *, first: bool) -> None:
        """Asks for the ids of texts."""
        texts = list(dict.fromkeys(texts))
        if not texts:
            return
        special = first and self.can.template is None
        answer = self.send(Request("tokenize", prompts=tuple(texts), special=special, purpose="tokenize"))
        for choice in answer.choices:
            text = texts[choice.prompt]
            self._known[("^" if first else "") + text] = choice.ids

    def joined(self, start: Prompt, line: str) -> Prompt:
        """A prompt with a line behind it."""
        return start + line if isinstance(start, str) else start + self.response_ids(line)

    # -- small things

    @staticmethod
    def shown(text: str) -> str:
        """Lines of the function as an answer's beginning holds them: they are foreign text there, too."""
        return neutral(redact(clean(text)))

    def read(self, text: str) -> str:
        """What the model wrote, with everything that we hid or defused as it was."""
        return revive(restore(text), self.source)

    def seed(self) -> int:
        """A seed for the next request: different each time, the same in each run."""
        self.asked += 1
        return (self.guidance.seed * SAMPLE_SEED + self.asked) % (2**31)

    def send(self, request: Request) -> Answer:
        """One request, its usage added up."""
        began = self.clock()
        try:
            answer = self.endpoint.send(request)
        finally:
            self.waited(self.clock() - began)
        self.usage = self.usage.plus(answer.usage)
        sent = [prompt for prompt in request.prompts if isinstance(prompt, str)]
        sent += [message.content for message in request.messages]
        told = request.kind in ("complete", "chat") and len(sent) == 1 and answer.usage.tokens_in > 0
        if told and isinstance(self.count, Counter):
            self.count.learn(sent[0], answer.usage.tokens_in)
        return answer


def tail_logprob(choice: Choice, start: Prompt) -> tuple[float, int]:
    """(sum of the log-probabilities of what follows `start` in a scored prompt, how many tokens that is)."""
    if isinstance(start, str):
        tail, seen = [], 0
        for token in choice.tokens:
            if seen >= len(start):
                tail.append(token)
            seen += len(token.text)
    else:
        tail = list(choice.tokens[len(start) :])
    return sum(token.logprob or 0.0 for token in tail), max(1, len(tail))


def after_prefix(answer: str, accepted: str) -> str | None:
    """The lines that follow accepted ones in an answer; None when it does not begin with them."""
    lines = answer.replace("\r\n", "\n").split("\n")
    wanted = [line.rstrip() for line in accepted.rstrip("\n").split("\n")]
    first = wanted[0]
    for start, line in enumerate(lines):
        if line.rstrip() == first and [row.rstrip() for row in lines[start : start + len(wanted)]] == wanted:
            rest = lines[start + len(wanted) :]
            end = next((i for i, row in enumerate(rest) if row.startswith(("```", "~~~"))), len(rest))
            return "\n".join(row.rstrip() for row in rest[:end]).rstrip("\n")
    return None
