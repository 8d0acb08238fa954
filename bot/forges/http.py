"""What the clients of all platforms share: when to ask again, how long to wait, how much of an answer is read.

A request that creates something is never sent again blindly: who sent it looks first. Nothing that an answer
says becomes an address that we ask. The connection obeys the environment that is passed, not the process's:
`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` in either case (hosts, domains, networks in CIDR notation,
`*`). `.netrc` is not read.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import re
import time
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
import urllib3
from pydantic import TypeAdapter, ValidationError

from bot.errors import ForgeError
from bot.guarding import inline

T = TypeVar("T")

TRIES = 4
"""How often a request that may be repeated is sent, waiting 1, 2 and 4 seconds between."""
TIMEOUT = 15
"""Seconds until a connection is made, and between two pieces of an answer."""
WHOLE = 3
"""How many times that long a whole answer may take to come."""
MAX_BYTES = 64 * 1024 * 1024
"""Of an answer; the largest pages of a platform have a few megabytes."""
PAGE = 100
MAX_PAGES = 200
"""Twenty thousand entries: a list that goes on is none."""
BLIND = 60.0
"""Seconds to wait at a limit whose answer does not say how long, doubled each time."""
MAX_WORDS = 300
"""Characters of a platform's own message that are shown."""


@dataclass(frozen=True)
class Call:
    """One request: what it sends, and how to speak of it when it fails."""

    doing: str
    """What is being done, after "Could not": `read pull request 7`."""
    needs: str
    """The permission that it needs, in the platform's words: `pull-requests: write`."""
    verb: str
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    payload: Mapping[str, Any] | None = None
    again: bool = True
    """Whether it may be sent again when nobody knows whether it was carried out."""

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.verb != "GET"


@dataclass(frozen=True)
class Platform:
    """How the errors of a platform speak of it."""

    name: str
    """`GitHub`."""
    address: str
    """The variable that holds the address of its API."""
    status: str
    """Where it tells of its own troubles."""
    example: str
    """What its addresses look like."""


class Passing(ForgeError):
    """A failure that may be over in a moment."""

    def __init__(self, message: str, *, hint: str, slug: str, sent: bool, wait: float = 0.0) -> None:
        super().__init__(message, hint=hint, slug=slug, sent=sent)
        self.wait = wait


class Answered(ForgeError):
    """The platform answered with an error that trying again does not change."""

    def __init__(self, message: str, *, hint: str, slug: str, status: int) -> None:
        super().__init__(message, hint=hint, slug=slug)
        self.status = status


class Limited(Exception):
    """The platform did not carry out a request because of a rate limit, and says how long to wait, or None."""

    def __init__(self, words: str, wait: float | None) -> None:
        super().__init__(words)
        self.words = words
        self.wait = wait


class Asker(ABC):
    """Sends requests with one token to one host, and raises nothing but ForgeError.

    `patience` caps the seconds that are spent waiting for rate limits between two calls of `renew`; `pause` is the
    least time between two writes; `clock` tells seconds since the epoch; `timeout` as TIMEOUT.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        token: str,
        host: str,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        patience: float,
        pause: float,
        timeout: int,
    ) -> None:
        self.sleep = sleep
        self._platform = platform
        self._token = token
        self._host = host
        self._clock = clock
        self._patience = patience
        self._pause = pause
        self._timeout = timeout
        self._waited = 0.0
        self._next_write = 0.0

    def renew(self) -> None:
        """Starts the patience anew: what follows is another piece of work."""
        self._waited = 0.0

    def read(self, call: Call, shape: type[T]) -> T:
        """What a GET answers."""
        return self._shaped(call, self._ask(call)[1], shape)

    def pages(self, call: Call, shape: type[T]) -> tuple[T, ...]:
        """All entries of a list, page after page."""
        found: list[T] = []
        for page in range(1, MAX_PAGES + 1):
            asked = Call(call.doing, call.needs, "GET", call.path, {**call.query, "per_page": PAGE, "page": page})
            headers, data = self._ask(asked)
            items = self._shaped(call, data, list[shape])  # type: ignore[valid-type]
            found.extend(items)
            if not self._goes_on(headers, len(items)):
                return tuple(found)
        raise ForgeError(
            f"Could not {call.doing}: {self._platform.name}'s list does not end after {MAX_PAGES} pages.",
            hint="Try again later.",
            slug="forge-garbled",
        )

    def write(self, call: Call, shape: type[T]) -> T:
        """What a POST, PATCH or PUT answers.

        With `again=False` a failure that leaves open whether it was carried out is raised with `sent`, for the
        caller to look; a rate limit is waited for all the same, since nothing was done then.
        """
        return self._shaped(call, self._ask(call)[1], shape)

    def delete(self, call: Call) -> bool:
        """Deletes something; False where it was gone already."""
        try:
            self._ask(call)
        except ForgeError as error:
            if error.slug != "forge-missing":
                raise
            return False
        return True

    def safe(self, text: str) -> str:
        """Foreign text for a message: one line, clipped, without control characters, without the token."""
        return inline(text.replace(self._token, "[token]"), MAX_WORDS)

    # ------------------------------------------------------------------------------ of one platform

    @abstractmethod
    def _send(self, call: Call) -> tuple[Mapping[str, str], Any]:
        """Sends a request once. Raises ForgeError, Passing among them, and Limited."""

    @abstractmethod
    def _goes_on(self, headers: Mapping[str, str], count: int) -> bool:
        """Whether there is a page after one with so many entries."""

    # -------------------------------------------------------------------------------------- sending

    def _ask(self, call: Call) -> tuple[Mapping[str, str], Any]:
        failures = limits = 0
        while True:
            try:
                return self._paced(call)
            except Limited as limited:
                limits += 1
                wait = BLIND * 2 ** (limits - 1) if limited.wait is None else limited.wait
                self._abide(call, limited.words, wait, limits)
            except Passing as error:
                failures += 1
                wait = max(2.0 ** (failures - 1), error.wait)
                if not call.again or failures == TRIES or wait > self._patience - self._waited:
                    # What may pass is nothing to tell apart outside.
                    raise ForgeError(error.message, hint=error.hint, slug=error.slug, sent=error.sent) from None
                self.sleep(wait)

    def _abide(self, call: Call, words: str, wait: float, limits: int) -> None:
        """Waits for a limit. Raises ForgeError where that takes too long."""
        if wait > self._patience - self._waited or limits > TRIES:
            until = time.strftime("%H:%M:%S UTC", time.gmtime(min(self._clock() + wait, 4e9)))
            raise ForgeError(
                f"Could not {call.doing}: {self._platform.name}'s rate limit is reached until about {until} "
                f"({words}).",
                hint="Run it again then. A token of its own has a limit of its own.",
                slug="forge-limit",
            )
        self._waited += wait
        self.sleep(wait)

    def _paced(self, call: Call) -> tuple[Mapping[str, str], Any]:
        if call.writes:
            wait = self._next_write - self._clock()
            if wait > 0:
                self.sleep(min(wait, self._pause))
        try:
            return self._send(call)
        finally:
            if call.writes:
                self._next_write = self._clock() + self._pause

    # -------------------------------------------------------------------------------- understanding

    def _unreached(self, call: Call, error: Exception) -> ForgeError:
        """No answer, or no whole one."""
        where, name = self._host, self._platform.address
        sent = call.writes
        if isinstance(error, requests.exceptions.SSLError):
            return ForgeError(
                f"Could not {call.doing}: the certificate of {where} is not trusted.",
                hint="For a private authority set REQUESTS_CA_BUNDLE or SSL_CERT_FILE to its certificates.",
                slug="forge-server",
            )
        if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
            what, sent = f"{where} or the proxy before it cannot be reached", False
        elif isinstance(error, requests.exceptions.Timeout):
            what = f"{where} did not answer in time ({self._timeout} seconds, {WHOLE * self._timeout} for all)"
        elif isinstance(
            error,
            requests.exceptions.ConnectionError
            | requests.exceptions.ChunkedEncodingError
            | requests.exceptions.ContentDecodingError,
        ):
            what = f"{where} cannot be reached, or cut the connection"
        else:
            # What requests says may hold a proxy's password.
            foreign = isinstance(error, requests.exceptions.RequestException)
            words = type(error).__name__ if foreign else self.safe(str(error)) or type(error).__name__
            return ForgeError(
                f"Could not {call.doing}: {words}",
                hint=f"Check {name}, the proxy variables and the file of certificates.",
                slug="forge-server",
                sent=sent,
            )
        return Passing(
            f"Could not {call.doing}: {what}.",
            hint=f"Try again; see {name}, HTTPS_PROXY and NO_PROXY, and {self._platform.status}.",
            slug="forge-server",
            sent=sent,
        )

    def _unreadable(self, call: Call) -> Passing:
        """An answer that says yes and is no JSON."""
        return Passing(
            f"Could not {call.doing}: {self._platform.name}'s answer is no JSON, or was cut.",
            hint="Try again; behind a proxy, see what it makes of the answers of the API.",
            slug="forge-garbled",
            sent=call.writes,
        )

    def _shaped(self, call: Call, data: object, shape: type[T]) -> T:
        try:
            return TypeAdapter(shape).validate_python(data)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise ForgeError(
                f"Could not {call.doing}: {self._platform.name}'s answer has another shape than documented "
                f"({self.safe(where)}: {self.safe(first['msg'])}).",
                hint=f"Is {self._platform.address} the address of its API ({self._platform.example})?",
                slug="forge-garbled",
                sent=call.writes,
            ) from None


# -------------------------------------------------------------------------------------------------- the wire


def whole(response: requests.Response, timeout: float) -> bytes:
    """The body of an answer that was asked for with `stream`, within a time and a size for all of it; closes it.

    Raises OSError: those of requests, where it is cut, comes too slowly or is too large.
    """
    deadline = time.monotonic() + WHOLE * timeout
    with response:
        body = bytearray()
        try:
            while piece := response.raw.read1(2**16, decode_content=True):
                body += piece
                if time.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout("the answer does not end")
                if len(body) > MAX_BYTES:
                    raise requests.exceptions.ChunkedEncodingError("the answer is too large")
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(str(error)) from error
        return bytes(body)


def proxies(scheme: str, host: str, port: int | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxy for a host by the variables that everybody knows; lower case names win, as in curl."""

    def variable(name: str) -> str:
        return environ.get(name) or environ.get(name.upper()) or ""

    proxy = variable(f"{scheme}_proxy") or variable("all_proxy")
    if not proxy or _bypassed(host, port, variable("no_proxy")):
        return {}
    return {scheme: proxy if "://" in proxy else f"http://{proxy}"}


def _bypassed(host: str, port: int | None, no_proxy: str) -> bool:
    if not no_proxy.strip():
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        named = f"{host}:{port}" if port else host
        return bool(urllib.request.proxy_bypass_environment(named, {"no": no_proxy}))  # type: ignore[attr-defined]
    for entry in filter(None, (entry.strip() for entry in no_proxy.split(","))):
        if entry in ("*", host, f"{host}:{port}"):
            return True
        try:
            if address in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def address(url: str) -> urllib.parse.SplitResult | None:
    """The parts of an API's address; None for one that is none, or that holds more than an address."""
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if good and not (parts.username or parts.password or parts.query or parts.fragment) else None


def checked_token(token: str, hint: str) -> str:
    """The token. Raises ForgeError for what no header can carry, without showing it."""
    if re.fullmatch(r"[!-~]+", token):
        return token
    raise ForgeError(
        "The token is empty." if not token.strip() else "The token holds characters that no token has.",
        hint=f"{hint} Look for a line end behind it.",
        slug="forge-auth",
    )


def parsed(text: str | bytes) -> tuple[object, bool]:
    """The answer's JSON, and whether it is any."""
    try:
        return json.loads(text), True
    except (ValueError, RecursionError):
        return None, False


def asked_wait(headers: Mapping[str, str], now: float, prefix: str = "x-ratelimit") -> float | None:
    """How long an answer asks to wait, in seconds; None where it does not say."""
    after = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", after):
        return float(after)
    if after and (until := _date(after)) is not None:
        return max(0.0, until - (_date(headers.get("date", "")) or now))
    reset = headers.get(f"{prefix}-reset", "").strip()
    if headers.get(f"{prefix}-remaining") == "0" and re.fullmatch(r"\d{1,12}(\.\d+)?", reset):
        # By the server's own clock, which may not be ours; a second more, since it says no fractions.
        return max(0.0, float(reset) - (_date(headers.get("date", "")) or now)) + 1.0
    return None


def _date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
