"""A model asked through somebody else: a task's requests go to the process that holds the key, and come back.

The task's side is an endpoint without address, key and budget; the other side meters each request by the function
that it is for. Both speak JSON (`wire_form`), and neither believes the other's bytes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from bot.domain import Usage
from bot.endpoints import Answer, Capabilities, Endpoint, Model, Request
from bot.endpoints.wire_form import FormError, dumps, error_form, from_form, loads, read_error, to_form
from bot.errors import EndpointError, ExecutorError, without_addresses

Ask = Callable[[bytes], bytes]
Within = Callable[[str], AbstractContextManager[None]]
"""Requests that this thread makes inside belong to the function of that id."""
MOST_QUESTION = 16 << 20
"""Bytes of a request."""
MOST_ANSWER = 64 << 20
"""Bytes of an answer: log-probabilities of a long prompt take some."""


class Books:
    """What a task's requests used, and which function is in hand (implements `Accounts`)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage = Usage()
        self.function_in_hand = ""

    @property
    def usage(self) -> Usage:
        """Of all requests that this task made."""
        with self._lock:
            return self._usage

    @contextmanager
    def function(self, name: str) -> Iterator[None]:
        """Requests inside belong to this function, in whatever thread they are made."""
        before, self.function_in_hand = self.function_in_hand, name
        try:
            yield
        finally:
            self.function_in_hand = before

    def book(self, used: Usage) -> None:
        """Adds what one request used."""
        with self._lock:
            self._usage = self._usage.plus(used)


class Relayed:
    """The endpoint that a task has: asks whoever holds the real one. Safe to use from several threads."""

    def __init__(self, ask: Ask, books: Books) -> None:
        self._ask = ask
        self._books = books
        self._lock = threading.Lock()
        self._about: dict[str, Any] | None = None
        self._capabilities = Capabilities()

    @property
    def name(self) -> str:
        return f"{self._said('model')} through the coordinator"

    @property
    def model(self) -> str:
        """Raises EndpointError."""
        return self._said("model")

    @property
    def seat(self) -> str:
        """What tells the endpoint from others and is no address. Raises EndpointError."""
        return self._said("seat")

    @property
    def capabilities(self) -> Capabilities:
        """Those of the endpoint at the other side. Raises EndpointError."""
        self._said("model")
        return self._capabilities

    def send(self, request: Request) -> Answer:
        """One request, metered at the other side. Raises EndpointError and BudgetSpent as it said there."""
        form = self._asked({"function": self._books.function_in_hand, "request": to_form(request)})
        try:
            answer = from_form(Answer, form.get("answer"))
        except FormError as error:
            raise _garbled(str(error)) from None
        self._books.book(answer.usage)
        return answer

    def _said(self, name: str) -> str:
        with self._lock:
            if self._about is None:
                form = self._asked({})
                try:
                    self._capabilities = from_form(Capabilities, form.get("capabilities"))
                except FormError as error:
                    raise _garbled(str(error)) from None
                self._about = form
            return str(self._about.get(name, ""))

    def _asked(self, form: dict[str, Any]) -> dict[str, Any]:
        question = dumps(form).encode()
        if len(question) > MOST_QUESTION:
            raise EndpointError(f"a request of {len(question):,} bytes is too long", slug="endpoint-context")
        try:
            said = loads(_text(self._ask(question), MOST_ANSWER))
            if not isinstance(said, dict):
                raise FormError("not an object")
            error = read_error(said["error"]) if "error" in said else None
        except ExecutorError as problem:
            raise EndpointError(
                problem.message, hint=problem.hint, slug="endpoint-unreachable", dead=True
            ) from None
        except FormError as problem:
            raise _garbled(str(problem)) from None
        if error is not None:
            raise error
        return said


def _garbled(why: str) -> EndpointError:
    return EndpointError(f"the coordinator answered what is no answer: {why}", slug="endpoint-garbled")


def _text(data: bytes, most: int) -> str:
    """Raises FormError."""
    if len(data) > most:
        raise FormError(f"{len(data):,} bytes, {most:,} at most are taken")
    try:
        return data.decode("ascii")
    except UnicodeError:
        raise FormError("not ASCII") from None


def relayed(ask: Ask) -> Model:
    """The model of a task."""
    books = Books()
    return Model(Relayed(ask, books), books)


# ----------------------------------------------------------------------------------------------- the other side


def answering(endpoint: Endpoint, within: Within | None = None) -> Ask:
    """Answers what tasks ask with this endpoint; `within` opens the account of a function for this thread alone.
    May be called from several threads; raises nothing that a task could have caused."""

    def answer(question: bytes) -> bytes:
        try:
            return dumps(_answered(endpoint, within, question)).encode()
        except EndpointError as error:
            # Where the endpoint is stays here.
            hidden = {"message": without_addresses(error.message), "hint": without_addresses(error.hint)}
            return dumps({"error": {**error_form(error), **hidden}}).encode()

    return answer


def _answered(endpoint: Endpoint, within: Within | None, question: bytes) -> dict[str, Any]:
    """Raises EndpointError."""
    try:
        form = loads(_text(question, MOST_QUESTION))
        if not isinstance(form, dict):
            raise FormError("not an object")
        if "request" not in form:
            return _about(endpoint)
        request, function = from_form(Request, form["request"]), form.get("function")
        if not isinstance(function, str):
            raise FormError("function: not text")
    except FormError as error:
        raise EndpointError(f"a task asked what is no request: {error}", slug="endpoint-refused") from None
    with within(function) if within is not None and function else nullcontext():
        return {"answer": to_form(endpoint.send(request))}


def _about(endpoint: Endpoint) -> dict[str, Any]:
    capabilities = endpoint.capabilities
    hidden = replace(capabilities, notes=tuple(without_addresses(note) for note in capabilities.notes))
    seat = hashlib.sha256(endpoint.seat.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return {"model": endpoint.model, "seat": seat, "capabilities": to_form(hidden)}
