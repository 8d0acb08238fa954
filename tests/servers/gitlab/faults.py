"""What can go wrong between a client and GitLab, to be injected into the double; and GitLab's words for errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

_WORDS = {
    400: "400 Bad request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    404: "404 Not found",
    405: "405 Method Not Allowed",
    409: "409 Conflict",
    422: "422 Unprocessable",
    500: "500 Internal Server Error",
}
_PAGE = "<!DOCTYPE html>\n<html><head><title>GitLab is not responding ({0})</title></head><h1>{0}</h1></html>\n"
RETRY_LATER = "Retry later\n"
INVALID_LINE = '{:line_code=>["can\'t be blank", "must be a valid line code"]}'
EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
REVOKED = "Token was revoked. You have to re-authorize from the user."

Kind = Literal["answer", "limited", "slow", "cut", "closed", "lost"]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong. Made by the functions below."""

    kind: Kind
    status: int = 0
    """Of the answer; 0 with `lost`: the connection is closed instead."""
    body: Any = None
    seconds: float = 0.0

    @staticmethod
    def answer(status: int, body: Any = None) -> Fault:
        """The request is not carried out; the answer has this status, and GitLab's body where none is given."""
        return Fault("answer", status, error(status) if body is None else body)

    @staticmethod
    def limited(retry_after: float | None = 60.0) -> Fault:
        """The rate limit is reached (429); None: without a `Retry-After` header."""
        return Fault("limited", 429, RETRY_LATER, -1.0 if retry_after is None else retry_after)

    @staticmethod
    def slow(seconds: float) -> Fault:
        """The request is carried out, and the answer comes late."""
        return Fault("slow", seconds=seconds)

    @staticmethod
    def cut() -> Fault:
        """The request is carried out, and the connection breaks in the middle of the answer's body."""
        return Fault("cut")

    @staticmethod
    def closed() -> Fault:
        """The connection is closed before anything is done or answered."""
        return Fault("closed")

    @staticmethod
    def lost(status: int = 502) -> Fault:
        """The request is carried out, and its answer is lost: this status instead, or with 0 a hang-up."""
        return Fault("lost", status, error(status) if status else None)


@dataclass
class Planned:
    """A fault that waits for its requests."""

    fault: Fault
    method: str
    path: str
    times: int
    skip: int
    fired: int = field(default=0)

    def meets(self, method: str, path: str) -> bool:
        """Whether it spoils this request; counts."""
        fits = self.method in ("*", method) and fnmatchcase(path, self.path)
        if not fits or self.fired >= self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.fired += 1
        return True


class Refusal(Exception):
    """An operation answers with an error."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def error(status: int, reason: str = "") -> Any:
    """An error's body as GitLab writes it; the web server before it answers with pages."""
    if status in (502, 503, 504):
        return _PAGE.format(status)
    if status == 429:
        return RETRY_LATER
    words = _WORDS.get(status, f"{status} Error")
    return {"message": f"{words} - {reason}" if reason else words}


def missing(what: str = "") -> Refusal:
    """`404 Project Not Found`, or `404 Not found`."""
    return Refusal(404, {"message": f"404 {what} Not Found" if what else "404 Not found"})


def forbidden(reason: str = "") -> Refusal:
    """403."""
    return Refusal(403, error(403, reason))


def bad(reason: str) -> Refusal:
    """400 with a reason."""
    return Refusal(400, error(400, reason))
