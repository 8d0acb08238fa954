"""The doubles of two platforms behind one face: the same pull request on each, and what people do there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.forges import Host
from bot.forges.github import GitHub
from bot.forges.gitlab import GitLab
from servers import github, gitlab
from servers.scripted import Time

Files = Mapping[str, str | bytes | None]

MEMBERS = {"bob": True, "mia": True, "rae": False}
"""Whether they may write; alice owns the repository, and eve and zoe are nobody there."""


@dataclass(frozen=True)
class Said:
    """A comment as the platform holds it."""

    key: int
    body: str
    author: str
    line: int | None = None
    """On the new file now; None where it is outdated, or stands on no line."""
    start_line: int | None = None


class Stage(Protocol):
    """One pull request from `feature` to `main`, opened by alice, and the platform around it."""

    name: str
    number: int
    token: str
    """Of the bot, with every right that it wants."""
    watch: Time
    label: str
    """`head_label` of the pull request."""

    def host(self, token: str = "", repository: str = "", **more: Any) -> Host:
        """A new run's host."""

    def close(self) -> None:
        """Ends the double."""

    def check(self) -> None:
        """Raises AssertionError where the platform's contract was broken, or something half done is left."""

    # What people do there.

    def push(self, files: Files, *, branch: str = "feature") -> str:
        """A commit on a branch; its id."""

    def open(self, branch: str, *, draft: bool = False, author: str = "alice") -> int:
        """A further pull request to `main`."""

    def fork(self, files: Files) -> tuple[int, str, str]:
        """A pull request of eve's fork: its number, its label, its head."""

    def end(self, number: int, *, merged: bool = False) -> None:
        """Closes a pull request."""

    def comment(self, body: str, author: str = "alice") -> int:
        """A comment on the whole; its id."""

    def comment_on_line(self, line: int, body: str, author: str = "alice") -> int:
        """A comment on a line of `mod.py`; its id."""

    def reply(self, key: int, body: str, author: str = "alice") -> int:
        """An answer to a comment on a line."""

    def delete(self, key: int) -> None:
        """Somebody deletes a comment on a line."""

    # What is there.

    @property
    def us(self) -> str:
        """The account that the token writes as."""

    @property
    def head(self) -> str:
        """Commit of `feature` that the pull request is at."""

    @property
    def base(self) -> str:
        """Commit of `main`."""

    def on_lines(self) -> list[Said]:
        """Comments on lines, oldest first."""

    def below(self) -> list[Said]:
        """Comments on the whole, oldest first."""

    def checks(self) -> list[tuple[str, str]]:
        """What is said of the head: how it ended (`success`, `failure`, `neutral`), and its title."""

    def writes(self) -> int:
        """Requests so far that were to change something."""

    def sent(self) -> str:
        """All that was sent, but for the headers that hold the token."""

    # What goes wrong.

    def tokens(self) -> dict[str, tuple[str, str]]:
        """Tokens that are not enough, by what is wrong: the token, and the slug that reading fails with; empty
        where reading works."""

    def unchecked(self) -> str:
        """A token that may comment and write no check."""

    def spoil(self, what: str, fault: str, *, times: int = 1, skip: int = 0) -> None:
        """Requests go wrong. What: `anything`, `pull` (reading it), `thread` (posting comments on lines), `note`
        (posting one on the whole), `edit`, `delete`, `check`. Fault: see `FAULTS`."""

    def asked(self, what: str) -> int:
        """How many such requests there were."""

    def mend(self) -> int:
        """Ends all faults; how many had not happened."""


FAULTS = ("lost 502", "closed after", "cut", "500", "closed before")
"""What may befall a request for a moment: the first three are carried out all the same. `late` is one, too, and
takes a second."""
DONE = ("lost 502", "closed after", "cut", "late")


def _fault(kind: Any, name: str) -> Any:
    made = {
        "lost 502": lambda: kind.lost(502),
        "closed after": lambda: kind.lost(0),
        "cut": kind.cut,
        "late": lambda: kind.slow(1.5),
        "closed before": kind.closed,
        "no json": lambda: kind.answer(200, "<html>It works!</html>"),
        "another shape": lambda: kind.answer(200, {"number": "seven"}),
    }
    return made[name]() if name in made else kind.answer(int(name))


@dataclass
class OnGitHub:
    """The stage on the double of GitHub."""

    files: Files
    changed: Files
    name: str = "github"
    number: int = 1
    watch: Time = field(default_factory=Time)
    repository: str = "octo/hello"
    label: str = "octo:feature"
    us: str = github.ACTIONS
    double: github.GitHubDouble = field(default_factory=github.GitHubDouble)
    token: str = ""

    def __post_init__(self) -> None:
        self.double.__enter__()
        roles = {name: "write" if may else "read" for name, may in MEMBERS.items()}
        self.double.repository(self.repository, self.files, collaborators=roles | {"alice": "admin"})
        self.push(self.changed)
        self.open("feature")
        rights = {"contents": "read", "pull_requests": "write", "checks": "write"}
        self.token = self.double.actions_token(self.repository, **rights)  # type: ignore[arg-type]

    def host(self, token: str = "", repository: str = "", **more: Any) -> Host:
        given = {"api_url": self.double.url, "server_url": self.double.url, "environ": {}, "timeout": 1}
        given |= {"clock": self.watch.clock, "sleep": self.watch.sleep}
        return GitHub(token=token or self.token, repository=repository or self.repository, **(given | more))

    def close(self) -> None:
        self.double.__exit__(None, None, None)

    def check(self) -> None:
        self.double.check()
        assert not [review for review in self.double.reviews.values() if review.state == "PENDING"]

    def push(self, files: Files, *, branch: str = "feature") -> str:
        return self.double.push(self.repository, branch, files)

    def open(self, branch: str, *, draft: bool = False, author: str = "alice") -> int:
        return self.double.open_pull(self.repository, branch, draft=draft, author=author)

    def fork(self, files: Files) -> tuple[int, str, str]:
        self.double.push(self.double.fork(self.repository, "eve"), "mine", files, author="eve")
        number = self.double.open_pull(self.repository, "eve:mine", author="eve")
        return number, "eve:mine", self.double.pull(self.repository, number).head

    def end(self, number: int, *, merged: bool = False) -> None:
        self.double.close_pull(self.repository, number, merged=merged)

    def comment(self, body: str, author: str = "alice") -> int:
        return self.double.comment(self.repository, self.number, body, author)

    def comment_on_line(self, line: int, body: str, author: str = "alice") -> int:
        return self.double.comment_on_line(self.repository, self.number, "mod.py", line, body, author)

    def reply(self, key: int, body: str, author: str = "alice") -> int:
        return self.double.reply(key, body, author)

    def delete(self, key: int) -> None:
        del self.double.comments[key]

    @property
    def head(self) -> str:
        return self.double.pull(self.repository, self.number).head

    @property
    def base(self) -> str:
        return self.double.pull(self.repository, self.number).base

    def on_lines(self) -> list[Said]:
        found = self.double.comments_on(self.double.pull(self.repository, self.number))
        return [Said(one.id, one.body, one.author.login, one.line, one.start_line) for one in found]

    def below(self) -> list[Said]:
        found = self.double.issue_comments_on(self.double.pull(self.repository, self.number))
        return [Said(one.id, one.body, one.author.login) for one in found]

    def checks(self) -> list[tuple[str, str]]:
        return [
            (str(one.conclusion), str(one.title)) for one in self.double.checks.values() if one.head == self.head
        ]

    def writes(self) -> int:
        return len(self.double.writes())

    def sent(self) -> str:
        return "".join(f"{one.path}{one.query}{one.body}{one.headers}" for one in self.double.exchanges)

    def tokens(self) -> dict[str, tuple[str, str]]:
        reader = self.double.actions_token(self.repository, contents="read", pull_requests="read")
        return {"unknown": ("ghs_none", "forge-auth"), "reading only": (reader, "")}

    def unchecked(self) -> str:
        return self.double.actions_token(self.repository)

    def _where(self, what: str) -> tuple[str, str]:
        root = "/repos/octo/hello"
        return {
            "anything": ("*", "*"),
            "pull": ("GET", f"{root}/pulls/1"),
            "thread": ("POST", f"{root}/pulls/1/reviews"),
            "note": ("POST", f"{root}/issues/1/comments"),
            "edit": ("PATCH", f"{root}/pulls/comments/*"),
            "delete": ("DELETE", f"{root}/pulls/comments/*"),
            "check": ("POST", f"{root}/check-runs"),
        }[what]

    def asked(self, what: str) -> int:
        return sum((one.method, one.path) == self._where(what) for one in self.double.exchanges)

    def spoil(self, what: str, fault: str, *, times: int = 1, skip: int = 0) -> None:
        method, path = self._where(what)
        made = github.Fault.secondary(9_000, 429) if fault == "limited" else _fault(github.Fault, fault)
        self.double.inject(made, method, path, times=times, skip=skip)

    def mend(self) -> int:
        left = self.double.faults_left
        self.double.drop_faults()
        return left


@dataclass
class OnGitLab:
    """The stage on the double of GitLab."""

    files: Files
    changed: Files
    name: str = "gitlab"
    number: int = 1
    watch: Time = field(default_factory=Time)
    repository: str = "group/sub/hello"
    label: str = "group/sub/hello:feature"
    double: gitlab.GitLabDouble = field(default_factory=gitlab.GitLabDouble)
    token: str = ""

    def __post_init__(self) -> None:
        self.double.__enter__()
        members: Any = {name: "developer" if may else "reporter" for name, may in MEMBERS.items()}
        self.double.project(self.repository, self.files, members=members)
        for name in ("eve", "zoe"):
            self.double.account(name)
        self.push(self.changed)
        self.open("feature")
        self.token = self.double.project_token(self.repository)

    @property
    def us(self) -> str:
        return self.double.tokens[self.token].account.username

    def host(self, token: str = "", repository: str = "", **more: Any) -> Host:
        given = {"api_url": self.double.api_url, "server_url": self.double.url, "environ": {}, "timeout": 1}
        given |= {"clock": self.watch.clock, "sleep": self.watch.sleep}
        return GitLab(token=token or self.token, repository=repository or self.repository, **(given | more))

    def close(self) -> None:
        self.double.__exit__(None, None, None)

    def check(self) -> None:
        self.double.check()
        assert not self.double.drafts

    def push(self, files: Files, *, branch: str = "feature") -> str:
        return self.double.push(self.repository, branch, files)

    def open(self, branch: str, *, draft: bool = False, author: str = "alice") -> int:
        return self.double.open_merge_request(self.repository, branch, draft=draft, author=author)

    def fork(self, files: Files) -> tuple[int, str, str]:
        # A private fork could not be seen, and its owner would have to be a member to open anything.
        self.double.fork(self.repository, "eve/hello", "eve").visibility = "public"
        self.double.push("eve/hello", "mine", files, author="eve")
        number = self.double.open_merge_request(self.repository, "eve/hello:mine", author="eve")
        return number, "eve/hello:mine", self.double.merge_request(self.repository, number).head

    def end(self, number: int, *, merged: bool = False) -> None:
        self.double.close(self.repository, number, merged=merged)

    def comment(self, body: str, author: str = "alice") -> int:
        return self.double.comment(self.repository, self.number, body, author)

    def comment_on_line(self, line: int, body: str, author: str = "alice") -> int:
        return self.double.comment_on_line(self.repository, self.number, "mod.py", line, body, author)

    def reply(self, key: int, body: str, author: str = "alice") -> int:
        return self.double.reply(key, body, author)

    def delete(self, key: int) -> None:
        self.double.delete_note(key)

    @property
    def head(self) -> str:
        return self.double.merge_request(self.repository, self.number).head

    @property
    def base(self) -> str:
        return self.double.merge_request(self.repository, self.number).refs.start

    def _notes(self) -> Sequence[gitlab.Note]:
        return self.double.said(self.repository, self.number)

    def on_lines(self) -> list[Said]:
        found = []
        for note in self._notes():
            place = note.position
            if place is not None:
                there = not self.double.outdated(note)
                start = ((place.get("line_range") or {}).get("start") or {}).get("line_code", "")
                first = int(start.rpartition("_")[2]) if start and there else None
                line = place["new_line"] if there else None
                found.append(Said(note.id, note.body, note.author.username, line, first))
        return found

    def below(self) -> list[Said]:
        return [Said(one.id, one.body, one.author.username) for one in self._notes() if one.position is None]

    def checks(self) -> list[tuple[str, str]]:
        words = {"success": "success", "failed": "failure", "skipped": "neutral"}
        newest = {one.name: one for one in self.double.statuses if one.sha == self.head}
        return [(words[one.state], str(one.description)) for one in newest.values()]

    def writes(self) -> int:
        return len(self.double.writes())

    def sent(self) -> str:
        return "".join(f"{one.path}{one.query}{one.params}{one.headers}" for one in self.double.exchanges)

    def tokens(self) -> dict[str, tuple[str, str]]:
        made = self.double
        return {
            "unknown": ("glpat-none", "forge-auth"),
            "revoked": (made.project_token(self.repository, state="revoked"), "forge-auth"),
            "expired": (made.project_token(self.repository, state="expired"), "forge-auth"),
            "of a stranger": (made.token("zoe"), "forge-missing"),
            "reading only": (made.project_token(self.repository, scopes=["read_api"]), ""),
        }

    def unchecked(self) -> str:
        return self.double.project_token(self.repository, role="reporter")

    def _where(self, what: str) -> tuple[str, str]:
        root = "/projects/group%2Fsub%2Fhello"
        here = f"{root}/merge_requests/1"
        return {
            "anything": ("*", "*"),
            "pull": ("GET", here),
            "thread": ("POST", f"{here}/draft_notes*"),
            "note": ("POST", f"{here}/notes"),
            "edit": ("PUT", f"{here}/notes/*"),
            "delete": ("DELETE", f"{here}/notes/*"),
            "check": ("POST", f"{root}/statuses/*"),
        }[what]

    def asked(self, what: str) -> int:
        return sum((one.method, one.path) == self._where(what) for one in self.double.exchanges)

    def spoil(self, what: str, fault: str, *, times: int = 1, skip: int = 0) -> None:
        method, path = self._where(what)
        made = gitlab.Fault.limited(9_000) if fault == "limited" else _fault(gitlab.Fault, fault)
        self.double.inject(made, method, path, times=times, skip=skip)

    def mend(self) -> int:
        left = self.double.faults_left
        self.double.drop_faults()
        return left


STAGES: Mapping[str, type[OnGitHub] | type[OnGitLab]] = {"github": OnGitHub, "gitlab": OnGitLab}
