"""The one door to GitLab's REST API: where the token goes, and what each failure means.

python-gitlab carries the requests. Its own retries are off: it would wait for a rate limit without an end, and
could repeat what creates something. Nothing that an answer says becomes an address that we ask: paths are ours,
pages are counted, and a redirection is a failure.

`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, `CI_SERVER_TLS_CA_FILE` (what a runner knows of its GitLab) or
`SSL_CERT_FILE`, the first of them that is set in the environment that is passed, names the certificates to trust.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import gitlab
import requests

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

_GITLAB = Platform("GitLab", "CI_API_V4_URL", "https://status.gitlab.com", "https://HOST/api/v4")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CI_SERVER_TLS_CA_FILE", "SSL_CERT_FILE")
_JOB_TOKEN = "glcbt-"  # noqa: S105 - what such tokens begin with


def is_job_token(token: str, environ: Mapping[str, str]) -> bool:
    """Whether it is the one that GitLab makes for a job, which may read little and write nothing of ours."""
    return token == environ.get("CI_JOB_TOKEN") or token.startswith(_JOB_TOKEN)


class Client(Asker):
    """Sends requests with one token to one host, and raises nothing but ForgeError.

    As `Asker` does. Raises UsageError for an address that is none.
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
        pause: float = 0.2,
        timeout: int = TIMEOUT,
    ) -> None:
        checked_token(token, "Set GITLAB_TOKEN to one, as a masked variable of the project.")
        parts = address(api_url)
        if parts is None or not parts.path.rstrip("/").endswith("/api/v4"):
            raise UsageError(
                "The address of GitLab's API is none.",
                hint="CI_API_V4_URL is https://gitlab.com/api/v4, or https://HOST/api/v4 for a host of one's own; "
                "without user, password, query and fragment.",
                slug="usage",
            )
        host = parts.hostname or ""
        super().__init__(
            _GITLAB,
            token=token,
            host=host,
            clock=clock,
            sleep=sleep,
            patience=patience,
            pause=pause,
            timeout=timeout,
        )
        self.job = is_job_token(token, environ)
        """Whether the token is a job's own."""
        self._session = _Session(timeout)
        self._session.proxies = dict(proxies(parts.scheme, host, parts.port, environ))
        self._gitlab = gitlab.Gitlab(
            api_url.rstrip("/").removesuffix("/api/v4"),
            private_token=None if self.job else token,
            job_token=token if self.job else None,
            ssl_verify=next((environ[name] for name in _BUNDLES if environ.get(name)), True),
            timeout=timeout,
            user_agent="tryline",
            retry_transient_errors=False,
            session=self._session,
        )

    def _goes_on(self, headers: Mapping[str, str], count: int) -> bool:
        following = headers.get("x-next-page")
        # Where a proxy drops the header, the next page tells.
        return bool(following.strip()) if following is not None else count >= PAGE

    def _send(self, call: Call) -> tuple[Mapping[str, str], Any]:
        try:
            answer = self._gitlab.http_request(
                call.verb.lower(),
                call.path,
                query_data=dict(call.query),
                post_data=dict(call.payload) if call.payload is not None else None,
                obey_rate_limit=False,
                max_retries=0,
            )
            status, text = answer.status_code, answer.content
        except gitlab.exceptions.GitlabError as error:
            status, text = error.response_code or 0, error.response_body or b""
        except (OSError, ValueError, RecursionError) as error:
            # requests' exceptions are OSErrors; python-gitlab stumbles over JSON that is nested too deeply.
            raise self._unreached(call, error) from None
        headers = self._session.heard
        data, readable = parsed(text)
        if 200 <= status < 300:
            if readable or not text.strip():
                return headers, data
            raise self._unreadable(call)
        raise self._failure(call, status, headers, data, text)

    def _failure(
        self, call: Call, status: int, headers: Mapping[str, str], data: object, text: bytes
    ) -> ForgeError | Limited:
        words = self.safe(_message(data) or text.decode("utf-8", "replace")) or "no message"
        now = self._clock()
        if status == 429:
            return Limited(words, asked_wait(headers, now, "ratelimit"))
        said = f"Could not {call.doing}: GitLab answered {status}, {words}"
        # Somebody else holds what is to be written, for a moment.
        locked = status == 409 and "resource lock" in words.lower()
        if status >= 500 or locked:
            return Passing(
                said,
                hint="GitLab has a problem; see https://status.gitlab.com, or ask who runs it; try again later.",
                slug="forge-server",
                sent=call.writes and not locked,
                wait=asked_wait({"retry-after": headers.get("retry-after", "")}, now) or 0.0,
            )
        slug, hint = self._meaning(call, status)
        return Answered(said, hint=hint, slug=slug, status=status)

    def _meaning(self, call: Call, status: int) -> tuple[str, str]:
        """Slug and hint for a status that is no limit and no failure of the server."""
        job = " A job's own token (CI_JOB_TOKEN) cannot: set GITLAB_TOKEN; docs/gitlab.md tells which." * self.job
        if status == 401:
            return "forge-auth", f"The token is wrong, has expired or was revoked.{job}"
        if status == 403:
            return "forge-auth", f"The token needs {call.needs}.{job}"
        if 300 <= status < 400:
            return "forge-missing", "It has moved: use the project's present path, and the address with https."
        if status in (404, 405, 410):
            return "forge-missing", f"It is not there, or the token may not see it ({call.needs}).{job}"
        return "forge-refused", "GitLab does not accept this request; its own words are above."


class _Session(requests.Session):
    """Answers are read whole, within bounds, and followed nowhere; this process's environment tells it nothing."""

    heard: Mapping[str, str]
    """The headers of the last answer, names in lower case."""

    def __init__(self, timeout: int) -> None:
        super().__init__()
        self.trust_env = False
        self.heard = {}
        self._patience = timeout

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests does. Raises OSError, as `whole` does."""
        self.heard = {}
        response = super().request(method, url, *args, **{**kwargs, "stream": True, "allow_redirects": False})
        # Where requests keeps what was read.
        response._content = whole(response, self._patience)
        self.heard = {name.lower(): value for name, value in response.headers.items()}
        return response


def _message(data: object) -> str:
    """GitLab's own words: a text, a list of them, or lists of them by field."""
    if not isinstance(data, dict):
        return ""
    said = next((data[key] for key in ("message", "error_description", "error") if data.get(key)), "")
    return "; ".join(_words(said, 0))


def _words(said: object, depth: int) -> list[str]:
    if isinstance(said, str):
        return [said]
    if depth > 3 or not isinstance(said, list | dict):
        return []
    pairs = said.items() if isinstance(said, dict) else (("", item) for item in said)
    found = [(name, word) for name, item in list(pairs)[:10] for word in _words(item, depth + 1)]
    return [f"{name}: {word}" if name and name != "base" else word for name, word in found]


def quoted(project: str) -> str:
    """A project's path, or its number, as a segment of an API's path."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), project)
