"""The one door to GitHub's REST API: where the token goes, and what each failure means.

PyGithub carries the requests; its own retries are off, since they would post twice, and nothing that an answer
says becomes an address that we ask: paths are ours, and a redirection is a failure.

`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` or `SSL_CERT_FILE`, the first of them that is set in the environment that is
passed, names the certificates to trust.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from github import Auth
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)

from bot.errors import ForgeError, UsageError
from bot.forges.http import (
    PAGE,
    TIMEOUT,
    Answered,
    Asker,
    Call,
    Limited,
    Passing,
    Platform,
    address,
    asked_wait,
    checked_token,
    parsed,
    proxies,
    whole,
)

__all__ = ["Answered", "Call", "Client"]
"""What the files beside it need of requests, from one door."""

_GITHUB = Platform(
    "GitHub", "GITHUB_API_URL", "https://www.githubstatus.com", "GitHub Enterprise: https://HOST/api/v3"
)
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Client(Asker):
    """Sends requests with one token to one host, and raises nothing but ForgeError.

    As `Asker` does; `pause` as GitHub asks for. Raises UsageError for an address that is none.
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
        checked_token(token, "Set GITHUB_TOKEN to one; in a workflow, `${{ github.token }}`.")
        parts = address(api_url)
        if parts is None:
            raise UsageError(
                "The address of GitHub's API is none.",
                hint="GITHUB_API_URL is https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise; "
                "without user, password, query and fragment.",
                slug="usage",
            )
        host = parts.hostname or ""
        super().__init__(
            _GITHUB,
            token=token,
            host=host,
            clock=clock,
            sleep=sleep,
            patience=patience,
            pause=pause,
            timeout=timeout,
        )
        bundle = next((environ[name] for name in _BUNDLES if environ.get(name)), None)
        kind = _Https if parts.scheme == "https" else _Http
        self._connection = kind(
            f"[{host}]" if ":" in host else host,
            parts.port,
            timeout=timeout,
            retry=0,
            verify=bundle or True,
        )
        # Everything from the environment that is passed: not from this process's, nor from a .netrc.
        self._connection.session.trust_env = False
        self._connection.session.proxies = proxies(parts.scheme, host, parts.port, environ)
        self._requester = Requester(
            Auth.Token(token), api_url.rstrip("/"), timeout, "tryline", PAGE, bundle or True, 0, None
        )

    def _goes_on(self, headers: Mapping[str, str], count: int) -> bool:
        link = headers.get("link", "")
        # Where everything fits on one page GitHub sends no link; where a proxy drops it the next page tells.
        return 'rel="next"' in link if link else count >= PAGE

    def _send(self, call: Call) -> tuple[Mapping[str, str], Any]:
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
        data, readable = parsed(text)
        if 200 <= status < 300:
            if readable or status == 204:
                return headers, data
            raise self._unreadable(call)
        raise self._failure(call, status, headers, data, text)

    def _failure(
        self, call: Call, status: int, headers: Mapping[str, str], data: object, text: str
    ) -> ForgeError | Limited:
        message = _message(data)
        words = self.safe(message or text) or "no message"
        if status == 429 or (status == 403 and _is_limit(headers, message)):
            return Limited(words, asked_wait(headers, self._clock()))
        said = f"Could not {call.doing}: GitHub answered {status}, {words}"
        if status >= 500:
            return Passing(
                said,
                hint="GitHub has a problem; see https://www.githubstatus.com and try again later.",
                slug="forge-server",
                sent=call.writes,
                wait=asked_wait({"retry-after": headers.get("retry-after", "")}, self._clock()) or 0.0,
            )
        slug, hint = _meaning(call, status, sso="x-github-sso" in headers)
        return Answered(said, hint=hint, slug=slug, status=status)


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
    """Sends what PyGithub has prepared and reads the whole answer. Raises OSError, as `whole` does."""
    timeout = connection.timeout or TIMEOUT
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
    return _Answer(response, whole(response, timeout))


class _Https(HTTPSRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _answered(self)


class _Http(HTTPRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _answered(self)


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
