"""Budgets around an endpoint: what a request could cost at most is set aside before it is sent.

Requests under way hold what they could cost, so that requests side by side cannot overrun a limit together; the
answer's own figures then take the place of the reservation. Where only the reservations of others are in the way,
a request waits for their true figures rather than being refused.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.domain import Usage
from bot.endpoints import Answer, Capabilities, Endpoint, Request
from bot.endpoints.wire_form import dumps, to_form
from bot.errors import BudgetSpent, EndpointError
from bot.settings import BudgetSettings, EndpointSettings

LEAST_TOKENS = 16
"""A completion is cut to what is left of the budget, but not below this: less says nothing."""

_FRAME = 160
"""Tokens that a chat template may put around a conversation (a system message of its own, at most)."""
_TURN = 16
"""Tokens that a chat template may put around one message."""
_MARGIN = 1.25
"""How far above the densest prompt seen (tokens per byte) the next one may be."""
_SEEN = 3
"""Answers after which the measured density is believed."""
_SMALL = 200
"""Bytes; shorter prompts tell more about the template than about density."""
ENCODING = ("tokenize", "detokenize")
"""Requests that the model has no part in: no tokens, and no request of the budget's."""
_UNSENT = frozenset({"endpoint-offline", "endpoint-budget"})
_UNTOLD = frozenset({"endpoint-timeout", "endpoint-garbled"})
"""The server may have worked, and nobody said how much: counted as the most that it could cost."""


@dataclass(frozen=True)
class Allowance:
    """What may be used. None: no limit. Prices are for a million tokens."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    requests: int | None = None
    seconds: float | None = None
    """Waiting for answers, summed over requests."""
    money: float | None = None
    function_tokens_in: int | None = None
    function_tokens_out: int | None = None
    function_requests: int | None = None
    price_in: float = 0.0
    price_out: float = 0.0

    @classmethod
    def of(cls, budget: BudgetSettings, endpoint: EndpointSettings) -> Allowance:
        """The configured one."""
        return cls(
            budget.tokens_in,
            budget.tokens_out,
            budget.requests,
            budget.endpoint_seconds,
            budget.money,
            budget.function_tokens_in,
            budget.function_tokens_out,
            budget.function_requests,
            endpoint.price_in,
            endpoint.price_out,
        )

    def price(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost; cached ones cost like others."""
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1_000_000


_LIMITS = (
    ("function", "function_requests", "requests"),
    ("function", "function_tokens_in", "tokens_in"),
    ("function", "function_tokens_out", "tokens_out"),
    ("review", "requests", "requests"),
    ("review", "tokens_in", "tokens_in"),
    ("review", "tokens_out", "tokens_out"),
    ("review", "money", "money"),
)
"""Scope, the limit's name in Allowance, and what of Usage it limits."""
_SLACK = 1e-9
"""What rounding may do to sums of money."""


@dataclass(frozen=True)
class Need:
    """What a request could use at most."""

    most: Usage
    per_token: int = 0
    """How many of its tokens out one of `max_tokens` stands for; 0 where `max_tokens` must stay as it is."""


@dataclass(frozen=True)
class _Limit:
    """One limit as it stands now."""

    scope: str
    name: str
    field: str
    most: float
    used: float
    held: float
    """What requests under way could still use."""
    needed: float

    @property
    def room(self) -> float:
        """What is left, others' reservations taken off."""
        return self.most - self.used - self.held

    @property
    def fits(self) -> bool:
        return self.needed <= self.room + _SLACK


@dataclass(eq=False)
class Ticket:
    """A reservation: given by `Ledger.reserve`, handed back to `Ledger.settle`."""

    held: Usage
    account: str | None
    began: float


class Ledger:
    """What endpoints used: in the review, and in the function in hand. Safe to use from several threads.

    Several metered endpoints may share one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._change = threading.Condition()
        self._total = Usage()
        self._accounts: dict[str, Usage] = {}
        self._open: str | None = None
        self._under_way: list[Ticket] = []
        self._here = threading.local()
        """`name`: the function in hand of this thread alone."""

    @property
    def _in_hand(self) -> str | None:
        """The function that a request of this thread belongs to; None for none."""
        name: str | None = getattr(self._here, "name", None)
        return self._open if name is None else name

    @property
    def usage(self) -> Usage:
        """Of the whole review: the requests that have ended."""
        with self._change:
            return self._total

    @property
    def function_usage(self) -> Usage:
        """Of the function in hand; nothing where none is."""
        with self._change:
            return Usage() if self._in_hand is None else self._accounts[self._in_hand]

    @property
    def functions(self) -> Mapping[str, Usage]:
        """Of every function so far, in the order in which their accounts were opened."""
        with self._change:
            return dict(self._accounts)

    @contextmanager
    def function(self, name: str) -> Iterator[None]:
        """Requests that begin inside belong to the account of `name`, in whatever thread they are made.

        A name that had an account before goes on with it. Within another function's account, this one is in hand
        until it is closed.
        """
        with self._change:
            before, self._open = self._open, name
            self._accounts.setdefault(name, Usage())
        try:
            yield
        finally:
            with self._change:
                self._open = before

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Like `function`, for requests of this thread alone: several functions are in hand at a time."""
        before = getattr(self._here, "name", None)
        with self._change:
            self._accounts.setdefault(name, Usage())
        self._here.name = name
        try:
            yield
        finally:
            self._here.name = before

    def offer(self, need: Need, allowance: Allowance) -> Ticket | None:
        """Sets aside what a request could use; None where that does not fit now. Raises BudgetSpent for time."""
        with self._change:
            self._check_seconds(allowance)
            return self._take(need.most) if self._fits(need, allowance) else None

    def reserve(self, need: Need, allowance: Allowance) -> tuple[Ticket, int | None]:
        """Sets aside what a request could use. Returns the reservation and what `max_tokens` must be lowered to.

        Waits for requests under way as long as their true figures could make room; then lowers the tokens out
        where that is allowed, or raises BudgetSpent.
        """
        with self._change:
            while True:
                self._check_seconds(allowance)
                if self._fits(need, allowance):
                    return self._take(need.most), None
                unheld = self._limits(need.most, allowance, held=False)
                if not all(limit.fits for limit in unheld):
                    lowered = self._lowered(need, allowance, held=True)
                    if lowered is not None:
                        return self._take(self._with_out(need, lowered, allowance)), lowered
                    if self._lowered(need, allowance, held=False) is None:
                        raise _spent(next(limit for limit in unheld if not limit.fits))
                self._change.wait()

    def settle(self, ticket: Ticket, used: Usage | None) -> None:
        """Puts what a request really used in the place of its reservation. None: nothing was sent."""
        with self._change:
            self._under_way.remove(ticket)
            if used is not None:
                self._total = self._total.plus(used)
                if ticket.account is not None:
                    self._accounts[ticket.account] = self._accounts[ticket.account].plus(used)
            self._change.notify_all()

    def seconds(self, ticket: Ticket) -> float:
        """How long ago the reservation was made."""
        return self._clock() - ticket.began

    def _fits(self, need: Need, allowance: Allowance) -> bool:
        return all(limit.fits for limit in self._limits(need.most, allowance, held=True))

    def _take(self, held: Usage) -> Ticket:
        ticket = Ticket(held, self._in_hand, self._clock())
        self._under_way.append(ticket)
        return ticket

    def _limits(self, needed: Usage, allowance: Allowance, *, held: bool) -> list[_Limit]:
        """Every limit there is, the function's before the review's."""
        found, here = [], self._in_hand
        for scope, name, field in _LIMITS:
            most = getattr(allowance, name)
            mine = scope == "function"
            if most is None or (mine and here is None):
                continue
            used = self._accounts[here] if mine and here is not None else self._total
            others = [t for t in self._under_way if held and (t.account == here or not mine)]
            promised = sum(getattr(ticket.held, field) for ticket in others)
            figures = (most, getattr(used, field), promised, getattr(needed, field))
            found.append(_Limit(scope, name, field, *figures))
        return found

    def _check_seconds(self, allowance: Allowance) -> None:
        """Raises BudgetSpent when the time for waiting is over, that of requests under way included."""
        if allowance.seconds is None:
            return
        now = self._clock()
        waited = self._total.seconds + sum(now - ticket.began for ticket in self._under_way)
        if waited >= allowance.seconds:
            said = f"{waited:.0f} of {allowance.seconds:.0f} seconds of waiting for endpoints are used"
            message = f"The budget of the review is spent: {said}."
            raise BudgetSpent(message, scope="review", which="budget.endpoint_seconds")

    def _lowered(self, need: Need, allowance: Allowance, *, held: bool) -> int | None:
        """The `max_tokens` for which there is room; None where that is too little, or something else is short."""
        if not need.per_token:
            return None
        least = self._with_out(need, LEAST_TOKENS, allowance)
        limits = self._limits(least, allowance, held=held)
        if not all(limit.fits for limit in limits):
            return None
        room = [limit.room for limit in limits if limit.field == "tokens_out"]
        for limit in limits:
            if limit.field == "money" and allowance.price_out:
                left = limit.room - allowance.price(need.most.tokens_in, 0)
                room.append(left * 1_000_000 / allowance.price_out + _SLACK)
        return min(int(min(room)), need.most.tokens_out) // need.per_token

    @staticmethod
    def _with_out(need: Need, max_tokens: int, allowance: Allowance) -> Usage:
        """The need with `max_tokens` set."""
        out = need.per_token * max_tokens
        return replace(need.most, tokens_out=out, money=allowance.price(need.most.tokens_in, out))


def _spent(limit: _Limit) -> BudgetSpent:
    """The refusal, with the figures."""
    form = ",.4g" if limit.field == "money" else ",.0f"
    used, most, needed = (format(value, form) for value in (limit.used, limit.most, limit.needed))
    unit = limit.field.replace("_", " ")
    said = f"{used} of {most} {unit} are used, and the next request may need {needed}"
    message = f"The budget of the {limit.scope} is spent: {said}."
    return BudgetSpent(message, scope=limit.scope, which=f"budget.{limit.name}")


class Metered:
    """An endpoint that keeps to an allowance and books what it used."""

    def __init__(self, inner: Endpoint, ledger: Ledger, allowance: Allowance) -> None:
        self.inner = inner
        self.ledger = ledger
        self.allowance = allowance
        self._lock = threading.Lock()
        self._density: dict[tuple[str, str], tuple[int, float]] = {}
        """(model, seat) -> (prompts measured, most tokens per byte among them)."""
        self._refused: dict[tuple[str, str], None] = {}
        """(scope, which) of the limits that refused a request, in order."""

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def model(self) -> str:
        return self.inner.model

    @property
    def seat(self) -> str:
        return self.inner.seat

    @property
    def capabilities(self) -> Capabilities:
        """Those of the endpoint inside."""
        return self.inner.capabilities

    def send(self, request: Request) -> Answer:
        """One request within the allowance; its usage has our own seconds and money.

        `max_tokens` of `complete` and `chat` is lowered to what is left, but not below LEAST_TOKENS. Raises
        BudgetSpent before anything is sent, EndpointError as the endpoint inside does.
        """
        try:
            request, ticket = self._admitted(request)
        except BudgetSpent as refusal:
            with self._lock:
                self._refused[refusal.scope, refusal.which] = None
            raise
        return self._send(request, ticket)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which limits refused requests, for the report."""
        with self._lock:
            return tuple(
                f"The model was cut short: the budget of {'a' if scope == 'function' else 'the'} {scope} "
                f"was spent (`{which}`)."
                for scope, which in self._refused
            )

    def _admitted(self, request: Request) -> tuple[Request, Ticket]:
        """The request as the allowance lets it through, and its reservation. Raises BudgetSpent."""
        safe = self._need(request, self._tokens_at_most(request))
        ticket, lowered = self.ledger.offer(safe, self.allowance), None
        if ticket is None:
            # A closer look costs a round trip where the server counts, so it is taken only where it matters.
            nearer = min(self._tokens_at_most(request), self._tokens_estimated(request))
            ticket, lowered = self.ledger.reserve(self._need(request, nearer), self.allowance)
        return request if lowered is None else replace(request, max_tokens=lowered), ticket

    def _send(self, request: Request, ticket: Ticket) -> Answer:
        """Sends what was reserved, and books what came of it."""
        used: Usage | None = Usage(requests=0 if request.kind in ENCODING else 1)
        try:
            answer = self.inner.send(request)
            used = answer.usage
            self._learn(request, used)
        except EndpointError as error:
            if error.slug in _UNSENT:
                used = None
            elif error.slug in _UNTOLD:
                used = replace(ticket.held, estimated=1) if request.kind not in ENCODING else Usage()
                used = replace(used, requests=min(1, ticket.held.requests))
            raise
        finally:
            if used is not None:
                money = self.allowance.price(used.tokens_in, used.tokens_out)
                used = replace(used, seconds=self.ledger.seconds(ticket), money=money)
            self.ledger.settle(ticket, used)
        return replace(answer, usage=used)

    # ------------------------------------------------------------------------------------ what it may come to

    def _need(self, request: Request, tokens_in: int) -> Need:
        """The most that a request with so many tokens in can use."""
        prompts = len(request.prompts) if request.kind != "chat" else 1
        per_token = request.n * prompts if request.kind in ("complete", "chat") else 0
        # Scoring makes one token for each prompt and drops it; servers count it all the same.
        out = prompts if request.kind == "score" else per_token * request.max_tokens
        # What a server cannot do at once is sent one by one: each choice where it ignores `n`, each prompt.
        draws = (
            request.n if per_token and request.n > 1 and request.temperature > 0 and not self.capabilities.n else 1
        )
        mixed = len({isinstance(prompt, str) for prompt in request.prompts}) > 1
        single = request.kind in ENCODING or mixed
        each = prompts > 1 and (single or not self.capabilities.batch)
        most = Usage(
            requests=0 if request.kind in ENCODING else draws * (prompts if each else 1),
            tokens_in=draws * tokens_in,
            tokens_out=out,
            money=self.allowance.price(draws * tokens_in, out),
        )
        return Need(most, per_token)

    def _tokens_at_most(self, request: Request) -> int:
        """Tokens in that no server can exceed: a token is a byte or more, and templates are of bounded length."""
        if request.kind in ENCODING:
            return 0
        ids = sum(len(prompt) for prompt in request.prompts if not isinstance(prompt, str))
        texts = _texts(request)
        frame = _FRAME + _TURN * len(request.messages) if request.kind == "chat" else len(texts) * 2
        return ids + sum(_bytes(text) for text in texts) + frame

    def _tokens_estimated(self, request: Request) -> int:
        """Tokens in as counted by the server, or by the density of earlier prompts, or at most."""
        at_most = self._tokens_at_most(request)
        texts = _texts(request)
        if not texts:
            return at_most
        counted = self._counted(texts) if self.capabilities.tokenize else None
        if counted is not None:
            return at_most - sum(_bytes(text) for text in texts) + counted
        with self._lock:
            seen, density = self._density.get((self.model, self.seat), (0, 0.0))
        if seen < _SEEN:
            return at_most
        length = sum(_bytes(text) for text in texts)
        return at_most - length + math.ceil(length * density * _MARGIN)

    def _counted(self, texts: tuple[str, ...]) -> int | None:
        """Tokens in texts by the server's own count; None where it cannot be had."""
        # Side by side, tokens of two texts may become one: at most one for each text is lost.
        question = Request("tokenize", prompts=("".join(texts),), special=False, purpose="count")
        # Nothing is counted for a request that would not fit however short it is.
        ticket = self.ledger.offer(Need(Usage(requests=1)), self.allowance)
        if ticket is None:
            return None
        try:
            choices = self._send(question, ticket).choices
        except EndpointError:
            return None
        return len(choices[0].ids) + len(texts) if choices and choices[0].ids else None

    def _learn(self, request: Request, used: Usage) -> None:
        """Takes the density of a prompt from the server's own figures."""
        length = sum(_bytes(text) for text in _texts(request))
        told = used.requests and used.tokens_in and not used.from_cache and not used.estimated
        if not told or length < _SMALL or request.kind in ("tokenize", "detokenize"):
            return
        place = (self.model, self.seat)
        with self._lock:
            seen, density = self._density.get(place, (0, 0.0))
            self._density[place] = (seen + 1, max(density, used.tokens_in / length))


def _texts(request: Request) -> tuple[str, ...]:
    """Every text of a request that becomes tokens in."""
    schema = (dumps(to_form(request.schema)),) if request.schema is not None else ()
    if request.kind == "chat":
        prefix = (request.prefix,) if request.prefix else ()
        return (*(message.content for message in request.messages), *prefix, *schema)
    return (*(prompt for prompt in request.prompts if isinstance(prompt, str)), *schema)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
