"""What can go wrong between a client and GitHub, to be injected into the double."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

DOCS = "https://docs.github.com/rest"
_MESSAGES = {
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    409: "Conflict",
    422: "Validation Failed",
    429: "Too many requests. Please wait a few minutes before you try again.",
    500: "Server Error",
    502: "Server Error",
    503: "No server is currently available to service your request. Sorry about that. Please try resubmitting "
    "your request and contact us if the problem persists.",
    504: "We couldn't respond to your request in time. Sorry about that. Please try resubmitting your request "
    "and contact us if the problem persists.",
}

Kind = Literal["answer", "primary", "secondary", "slow", "cut", "closed", "lost"]


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
        """The request is not carried out; the answer has this status, and GitHub's body where none is given."""
        return Fault("answer", status, error(status) if body is None else body)

    @staticmethod
    def primary(reset_in: float = 60.0, status: int = 403) -> Fault:
        """The primary rate limit is reached, and `x-ratelimit-reset` says until when."""
        return Fault("primary", status, seconds=reset_in)

    @staticmethod
    def secondary(retry_after: float | None = 60.0, status: int = 403) -> Fault:
        """A secondary rate limit is reached; None: without a `retry-after` header."""
        return Fault("secondary", status, seconds=-1.0 if retry_after is None else retry_after)

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


def error(status: int, message: str = "", **more: Any) -> dict[str, Any]:
    """An error's body as GitHub writes it."""
    message = message or _MESSAGES.get(status, "Error")
    return {"message": message, **more, "documentation_url": DOCS, "status": str(status)}


def rate_body(login: str) -> dict[str, Any]:
    """The body with which GitHub says that the primary limit is reached."""
    message = (
        f"API rate limit exceeded for {login}. If you reach out to GitHub Support for help, please include the "
        "request ID 0A00:3B7F5:12C5A9:15C4B2:6A1B2C3D and timestamp 2026-01-01 00:00:00 UTC."
    )
    return error(403, message) | {"documentation_url": f"{DOCS}/overview/rate-limits-for-the-rest-api"}


def secondary_body() -> dict[str, Any]:
    """The body with which GitHub says that a secondary limit is reached."""
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    where = f"{DOCS}/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
    return error(403, message) | {"documentation_url": where}
