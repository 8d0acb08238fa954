"""One exchange with an OpenAI-compatible server: sent, retried where that can help, its failures given names."""

from __future__ import annotations

import email.utils
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from bot.errors import ConfigError, EndpointError
from bot.wire import clean

LONGEST_WAIT = 60.0
"""Seconds. A server that asks for a longer pause (`Retry-After`) is not waited for."""
FIRST_WAIT = 0.5
"""Seconds: the first back-off's upper bound; each further one doubles it, up to `LONGEST_BACKOFF`."""
LONGEST_BACKOFF = 20.0
LARGEST_REPLY = 64 * 1024 * 1024
"""Bytes. A longer reply is cut off and refused: nothing that is asked here is near it."""

_WORDS = 300
"""Characters of a server's own words in a message."""
_HEADERS = frozenset(
    {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "content-type"}
)
"""What is sent of headers, the key apart. The library would add the machine's system, versions and whatever
OPENAI_CUSTOM_HEADERS holds."""
_NO_KEY = "none"
"""The library wants a key; the header that it makes of this one is taken out again."""
_SECRET = re.compile(r"\b(sk-|Bearer\s+)[\w*.-]{6,}")
_TAGS = re.compile(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>")

_CONTEXT = re.compile(
    r"(?i)context.?length|context.?window|context.?size|max_model_len|maximum context|"
    r"(prompt|input|request) is too (long|large)|reduce the length|too many (input )?tokens"
)
_WRONG_KEY = re.compile(r"(?i)invalid.api.key|api key not valid|incorrect api key")
_NO_MODEL = re.compile(r"(?i)model_not_found|model\b.{0,80}\b(not found|does not exist)|pinned to")
_UNSUPPORTED = re.compile(
    r"(?i)unsupported|not supported|not support|unexpected|unknown|unrecognized|not permitted|not allowed|"
    r"extra (inputs|fields)|deprecated"
)
_DROPPABLE = ("temperature", "top_p", "seed", "stop")
"""Fields without which a request still means what it meant, or nearly: some hosted models refuse them."""
_HTML = re.compile(rb"\s*<(!doctype|html)", re.IGNORECASE)


class Said(EndpointError):
    """A server's refusal, with what it said."""

    def __init__(self, message: str, *, status: int, words: str, hint: str, slug: str, dead: bool) -> None:
        super().__init__(message, hint=hint, slug=slug, dead=dead)
        self.status = status
        self.words = words
        """Its own words, clipped and cleaned."""


@dataclass(frozen=True)
class Reply:
    """A JSON object that came back with a good status."""

    data: Mapping[str, Any]
    attempts: int
    seconds: float
    """From the first attempt to the reply, pauses included; waiting for a free place is not."""


@dataclass(eq=False)
class _Failed(Exception):
    """One attempt that did not work, and whether another may."""

    error: EndpointError
    again: bool
    broken: bool = False
    """Whether the server itself says that it failed (500): asking the same again seldom helps."""
    wait: float | None = None
    """Seconds that the server asked for."""


class Server:
    """A server at a base URL. Safe for use from several threads; sends at most `concurrency` requests at a time.

    Nothing is read from the process's environment: `environ` gives proxies (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY,
    NO_PROXY; never for this machine itself) and private authorities (SSL_CERT_FILE, SSL_CERT_DIR).
    Raises ConfigError for a URL or a key that no request can carry.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout: float,
        connect_timeout: float,
        retries: int,
        concurrency: int,
        environ: Mapping[str, str],
        clock: Callable[[], float],
        now: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
    ) -> None:
        self.url = _checked(url)
        self.root = self.url.removesuffix("/v1")
        self.concurrency = concurrency
        self._key = _usable(key)
        self._timeout = timeout
        self._retries = retries
        self._clock, self._now, self._sleep, self._random = clock, now, sleep, random
        self._places = threading.BoundedSemaphore(concurrency)
        self._learning = threading.Lock()
        self._renamed: dict[str, str] = {}
        self._dropped: frozenset[str] = frozenset()
        proxy = proxy_for(self.url, environ)
        http = httpx2.Client(
            verify=_authorities(environ) if self.url.startswith("https:") or proxy else _nobody(),
            proxy=proxy,
            trust_env=False,
            follow_redirects=False,  # another place would get the key and the code
            timeout=httpx2.Timeout(timeout, connect=connect_timeout, pool=None),
            limits=httpx2.Limits(max_connections=concurrency),
            event_hooks={"request": [self._outgoing], "response": [self._incoming]},
        )
        self._client = openai.OpenAI(
            base_url=self.url,
            api_key=self._key or _NO_KEY,
            # Given, though empty: what is not given, the library looks up in the environment.
            admin_api_key="",
            organization="",
            project="",
            webhook_secret="",
            max_retries=0,
            http_client=http,
        )

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    @property
    def has_key(self) -> bool:
        """Whether a key is sent."""
        return bool(self._key)

    def get(self, path: str, *, patient: bool = True) -> Reply:
        """What lies at `path`, below the base URL. Raises EndpointError."""
        return self._exchange(path, None, patient)

    def post(self, path: str, body: Mapping[str, Any], *, patient: bool = True) -> Reply:
        """The answer to `body` at `path`: below the base URL, or below the server's root if it starts with `//`.

        An impatient request is not repeated when the server itself fails (500): a probe asks for things that
        make some servers fail each time. Fields that this server is known to refuse are renamed or left out.
        Raises EndpointError; Said where the server answered.
        """
        while True:
            try:
                return self._exchange(path, self._adapted(body), patient)
            except Said as said:
                if not self._learn(said, body):
                    raise

    # ------------------------------------------------------------------------------------ what a server refuses

    def _adapted(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body without what this server refused before."""
        with self._learning:
            renamed, dropped = dict(self._renamed), self._dropped
        return {renamed.get(name, name): value for name, value in body.items() if name not in dropped}

    def _learn(self, said: Said, body: Mapping[str, Any]) -> bool:
        """Whether a refusal says how to ask instead; it is then kept in mind for every further request."""
        if said.slug != "endpoint-refused" or said.status not in (400, 422):
            return False
        with self._learning:
            if "max_tokens" in body and "max_completion_tokens" in said.words and not self._renamed:
                self._renamed = {"max_tokens": "max_completion_tokens"}
                return True
            for name in _DROPPABLE:
                known = name not in body or name in self._dropped
                if not known and re.search(rf"\b{name}\b", said.words) and _UNSUPPORTED.search(said.words):
                    self._dropped |= {name}
                    return True
        return False

    # ----------------------------------------------------------------------------------------------- attempts

    def _exchange(self, path: str, body: Mapping[str, Any] | None, patient: bool) -> Reply:
        """The reply to one request after at most `retries` further attempts."""
        seconds = 0.0
        for attempt in range(self._retries + 1):
            with self._places:
                began = self._clock()
                try:
                    data = self._attempt(path, body)
                    return Reply(data, attempt + 1, seconds + self._clock() - began)
                except _Failed as problem:
                    failed = problem
                seconds += self._clock() - began
            last = attempt == self._retries or not failed.again or (failed.broken and not patient)
            if last or (failed.wait or 0.0) > LONGEST_WAIT:
                break
            # Full jitter (Brooker, "Exponential Backoff And Jitter", 2015); on top of what a server asked for,
            # a little of it, so that all who were sent away do not come back in the same instant.
            backoff = self._random() * min(LONGEST_BACKOFF, FIRST_WAIT * 2**attempt)
            pause = backoff if failed.wait is None else failed.wait + min(backoff, FIRST_WAIT)
            self._sleep(pause)
            seconds += pause
        raise failed.error

    def _attempt(self, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """One attempt. Raises _Failed."""
        target = self.root + path[1:] if path.startswith("//") else path
        try:
            if body is None:
                response = self._client.get(target, cast_to=httpx2.Response)
            else:
                response = self._client.post(target, cast_to=httpx2.Response, body=dict(body))
        except openai.APIStatusError as error:
            raise self._said(path, error.response) from None
        except openai.APIConnectionError as error:
            raise self._cut(error) from None
        return self._object(path, response)

    def _object(self, path: str, response: httpx2.Response) -> Mapping[str, Any]:
        """The JSON object in a reply with a good status. Raises _Failed."""
        try:
            data = json.loads(response.content)
        except (ValueError, RecursionError):
            words = self._words(_text(response))
            what = "is not JSON" if words else "is empty"
            # A page for people comes again; half an answer may have been an accident.
            raise _Failed(self._garbled(what, words), again=not _HTML.match(response.content)) from None
        if not isinstance(data, dict):
            raise _Failed(self._garbled("is no JSON object", self._words(_text(response))), again=False)
        problem = data.get("error")
        if problem and "choices" not in data and "data" not in data:
            # Some gateways report what their own upstream said with a good status.
            code = problem.get("code") if isinstance(problem, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise self._refused(path, status, data, response.headers)
        return data

    # ------------------------------------------------------------------------------------------------ failures

    def _garbled(self, what: str, words: str = "") -> EndpointError:
        return EndpointError(
            f"the answer of {self.url} {what}{_quoted(words)}",
            hint="Is endpoint.url the base URL of an OpenAI-compatible server? Usually it ends in /v1.",
            slug="endpoint-garbled",
        )

    def _cut(self, error: openai.APIConnectionError) -> _Failed:
        """What it means that no whole answer came."""
        cause = error.__cause__
        words = self._words(str(cause or ""))
        if isinstance(error, openai.APITimeoutError) and not isinstance(cause, httpx2.ConnectTimeout):
            late = EndpointError(
                f"no answer from {self.url} within {self._timeout:g} seconds",
                hint="Raise endpoint.timeout, or lower endpoint.concurrency if the server is overloaded.",
                slug="endpoint-timeout",
            )
            return _Failed(late, again=True)
        if isinstance(cause, httpx2.DecodingError):
            return _Failed(self._garbled("cannot be read", words), again=False)
        if isinstance(cause, httpx2.RemoteProtocolError) and "complete" in words:
            return _Failed(self._garbled("broke off", words), again=True)
        trust = "certificate" in words.lower()
        gone = EndpointError(
            f"cannot reach {self.url}{_quoted(words)}",
            hint="Name the authority that signed the server's certificate in SSL_CERT_FILE."
            if trust
            else "Start the server, or correct endpoint.url.",
            slug="endpoint-unreachable",
            dead=True,
        )
        return _Failed(gone, again=not trust)

    def _said(self, path: str, response: httpx2.Response) -> _Failed:
        """What a bad status means."""
        try:
            data = json.loads(response.content)
        except (ValueError, RecursionError):
            data = _TAGS.sub(" ", _text(response))
        return self._refused(path, response.status_code, data, response.headers)

    def _refused(self, path: str, status: int, data: object, headers: Mapping[str, str]) -> _Failed:
        text, code = _own_words(data)
        words = self._words(text)
        slug, hint, dead = self._named(path, status, f"{code} {text}")
        passing = status in (408, 409, 429) or status >= 500
        error = Said(
            f"{self.url} {_MEANING[slug]} ({status}){_quoted(words)}",
            status=status,
            words=words,
            hint=hint,
            slug=slug,
            dead=dead or code == "insufficient_quota",
        )
        again = passing and not error.dead and slug != "endpoint-context" and status != 501
        return _Failed(error, again, broken=status == 500, wait=self._asked(headers))

    def _named(self, path: str, status: int, text: str) -> tuple[str, str, bool]:
        """(slug, hint, whether nothing further can succeed) of a status and what came with it."""
        client = 400 <= status < 500
        if status in (401, 403) or (status == 400 and _WRONG_KEY.search(text)):
            hint = "Set OPENAI_API_KEY or TRYLINE_ENDPOINT_KEY to a key that this server takes."
            return "endpoint-auth", hint, True
        if client and status != 429 and _CONTEXT.search(text):
            hint = "Give the prompt less: lower guidance.signal_tokens, or choose a model with a longer context."
            return "endpoint-context", hint, False
        if (status == 404 and not path.startswith("//")) or (status == 400 and _NO_MODEL.search(text)):
            hint = f"Set endpoint.model to a model that {self.url}/models lists; endpoint.url usually ends in /v1."
            return "endpoint-model", hint, True
        if status == 429:
            return "endpoint-busy", "Lower endpoint.concurrency, or try again later.", False
        if status >= 500:
            return "endpoint-server", "The server's own log says more; try again later.", False
        if 300 <= status < 400:
            return "endpoint-refused", "The server sends us elsewhere: set endpoint.url to that address.", True
        if status == 402:
            return "endpoint-refused", "The account behind the key has nothing left to spend.", True
        return "endpoint-refused", "The server's own words say what it does not take.", False

    def _asked(self, headers: Mapping[str, str]) -> float | None:
        """Seconds until the server wants to be asked again; None where it does not say."""
        value = headers.get("retry-after", "").strip()
        try:
            if headers.get("retry-after-ms"):
                seconds = float(headers["retry-after-ms"]) / 1000
            elif re.fullmatch(r"\d+(\.\d+)?", value):
                seconds = float(value)
            elif value:
                seconds = email.utils.parsedate_to_datetime(value).timestamp() - self._now()
            else:
                return None
        except (ValueError, OverflowError):
            return None
        return max(0.0, seconds)

    def _words(self, text: str) -> str:
        """A server's words for a message: one line, clipped, cleaned, without the key."""
        if self._key:
            text = text.replace(self._key, "[key]")
        return clean(_SECRET.sub("[key]", " ".join(text.split())), _WORDS)

    # --------------------------------------------------------------------------------------------------- wire

    def _outgoing(self, request: httpx2.Request) -> None:
        """Takes out every header that nobody here put in, and sets the time for the whole answer."""
        wanted = _HEADERS | {"authorization"} if self._key else _HEADERS
        for name in list(request.headers):
            if name.lower() not in wanted:
                del request.headers[name]
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"
        request.headers["user-agent"] = "tryline"
        request.extensions["tryline.deadline"] = self._clock() + self._timeout

    def _incoming(self, response: httpx2.Response) -> None:
        """Bounds an answer as a whole: the library's limit is for each piece of it."""
        if isinstance(response.stream, httpx2.SyncByteStream):
            deadline = response.request.extensions["tryline.deadline"]
            response.stream = _Bounded(response.stream, response.request, self._clock, deadline)


_MEANING = {
    "endpoint-auth": "refused the key",
    "endpoint-context": "finds the prompt too long",
    "endpoint-model": "does not know what was asked for",
    "endpoint-busy": "has too many requests",
    "endpoint-server": "failed",
    "endpoint-refused": "refused the request",
}


class _Bounded(httpx2.SyncByteStream):
    """A body that may neither take longer nor grow larger than is allowed."""

    def __init__(
        self, inner: httpx2.SyncByteStream, request: httpx2.Request, clock: Callable[[], float], deadline: float
    ) -> None:
        self._inner, self._request, self._clock, self._deadline = inner, request, clock, deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._inner:
            size += len(piece)
            if size > LARGEST_REPLY:
                raise httpx2.DecodingError(f"longer than {LARGEST_REPLY} bytes", request=self._request)
            if self._clock() > self._deadline:
                raise httpx2.ReadTimeout("the answer trickles in too slowly", request=self._request)
            yield piece

    def close(self) -> None:
        self._inner.close()


def _checked(url: str) -> str:
    """A base URL without its trailing slash. Raises ConfigError."""
    try:
        parts = urllib.parse.urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):
        good = False
    if not good:
        raise ConfigError(
            "`endpoint.url` is no URL that can be asked", hint="Write http://HOST:PORT/v1.", slug="config-value"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "`endpoint.url` may hold neither a user, nor a password, nor a query: it is shown and stored",
            hint="Write http://HOST:PORT/v1; the key comes from TRYLINE_ENDPOINT_KEY.",
            slug="config-value",
        )
    return url.rstrip("/")


def _usable(key: str | None) -> str:
    """A key that a header can carry. Raises ConfigError, without the key."""
    key = (key or "").strip()
    if not all("!" <= character <= "~" for character in key):
        raise ConfigError(
            "the endpoint's key holds characters that no key has",
            hint="Look for blanks, line ends or quotes around it in OPENAI_API_KEY or TRYLINE_ENDPOINT_KEY.",
            slug="config-value",
        )
    return key


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that `environ` names for a URL, by the usual variables in either case; None for none.

    This machine itself is never asked through a proxy: no proxy could reach it.
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127."):
        return None
    given = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy") and value}
    for spared in given.get("no_proxy", "").replace(",", " ").split():
        name = spared.removeprefix("*").removeprefix(".")
        if name in ("", host, f"{host}:{parts.port}") or host.endswith(f".{name}"):
            return None
    proxy = given.get(f"{parts.scheme}_proxy") or given.get("all_proxy")
    return None if proxy is None else proxy if "://" in proxy else f"http://{proxy}"


def _authorities(environ: Mapping[str, str]) -> ssl.SSLContext | bool:
    """Which authorities may vouch for a server. Raises ConfigError."""
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not file and not folder:
        return True
    try:
        return ssl.create_default_context(cafile=file or None, capath=None if file else folder)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {clean(str(error), 200)}",
            hint="Name a file of certificates in PEM form.",
            slug="config-environment",
        ) from None


def _nobody() -> ssl.SSLContext:
    """For a server without TLS: trusts no authority, and does not take the time to read them."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _own_words(data: object) -> tuple[str, str]:
    """(message with the parameter it is about, code) in any of the shapes in which servers say what is wrong."""
    code = ""
    for _ in range(4):
        if not isinstance(data, dict):
            break
        code = next((str(data[name]) for name in ("code", "type") if isinstance(data.get(name), str)), code)
        inner = next((data[name] for name in ("error", "message", "detail", "msg") if data.get(name)), None)
        if inner is None:
            return json.dumps(data)[:2000], code
        about = data.get("param") or data.get("loc")
        if isinstance(inner, str) and about and str(about) not in inner:
            return f"{inner} (parameter {about})", code
        data = inner
    if isinstance(data, list):
        return "; ".join(_own_words(item)[0] for item in data[:3]), code
    return str(data)[:4000], code


def _text(response: httpx2.Response) -> str:
    return response.content[:8000].decode("utf-8", "replace")


def _quoted(words: str) -> str:
    return f": {words}" if words else ""
