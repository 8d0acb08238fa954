"""Several endpoints in order: the first that is not dead serves, and what was left behind is said."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bot.endpoints import Answer, Capabilities, Endpoint, Request
from bot.errors import BudgetSpent, EndpointError

FAILURES = 3
"""Failures in a row after which an endpoint counts as dead."""
_OURS = frozenset({"endpoint-context", "endpoint-refused"})
"""The server answered: it is the request that was not right."""


class Fallback:
    """The first of several endpoints that is not dead. Safe to use from several threads.

    `name`, `model`, `seat` and `capabilities` are those of the one that serves now: whoever plans by them asks
    anew after an error.
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        if not endpoints:
            raise ValueError("no endpoints")
        self._endpoints = tuple(endpoints)
        self._lock = threading.Lock()
        self._serving = 0
        """Index of the one that serves; the number of endpoints when all are dead."""
        self._failures = 0
        """In a row, of the one that serves."""
        self._last = EndpointError("no endpoint was asked", slug="endpoint-unreachable")
        self._notes: list[str] = []

    @property
    def _now(self) -> Endpoint:
        return self._endpoints[min(self._serving, len(self._endpoints) - 1)]

    @property
    def name(self) -> str:
        return self._now.name

    @property
    def model(self) -> str:
        """Of the one that serves, which may have to be asked for it. Raises EndpointError."""
        while True:
            with self._lock:
                index = min(self._serving, len(self._endpoints) - 1)
            try:
                return self._endpoints[index].model
            except EndpointError as error:
                if not self._failed(index, error) or index + 1 == len(self._endpoints):
                    raise

    @property
    def seat(self) -> str:
        return self._now.seat

    @property
    def notes(self) -> tuple[str, ...]:
        """Which endpoints were left, why, and for which; for the report."""
        with self._lock:
            return tuple(self._notes)

    @property
    def capabilities(self) -> Capabilities:
        """Of the one that serves. Raises EndpointError, `dead` when none is left."""
        while True:
            index, endpoint = self._pick()
            try:
                return endpoint.capabilities
            except EndpointError as error:
                if not self._failed(index, error):
                    raise

    def send(self, request: Request) -> Answer:
        """One request to the one that serves; also to the next, when it turns out dead and the next can take it.

        Token ids mean something to one model only, so a request that names some is never passed on: its error is
        raised, not `dead`, and the next request finds the new endpoint. Raises EndpointError; BudgetSpent at once.
        """
        while True:
            index, endpoint = self._pick()
            try:
                answer = endpoint.send(request)
            except EndpointError as error:
                if not self._failed(index, error):
                    raise
                if not self._can_follow(request):
                    raise EndpointError(error.message, hint=error.hint, slug=error.slug) from error
            else:
                self._succeeded(index)
                return answer

    def _pick(self) -> tuple[int, Endpoint]:
        """The one that serves, with its index. Raises EndpointError when all are dead."""
        with self._lock:
            if self._serving < len(self._endpoints):
                return self._serving, self._endpoints[self._serving]
            last = self._last
        raise EndpointError(last.message, hint=last.hint, slug=last.slug, dead=True) from last

    def _succeeded(self, index: int) -> None:
        with self._lock:
            if index == self._serving:
                self._failures = 0

    def _failed(self, index: int, error: EndpointError) -> bool:
        """Books a failure of the endpoint at `index`; whether it is out, and the next one's turn."""
        if isinstance(error, BudgetSpent):
            return False
        with self._lock:
            if index != self._serving:
                return True  # another thread has left it meanwhile
            if error.slug in _OURS and not error.dead:
                self._failures = 0
                return False
            self._failures += 1
            if not error.dead and self._failures < FAILURES:
                return False
            self._serving, self._failures, self._last = index + 1, 0, error
            self._notes.append(self._told(index, error))
            return True

    def _told(self, index: int, error: EndpointError) -> str:
        why = "" if error.dead else f" {FAILURES} times in a row"
        left = f"{self._endpoints[index].name} failed{why} ({error.message.rstrip('.')})"
        if index + 1 < len(self._endpoints):
            return f"{left}; {self._endpoints[index + 1].name} was asked from there on"
        return f"{left}; no model was asked from there on"

    def _can_follow(self, request: Request) -> bool:
        """Whether the one that serves now can take a request that was made for another."""
        with self._lock:
            if self._serving == len(self._endpoints):
                return True  # to be told that all are dead
        if request.chosen_ids or not all(isinstance(prompt, str) for prompt in request.prompts):
            return False
        able = self.capabilities
        kinds = {"complete": able.completions, "chat": able.chat, "score": bool(able.scoring)}
        return kinds.get(request.kind, able.tokenize)
