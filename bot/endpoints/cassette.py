"""Recordings of an endpoint's traffic, and an endpoint that answers from one, offline and exactly as it was.

A recording is a file of JSON lines. A header says whose traffic it is; every other line holds one request with
what came of it. Lines may stand in any order, but equal requests: their replies are served as the file has them.

A recorder belongs outside the cache and inside the meter: then what the cache answered is in the recording, too,
and a replay books the same figures.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bot.endpoints import Answer, Capabilities, Endpoint, Request
from bot.endpoints.wire_form import FormError, dumps, error_form, from_form, loads, read_error, to_form
from bot.errors import EndpointError, UsageError
from bot.wire import clean

VERSION = 1
MASK = "[secret]"
_LEAST_SECRET = 8
"""Characters; shorter keys are placeholders (`EMPTY`, `none`) of servers that ask for none, and plain words."""
_MARK = "tryline-recording"
_SHOWN = 60
"""Characters of a value in a message."""


@dataclass(frozen=True)
class _Header:
    """Whose traffic it is: one of the endpoints that served, numbered in the order in which they did."""

    number: int
    model: str
    """Empty where it could not be asked for."""
    seat: str
    name: str
    capabilities: Capabilities | None = None
    error: EndpointError | None = None
    """Why the capabilities are not known; neither: nobody asked for them."""

    def says(self, other: _Header) -> bool:
        """Whether it tells all that another header of the same endpoint does."""
        if other.model and other.model != self.model:
            return False
        return other.error is None and other.capabilities in (None, self.capabilities)

    def updated(self, later: _Header) -> _Header:
        """The same endpoint, with what a later header says."""
        model, name = (later.model, later.name) if later.model else (self.model, self.name)
        if later.capabilities is None and (self.capabilities is not None or later.error is None):
            return replace(self, model=model, name=name)
        return replace(later, model=model, name=name)


@dataclass(frozen=True)
class _Take:
    """One request, and what came of it."""

    line: int
    by: int
    """Number of the endpoint that served."""
    request: Request
    reply: Answer | EndpointError


class Recorder:
    """An endpoint that writes down what passes through it. Safe to use from several threads.

    `secrets` (keys) are masked wherever text holds them. A file that is there is continued if it is a recording of
    the same model at the same place. Raises UsageError, slug `cassette`, where it is not, or cannot be written: a
    recording with gaps would be worse than none.
    """

    def __init__(self, inner: Endpoint, file: Path, secrets: Sequence[str] = ()) -> None:
        self.inner = inner
        self._file = file
        self._secrets = _worth_hiding(secrets)
        self._lock = threading.Lock()
        self._headers: list[_Header] = []
        """What the file says by now of whose traffic it is."""
        self._begun = False
        """Whether this recorder has written."""
        try:
            if file.exists() and file.stat().st_size:
                self._headers = list(_read(file)[0])
        except OSError as error:
            raise _unusable(file, error) from None

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
        """Those of the endpoint inside; they, or why there are none, are recorded."""
        try:
            found = self.inner.capabilities
        except EndpointError as error:
            self._write(error=error)
            raise
        self._write(found)
        return found

    def send(self, request: Request) -> Answer:
        """The answer of the endpoint inside, or its error, recorded."""
        try:
            answer = self.inner.send(request)
        except EndpointError as error:
            self._write(take={"request": to_form(request), "error": error_form(error)})
            raise
        self._write(take={"request": to_form(request), "answer": to_form(answer)})
        return answer

    def _write(
        self,
        capabilities: Capabilities | None = None,
        error: EndpointError | None = None,
        take: Mapping[str, Any] | None = None,
    ) -> None:
        """Adds a line, and before it a header where the file has none that says as much."""
        seat, name = (_masked(_public(text), self._secrets) for text in (self.seat, self.name))
        try:
            model = self.model
        except EndpointError:
            model = ""  # the server was to name it, and does not answer
        with self._lock:
            number = self._number(model, seat)
            header = _Header(number, model, seat, name, capabilities, error)
            known = number < len(self._headers) and self._headers[number].says(header)
            if not known and number < len(self._headers):
                header = self._headers[number].updated(header)
            lines = [] if known else [_header_form(header)]
            lines += [] if take is None else [{**_without_traces(take, self._secrets), "by": number}]
            text = "".join(dumps(_masked(line, self._secrets)) + "\n" for line in lines)
            try:
                with self._file.open("a", encoding="ascii") as stream:
                    stream.write(text)
            except OSError as problem:
                raise _unusable(self._file, problem) from None
            self._begun = True
            if not known:
                self._headers[number : number + 1] = [header]

    def _number(self, model: str, seat: str) -> int:
        """Which of the file's endpoints serves now; one more where it is new.

        A recorder around several endpoints meets the next one when the first is dead. Raises UsageError where the
        file is another's from the beginning.
        """
        for header in reversed(self._headers):
            if header.seat == seat and (header.model == model or not header.model or not model):
                return header.number
        if self._headers and not self._begun:
            message = f"{self._file} is a recording of {self._headers[0].name}, and this is {model} at {seat}"
            raise UsageError(message, hint="Give each endpoint a file of its own.", slug="cassette")
        return len(self._headers)


class Player:
    """An endpoint that answers from a recording and sends nothing. Safe to use from several threads.

    Equal requests get their replies in the order of the file, after the last one that again; recorded errors are
    raised again. Where several endpoints served one after the other, it is the first until a reply of a later one
    is played. `secrets` are those of the recorder, where it had any. Raises UsageError, slug `cassette`, for a
    file that is no recording.
    """

    def __init__(self, file: Path, secrets: Sequence[str] = ()) -> None:
        self._file = file
        self._secrets = _worth_hiding(secrets)
        self._headers, self._takes = _read(file)
        self._lock = threading.Lock()
        self._serving = 0
        self._missing: list[str] = []
        """What was said of each request that the recording lacks."""
        self._left: dict[str, list[_Take]] = {}
        for take in reversed(self._takes):
            self._left.setdefault(take.request.key(""), []).append(take)

    @property
    def _header(self) -> _Header:
        return self._headers[self._serving]

    @property
    def name(self) -> str:
        return self._header.name

    @property
    def model(self) -> str:
        return self._header.model

    @property
    def seat(self) -> str:
        return self._header.seat

    @property
    def capabilities(self) -> Capabilities:
        """The recorded ones. Raises EndpointError as recorded, `endpoint-offline` where nobody asked for them."""
        header = self._header
        if header.capabilities is not None:
            return header.capabilities
        if header.error is not None:
            raise read_error(error_form(header.error))
        message = f"the recording {self._file} does not say what the endpoint can do: nobody asked"
        raise EndpointError(message, hint="Record the run again.", slug="endpoint-offline")

    def send(self, request: Request) -> Answer:
        """What was recorded for this request. Raises EndpointError: the recorded one, or `endpoint-offline`."""
        asked = from_form(Request, _masked(to_form(request), self._secrets))
        with self._lock:
            takes = self._left.get(asked.key(""))
            if takes is None:
                unknown = self._unknown(asked)
                self._missing.append(unknown.message)
                raise unknown
            take = takes.pop() if len(takes) > 1 else takes[0]
            self._serving = max(self._serving, take.by)
        if isinstance(take.reply, EndpointError):
            raise read_error(error_form(take.reply))
        return take.reply

    @property
    def notes(self) -> tuple[str, ...]:
        """That the run asked otherwise than the recorded one, for the report: it is no repetition then."""
        with self._lock:
            if not self._missing:
                return ()
            first, more = self._missing[0], len(self._missing) - 1
            return (f"This run is not the recorded one: {first}" + (f"; and {more} more." if more else "."),)

    def _unknown(self, asked: Request) -> EndpointError:
        """Says what differs from the recorded request that is most like this one."""
        message = f"the recording {self._file} holds no request at all"
        if self._takes:
            near = min(self._takes, key=lambda take: _distance(take.request, asked))
            names = _differing(near.request, asked)
            first = _first_difference(to_form(near.request), to_form(asked), "")
            message = (
                f"the recording {self._file} does not hold this request; the nearest one (line {near.line}) "
                f"differs in {', '.join(names)}: {first}"
            )
        hint = "Record the run again, or repeat it with the version and settings that it was recorded with."
        return EndpointError(message, hint=hint, slug="endpoint-offline")


# ------------------------------------------------------------------------------------------------------- secrets


def _worth_hiding(secrets: Iterable[str]) -> tuple[str, ...]:
    """Longest first, so that a key that contains another one leaves nothing over."""
    return tuple(sorted({s for s in secrets if len(s) >= _LEAST_SECRET}, key=lambda s: (-len(s), s)))


def _masked(form: Any, secrets: Sequence[str]) -> Any:
    """A JSON value whose texts do not hold the secrets."""
    if isinstance(form, str):
        for secret in secrets:
            form = form.replace(secret, MASK)
        return form
    if isinstance(form, list):
        return [_masked(item, secrets) for item in form]
    if isinstance(form, dict):
        return {_masked(name, secrets): _masked(item, secrets) for name, item in form.items()}
    return form


def _without_traces(take: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """A line without the tokens of choices that hold a secret: it could be put together from them."""
    line = dict(take)
    if "answer" in line:
        choices = [
            {name: item for name, item in choice.items() if name not in ("tokens", "ids")}
            if _masked(choice["text"], secrets) != choice["text"]
            else choice
            for choice in line["answer"]["choices"]
        ]
        line["answer"] = {**line["answer"], "choices": choices}
    return line


def _public(text: str) -> str:
    """Text whose URL, if it is or ends in one (`MODEL at URL`), has no user and password."""
    before, space, url = text.rpartition(" ")
    try:
        parts = urlsplit(url)
    except ValueError:
        return text
    if "@" not in parts.netloc:
        return text
    return before + space + urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


# ------------------------------------------------------------------------------------------------------- reading


def _read(file: Path) -> tuple[tuple[_Header, ...], tuple[_Take, ...]]:
    """What a recording holds. Raises UsageError, slug `cassette`, with the line that is not right."""
    headers: dict[int, _Header] = {}
    takes: list[_Take] = []
    number = 0
    try:
        with file.open("rb") as stream:
            for number, raw in enumerate(stream, 1):
                line = _read_line(raw, number)
                if isinstance(line, _Take):
                    takes.append(line)
                    continue
                known = headers.get(line.number, line)
                if known.seat != line.seat or (known.model and line.model and known.model != line.model):
                    raise FormError(f"another endpoint ({clean(line.name, _SHOWN)}) than in the lines before")
                headers[line.number] = known.updated(line)
        nameless = {*range(len(headers)), *(take.by for take in takes)} - set(headers)
        if nameless or not headers:
            raise FormError("no line says whose recording it is")
    except OSError as error:
        raise _unusable(file, error) from None
    except FormError as error:
        message = f"{file}, line {number}: {clean(str(error), 300)}"
        hint = "Recordings are not meant to be edited; record the run again."
        raise UsageError(message, hint=hint, slug="cassette") from None
    return tuple(headers[index] for index in sorted(headers)), tuple(takes)


def _read_line(raw: bytes, number: int) -> _Header | _Take:
    """One line. Raises FormError."""
    if not raw.endswith(b"\n"):
        raise FormError("the line is cut off")
    try:
        line = loads(raw.decode("ascii"))
    except UnicodeDecodeError:
        raise FormError("not ASCII, so not written by a recorder") from None
    if not isinstance(line, dict):
        raise FormError("not an object")
    if _MARK in line:
        return _read_header(line)
    if "request" not in line or ("answer" in line) == ("error" in line):
        raise FormError("neither a header nor a request with its reply")
    request = from_form(Request, line["request"])
    reply = from_form(Answer, line["answer"]) if "answer" in line else read_error(line["error"])
    return _Take(number, _count(line.get("by", 0)), request, reply)


def _header_form(header: _Header) -> dict[str, Any]:
    form: dict[str, Any] = {_MARK: VERSION, "number": header.number}
    form.update(model=header.model, seat=header.seat, name=header.name)
    if header.capabilities is not None:
        form["capabilities"] = to_form(header.capabilities)
    if header.error is not None:
        form["error"] = error_form(header.error)
    return form


def _read_header(line: Mapping[str, Any]) -> _Header:
    version = line[_MARK]
    if version != VERSION:
        raise FormError(f"a recording of version {version!r}; this program reads version {VERSION}")
    words = [line.get(name) for name in ("model", "seat", "name")]
    model, seat, name = (word if isinstance(word, str) else "" for word in words)
    if None in words or [model, seat, name] != words:
        raise FormError("the header does not name model, seat and name")
    return _Header(
        _count(line.get("number", 0)),
        model,
        seat,
        name,
        from_form(Capabilities, line["capabilities"]) if "capabilities" in line else None,
        read_error(line["error"]) if "error" in line else None,
    )


def _count(value: object) -> int:
    """Number of an endpoint. Raises FormError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1000:
        raise FormError("an endpoint's number is none")
    return value


def _unusable(file: Path, error: OSError) -> UsageError:
    hint = "Name a file that can be read and written."
    return UsageError(
        f"the recording {file}: {error.strerror or type(error).__name__}", hint=hint, slug="cassette"
    )


# --------------------------------------------------------------------------------------------------- differences


def _differing(one: Request, other: Request) -> list[str]:
    """Fields in which two requests differ; never none, for they have different keys."""
    names = (field.name for field in fields(Request) if field.name != "purpose")
    return [name for name in names if to_form(getattr(one, name)) != to_form(getattr(other, name))]


def _distance(recorded: Request, asked: Request) -> tuple[bool, int, int]:
    """Another kind is farther than other fields; among equals, the texts that part later are nearer."""
    mine, theirs = dumps(to_form(recorded)), dumps(to_form(asked))
    same = next((i for i, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), len(mine))
    return recorded.kind != asked.kind, len(_differing(recorded, asked)), -same


def _first_difference(recorded: Any, asked: Any, where: str) -> str:
    """Place and both values of the first difference of two JSON values."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        names = [name for name in {**recorded, **asked} if name != "purpose" or where]
        for name in names:
            if recorded.get(name) != asked.get(name):
                return _first_difference(recorded.get(name), asked.get(name), f"{where}.{name}".lstrip("."))
    if isinstance(recorded, list) and isinstance(asked, list):
        for index, (one, other) in enumerate(zip(recorded, asked, strict=False)):
            if one != other:
                return _first_difference(one, other, f"{where}[{index}]")
        return f"`{where}` has {len(recorded)} entries there, {len(asked)} here"
    if isinstance(recorded, str) and isinstance(asked, str):
        pairs = enumerate(zip(recorded, asked, strict=False))
        at = next((i for i, (a, b) in pairs if a != b), min(len(recorded), len(asked)))
        there, here = (repr(clean(text[max(0, at - 10) : at + _SHOWN], _SHOWN + 10)) for text in (recorded, asked))
        return f"`{where}` from character {at} on, there {there}, here {here}"
    return f"`{where}` is {_shown(recorded)} there, {_shown(asked)} here"


def _shown(value: Any) -> str:
    return "not given" if value is None else clean(dumps(value), _SHOWN)
