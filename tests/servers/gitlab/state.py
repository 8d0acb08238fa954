"""What the GitLab double remembers: accounts, tokens, projects, merge requests, threads, issues, statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from servers.gitlab.store import Store

Role = Literal["guest", "reporter", "developer", "maintainer", "owner"]
LEVELS: Mapping[str, int] = {"guest": 10, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}
"""Roles as numbers, as GitLab's API gives them."""
TokenKind = Literal["personal", "project", "group", "deploy", "job"]
TokenState = Literal["active", "expired", "revoked"]
NOTE_LIMIT = 1_000_000
"""Characters of a note, of an issue's and a merge request's description."""
TITLE_LIMIT = 255


@dataclass(frozen=True)
class Account:
    """Who does things."""

    username: str
    id: int
    bot: bool = False


@dataclass
class Token:
    """What opens the door, and how far."""

    value: str
    kind: TokenKind
    account: Account
    """Of a deploy token: nobody who has rights."""
    scopes: frozenset[str]
    place: str = ""
    """Project's or group's path where it is one's; of a job, its project."""
    state: TokenState = "active"


@dataclass
class Project:
    """One project."""

    path: str
    """`group/sub/name`."""
    id: int
    repository: Store
    visibility: Literal["private", "internal", "public"]
    members: dict[str, Role] = field(default_factory=dict)
    parent: str | None = None
    protected: set[str] = field(default_factory=lambda: {"main"})
    """Branches that maintainers alone may push to."""
    allowlist: set[str] = field(default_factory=set)
    """Projects whose job tokens may come here."""
    issues_enabled: bool = True
    merge_requests_enabled: bool = True
    gone: bool = False

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rsplit("/", 1)[1]


@dataclass(frozen=True)
class Refs:
    """The commits of a diff."""

    base: str
    start: str
    head: str

    def shas(self) -> dict[str, str]:
        """As positions and `diff_refs` name them."""
        return {"base_sha": self.base, "head_sha": self.head, "start_sha": self.start}


@dataclass(frozen=True)
class Version:
    """What one push made of a merge request."""

    id: int
    refs: Refs
    created: str


@dataclass
class MergeRequest:
    """One merge request."""

    project: str
    iid: int
    id: int
    title: str
    description: str
    author: Account
    source_project: str
    source_branch: str
    target_branch: str
    created: str
    updated: str
    state: str = "opened"
    labels: list[str] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    """Oldest first."""
    target: str = ""
    """Tip of the target branch when last looked at."""
    removes_source: bool = False

    @property
    def head(self) -> str:
        """Its last commit."""
        return self.versions[-1].refs.head

    @property
    def refs(self) -> Refs:
        """The commits of its newest version."""
        return self.versions[-1].refs

    @property
    def draft(self) -> bool:
        """Whether its title says so, as GitLab reads it."""
        return self.title.lower().startswith(("draft:", "[draft]", "(draft)", "draft - "))


@dataclass
class Issue:
    """One issue."""

    project: str
    iid: int
    id: int
    title: str
    description: str
    author: Account
    created: str
    updated: str
    labels: list[str] = field(default_factory=list)
    state: str = "opened"
    closed: str | None = None
    closed_by: Account | None = None
    confidential: bool = False


Noteable = MergeRequest | Issue


@dataclass
class Note:
    """A comment."""

    id: int
    project: str
    on: Literal["MergeRequest", "Issue"]
    iid: int
    discussion: str
    kind: Literal["DiscussionNote", "DiffNote"] | None
    body: str
    author: Account
    created: str
    updated: str
    system: bool = False
    position: dict[str, Any] | None = None
    original_position: dict[str, Any] | None = None
    resolved_by: Account | None = None
    resolved: str | None = None
    """When."""
    applied: set[int] = field(default_factory=set)
    """Numbers of its suggestions that were applied."""

    @property
    def resolvable(self) -> bool:
        """Whether its thread can be resolved."""
        return self.on == "MergeRequest" and self.kind is not None and not self.system


@dataclass
class DraftNote:
    """A comment that its author alone sees."""

    id: int
    project: str
    iid: int
    author: Account
    note: str
    discussion: str | None
    resolves: bool
    position: dict[str, Any] | None
    line_code: str | None
    commit: str | None = None


@dataclass
class Status:
    """What a job, or somebody outside, says of a commit."""

    id: int
    project: str
    sha: str
    ref: str
    name: str
    state: str
    description: str | None
    target: str | None
    author: Account
    created: str
    pipeline: int
    coverage: float | None = None


@dataclass(frozen=True)
class Exchange:
    """One request of the API and what was answered."""

    method: str
    path: str
    """Behind `/api/v4`, as it was encoded."""
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    """Lower-case names; without those that hold a token."""
    username: str
    """Whose token it was; empty without one."""
    door: str
    """How the token came: `private-token`, `job-token`, `bearer`; empty without one."""
    params: Mapping[str, Any]
    """Query and body together."""
    status: int
    """0 where the connection was closed without an answer."""
    reply: Any
    fault: str = ""
    operation: str = ""
    """Name in `contract.yaml`, like `discussions/create`."""


@dataclass(frozen=True)
class GitRequest:
    """One request of git's HTTP protocol."""

    method: str
    path: str
    query: str
    username: str
    """Name that came with the secret, as it was sent."""
    status: int


@dataclass(frozen=True)
class Mail:
    """A notification: GitLab sends one for each note, and one for all of a review."""

    project: str
    iid: int
    author: str
    notes: tuple[int, ...]
