"""Platforms on which something is maintained: a double with one repository, and what people do there."""

from __future__ import annotations

from typing import Any

from servers import github as hub
from servers import gitlab as lab

from bot import upkeep_markers
from bot.forges import Upkeep
from bot.forges.github.upkeep import GitHubUpkeep
from bot.forges.gitlab.upkeep import GitLabUpkeep
from bot.plan import Draft

REPO = "octo/hello"
ID = "0123456789ab"
FILES: dict[str, str | bytes | None] = {"a.py": "x = 1\n", "b.py": "y = 1\n", "src/c.py": "z = 1\n"}


class World:
    """A repository on a platform's double, and what looks at it."""

    double: Any
    token: str
    issues: str
    notes: str
    pulls: str
    branches: str
    edit: str
    below: str
    """Where one comments on the first pull request."""
    verb: str

    def __init__(self, files: dict[str, str | bytes | None] | None = None) -> None:
        self.files = FILES if files is None else files
        self.slept: list[float] = []

    def clock(self) -> float:
        return 1_800_000_000.0 + sum(self.slept)

    def upkeep(self, token: str = "") -> Upkeep:
        raise NotImplementedError

    @property
    def api_url(self) -> str:
        """The base of the API."""
        raise NotImplementedError

    def reader(self) -> str:
        raise NotImplementedError

    def body(self, number: int = 1) -> str:
        raise NotImplementedError

    def set_body(self, body: str, number: int = 1) -> None:
        """Somebody edits the issue's text."""
        raise NotImplementedError

    def set_open(self, opened: bool, number: int = 1) -> None:
        """Somebody closes the issue, or opens it again."""
        raise NotImplementedError

    def comments(self, number: int = 1) -> list[str]:
        raise NotImplementedError

    def said_below(self) -> list[str]:
        """What was commented on the first pull request."""
        raise NotImplementedError

    def lost(self) -> list[Any]:
        """Faults after which nobody knows whether something was created."""
        raise NotImplementedError

    def refused(self) -> Any:
        raise NotImplementedError

    def count(self) -> tuple[int, int]:
        """Issues and pull requests that are there."""
        raise NotImplementedError

    def issue_by(self, body: str, author: str | None) -> None:
        """Somebody opens an issue; None: the account that the token belongs to."""
        raise NotImplementedError

    def pull_by(self, branch: str, body: str, author: str) -> None:
        raise NotImplementedError

    def close(self, number: int, *, merged: bool) -> None:
        raise NotImplementedError

    def is_draft(self, number: int) -> bool:
        raise NotImplementedError

    @property
    def main(self) -> str:
        raise NotImplementedError

    def draft(self, **more: Any) -> Draft:
        fields: dict[str, Any] = {
            "finding": ID,
            "branch": f"tryline/{ID}",
            "base": self.main,
            "base_ref": "main",
            "title": "Answer 2",
            "body": f"Because.\n\n{upkeep_markers.draft(ID)}",
            "message": "Answer 2\n",
            "files": {"a.py": b"x = 2\r\n"},
        }
        return Draft(**(fields | more))


class Hub(World):
    """GitHub."""

    verb, below = "PATCH", f"/repos/{REPO}/issues/1/comments"
    issues, notes, edit = f"/repos/{REPO}/issues", f"/repos/{REPO}/issues/1/comments", f"/repos/{REPO}/issues/1"
    pulls, branches = f"/repos/{REPO}/pulls", f"/repos/{REPO}/git/refs"

    def __init__(self, files: dict[str, str | bytes | None] | None = None) -> None:
        super().__init__(files)
        self.double = hub.GitHubDouble()
        self.double.repository(REPO, self.files)
        self.token = self.double.actions_token(REPO, contents="write", issues="write", pull_requests="write")

    def upkeep(self, token: str = "") -> Upkeep:
        return GitHubUpkeep(
            token=token or self.token,
            repository=REPO,
            api_url=self.double.url,
            environ={},
            clock=self.clock,
            sleep=self.slept.append,
            timeout=2,
        )

    @property
    def api_url(self) -> str:
        return str(self.double.url)

    def reader(self) -> str:
        return str(self.double.actions_token(REPO, contents="read", issues="read"))

    def body(self, number: int = 1) -> str:
        return str(self.double.issue(REPO, number).body)

    def set_body(self, body: str, number: int = 1) -> None:
        self.double.issue(REPO, number).body = body

    def set_open(self, opened: bool, number: int = 1) -> None:
        self.double.issue(REPO, number).state = "open" if opened else "closed"

    def comments(self, number: int = 1) -> list[str]:
        return [one.body for one in self.double.issue_comments_on(self.double.issue(REPO, number))]

    def said_below(self) -> list[str]:
        return [one.body for one in self.double.issue_comments_on(self.double.pull(REPO, 1))]

    def lost(self) -> list[Any]:
        return [hub.Fault.lost(), hub.Fault.closed(), hub.Fault.answer(502)]

    def refused(self) -> Any:
        return hub.Fault.answer(422, {"message": "no"})

    def count(self) -> tuple[int, int]:
        return len(self.double.issues), len(self.double.pulls)

    def issue_by(self, body: str, author: str | None) -> None:
        self.double.open_issue(REPO, "Tryline's audit", body, author=author or hub.ACTIONS)

    def pull_by(self, branch: str, body: str, author: str) -> None:
        self.double.open_pull(REPO, branch, body=body, author=author)

    def close(self, number: int, *, merged: bool) -> None:
        self.double.close_pull(REPO, number, merged=merged)

    def is_draft(self, number: int) -> bool:
        return bool(self.double.pull(REPO, number).draft)

    @property
    def main(self) -> str:
        return str(self.double.repositories[REPO].commit_of("main"))


class Lab(World):
    """GitLab."""

    verb, below = "PUT", "/projects/octo%2Fhello/merge_requests/1/notes"
    _at = "/projects/octo%2Fhello"
    issues, notes, edit = f"{_at}/issues", f"{_at}/issues/1/notes", f"{_at}/issues/1"
    pulls, branches = f"{_at}/merge_requests", f"{_at}/repository/commits"

    def __init__(self, files: dict[str, str | bytes | None] | None = None) -> None:
        super().__init__(files)
        self.double = lab.GitLabDouble()
        self.double.project(REPO, self.files)
        self.token = self.double.project_token(REPO, role="developer")

    def upkeep(self, token: str = "") -> Upkeep:
        return GitLabUpkeep(
            token=token or self.token,
            repository=REPO,
            api_url=self.double.api_url,
            environ={},
            clock=self.clock,
            sleep=self.slept.append,
            timeout=2,
        )

    @property
    def api_url(self) -> str:
        return str(self.double.api_url)

    def reader(self) -> str:
        return str(self.double.project_token(REPO, role="developer", scopes=("read_api",)))

    def body(self, number: int = 1) -> str:
        return str(self.double.issue(REPO, number).description)

    def set_body(self, body: str, number: int = 1) -> None:
        self.double.issue(REPO, number).description = body

    def set_open(self, opened: bool, number: int = 1) -> None:
        self.double.issue(REPO, number).state = "opened" if opened else "closed"

    def comments(self, number: int = 1) -> list[str]:
        notes = self.double.notes_on(self.double.issue(REPO, number))
        return [one.body for one in notes if not one.system]

    def said_below(self) -> list[str]:
        return [one.body for one in self.double.said(REPO, 1)]

    def lost(self) -> list[Any]:
        return [lab.Fault.lost(), lab.Fault.closed(), lab.Fault.answer(502)]

    def refused(self) -> Any:
        return lab.Fault.answer(400)

    def count(self) -> tuple[int, int]:
        return len(self.double.issues), len(self.double.merge_requests)

    def issue_by(self, body: str, author: str | None) -> None:
        self.double.open_issue(REPO, "Tryline's audit", body, author=author or self._bot())

    def _bot(self) -> str:
        return str(self.double.tokens[self.token].account.username)

    def pull_by(self, branch: str, body: str, author: str) -> None:
        self.double.open_merge_request(REPO, branch, description=body, author=author)

    def close(self, number: int, *, merged: bool) -> None:
        self.double.close(REPO, number, merged=merged)

    def is_draft(self, number: int) -> bool:
        return bool(self.double.merge_request(REPO, number).title.startswith("Draft: "))

    @property
    def main(self) -> str:
        return str(self.double.found(REPO).repository.commit_of("main"))
