"""What we read of GitLab's answers: validated where it enters, unknown fields ignored."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]


class Shape(BaseModel):
    """Foreign until it is validated. Kinds are strict: an id that is a text is not what GitLab documents."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class User(Shape):
    """An account."""

    id: int
    username: str
    bot: bool = False


class Member(Shape):
    """What somebody may do in a project, groups above it included."""

    id: int
    username: str
    access_level: int
    state: str = "active"


class Project(Shape):
    """A project."""

    id: int
    path_with_namespace: str


class Refs(Shape):
    """The commits that a diff is made of; a merge request that is being made has none yet."""

    base_sha: Commit | None = None
    """Of the merge base."""
    start_sha: Commit | None = None
    """Of the target branch's tip, when this was pushed."""
    head_sha: Commit | None = None


class MergeRequest(Shape):
    """A merge request."""

    iid: int
    state: str
    draft: bool = False
    sha: Commit | None = None
    author: User | None = None
    source_branch: str
    target_branch: str
    source_project_id: int | None = None
    """None where the fork was deleted."""
    target_project_id: int
    diff_refs: Refs | None = None
    web_url: str = ""


class Change(Shape):
    """A file of a diff; one that is too large, or collapsed, has an empty text."""

    old_path: str
    new_path: str
    diff: str | None = None
    new_file: bool = False
    renamed_file: bool = False
    deleted_file: bool = False
    a_mode: str = ""
    b_mode: str = ""


class Version(Shape):
    """What a merge request was after one push."""

    id: int
    head_commit_sha: Commit | None = None
    base_commit_sha: Commit | None = None
    """None where both branches have no commit in common."""
    start_commit_sha: Commit | None = None
    diffs: tuple[Change, ...] = Field(default=(), strict=False)
    """Where one version alone is asked for."""

    @property
    def refs(self) -> Refs:
        """Its commits as a position names them."""
        return Refs(base_sha=self.base_commit_sha, start_sha=self.start_commit_sha, head_sha=self.head_commit_sha)


class End(Shape):
    """One end of a range of lines."""

    line_code: str | None = None
    """`SHA1(path)_OLD_NEW`."""
    type: str | None = None
    old_line: int | None = None
    new_line: int | None = None


class Range(Shape):
    """Lines that a comment stands on."""

    start: End | None = None
    end: End | None = None


class Position(Shape):
    """Where a comment stands in a diff."""

    head_sha: str | None = None
    new_path: str | None = None
    old_path: str | None = None
    new_line: int | None = None
    old_line: int | None = None
    line_range: Range | None = None


class Note(Shape):
    """A comment, alone or in a thread."""

    id: int
    body: str = ""
    author: User | None = None
    system: bool = False
    """Whether GitLab wrote it about something that somebody did."""
    position: Position | None = None
    resolvable: bool = False
    resolved: bool = False
    resolved_by: User | None = None


class Discussion(Shape):
    """A thread, or a note that stands alone."""

    id: str
    individual_note: bool = False
    notes: tuple[Note, ...] = Field(default=(), strict=False)


class DraftNote(Shape):
    """A comment that its author alone sees until it is published."""

    id: int
    note: str = ""
    line_code: str | None = None
    """Of the line that it stands on. GitLab takes a draft for a line that it does not find, and loses it later."""


class Status(Shape):
    """What a commit is said to be by a job, or by somebody outside."""

    id: int
    name: str = ""
    status: str = ""
    description: str | None = None
    target_url: str | None = None
