"""What we read of GitHub's answers: validated where it enters, unknown fields ignored."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Foreign until it is validated. Kinds are strict: an id that is a text is not what GitHub documents."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class User(Shape):
    """An account; of a deleted one there is none."""

    login: str
    type: str = ""


class IssueComment(Shape):
    """A comment below a pull request."""

    id: int
    body: str | None = None
    user: User | None = None
    html_url: str = ""


class ReviewComment(Shape):
    """A comment on lines."""

    id: int
    path: str
    body: str | None = None
    user: User | None = None
    line: int | None = None
    """None where the lines are gone from the diff (outdated), and where the whole file is meant."""
    start_line: int | None = None
    original_line: int | None = None
    original_start_line: int | None = None
    commit_id: str = ""
    original_commit_id: str = ""
    in_reply_to_id: int | None = None


class Review(Shape):
    """A review without its comments."""

    id: int
    user: User | None = None
    body: str | None = None
    state: str = ""
    commit_id: str | None = None


class Place(Shape):
    """A repository."""

    full_name: str


class Tip(Shape):
    """One end of a pull request."""

    ref: str
    sha: str = Field(pattern=r"^[0-9a-f]{40,64}$")
    label: str | None = None
    repo: Place | None = None
    """None where the fork was deleted."""


class PullRequest(Shape):
    """A pull request."""

    number: int
    state: str
    draft: bool = False
    user: User | None = None
    head: Tip
    base: Tip


class ChangedFile(Shape):
    """A file of a pull request's diff."""

    filename: str
    status: str
    patch: str | None = None
    previous_filename: str | None = None


class Permission(Shape):
    """What somebody may do in a repository."""

    permission: str = ""
    role_name: str = ""
    user: User | None = None


class Output(Shape):
    """Of a check run: what we read of it."""

    annotations_count: int = 0


class Check(Shape):
    """A check run."""

    id: int
    external_id: str | None = None
    output: Output = Output()


class Checks(Shape):
    """The check runs of a commit."""

    check_runs: tuple[Check, ...] = Field(default=(), strict=False)


class PullOfIssue(Shape):
    """What an issue says of the pull request that it is."""

    merged_at: str | None = None


class Issue(Shape):
    """An issue, or a pull request as the issue that it is, too."""

    number: int
    title: str = ""
    body: str | None = None
    state: str
    user: User | None = None
    html_url: str = ""
    pull_request: PullOfIssue | None = None


class Named(Shape):
    """What git names by an id: a blob, a commit, a tree, the content of a file."""

    sha: str = Field(pattern=r"^[0-9a-f]{40,64}$")


class Ref(Shape):
    """A branch."""

    object: Named


class Commit(Named):
    """A commit, with its tree."""

    tree: Named


class Opened(Shape):
    """A pull request that was opened at some time."""

    number: int
    state: str
    merged_at: str | None = None
    html_url: str = ""
    user: User | None = None


class Anything(Shape):
    """An answer that says nothing that we need."""
