"""The double: one port with GitLab's API and git's protocol, over real repositories, below a prefix if asked."""

from __future__ import annotations

import base64
import binascii
import copy
import hashlib
import json
import re
import shutil
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from servers.github import smart
from servers.github.history import Content, git
from servers.gitlab import positions
from servers.gitlab.contract import Operation, contract
from servers.gitlab.faults import EXPIRED, RETRY_LATER, REVOKED, Fault, Planned, Refusal, error
from servers.gitlab.operations import Ask, Operations, Reply
from servers.gitlab.serving import Handler, Listener, certificates
from servers.gitlab.shapes import Shapes, moment
from servers.gitlab.state import (
    LEVELS,
    Account,
    DraftNote,
    Exchange,
    GitRequest,
    Issue,
    Mail,
    MergeRequest,
    Note,
    Noteable,
    Project,
    Refs,
    Role,
    Status,
    Token,
    TokenKind,
    TokenState,
    Version,
)
from servers.gitlab.store import Store
from servers.gitlab.suggesting import Suggestion, SuggestionRefused, applied, suggestions

_LIMIT = 2000
_PREFIXES: Mapping[str, str] = {"deploy": "gldt-", "job": "glcbt-64_"}
_GIT = re.compile(
    r"/((?:[\w.-]+/)+[\w.-]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack|HEAD|objects/.+)"
)
_DOORS = ("private-token", "job-token", "authorization")
_APPROVALS = re.compile(r"/projects/[^/]+/merge_requests/\d+/(approve|unapprove|approvals?|reset_approvals)(/.*)?")


class GitLabDouble:
    """GitLab on loopback, as a context manager. What can be done to it stands in the package's docstring.

    `folder` keeps the repositories (a temporary one where none is given); `prefix` is the path below which all is
    served (`/gitlab`); with `tls`, it speaks HTTPS with a certificate by an authority of its own (`ca`); `host` is
    the address to listen on; `now` gives the time of the stamps.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        prefix: str = "",
        tls: bool = False,
        host: str = "127.0.0.1",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.projects: dict[str, Project] = {}
        """By path."""
        self.accounts: dict[str, Account] = {}
        """By username in lower case."""
        self.tokens: dict[str, Token] = {}
        self.merge_requests: dict[tuple[str, int], MergeRequest] = {}
        self.issues: dict[tuple[str, int], Issue] = {}
        self.notes: dict[int, Note] = {}
        self.drafts: dict[int, DraftNote] = {}
        self.statuses: list[Status] = []
        self.mails: list[Mail] = []
        """What people were notified of."""
        self.exchanges: list[Exchange] = []
        self.git_requests: list[GitRequest] = []
        self.contract_errors: list[str] = []
        self.release = "18.5.0"
        self.knows_no_skipped = False
        """Whether it is a GitLab that takes no commit status `skipped`."""
        self.prefix = prefix.rstrip("/")
        self.tls = tls
        self._now = now
        self._own_folder = None if folder else tempfile.mkdtemp(prefix="gitlab-double-")
        self.root = Path(self._own_folder or str(folder)) / "repositories"
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._ids = 1000
        self._used: dict[str, int] = {}
        self._exhausted: dict[str, float] = {}
        self._faults: list[Planned] = []
        self._operations = Operations(self)
        self._stopping = threading.Event()
        self._server = Listener(self, host, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> GitLabDouble:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._own_folder:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    # --------------------------------------------------------------------------------------------- addresses

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The web's and git's base: CI_SERVER_URL."""
        return f"http{'s' * self.tls}://127.0.0.1:{self.port}{self.prefix}"

    @property
    def api_url(self) -> str:
        """The API's base: CI_API_V4_URL."""
        return f"{self.url}/api/v4"

    @property
    def ca(self) -> Path:
        """The authority's certificate, which a client has to be given where there is TLS."""
        return certificates()[2]

    def clone_url(self, project: str) -> str:
        """Where git finds a project."""
        return f"{self.url}/{project}.git"

    # ------------------------------------------------------------------------------------------- the checking

    def check(self) -> None:
        """Raises AssertionError with every request and reply that broke the contract."""
        if self.contract_errors:
            raise AssertionError("\n".join(self.contract_errors))

    def inject(self, fault: Fault, method: str = "*", path: str = "*", *, times: int = 1, skip: int = 0) -> None:
        """Spoils the next `times` requests whose path behind `/api/v4`, as encoded and without query, meets the
        pattern (`*` is any text), after letting `skip` of them pass."""
        with self._lock:
            self._faults.append(Planned(fault, method, path, times, skip))

    @property
    def faults_left(self) -> int:
        """How many injected faults have not happened."""
        return sum(planned.times - planned.fired for planned in self._faults)

    def drop_faults(self) -> None:
        """Forgets the faults that have not happened."""
        with self._lock:
            self._faults.clear()

    def writes(self) -> list[Exchange]:
        """The requests that were to change something, in order."""
        return [exchange for exchange in self.exchanges if exchange.method not in ("GET", "HEAD")]

    def asked(self, operation: str) -> list[Exchange]:
        """The exchanges of one operation of the contract, like `discussions/create`."""
        return [exchange for exchange in self.exchanges if exchange.operation == operation]

    # --------------------------------------------------------------------------------------- people and tokens

    def account(self, username: str, *, bot: bool = False) -> Account:
        """The account of this name, made where there is none."""
        with self._lock:
            there = self.accounts.get(username.lower())
            if there is None:
                there = self.accounts[username.lower()] = Account(username, self.next_id(), bot)
            return there

    def token(
        self,
        username: str,
        *,
        scopes: Iterable[str] = ("api",),
        state: TokenState = "active",
    ) -> str:
        """A new personal access token's value."""
        return self._new_token("personal", self.account(username), scopes, "", state)

    def project_token(
        self,
        project: str,
        *,
        role: Role = "developer",
        scopes: Iterable[str] = ("api",),
        state: TokenState = "active",
    ) -> str:
        """A project access token's value: of a bot user that is a member of this project."""
        with self._lock:
            held = self.projects[project]
            number = sum(token.kind == "project" and token.place == project for token in self.tokens.values())
            bot = self.account(
                f"project_{held.id}_bot_{hashlib.sha1(f'{project}{number}'.encode()).hexdigest()}", bot=True
            )
            held.members[bot.username] = role
            return self._new_token("project", bot, scopes, project, state)

    def group_token(
        self,
        group: str,
        *,
        role: Role = "developer",
        scopes: Iterable[str] = ("api",),
        state: TokenState = "active",
    ) -> str:
        """A group access token's value: of a bot user that is a member of every project that is there below it."""
        with self._lock:
            bot = self.account(f"group_{self.next_id()}_bot_{hashlib.sha1(group.encode()).hexdigest()}", bot=True)
            for project in self.projects.values():
                if project.path.startswith(f"{group}/"):
                    project.members[bot.username] = role
            return self._new_token("group", bot, scopes, group, state)

    def deploy_token(self, project: str, scopes: Iterable[str] = ("read_repository",)) -> str:
        """A deploy token's value: it fetches, and opens no API."""
        nobody = Account(f"gitlab+deploy-token-{self.next_id()}", self.next_id())
        return self._new_token("deploy", nobody, scopes, project, "active")

    def job_token(self, project: str, username: str = "alice") -> str:
        """The value of `CI_JOB_TOKEN` in a job of this project that somebody caused."""
        return self._new_token("job", self.account(username), (), project, "active")

    def _new_token(
        self, kind: TokenKind, account: Account, scopes: Iterable[str], place: str, state: TokenState
    ) -> str:
        with self._lock:
            value = f"{_PREFIXES.get(kind, 'glpat-')}{self.next_id():020d}"
            self.tokens[value] = Token(value, kind, account, frozenset(scopes), place, state)
            return value

    def revoke(self, token: str, state: TokenState = "revoked") -> None:
        """The token no longer works; a job's when the job has ended."""
        self.tokens[token].state = state

    def role(self, account: Account, project: Project) -> int:
        """What an account may do in a project; 0: it is no member."""
        return LEVELS[project.members[account.username]] if account.username in project.members else 0

    def level(self, token: Token | None, project: Project) -> int:
        """What a token may do in a project; 0: what everybody may."""
        if token is None or token.kind == "deploy" or token.state != "active":
            return 0
        if token.kind == "job" and token.place != project.path and token.place not in project.allowlist:
            return 0
        return self.role(token.account, project)

    def visible(self, token: Token | None, project: Project) -> bool:
        """Whether a token's account, or nobody, sees a project of which it is no member."""
        signed = token is not None and token.kind not in ("deploy",)
        return project.visibility == "public" or (project.visibility == "internal" and signed)

    # ------------------------------------------------------------------------------------------------- projects

    def project(
        self,
        path: str,
        files: Mapping[str, Content] | None = None,
        *,
        visibility: Literal["private", "internal", "public"] = "private",
        members: Mapping[str, Role] | None = None,
    ) -> Project:
        """A new project with these files on `main`. Members: username -> role; alice is its owner."""
        with self._lock:
            number = self.next_id()
            repository = Store(path, self.root / f"{path}.git", number, visibility == "private")
            repository.create()
            made = Project(path, number, repository, visibility, {"alice": "owner", **(members or {})})
            self.next_id()  # of its namespace
            for username in made.members:
                self.account(username)
            self.projects[path] = made
            if files is not None:
                self.push(path, "main", files, "Start")
            return made

    def fork(self, project: str, path: str, owner: str) -> Project:
        """A fork with all branches at this path, of another owner."""
        with self._lock:
            parent = self.projects[project]
            made = self.project(path, visibility=parent.visibility, members={owner: "owner"})
            if owner != "alice":
                del made.members["alice"]
            made.parent = project
            git(
                made.repository.path, "fetch", "--quiet", str(parent.repository.path), "+refs/heads/*:refs/heads/*"
            )
            return made

    def delete_project(self, project: str) -> None:
        """Removes a project, as a fork's owner may."""
        with self._lock:
            self.projects[project].gone = True

    def found(self, name: str) -> Project | None:
        """The project of a number, or of a path in any case."""
        for project in self.projects.values():
            if not project.gone and (name == str(project.id) or name.lower() == project.path.lower()):
                return project
        return None

    # -------------------------------------------------------------------------------------- what people do there

    def push(
        self,
        project: str,
        branch: str,
        files: Mapping[str, Content],
        message: str = "Change",
        *,
        onto: str | None = None,
        author: str = "alice",
    ) -> str:
        """One commit with these files changed (None deletes one) becomes the branch's tip; its id.

        Its parent is the branch's tip, or the default branch's for a new branch. `onto` (branch or commit) names
        another parent: a force push.
        """
        with self._lock:
            where = self.projects[project].repository
            parent = where.commit_of(onto or branch) or where.commit_of(where.default_branch)
            if onto is not None and where.commit_of(onto) is None:
                raise ValueError(f"no such commit: {onto}")
            commit = where.commit(files, message, parent, self.account(author).username, int(self._now()))
            where.set_ref(f"refs/heads/{branch}", commit)
            self.synchronize(by=self.account(author))
            return commit

    def set_branch(self, project: str, branch: str, commit: str) -> None:
        """Moves a branch to a commit, by force."""
        with self._lock:
            self.projects[project].repository.set_ref(f"refs/heads/{branch}", commit)
            self.synchronize()

    def open_merge_request(
        self,
        project: str,
        source: str,
        target: str = "main",
        *,
        title: str = "A change",
        description: str = "",
        author: str = "alice",
        draft: bool = False,
        labels: Sequence[str] = (),
    ) -> int:
        """Opens a merge request; its number. `source` is a branch, or `FORK/PATH:BRANCH`."""
        with self._lock:
            where = self.projects[project]
            path, colon, branch = source.rpartition(":")
            origin = self.projects[path] if colon else where
            tip, base = origin.repository.commit_of(branch), where.repository.commit_of(target)
            if tip is None or base is None:
                raise ValueError(f"no such branch: {source if tip is None else target}")
            iid = 1 + max((number for name, number in self.merge_requests if name == project), default=0)
            now = self.stamp()
            merge = MergeRequest(
                project, iid, self.next_id(), f"Draft: {title}" if draft else title, description,
                self.account(author),
                origin.path, branch, target, now, now, labels=list(labels),
            )  # fmt: skip
            self.merge_requests[project, iid] = merge
            self._pushed(merge, tip, base, None)
            return iid

    def merge_request(self, project: str, iid: int) -> MergeRequest:
        """A merge request, to be read and changed (title, state, labels)."""
        return self.merge_requests[project, iid]

    def close(self, project: str, iid: int, *, merged: bool = False) -> None:
        """Closes a merge request; with `merged`, its head becomes the target branch's tip by a merge commit."""
        with self._lock:
            merge, where = self.merge_requests[project, iid], self.projects[project].repository
            if merged:
                tip = where.commit_of(merge.target_branch) or ""
                commit = where.merge(tip, merge.head, f"Merge branch '{merge.source_branch}'", int(self._now()))
                if commit is None:
                    raise ValueError("it conflicts with its target")
                where.set_ref(f"refs/heads/{merge.target_branch}", commit)
            merge.state, merge.updated = "merged" if merged else "closed", self.stamp()

    def comment(self, project: str, iid: int, body: str, author: str = "alice") -> int:
        """Somebody comments on the merge request; the note's id."""
        with self._lock:
            return self.write(self.merge_requests[project, iid], self.account(author), body).id

    def comment_on_line(
        self,
        project: str,
        iid: int,
        path: str,
        line: int,
        body: str,
        author: str = "alice",
        *,
        removed: bool = False,
    ) -> int:
        """Somebody comments on a line of the diff (of the new file; with `removed`, of the old one); the note's
        id. Raises ValueError where that cannot be."""
        with self._lock:
            merge = self.merge_requests[project, iid]
            file = next((one for one in self.diffs_of(merge) if path in (one.new_path, one.old_path)), None)
            lines = file.lines if file else ()
            row = next((one for one in lines if (one.old if removed else one.new) == line), None)
            if file is None or row is None:
                raise ValueError(f"no line {line} of {path} in the diff")
            position = {**merge.refs.shas(), "position_type": "text", "old_path": file.old_path,
                        "new_path": file.new_path, "old_line": row.old, "new_line": row.new}  # fmt: skip
            return self.write(merge, self.account(author), body, position=position, threaded=True).id

    def reply(self, note: int, body: str, author: str = "alice") -> int:
        """Somebody replies to a note; the reply's id."""
        with self._lock:
            held = self.notes[note]
            on = self.noteable(held)
            assert on is not None
            thread = [one for one in self.notes_on(on) if one.discussion == held.discussion]
            return self.answer(on, thread, self.account(author), body).id

    def resolve_thread(self, note: int, author: str = "alice", *, resolved: bool = True) -> None:
        """Somebody resolves the thread of a note, or reopens it."""
        with self._lock:
            held = self.notes[note]
            thread = [one for one in self.notes.values() if one.discussion == held.discussion]
            self.resolve(thread, self.account(author) if resolved else None)

    def delete_note(self, note: int) -> None:
        """Somebody deletes a note."""
        with self._lock:
            del self.notes[note]

    def open_issue(self, project: str, title: str, description: str = "", author: str = "alice") -> int:
        """Somebody opens an issue; its number."""
        with self._lock:
            return self.new_issue(self.projects[project], title, description, self.account(author)).iid

    def issue(self, project: str, iid: int) -> Issue:
        """An issue, to be read and changed (state, description, labels)."""
        return self.issues[project, iid]

    def comment_on_issue(self, project: str, iid: int, body: str, author: str = "alice") -> int:
        """Somebody comments on an issue; the note's id."""
        with self._lock:
            return self.write(self.issues[project, iid], self.account(author), body).id

    def apply_suggestion(self, note: int, which: int = 0, *, author: str = "alice") -> bytes:
        """Presses "Apply suggestion": a commit on the source branch, and the thread is resolved; the file's new
        bytes. Raises SuggestionRefused where GitLab does not let one."""
        with self._lock:
            self.synchronize()
            held = self.notes[note]
            merge = self.merge_requests[held.project, held.iid]
            source = self.projects[merge.source_project]
            able = max(self.role(self.account(author), one) for one in (source, self.projects[merge.project]))
            if able < LEVELS["developer"] and self.account(author) != merge.author:
                raise SuggestionRefused("You don't have permission to apply suggestions.")
            if which in held.applied:
                raise SuggestionRefused("Can't apply this suggestion.")
            if merge.state == "merged":
                raise SuggestionRefused(
                    "This merge request was merged. To apply this suggestion, edit this file directly."
                )
            if merge.state == "closed":
                raise SuggestionRefused(
                    "This merge request is closed. To apply this suggestion, edit this file directly."
                )
            if source.gone or merge.source_branch not in source.repository.heads():
                raise SuggestionRefused("Can't apply as the source branch was deleted.")
            offered = self.suggestions(held)
            if not offered:
                raise SuggestionRefused("The comment holds no suggestion.")
            if self.outdated(held):
                one = offered[which].single
                what = "this line was" if one else "these lines were"
                raise SuggestionRefused(f"Can't apply as {what} changed in a more recent version.")
            assert held.position is not None
            path = held.position["new_path"]
            content = self.projects[merge.project].repository.blob(merge.head, path)
            changed = applied(content or b"", offered[which])
            held.applied.add(which)
            thread = [one for one in self.notes.values() if one.discussion == held.discussion]
            self.push(
                source.path,
                merge.source_branch,
                {path: changed},
                "Apply 1 suggestion(s) to 1 file(s)",
                author=author,
            )
            self.resolve(thread, self.account(author))
            return changed

    # ------------------------------------------------------------------------------------------- what is there

    def file(self, project: str, ref: str, path: str) -> bytes | None:
        """A file's bytes at a branch or commit; None where it is not there."""
        where = self.projects[project].repository
        commit = where.commit_of(ref)
        return None if commit is None else where.blob(commit, path)

    def diffs_of(self, merge: MergeRequest) -> tuple[positions.FileDiff, ...]:
        """The diff of a merge request, file by file."""
        return positions.diffs(self.projects[merge.project].repository, merge.refs.base, merge.head)

    def notes_on(self, on: Noteable) -> list[Note]:
        """Notes on a merge request or an issue, GitLab's own among them, oldest first."""
        kind = "MergeRequest" if isinstance(on, MergeRequest) else "Issue"
        place = (kind, on.project, on.iid)
        return [note for note in self.notes.values() if (note.on, note.project, note.iid) == place]

    def said(self, project: str, iid: int) -> list[Note]:
        """What people and bots have said on a merge request, oldest first."""
        return [note for note in self.notes_on(self.merge_requests[project, iid]) if not note.system]

    def threads_on(self, on: Noteable) -> list[list[Note]]:
        """The same, thread by thread."""
        threads: dict[str, list[Note]] = {}
        for note in self.notes_on(on):
            threads.setdefault(note.discussion, []).append(note)
        return list(threads.values())

    def outdated(self, note: Note) -> bool:
        """Whether the line that a note stands on has changed since."""
        merge = self.merge_requests[note.project, note.iid]
        return note.position is not None and any(
            note.position[name] != sha for name, sha in merge.refs.shas().items()
        )

    def suggestions(self, note: Note) -> list[Suggestion]:
        """What the blocks of a note would do to the file as it was when the note was placed."""
        line = (note.position or {}).get("new_line")
        if note.kind != "DiffNote" or note.position is None or line is None or "suggestion" not in note.body:
            return []
        where = self.projects[note.project].repository
        content = where.blob(note.position["head_sha"], note.position["new_path"] or "")
        return [] if content is None else suggestions(note.body, line, content)

    def noteable(self, note: Note) -> Noteable | None:
        """What a note is about."""
        there: Mapping[tuple[str, int], Noteable] = (
            self.merge_requests if note.on == "MergeRequest" else self.issues
        )
        return there.get((note.project, note.iid))

    # ----------------------------------------------------------------------------------------- its own machinery

    def write(
        self,
        on: Noteable,
        author: Account,
        body: str,
        *,
        position: Mapping[str, Any] | None = None,
        threaded: bool = False,
        system: bool = False,
        discussion: str = "",
    ) -> Note:
        """A new note: with a position on a line; else, `threaded`, the first of a thread that can be resolved."""
        with self._lock:
            number, now = self.next_id(), self.stamp()
            kind: Literal["DiffNote", "DiscussionNote"] | None
            kind = "DiffNote" if position else "DiscussionNote" if threaded else None
            thread = discussion or hashlib.sha1(f"{number}".encode()).hexdigest()
            what: Literal["MergeRequest", "Issue"] = "MergeRequest" if isinstance(on, MergeRequest) else "Issue"
            given = None
            if position:
                names = ("old_line", "new_line", "old_path", "new_path", "line_range")
                given = dict.fromkeys(names) | {
                    name: value for name, value in position.items() if value is not None
                }
            note = Note(
                number, on.project, what, on.iid, thread, kind, body, author, now, now, system,
                given, None if given is None else dict(given),
            )  # fmt: skip
            self.notes[number] = note
            if given and isinstance(on, MergeRequest):
                self._follow(on, note, None)
            return note

    def answer(self, on: Noteable, thread: Sequence[Note], author: Account, body: str) -> Note:
        """A reply. A note that stood alone becomes a thread; one that is resolved stays so."""
        with self._lock:
            first, held = thread[0], [one for one in thread if one.resolvable]
            settled = bool(held) and all(one.resolved for one in held)
            if first.kind is None:
                first.kind = "DiscussionNote"
            position = first.position if first.kind == "DiffNote" else None
            note = self.write(on, author, body, position=position, threaded=True, discussion=first.discussion)
            if settled:
                self.resolve([note], author)
            return note

    def resolve(self, thread: Sequence[Note], by: Account | None) -> None:
        """Resolves the notes of a thread, or reopens them."""
        with self._lock:
            for note in thread:
                if note.resolvable and (note.resolved is None) == (by is not None):
                    note.resolved, note.resolved_by = (self.stamp(), by) if by else (None, None)

    def notify(self, *notes: Note) -> None:
        """People are told of notes, in one mail."""
        first = notes[0]
        self.mails.append(Mail(first.project, first.iid, first.author.username, tuple(note.id for note in notes)))

    def new_issue(
        self, project: Project, title: str, description: str, author: Account, labels: Sequence[str] = ()
    ) -> Issue:
        """Somebody opens an issue."""
        iid = 1 + max((number for name, number in self.issues if name == project.path), default=0)
        now = self.stamp()
        issue = Issue(project.path, iid, self.next_id(), title, description, author, now, now, list(labels))
        self.issues[project.path, iid] = issue
        return issue

    def next_id(self) -> int:
        """A number that nothing else has."""
        with self._lock:
            self._ids += 1
            return self._ids

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now()

    def stamp(self) -> str:
        """Now, as GitLab writes it."""
        return moment(self._now())

    def synchronize(self, by: Account | None = None) -> None:
        """Takes notice of branches that have moved: versions of merge requests, and places of notes."""
        with self._lock:
            for merge in self.merge_requests.values():
                source = self.projects[merge.source_project]
                if merge.state != "opened" or source.gone:
                    continue
                tip = source.repository.tip(merge.source_branch)
                base = self.projects[merge.project].repository.tip(merge.target_branch)
                if tip is not None and base is not None and tip != merge.head:
                    self._pushed(merge, tip, base, by)

    def _pushed(self, merge: MergeRequest, tip: str, target: str, by: Account | None) -> None:
        where, source = self.projects[merge.project].repository, self.projects[merge.source_project].repository
        if source is not where:
            where.fetch(source.path, tip)
        where.set_ref(f"refs/merge-requests/{merge.iid}/head", tip)
        refs = Refs(where.merge_base(target, tip) or target, target, tip)
        first = not merge.versions
        # What a force push throws out is kept, as GitLab does, for as long as a note stands on it.
        where.set_ref(f"refs/keep-around/{tip}", tip)
        merge.versions.append(Version(self.next_id(), refs, self.stamp()))
        if first:
            return
        merge.updated = self.stamp()
        self.write(merge, by or merge.author, f"added 1 commit\n\n* {tip[:8]} - Change", system=True)
        for note in self.notes_on(merge):
            self._follow(merge, note, by or merge.author)

    def _follow(self, merge: MergeRequest, note: Note, by: Account | None) -> None:
        """Moves a note to its merge request's newest version, or leaves it where it was: outdated."""
        if note.position is None or note.system or not self.outdated(note):
            return
        known = [version.refs.shas() for version in merge.versions[:-1]]
        place = {name: note.position[name] for name in merge.refs.shas()}
        if by is not None and place != known[-1]:
            return  # it was outdated before
        moved = positions.traced(self.projects[merge.project].repository, note.position, merge.refs)
        if moved is not None:
            note.position = moved
        elif by is not None and self.threads_of(note)[0] is note:
            where = f"changed this line in version {len(merge.versions)} of the diff"
            self.write(merge, by, where, system=True, discussion=note.discussion, threaded=True)

    def threads_of(self, note: Note) -> list[Note]:
        """The thread of a note, oldest first."""
        return [one for one in self.notes.values() if one.discussion == note.discussion]

    def exhaust(self, token: str, reset_in: float = 60.0) -> None:
        """The token has no requests left until then."""
        with self._lock:
            self._exhausted[token] = self._now() + reset_in

    # ------------------------------------------------------------------------------------------------- serving

    def handle(self, handler: Handler, method: str, target: str, headers: dict[str, str], raw: bytes) -> None:
        """Answers one request on its connection."""
        path, _, query = target.partition("?")
        if not path.startswith(f"{self.prefix}/"):
            handler.send(Reply(404, "Not here\n", "text/plain"))
            return
        path = path.removeprefix(self.prefix)
        routed = _GIT.fullmatch(path)
        if routed:
            self._handle_git(handler, routed[1], routed[2], method, query, headers, raw)
            return
        if not path.startswith("/api/v4/"):
            handler.send(Reply(302, "", "text/html", {"Location": f"{self.url}/users/sign_in"}))
            return
        path = path.removeprefix("/api/v4")
        fault = self._fault(method, path)
        scheme = "https" if self.tls else "http"
        shapes = Shapes(f"{scheme}://{headers.get('host') or f'127.0.0.1:{self.port}'}{self.prefix}")
        with self._lock:
            door, secret = self._door(headers)
            token = self.tokens.get(secret)
            pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
            params, texts, garbled = _params(pairs, headers.get("content-type", ""), raw)
            reply, operation, spoiled = self._reply(
                method, path, params, texts, garbled, door, secret, fault, shapes
            )
            sent = reply if spoiled is None else spoiled
            self._stamp_limits(sent, secret)
            closed = fault is not None and (fault.kind == "closed" or (fault.kind == "lost" and not fault.status))
            shown = reply.body if fault is not None and fault.kind == "lost" else sent.body
            self.exchanges.append(
                Exchange(
                    method=method,
                    path=path,
                    query=tuple(pairs),
                    headers={name: value for name, value in headers.items() if name not in _DOORS},
                    username=token.account.username if token else "",
                    door=door,
                    params=copy.deepcopy(params),
                    status=0 if closed else sent.status,
                    reply=copy.deepcopy(shown),
                    fault=fault.kind if fault else "",
                    operation=operation,
                )
            )
        if fault is not None and fault.kind == "slow":
            self._stopping.wait(fault.seconds)
        if closed:
            handler.hang_up()
        else:
            handler.send(sent, cut=fault is not None and fault.kind == "cut")

    def _fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return next((planned.fault for planned in self._faults if planned.meets(method, path)), None)

    def _door(self, headers: Mapping[str, str]) -> tuple[str, str]:
        for name in ("private-token", "job-token"):
            if headers.get(name):
                return name, headers[name]
        kind, _, secret = headers.get("authorization", "").partition(" ")
        return ("bearer", secret.strip()) if kind.lower() == "bearer" else ("", "")

    def _reply(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        texts: frozenset[str],
        garbled: bool,
        door: str,
        secret: str,
        fault: Fault | None,
        shapes: Shapes,
    ) -> tuple[Reply, str, Reply | None]:
        """The reply, the operation's name, and what is sent in the reply's place."""
        if {"private_token", "job_token", "access_token"} & set(params):
            self.contract_errors.append(f"{method} {path}: a token in the address or the body")
        if _APPROVALS.fullmatch(path):
            self.contract_errors.append(f"{method} {path}: approvals are none of a bot's business")
            return Reply(401, error(401)), "approvals", None
        found = contract().find(method, path)
        if found is None:
            self.contract_errors.append(f"{method} {path}: no operation that the double keeps")
            if contract().known(path):
                return Reply(405, error(405)), "", None
            return Reply(404, {"error": "404 Not Found"}), "", None
        operation, at = found
        judged = contract().judge(operation, params, texts)
        wrong = list(judged.wrong)
        if garbled:
            wrong.append("the body is no JSON")
        self.contract_errors += [f"{method} {path}: {message}" for message in wrong]
        if fault is not None and fault.kind in ("answer", "limited"):
            return _spoiled(fault), operation.name, _spoiled(fault)
        if fault is not None and fault.kind == "closed":
            return Reply(0), operation.name, None
        reply = self._carried_out(
            operation, at, judged.params, judged.refused, garbled, door, secret, path, shapes
        )
        errors = contract().reply_errors(operation, reply.status, reply.content_type, reply.body)
        self.contract_errors += [f"{method} {path} -> {reply.status}: {message}" for message in errors]
        lost = _spoiled(fault) if fault is not None and fault.kind == "lost" else None
        return reply, operation.name, lost

    def _carried_out(
        self,
        operation: Operation,
        at: Mapping[str, str],
        params: Mapping[str, Any],
        refused: str,
        garbled: bool,
        door: str,
        secret: str,
        path: str,
        shapes: Shapes,
    ) -> Reply:
        self._used[secret] = self._used.get(secret, 0) + 1
        if (until := self._exhausted.get(secret, 0.0)) > self._now():
            return _spoiled(Fault.limited(until - self._now()))
        if garbled:
            return Reply(400, {"error": "Problems parsing JSON"})
        try:
            token = self._let_in(operation, door, secret)
            if refused:
                return Reply(400, {"error": refused})
            self.synchronize()
            return self._operations.answer(operation.name, Ask(token, at, params, path, shapes))
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body)
        except Exception as wrong:  # a double that does not add up is the test's fault: say so, loudly
            self.contract_errors.append(f"the double failed in {operation.name}: {wrong!r}")
            return Reply(500, error(500))

    def _let_in(self, operation: Operation, door: str, secret: str) -> Token | None:
        """The token, if it may do this at all. Raises Refusal."""
        token = self.tokens.get(secret)
        if not door:
            if operation.open:
                return None
            raise Refusal(401, error(401))
        if token is None or token.kind == "deploy" or (token.kind == "job") != (door == "job-token"):
            raise Refusal(401, error(401))
        if token.kind == "job":
            if token.state != "active":
                raise Refusal(401, error(401))
            if not operation.for_jobs:
                # As if there were no token: what is public can still be read.
                if operation.open and operation.method == "GET":
                    return None
                raise Refusal(401, error(401))
            return token
        if token.state != "active":
            words = EXPIRED if token.state == "expired" else REVOKED
            raise Refusal(401, {"error": "invalid_token", "error_description": words})
        reads = operation.method == "GET"
        least = {"api"} | ({"read_api"} if reads else set())
        if operation.name == "user/get":
            least.add("read_user")
        if operation.name in ("files/get", "files/raw"):
            least.add("read_repository")
        if not token.scopes & least:
            words = "The request requires higher privileges than provided by the access token."
            scope = "api read_api" if reads else "api"
            raise Refusal(403, {"error": "insufficient_scope", "error_description": words, "scope": scope})
        return token

    def _stamp_limits(self, reply: Reply, secret: str) -> None:
        used = self._used.get(secret, 0)
        reset = int(self._now()) // 60 * 60 + 60
        limits = {
            "RateLimit-Limit": str(_LIMIT),
            "RateLimit-Name": "throttle_authenticated_api",
            "RateLimit-Observed": str(used),
            "RateLimit-Remaining": str(max(0, _LIMIT - used)),
            "RateLimit-Reset": str(reset),
            "X-Request-Id": f"01{self.next_id():024X}",
        }
        reply.headers = limits | reply.headers

    # ----------------------------------------------------------------------------------------------------- git

    def _handle_git(
        self,
        handler: Handler,
        path: str,
        rest: str,
        method: str,
        query: str,
        headers: Mapping[str, str],
        raw: bytes,
    ) -> None:
        name, secret, tried = _basic(headers.get("authorization", ""))
        pushes = "git-receive-pack" in (rest, query.removeprefix("service="))
        with self._lock:
            self.synchronize()
            project = self.found(path)
            answer = self._git_refusal(project, name, secret, tried, pushes)
        if answer is None:
            assert project is not None
            token = self.tokens.get(secret)
            user = token.account.username if token and pushes else ""
            answer = smart.serve(self.root, f"{project.path}.git", rest, method, query, headers, raw, user)
        with self._lock:
            self.git_requests.append(GitRequest(method, f"/{path}/{rest}", query, name, answer.status))
            token = self.tokens.get(secret)
            self.synchronize(by=token.account if token else None)
        handler.send(_git_reply(answer))

    def _git_refusal(
        self, project: Project | None, name: str, secret: str, tried: bool, pushes: bool
    ) -> smart.GitAnswer | None:
        token = self.tokens.get(secret)
        denied = "HTTP Basic: Access denied. The provided password or token is incorrect."
        if tried and (token is None or token.state != "active" or not name):
            return smart.refused(401, denied)
        if token is not None and (token.kind == "job") != (name == "gitlab-ci-token"):
            return smart.refused(401, denied)
        missing = "The project you were looking for could not be found or you don't have permission to view it."
        if token is None:
            if project is None or project.visibility != "public" or pushes:
                return smart.refused(401, "HTTP Basic: Access denied.")
            return None
        if project is None:
            return smart.refused(404, missing)
        scoped = (
            {"api", "write_repository"} if pushes else {"api", "write_repository", "read_repository", "read_api"}
        )
        if token.kind == "deploy":
            fits = token.place == project.path and "read_repository" in token.scopes
            return None if fits and not pushes else smart.refused(403 if fits else 404, missing)
        level = self.level(token, project)
        if not level and not self.visible(token, project):
            return smart.refused(404, missing)
        if token.kind == "job":
            return smart.refused(403, "You are not allowed to push code to this project.") if pushes else None
        reads = level >= LEVELS["reporter"] or project.visibility != "private"
        if not token.scopes & (scoped - {"read_api"}) or not reads:
            return smart.refused(403, "You are not allowed to download code from this project.")
        if pushes and level < LEVELS["developer"]:
            return smart.refused(403, "You are not allowed to push code to this project.")
        return None


def _git_reply(answer: smart.GitAnswer) -> Reply:
    headers = dict(answer.headers)
    kind = headers.pop("Content-Type", "text/plain")
    if "WWW-Authenticate" in headers:
        headers["WWW-Authenticate"] = 'Basic realm="GitLab"'
    headers.pop("Content-Length", None)
    return Reply(answer.status, answer.body, kind, headers)


def _spoiled(fault: Fault) -> Reply:
    if fault.kind == "limited":
        after = {} if fault.seconds < 0 else {"Retry-After": str(int(fault.seconds))}
        return Reply(429, RETRY_LATER, "text/plain", {"RateLimit-Remaining": "0", **after})
    kind = "application/json" if not isinstance(fault.body, str) else "text/html"
    return Reply(fault.status, fault.body, kind)


def _basic(header: str) -> tuple[str, str, bool]:
    """User and password of a header, and whether there was one."""
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return "", "", bool(header)
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", "", True
    return name, secret, True


def _params(
    pairs: Sequence[tuple[str, str]], kind: str, raw: bytes
) -> tuple[dict[str, Any], frozenset[str], bool]:
    """Parameters of query and body together, names of those that came as texts, and whether it is garbled."""
    given = _nested(pairs)
    texts = set(given)
    if not raw:
        return given, frozenset(texts), False
    if "json" in kind:
        try:
            body = json.loads(raw)
        except ValueError:
            return given, frozenset(texts), True
        if not isinstance(body, dict):
            return given, frozenset(texts), True
        return given | body, frozenset(texts - set(body)), False
    if "form-urlencoded" in kind:
        form = _nested(urllib.parse.parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
        return given | form, frozenset(texts | set(form)), False
    return given, frozenset(texts), True


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][c]=1` and `a[]=1`, as Rails reads them."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        first, *inner = re.findall(r"[^\[\]]+|\[\]", name) or [name]
        keys = [first, *inner]
        held: Any = made
        for key in keys[:-1]:
            if key == "[]":
                break
            following: Any = [] if keys[keys.index(key) + 1] == "[]" else {}
            held = held.setdefault(key, following)
        if isinstance(held, list):
            held.append(value)
        elif isinstance(held, dict):
            held[keys[-1]] = value
    return made
