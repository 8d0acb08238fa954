"""What the double remembers: accounts, tokens, pull requests and what was said there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from servers.github.history import FilePatch, Repository, Row

Level = Literal["none", "read", "write"]
TokenKind = Literal["user", "actions", "app"]
RIGHTS = ("contents", "pull_requests", "issues", "checks", "statuses", "security_events")
BODY_LIMIT = 65_536


@dataclass(frozen=True)
class Account:
    """Who does things."""

    login: str
    id: int
    kind: str = "User"
    """User, Bot or Organization."""


@dataclass(frozen=True)
class Token:
    """What opens the door, and how far."""

    value: str
    account: Account
    kind: TokenKind
    rights: Mapping[str, Level]
    repositories: frozenset[str] | None = None
    """Those that it may see at all, if private; None: every one."""

    def may(self, right: str, level: Level) -> bool:
        """Whether the right is there at this level."""
        order = ("none", "read", "write")
        return order.index(self.rights.get(right, "none")) >= order.index(level)


@dataclass
class Allowance:
    """The primary rate limit of one token."""

    limit: int
    used: int = 0
    reset: float = 0.0

    @property
    def remaining(self) -> int:
        """Requests that are left."""
        return max(0, self.limit - self.used)


@dataclass
class PullRequest:
    """One pull request."""

    repository: str
    number: int
    id: int
    title: str
    body: str
    author: Account
    base_ref: str
    head_repository: str
    head_ref: str
    head: str
    base: str
    created: str
    updated: str
    draft: bool = False
    state: str = "open"
    merged: bool = False
    labels: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    """Every commit that was its head, oldest first."""
    merge_commit: str | None = None
    """What `refs/pull/N/merge` names; None where it conflicts with its base."""


@dataclass
class Issue:
    """An issue that is no pull request. Both are numbered together."""

    repository: str
    number: int
    id: int
    title: str
    body: str
    author: Account
    created: str
    updated: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    reason: str | None = None
    """Why it is in its state: completed, not_planned, reopened."""


@dataclass
class Review:
    """A review; PENDING while it is not submitted."""

    id: int
    repository: str
    number: int
    author: Account
    body: str
    state: str
    commit: str
    submitted: str | None


@dataclass
class ReviewComment:
    """A comment on a line of a pull request's diff, or a reply to one."""

    id: int
    repository: str
    number: int
    review: int
    author: Account
    body: str
    path: str
    side: str
    start_side: str | None
    line: int | None
    start_line: int | None
    original_line: int | None
    original_start_line: int | None
    position: int | None
    original_position: int | None
    commit: str
    original_commit: str
    original_base: str
    """Merge base at the time: where lines of the left side lie."""
    diff_hunk: str
    created: str
    updated: str
    in_reply_to: int | None = None
    subject: str = "line"
    previous: str | None = None
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def outdated(self) -> bool:
        """Whether the lines that it was made for have changed."""
        return self.subject == "line" and self.line is None


@dataclass
class IssueComment:
    """A comment on the pull request as a whole, or on an issue."""

    id: int
    repository: str
    number: int
    author: Account
    body: str
    created: str
    updated: str
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(frozen=True)
class Reaction:
    """A thumb, a rocket."""

    id: int
    author: Account
    content: str
    created: str


@dataclass
class CheckRun:
    """A check of one commit."""

    id: int
    repository: str
    head: str
    name: str
    author: Account
    status: str
    conclusion: str | None
    started: str | None
    completed: str | None
    external: str
    details: str | None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    """A commit status."""

    id: int
    repository: str
    commit: str
    author: Account
    state: str
    context: str
    description: str | None
    target: str | None
    created: str


@dataclass(frozen=True)
class Sarif:
    """An uploaded SARIF log, unpacked."""

    id: str
    repository: str
    commit: str
    ref: str
    log: Any


@dataclass(frozen=True)
class Exchange:
    """One request of the API and what was answered."""

    method: str
    path: str
    """Without `/api/v3`, as it was encoded."""
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    """Lower-case names; without `authorization`."""
    login: str
    """Whose token it was; empty without one."""
    body: Any
    status: int
    """0 where the connection was closed without an answer."""
    reply: Any
    fault: str = ""
    operation: str = ""
    """`operationId`, like `pulls/create-review`."""
    enterprise: bool = False
    """Whether it came below `/api/v3`."""


@dataclass(frozen=True)
class GitRequest:
    """One request of git's HTTP protocol."""

    method: str
    path: str
    query: str
    login: str
    authorization: str
    """Scheme of the header (`basic`, `bearer`), empty without one."""
    status: int


# ------------------------------------------------------------------------------------------------- anchors

_LINE = "line must be part of the diff"
_START = "start line must be part of the same hunk as the line."
_BLANK = "diff hunk can't be blank"


@dataclass(frozen=True)
class Anchor:
    """Where a new comment is asked to stand."""

    path: str
    side: str = "RIGHT"
    line: int | None = None
    start_line: int | None = None
    start_side: str | None = None
    position: int | None = None
    """GitHub's old way to name a line."""


@dataclass(frozen=True)
class Placed:
    """A place in a diff."""

    side: str
    line: int
    start_side: str | None
    start_line: int | None
    position: int
    diff_hunk: str
    previous: str | None


def place(patches: tuple[FilePatch, ...], anchor: Anchor) -> Placed | list[str]:
    """The anchor's place in a pull request's diff, or GitHub's complaints, each without its subject."""
    patch = next((patch for patch in patches if patch.path == anchor.path), None)
    if patch is None:
        return ["path is invalid", _BLANK]
    if anchor.position is not None and anchor.line is None:
        row = next((row for row in patch.rows if row.position == anchor.position), None)
        if row is None:
            return ["position is invalid", _BLANK]
        anchor = replace(anchor, side="LEFT" if row.new is None else "RIGHT", line=row.new or row.old)
    if anchor.line is None:
        return ["line is invalid", _BLANK]
    row = patch.row(anchor.side, anchor.line)
    complaints = [] if row else [_LINE]
    start = None
    start_side = anchor.start_side or anchor.side
    if anchor.start_line is not None:
        start = patch.row(start_side, anchor.start_line)
        if row is None or start is None or start.hunk != row.hunk:
            complaints.append(_START)
        elif not _precedes(start, row):
            complaints.append("start line must precede the end line.")
    if row is None:
        complaints.append(_BLANK)
    if row is None or complaints:
        return complaints
    return Placed(
        anchor.side,
        anchor.line,
        start_side if start else None,
        anchor.start_line,
        row.position,
        patch.hunk_until(row),
        patch.previous,
    )


def _precedes(start: Row, end: Row) -> bool:
    return start.position < end.position


def follow(repository: Repository, comment: ReviewComment, merge_base: str, head: str) -> None:
    """Moves a comment to a new head of its pull request: its lines shift, or it becomes outdated."""
    if comment.subject != "line" or comment.original_line is None:
        return
    first = comment.original_start_line or comment.original_line
    lines = range(min(first, comment.original_line), comment.original_line + 1)
    if comment.side == "RIGHT":
        shift = repository.moved((comment.original_commit, comment.path), (head, comment.path), lines)
    else:
        path = comment.previous or comment.path
        shift = repository.moved((comment.original_base, path), (merge_base, path), lines)
    placed: Placed | list[str] = []
    if shift is not None:
        start = None if comment.original_start_line is None else comment.original_start_line + shift
        line = comment.original_line + shift
        anchor = Anchor(comment.path, comment.side, line, start, comment.start_side)
        placed = place(repository.patches(merge_base, head), anchor)
    if isinstance(placed, Placed):
        comment.line, comment.start_line, comment.position = placed.line, placed.start_line, placed.position
        comment.commit = head
    else:
        comment.line = comment.start_line = comment.position = None


def sentence(complaints: list[str]) -> str:
    """Complaints as the one sentence that GitHub's reviews answer with."""
    whole = [f"Pull request review thread {complaint}" for complaint in complaints]
    if len(whole) < 3:
        return " and ".join(whole)
    return f"{', '.join(whole[:-1])}, and {whole[-1]}"


def objects(complaints: list[str]) -> list[dict[str, Any]]:
    """The same as the list that GitHub's single comments are refused with."""
    made = []
    for complaint in complaints:
        words = re.sub(
            r"^(path|position|start line|line|diff hunk) ", lambda f: f[1].replace(" ", "_") + "\0", complaint
        )
        name, _, rest = words.partition("\0")
        where = {"resource": "PullRequestReviewComment", "field": f"pull_request_review_thread.{name}"}
        if rest == "can't be blank":
            made.append({**where, "code": "missing_field"})
        elif rest == "is invalid":
            made.append({**where, "code": "invalid"})
        else:
            made.append({**where, "code": "custom", "message": f"{where['field']} {rest}"})
    return made
