"""What we read of GitLab's answers about issues, branches and merge requests that an audit maintains."""

from __future__ import annotations

from bot.forges.gitlab.shapes import Commit, Shape, User


class Issue(Shape):
    """An issue."""

    iid: int
    title: str = ""
    description: str | None = None
    state: str
    author: User | None = None
    web_url: str = ""


class Named(Shape):
    """A commit."""

    id: Commit


class Branch(Shape):
    """A branch, with its tip."""

    name: str
    commit: Named


class File(Shape):
    """A file of the repository."""

    blob_id: Commit


class Opened(Shape):
    """A merge request that was opened at some time."""

    iid: int
    state: str
    description: str | None = None
    author: User | None = None
    web_url: str = ""
