"""The one door to GitHub's REST API: where the token goes, when to ask again, what each failure means.

PyGithub carries the requests; its own retries are off, since they would post twice, and nothing that an answer
says becomes an address that we ask: paths are ours, and a redirection is a failure.

The connection obeys the environment that is passed, not the process's: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`
and `NO_PROXY` in either case (hosts, domains, networks in CIDR notation, `*`), and `REQUESTS_CA_BUNDLE`,
`CURL_CA_BUNDLE` or `SSL_CERT_FILE`, the first of them that is set, for the certificates to trust. `.netrc` is not
read.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
import urllib3
from github import Auth
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)
from pydantic import TypeAdapter, ValidationError

from bot.errors import ForgeError, UsageError
from bot.forges.github.shapes import Shape
from bot.guarding import inline

S = TypeVar("S", bound=Shape)
T = TypeVar("T")

TRIES = 4
"""How often a request that may be repeated is sent, waiting 1, 2 and 4 seconds between."""
TIMEOUT = 15
"""Seconds until a connection is made, and between two pieces of an answer."""
WHOLE = 3
"""How many times that long a whole answer may take to come."""
MAX_BYTES = 64 * 1024 * 1024
"""Of an answer; GitHub's largest pages have a few megabytes."""
PAGE = 100
MAX_PAGES = 200
"""Twenty thousand entries: a list that goes on is none."""
BLIND = 60.0
"""Seconds to wait at a secondary limit whose answer does not say how long, doubled each time."""
MAX_WORDS = 300
"""Characters of GitHub's own message that are shown."""


@dataclass(frozen=True)
class Call:
    """One request: what it sends, and how to speak of it when it fails."""

    doing: str
    """What is being done, after "Could not": `read pull request 7`."""
    needs: str
    """The permission that it needs, as a workflow writes it: `pull-requests: write`."""
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


class _Passing(ForgeError):
    """A failure that may be over in a moment."""

    def __init__(self, message: str, *, hint: str, slug: str, sent: bool, wait: float = 0.0) -> None:
        super().__init__(message, hint=hint, slug=slug, sent=sent)
        self.wait = wait


class Answered(ForgeError):
    """GitHub answered with an error that trying again does not change."""

    def __init__(self, message: str, *, hint: str, slug: str, status: int) -> None:
        super().__init__(message, hint=hint, slug=slug)
        self.status = status


class _Limited(Exception):
    """GitHub did not carry out a request because of a rate limit, and says how long to wait, or None."""

    def __init__(self, words: str, wait: float | None) -> None:
        super().__init__(words)
        self.words = words
        self.wait = wait


class Client:
    """Sends requests with one token to one host, and raises nothing but ForgeError.

    `patience` caps the seconds that are spent waiting for rate limits between two calls of `renew`; `pause` is the
    least time between two writes, as GitHub asks for; `clock` tells seconds since the epoch.
    """

    def __init__(
        self,
        *,
        token: str,
        api_url: str,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 120.0,
        pause: float = 1.0,
        timeout: int = TIMEOUT,
    ) -> None:
        self._token = _checked_token(token)
        parts = _checked_address(api_url)
        self._host = parts.hostname or ""
        self._clock = clock
        self.sleep = sleep
        self._patience = patience
        self._pause = pause
        self._timeout = timeout
        self._waited = 0.0
        self._next_write = 0.0
        bundle = next((environ[name] for name in _BUNDLES if environ.get(name)), None)
        kind = _Https if parts.scheme == "https" else _Http
        self._connection = kind(
            f"[{self._host}]" if ":" in self._host else self._host,
            parts.port,
            timeout=timeout,
            retry=0,
            verify=bundle or True,
        )
        # Everything from the environment that is passed: not from this process's, nor from a .netrc.
        self._connection.session.trust_env = False
        self._connection.session.proxies = proxies(parts.scheme, self._host, parts.port, environ)
        self._requester = Requester(
            Auth.Token(self._token), api_url.rstrip("/"), timeout, "tryline", PAGE, bundle or True, 0, None
        )

    def renew(self) -> None:
        """Starts the patience anew: what follows is another piece of work."""
        self._waited = 0.0

    def read(self, call: Call, shape: type[S]) -> S:
        """What a GET answers."""
        return self._shaped(call, self._ask(call)[1], shape)

    def pages(self, call: Call, shape: type[S]) -> tuple[S, ...]:
        """All entries of a list, page after page."""
        found: list[S] = []
        for page in range(1, MAX_PAGES + 1):
            asked = Call(call.doing, call.needs, "GET", call.path, {**call.query, "per_page": PAGE, "page": page})
            headers, data = self._ask(asked)
            items = self._shaped(call, data, list[shape])  # type: ignore[valid-type]
            found.extend(items)
            link = headers.get("link", "")
            # Where everything fits on one page GitHub sends no link; where a proxy drops it the next page tells.
            if not ('rel="next"' in link if link else len(items) >= PAGE):
                return tuple(found)
        raise ForgeError(
            f"Could not {call.doing}: GitHub's list does not end after {MAX_PAGES} pages.",
            hint="Try again later.",
            slug="forge-garbled",
        )

    def write(self, call: Call, shape: type[S]) -> S:
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

    # ------------------------------------------------------------------------------------------ sending

    def _ask(self, call: Call) -> tuple[Mapping[str, str], Any]:
        failures = limits = 0
        while True:
            try:
                return self._once(call)
            except _Limited as limited:
                limits += 1
                wait = BLIND * 2 ** (limits - 1) if limited.wait is None else limited.wait
                self._abide(call, limited.words, wait, limits)
            except _Passing as error:
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
                f"Could not {call.doing}: GitHub's rate limit is reached until about {until} ({words}).",
                hint="Run it again then. A token of its own, or of a GitHub App, has a limit of its own.",
                slug="forge-limit",
            )
        self._waited += wait
        self.sleep(wait)

    def _once(self, call: Call) -> tuple[Mapping[str, str], Any]:
        if call.writes:
            wait = self._next_write - self._clock()
            if wait > 0:
                self.sleep(min(wait, self._pause))
        try:
            status, headers, text = self._requester.requestJson(
                call.verb,
                call.path,
                dict(call.query),
                {"Accept": "application/vnd.github+json"},
                dict(call.payload) if call.payload is not None else None,
                self._connection,
            )
        except (OSError, ValueError) as error:
            # requests' exceptions are OSErrors; PyGithub stumbles over a rate header that is no number.
            raise self._unreached(call, error) from None
        finally:
            if call.writes:
                self._next_write = self._clock() + self._pause
        data, readable = _parsed(text)
        if 200 <= status < 300:
            if readable or status == 204:
                return headers, data
            raise _Passing(
                f"Could not {call.doing}: GitHub's answer is no JSON, or was cut.",
                hint="Try again; behind a proxy, see what it makes of the answers of the API.",
                slug="forge-garbled",
                sent=call.writes,
            )
        raise self._failure(call, status, headers, data, text)

    def _unreached(self, call: Call, error: Exception) -> ForgeError:
        """No answer, or no whole one."""
        where = self._host
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
                hint="Check GITHUB_API_URL, the proxy variables and the file of certificates.",
                slug="forge-server",
                sent=sent,
            )
        return _Passing(
            f"Could not {call.doing}: {what}.",
            hint="Try again; see GITHUB_API_URL, HTTPS_PROXY and NO_PROXY, and https://www.githubstatus.com.",
            slug="forge-server",
            sent=sent,
        )

    # -------------------------------------------------------------------------------------- understanding

    def safe(self, text: str) -> str:
        """Foreign text for a message: one line, clipped, without control characters, without the token."""
        return inline(text.replace(self._token, "[token]"), MAX_WORDS)

    def _failure(
        self, call: Call, status: int, headers: Mapping[str, str], data: object, text: str
    ) -> ForgeError | _Limited:
        message = _message(data)
        words = self.safe(message or text) or "no message"
        if status == 429 or (status == 403 and _is_limit(headers, message)):
            return _Limited(words, _wait(headers, self._clock()))
        said = f"Could not {call.doing}: GitHub answered {status}, {words}"
        if status >= 500:
            return _Passing(
                said,
                hint="GitHub has a problem; see https://www.githubstatus.com and try again later.",
                slug="forge-server",
                sent=call.writes,
                wait=_wait({"retry-after": headers.get("retry-after", "")}, self._clock()) or 0.0,
            )
        slug, hint = _meaning(call, status, sso="x-github-sso" in headers)
        return Answered(said, hint=hint, slug=slug, status=status)

    def _shaped(self, call: Call, data: object, shape: type[T]) -> T:
        try:
            return TypeAdapter(shape).validate_python(data)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise ForgeError(
                f"Could not {call.doing}: GitHub's answer has another shape than documented "
                f"({self.safe(where)}: {self.safe(first['msg'])}).",
                hint="Is GITHUB_API_URL the address of a GitHub API (GitHub Enterprise: https://HOST/api/v3)?",
                slug="forge-garbled",
                sent=call.writes,
            ) from None


# -------------------------------------------------------------------------------------------------- the wire


class _Answer(RequestsResponse):
    """An answer that was read whole, is UTF-8 whatever its headers say, and is followed nowhere."""

    def __init__(self, response: requests.Response, body: bytes) -> None:
        super().__init__(response)
        self._body = body
        if self.status == 301:
            self.status = 308  # PyGithub follows 301, without the query.

    def read(self) -> str:
        return self._body.decode("utf-8", "replace")


def _answered(connection: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass) -> _Answer:
    """Sends what PyGithub has prepared and reads the answer, within a time and a size for all of it.

    Raises OSError: those of requests, where an answer is cut, comes too slowly or is too large.
    """
    timeout = connection.timeout or TIMEOUT
    deadline = time.monotonic() + WHOLE * timeout
    response = connection.session.request(
        connection.verb,
        f"{connection.protocol}://{connection.host}:{connection.port}{connection.url}",
        headers=connection.headers,
        data=connection.input,
        timeout=timeout,
        verify=connection.verify,
        allow_redirects=False,
        stream=True,
    )
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
        return _Answer(response, bytes(body))


class _Https(HTTPSRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _answered(self)


class _Http(HTTPRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _answered(self)


_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


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


def _checked_token(token: str) -> str:
    """Raises ForgeError for what no header can carry, without showing it."""
    if re.fullmatch(r"[!-~]+", token):
        return token
    raise ForgeError(
        "The token is empty." if not token.strip() else "The token holds characters that no token has.",
        hint="Set GITHUB_TOKEN to one; in a workflow, `${{ github.token }}`. Look for a line end behind it.",
        slug="forge-auth",
    )


def _checked_address(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "The address of GitHub's API is none.",
            hint="GITHUB_API_URL is https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise; "
            "without user, password, query and fragment.",
            slug="usage",
        )
    return parts


def _meaning(call: Call, status: int, *, sso: bool) -> tuple[str, str]:
    """Slug and hint for a status that is no limit and no failure of the server."""
    if status == 401:
        hint = "The token is wrong or has expired. In a workflow, pass `${{ github.token }}`."
        return "forge-auth", hint
    if status == 403 and sso:
        return "forge-auth", "Authorise the token for the organisation's single sign-on."
    if status == 403:
        fork = (
            " A run for a pull request from a fork can only read: docs/github.md tells of the pair of workflows."
        )
        hint = f"The token lacks `{call.needs}`: name it under `permissions:` in the workflow."
        return "forge-auth", hint + (fork if call.writes else "")
    if 300 <= status < 400:
        return "forge-missing", "It has moved: use the repository's present name."
    if status in (404, 410):
        return "forge-missing", f"It is not there, or the token may not see it (`{call.needs}`)."
    return "forge-refused", "GitHub does not accept this request; its own words are above."


def _parsed(text: str) -> tuple[object, bool]:
    """The answer's JSON, and whether it is any."""
    try:
        return json.loads(text), True
    except (ValueError, RecursionError):
        return None, False


def _message(data: object) -> str:
    """GitHub's own words: its message, and what it says of each fault."""
    if not isinstance(data, dict):
        return ""
    said = data.get("message")
    parts = [said] if isinstance(said, str) else []
    errors = data.get("errors")
    for error in errors[:10] if isinstance(errors, list) else []:
        if isinstance(error, dict):
            told = error.get("message")
            error = (
                told
                if isinstance(told, str)
                else " ".join(
                    str(error[key]) for key in ("resource", "field", "code") if isinstance(error.get(key), str)
                )
            )
        if isinstance(error, str) and error:
            parts.append(error)
    return ": ".join(parts[:1]) + (f" ({'; '.join(parts[1:])})" if len(parts) > 1 else "")


def _is_limit(headers: Mapping[str, str], message: str) -> bool:
    """Whether a 403 is a rate limit and not a lack of permission."""
    words = message.lower()
    return (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or Requester.isRateLimitError(words)
        or "rate limit" in words
        or "submitted too quickly" in words
        or "abuse detection" in words
    )


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    """How long an answer asks to wait, in seconds; None where it does not say."""
    after = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", after):
        return float(after)
    if after and (date := _date(after)) is not None:
        return max(0.0, date - (_date(headers.get("date", "")) or now))
    reset = headers.get("x-ratelimit-reset", "").strip()
    if headers.get("x-ratelimit-remaining") == "0" and re.fullmatch(r"\d{1,12}(\.\d+)?", reset):
        # By the server's own clock, which may not be ours; a second more, since it says no fractions.
        return max(0.0, float(reset) - (_date(headers.get("date", "")) or now)) + 1.0
    return None


def _date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
