"""The double: one HTTP port with GitHub's API (also below /api/v3) and git's protocol, over real repositories."""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import socket
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from servers.github import smart
from servers.github.contract import Operation, contract
from servers.github.faults import Fault, Planned, error, rate_body, secondary_body
from servers.github.history import Content, FilePatch, Repository, git
from servers.github.operations import Ask, Refusal, Reply
from servers.github.shapes import Shapes
from servers.github.state import (
    RIGHTS,
    Account,
    Allowance,
    Anchor,
    CheckRun,
    Exchange,
    GitRequest,
    Issue,
    IssueComment,
    Level,
    Placed,
    PullRequest,
    Review,
    ReviewComment,
    Sarif,
    Status,
    Token,
    TokenKind,
    follow,
    place,
)
from servers.github.suggesting import SuggestionRefused, applied
from servers.github.upkeep import AllOperations

ACTIONS = "github-actions[bot]"
_LIMITS = {"user": 5000, "actions": 1000, "app": 5000}
_HOUR = 3600.0


class GitHubDouble:
    """GitHub on loopback, as a context manager. What can be done to it stands in the package's docstring.

    `folder` keeps the repositories (a temporary one where none is given); `host` is the address to listen on;
    `now` gives the time of the stamps and rate limits.
    """

    def __init__(
        self, folder: Path | None = None, *, host: str = "127.0.0.1", now: Callable[[], float] = time.time
    ) -> None:
        self.repositories: dict[str, Repository] = {}
        """By full name in lower case."""
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.pulls: dict[tuple[str, int], PullRequest] = {}
        self.issues: dict[tuple[str, int], Issue] = {}
        self.reviews: dict[int, Review] = {}
        self.comments: dict[int, ReviewComment] = {}
        self.issue_comments: dict[int, IssueComment] = {}
        self.checks: dict[int, CheckRun] = {}
        self.statuses: list[Status] = []
        self.sarifs: list[Sarif] = []
        self.exchanges: list[Exchange] = []
        self.git_requests: list[GitRequest] = []
        self.contract_errors: list[str] = []
        self.leaves_stubs = False
        """Whether a review that is refused with 422 leaves one with the body alone, as has been seen."""
        self.has_no_drafts = False
        """Whether draft pull requests are refused, as on plans without them."""
        self.actions_open_no_pulls = False
        """Whether workflows may open no pull requests: a setting of repositories, and at first the default."""
        self._now = now
        self._own_folder = None if folder else tempfile.mkdtemp(prefix="github-double-")
        self._root = Path(self._own_folder or str(folder)) / "repositories"
        self._root.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._ids = 1_000_000_000
        self._allowances: dict[str, Allowance] = {}
        self._faults: list[Planned] = []
        self._operations = AllOperations(self)
        self._stopping = threading.Event()
        self._server = _Listener(self, host)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> GitHubDouble:
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
        """The API's base, in the place of https://api.github.com; also the web's and git's."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def enterprise_url(self) -> str:
        """The same API as a GitHub Enterprise Server has it."""
        return f"{self.url}/api/v3"

    def clone_url(self, repository: str) -> str:
        """Where git finds a repository."""
        return f"{self.url}/{repository}.git"

    # ------------------------------------------------------------------------------------------- the checking

    def check(self) -> None:
        """Raises AssertionError with every request and reply that broke GitHub's description."""
        if self.contract_errors:
            raise AssertionError("\n".join(self.contract_errors))

    def inject(self, fault: Fault, method: str = "*", path: str = "*", *, times: int = 1, skip: int = 0) -> None:
        """Spoils the next `times` requests whose path, without `/api/v3` and query, meets the pattern (`*` is any
        text), after letting `skip` of them pass."""
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
        return [exchange for exchange in self.exchanges if exchange.method != "GET"]

    def asked(self, operation: str) -> list[Exchange]:
        """The exchanges of one `operationId`, like `pulls/create-review`."""
        return [exchange for exchange in self.exchanges if exchange.operation == operation]

    # ------------------------------------------------------------------------------------- people, repositories

    def account(self, login: str, kind: str | None = None) -> Account:
        """The account of this login, made where there is none; `[bot]` at its end makes it a Bot."""
        with self._lock:
            there = self.accounts.get(login.lower())
            if there is None or (kind is not None and there.kind != kind):
                kind = kind or ("Bot" if login.endswith("[bot]") else "User")
                number = there.id if there else 41898282 if login == ACTIONS else self.next_id() % 10_000_000
                there = Account(login, number, kind)
                self.accounts[login.lower()] = there
            return there

    def token(
        self,
        login: str,
        *,
        kind: TokenKind = "user",
        rights: Mapping[str, Level] | None = None,
        repositories: tuple[str, ...] | None = None,
    ) -> str:
        """A new token's value. Without `rights` all of them; a right that is not named is none. With
        `repositories` it is for those alone."""
        given: Mapping[str, Level] = dict.fromkeys(RIGHTS, "write") if rights is None else rights
        if set(given) - set(RIGHTS):
            raise ValueError(f"no such right: {', '.join(sorted(set(given) - set(RIGHTS)))}")
        with self._lock:
            prefix = {"user": "github_pat_", "actions": "ghs_", "app": "ghs_"}[kind]
            value = f"{prefix}{self.next_id():036d}"
            within = None if repositories is None else frozenset(repositories)
            self.tokens[value] = Token(value, self.account(login), kind, dict(given), within)
            return value

    def actions_token(self, repository: str, **rights: Level) -> str:
        """The value of a workflow's `GITHUB_TOKEN` with these permissions; without any: contents read,
        pull_requests write."""
        chosen: Mapping[str, Level] = rights or {"contents": "read", "pull_requests": "write"}
        return self.token(ACTIONS, kind="actions", rights=chosen, repositories=(repository,))

    def repository(
        self,
        full_name: str,
        files: Mapping[str, Content] | None = None,
        *,
        private: bool = False,
        collaborators: Mapping[str, str] | None = None,
    ) -> Repository:
        """A new repository with these files on `main`. Collaborators: login -> admin, maintain, write, triage or
        read."""
        with self._lock:
            made = Repository(full_name, self._root / f"{full_name}.git".lower(), self.next_id(), private)
            made.create()
            made.collaborators.update(collaborators or {})
            for login in (made.owner, *made.collaborators):
                self.account(login)
            self.repositories[full_name.lower()] = made
            if files is not None:
                self.push(full_name, "main", files, "Start", author=made.owner)
            return made

    def fork(self, full_name: str, owner: str) -> str:
        """A fork with all branches, for another owner; its full name."""
        with self._lock:
            parent = self._repository(full_name)
            name = f"{owner}/{parent.name}"
            made = Repository(name, self._root / f"{name}.git".lower(), self.next_id(), parent.private)
            made.parent = parent.full_name
            made.create()
            git(made.path, "fetch", "--quiet", str(parent.path), "+refs/heads/*:refs/heads/*")
            self.account(owner)
            self.repositories[name.lower()] = made
            return name

    def _repository(self, full_name: str) -> Repository:
        return self.repositories[full_name.lower()]

    # -------------------------------------------------------------------------------------- what people do there

    def push(
        self,
        repository: str,
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
            where = self._repository(repository)
            parent = where.commit_of(onto or branch) or where.commit_of(where.default_branch)
            if onto is not None and where.commit_of(onto) is None:
                raise ValueError(f"no such commit: {onto}")
            self.account(author)
            commit = where.commit(files, message, parent, author, int(self._now()))
            where.set_ref(f"refs/heads/{branch}", commit)
            self.synchronize()
            return commit

    def set_branch(self, repository: str, branch: str, commit: str) -> None:
        """Moves a branch to a commit, by force."""
        with self._lock:
            self._repository(repository).set_ref(f"refs/heads/{branch}", commit)
            self.synchronize()

    def rebase(self, repository: str, branch: str, onto: str) -> str:
        """Rebases a branch on another (or a commit) and pushes by force; the new tip. Raises GitFailed where it
        conflicts."""
        with self._lock:
            where = self._repository(repository)
            target = where.commit_of(onto)
            with tempfile.TemporaryDirectory() as folder:
                work = Path(folder) / "work"
                git(where.path, "worktree", "add", "--quiet", "--detach", str(work), f"refs/heads/{branch}")
                try:
                    when = f"{int(self._now())} +0000"
                    identity = {"GIT_COMMITTER_NAME": "alice", "GIT_COMMITTER_EMAIL": "alice@localhost"}
                    git(work, "rebase", "--quiet", str(target), GIT_COMMITTER_DATE=when, **identity)
                    commit = git(work, "rev-parse", "HEAD").decode().strip()
                finally:
                    git(where.path, "worktree", "remove", "--force", str(work))
            where.set_ref(f"refs/heads/{branch}", commit)
            self.synchronize()
            return commit

    def open_pull(
        self,
        repository: str,
        head: str,
        base: str = "main",
        *,
        title: str = "A change",
        body: str = "",
        author: str = "alice",
        draft: bool = False,
    ) -> int:
        """Opens a pull request; its number. `head` is a branch, or `OWNER:BRANCH` of a fork."""
        with self._lock:
            where = self._repository(repository)
            owner, colon, branch = head.partition(":")
            source = self._repository(f"{owner}/{where.name}") if colon else where
            branch = branch if colon else head
            tip, base_tip = source.commit_of(branch), where.commit_of(base)
            if tip is None or base_tip is None:
                raise ValueError(f"no such branch: {head if tip is None else base}")
            now = self.stamp()
            number = self._next_number(where)
            pull = PullRequest(
                where.full_name, number, self.next_id(), title, body, self.account(author), base, source.full_name,
                branch, "", base_tip, now, now, draft,
            )  # fmt: skip
            self.pulls[where.full_name, number] = pull
            self._moved(pull, tip)
            return number

    def comment_on_issue(self, repository: str, number: int, body: str, author: str = "alice") -> int:
        """Somebody comments on an issue; the comment's id."""
        with self._lock:
            return self._operations.issue_comment(self.issue(repository, number), self.account(author), body).id

    def _next_number(self, where: Repository) -> int:
        return 1 + max((n for name, n in (*self.pulls, *self.issues) if name == where.full_name), default=0)

    def new_issue(
        self, where: Repository, title: str, body: str, author: Account, labels: Sequence[str] = ()
    ) -> Issue:
        """Somebody opens an issue."""
        with self._lock:
            number, now = self._next_number(where), self.stamp()
            issue = Issue(where.full_name, number, self.next_id(), title, body, author, now, now, [*labels])
            self.issues[where.full_name, number] = issue
            return issue

    def open_issue(self, repository: str, title: str, body: str = "", author: str = "alice") -> int:
        """Somebody opens an issue; its number."""
        return self.new_issue(self._repository(repository), title, body, self.account(author)).number

    def issue(self, repository: str, number: int) -> Issue:
        """An issue, to be read and changed (state, body, labels)."""
        return self.issues[self._repository(repository).full_name, number]

    def pull(self, repository: str, number: int) -> PullRequest:
        """A pull request, to be read and changed (draft, labels, title)."""
        return self.pulls[self._repository(repository).full_name, number]

    def close_pull(self, repository: str, number: int, *, merged: bool = False) -> None:
        """Closes it; with `merged`, its head becomes the base branch's tip by a merge commit."""
        with self._lock:
            pull = self.pull(repository, number)
            where = self._repository(repository)
            if merged:
                if pull.merge_commit is None:
                    raise ValueError("it conflicts with its base")
                where.set_ref(f"refs/heads/{pull.base_ref}", pull.merge_commit)
            pull.state, pull.merged, pull.updated = "closed", merged, self.stamp()

    def comment(self, repository: str, number: int, body: str, author: str = "alice") -> int:
        """Somebody comments on the pull request; the comment's id."""
        with self._lock:
            return self._operations.issue_comment(self.pull(repository, number), self.account(author), body).id

    def comment_on_line(
        self,
        repository: str,
        number: int,
        path: str,
        line: int,
        body: str,
        author: str = "alice",
        *,
        start_line: int | None = None,
        side: str = "RIGHT",
    ) -> int:
        """Somebody comments on lines of the diff; the comment's id. Raises ValueError where that cannot be."""
        with self._lock:
            pull, where = self.pull(repository, number), self._repository(repository)
            patches = where.patches(self.merge_base(pull), pull.head)
            placed = place(patches, Anchor(path, side, line, start_line))
            if not isinstance(placed, Placed):
                raise ValueError("; ".join(placed))
            return self._operations.comment_on(pull, self.account(author), path, body, placed).id

    def reply(self, comment: int, body: str, author: str = "alice") -> int:
        """Somebody replies to a comment on a line; the reply's id."""
        with self._lock:
            parent = self.comments[comment]
            root = self.comments[parent.in_reply_to] if parent.in_reply_to else parent
            pull = self.pulls[root.repository, root.number]
            return self._operations.reply_to(pull, root, self.account(author), body).id

    def apply_suggestion(self, comment: int, which: int = 0, *, author: str = "alice") -> bytes:
        """Presses "Commit suggestion": a commit on the pull request's branch; the file's new bytes.

        Raises SuggestionRefused where GitHub does not let one.
        """
        with self._lock:
            self.synchronize()
            held = self.comments[comment]
            pull = self.pulls[held.repository, held.number]
            where, source = self._repository(pull.repository), self._repository(pull.head_repository)
            if pull.state != "open":
                raise SuggestionRefused("Suggestions cannot be applied while the pull request is closed.")
            if self.reviews[held.review].state == "PENDING":
                raise SuggestionRefused("Suggestions cannot be applied from pending reviews.")
            content = where.blob(pull.head, held.path)
            if content is None:
                raise SuggestionRefused("Outdated suggestions cannot be applied.")
            changed = applied(content, held, where.patches(self.merge_base(pull), pull.head), which)
            self.push(source.full_name, pull.head_ref, {held.path: changed}, f"Update {held.path}", author=author)
            return changed

    # ------------------------------------------------------------------------------------------- what is there

    def file(self, repository: str, ref: str, path: str) -> bytes | None:
        """A file's bytes at a branch or commit; None where it is not there."""
        where = self._repository(repository)
        commit = where.commit_of(ref)
        return None if commit is None else where.blob(commit, path)

    def patches(self, repository: str, number: int) -> tuple[FilePatch, ...]:
        """The pull request's diff, file by file."""
        pull = self.pull(repository, number)
        return self._repository(repository).patches(self.merge_base(pull), pull.head)

    def comments_on(self, pull: PullRequest) -> list[ReviewComment]:
        """Comments on its lines, replies among them, oldest first."""
        place = (pull.repository, pull.number)
        return [one for one in self.comments.values() if (one.repository, one.number) == place]

    def issue_comments_on(self, pull: PullRequest | Issue) -> list[IssueComment]:
        """Comments on the whole, oldest first."""
        place = (pull.repository, pull.number)
        return [one for one in self.issue_comments.values() if (one.repository, one.number) == place]

    def reviews_on(self, pull: PullRequest) -> list[Review]:
        """Its reviews, oldest first."""
        place = (pull.repository, pull.number)
        return [one for one in self.reviews.values() if (one.repository, one.number) == place]

    def pull_request_event(self, repository: str, number: int, action: str = "opened") -> dict[str, Any]:
        """The payload of a `pull_request` event, as a workflow finds it in GITHUB_EVENT_PATH."""
        return self._operations.event(self.pull(repository, number), action, None, self._shapes())

    def issue_comment_event(self, comment: int, action: str = "created") -> dict[str, Any]:
        """The payload of an `issue_comment` event."""
        held = self.issue_comments[comment]
        return self._operations.event(self.pulls[held.repository, held.number], action, held, self._shapes())

    def schedule_event(self, repository: str, schedule: str = "17 3 * * 1") -> dict[str, Any]:
        """The payload of a `schedule` event."""
        where = self._repository(repository)
        here = self._shapes().repository(where, self.account(where.owner))
        return {"schedule": schedule, "workflow": ".github/workflows/audit.yml", "repository": here}

    def dispatch_event(
        self, repository: str, inputs: Mapping[str, str] | None = None, *, ref: str = "main", sender: str = "alice"
    ) -> dict[str, Any]:
        """The payload of a `workflow_dispatch` event on a branch."""
        where, shapes = self._repository(repository), self._shapes()
        return {
            "inputs": None if inputs is None else dict(inputs),
            "ref": f"refs/heads/{ref}",
            "repository": shapes.repository(where, self.account(where.owner)),
            "sender": shapes.user(self.account(sender)),
            "workflow": ".github/workflows/audit.yml",
        }

    def _shapes(self) -> Shapes:
        return Shapes(self.url, self.url)

    # ----------------------------------------------------------------------------------------- its own machinery

    def next_id(self) -> int:
        """A number that nothing else has."""
        with self._lock:
            self._ids += 1
            return self._ids

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now()

    def stamp(self) -> str:
        """Now, as GitHub writes it."""
        return datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def merge_base(self, pull: PullRequest, head: str | None = None) -> str:
        """Where the pull request's diff begins. Without common history: at its base."""
        return self._repository(pull.repository).merge_base(pull.base, head or pull.head) or pull.base

    def belongs(self, pull: PullRequest, commit: str) -> bool:
        """Whether a commit is the pull request's. One that a force push has thrown out is no longer."""
        return commit == pull.head or commit in self._repository(pull.repository).between(pull.base, pull.head)

    def follow(self, pull: PullRequest, comment: ReviewComment) -> None:
        """Moves one comment to the pull request's head."""
        follow(self._repository(pull.repository), comment, self.merge_base(pull), pull.head)

    def synchronize(self) -> None:
        """Takes notice of branches that have moved: heads and bases of pull requests, and comments' places."""
        with self._lock:
            open_pulls = [pull for pull in self.pulls.values() if pull.state == "open"]
            names = {name for pull in open_pulls for name in (pull.repository, pull.head_repository)}
            heads = {name: self._repository(name).heads() for name in names}
            for pull in open_pulls:
                base = heads[pull.repository].get(pull.base_ref, pull.base)
                tip = heads[pull.head_repository].get(pull.head_ref, pull.head)
                if (base, tip) != (pull.base, pull.head):
                    pull.base = base
                    self._moved(pull, tip)

    def _moved(self, pull: PullRequest, tip: str) -> None:
        where, source = self._repository(pull.repository), self._repository(pull.head_repository)
        if source is not where:
            where.fetch(source.path, tip)
        if tip != pull.head:
            where.set_ref(f"refs/pull/{pull.number}/head", tip)
            pull.head, pull.updated = tip, self.stamp()
            pull.heads.append(tip)
        pull.merge_commit = where.merge(pull.base, tip, f"Merge {tip} into {pull.base}", int(self._now()))
        if pull.merge_commit is not None:
            where.set_ref(f"refs/pull/{pull.number}/merge", pull.merge_commit)
        for comment in self.comments_on(pull):
            self.follow(pull, comment)

    def allowance(self, token: Token | None) -> Allowance:
        """The rate limit of a token (or of those who have none)."""
        key = token.value if token else ""
        with self._lock:
            held = self._allowances.get(key)
            if held is None or held.reset <= self._now():
                limit = _LIMITS[token.kind] if token else 60
                held = self._allowances[key] = Allowance(limit, 0, self._now() + _HOUR)
            return held

    def exhaust(self, token: str, reset_in: float = _HOUR) -> None:
        """The token has no requests left until then."""
        with self._lock:
            held = self.allowance(self.tokens[token])
            held.used, held.reset = held.limit, self._now() + reset_in

    # ------------------------------------------------------------------------------------------------- serving

    def handle(self, handler: _Handler, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> None:
        """Answers one request on its connection."""
        path, _, query = target.partition("?")
        routed = smart.route(path)
        if routed is not None:
            self._handle_git(handler, routed, method, query, headers, raw)
            return
        enterprise = path.startswith("/api/v3/") or path == "/api/v3"
        path = path.removeprefix("/api/v3") if enterprise else path
        fault = self._fault(method, path)
        web = f"http://{headers.get('host') or f'127.0.0.1:{self.port}'}"
        shapes = Shapes(f"{web}/api/v3" if enterprise else web, web)
        scheme, secret = smart.credentials(headers.get("authorization", ""))
        with self._lock:
            token = self.tokens.get(secret)
            pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
            body, garbled = _read(raw)
            reply, operation, spoiled = self._reply(
                method, path, pairs, body, garbled, headers, token, bool(scheme), fault, shapes
            )
            sent = reply if spoiled is None else spoiled
            self._stamp_limits(sent, token)
            closed = fault is not None and (fault.kind == "closed" or (fault.kind == "lost" and not fault.status))
            kept = {name: value for name, value in headers.items() if name != "authorization"}
            self.exchanges.append(
                Exchange(
                    method=method,
                    path=path,
                    query=tuple(pairs),
                    headers=kept,
                    login=token.account.login if token else "",
                    body=copy.deepcopy(body),
                    status=0 if closed else sent.status,
                    reply=copy.deepcopy(reply.body if fault is not None and fault.kind == "lost" else sent.body),
                    fault=fault.kind if fault else "",
                    operation=operation,
                    enterprise=enterprise,
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

    def _reply(
        self,
        method: str,
        path: str,
        pairs: list[tuple[str, str]],
        body: Any,
        garbled: bool,
        headers: Mapping[str, str],
        token: Token | None,
        tried: bool,
        fault: Fault | None,
        shapes: Shapes,
    ) -> tuple[Reply, str, Reply | None]:
        """The reply, the operation's name, and what is sent in the reply's place."""
        found = contract().find(method, path)
        if found is None:
            self.contract_errors.append(f"{method} {path}: no operation of the description that the double keeps")
            return Reply(404, error(404)), "", None
        operation, at = found
        refused, ignored = contract().request_errors(operation, at, pairs, body)
        if garbled:
            refused.append("the body is no JSON")
        self.contract_errors += [f"{method} {path}: {message}" for message in (*refused, *ignored)]
        if fault is not None and fault.kind in ("answer", "primary", "secondary"):
            return Reply(fault.status, fault.body), operation.name, self._spoiled(fault, token)
        if fault is not None and fault.kind == "closed":
            return Reply(0), operation.name, None
        reply = self._carried_out(
            operation, at, dict(pairs), body, refused, garbled, headers, token, tried, shapes, path
        )
        wrong = contract().reply_errors(operation, reply.status, reply.content_type, reply.body)
        self.contract_errors += [f"{method} {path} -> {reply.status}: {message}" for message in wrong]
        lost = Reply(fault.status, fault.body) if fault is not None and fault.kind == "lost" else None
        return reply, operation.name, lost

    def _carried_out(
        self,
        operation: Operation,
        at: Mapping[str, str],
        query: Mapping[str, str],
        body: Any,
        refused: list[str],
        garbled: bool,
        headers: Mapping[str, str],
        token: Token | None,
        tried: bool,
        shapes: Shapes,
        path: str,
    ) -> Reply:
        if not headers.get("user-agent"):
            message = (
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
            )
            return Reply(403, error(403, message))
        if tried and token is None:
            return Reply(401, error(401))
        allowance = self.allowance(token)
        if operation.name != "rate-limit/get":
            if not allowance.remaining:
                return Reply(403, rate_body(_whose(token)))
            allowance.used += 1
        if token is not None and token.kind != "user" and not operation.for_apps:
            return Reply(403, error(403, "Resource not accessible by integration"))
        if garbled:
            return Reply(400, error(400, "Problems parsing JSON"))
        if refused:
            return Reply(422, error(422, "Invalid request.\n\n" + "\n".join(refused)))
        try:
            self.synchronize()
            ask = Ask(token, at, query, body, headers.get("accept", ""), path, shapes)
            return self._operations.answer(operation.name, ask)
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body)
        except Exception as wrong:  # a double that does not add up is the test's fault: say so, loudly
            self.contract_errors.append(f"the double failed in {operation.name}: {wrong!r}")
            return Reply(500, error(500, f"the double failed: {wrong!r}"))

    def _spoiled(self, fault: Fault, token: Token | None) -> Reply:
        if fault.kind == "answer":
            return Reply(fault.status, fault.body)
        if fault.kind == "primary":
            allowance = self.allowance(token)
            reset = str(int(self._now() + fault.seconds))
            limits = {"x-ratelimit-limit": str(allowance.limit), "x-ratelimit-remaining": "0",
                      "x-ratelimit-used": str(allowance.limit), "x-ratelimit-reset": reset}  # fmt: skip
            return Reply(fault.status, rate_body(_whose(token)) | {"status": str(fault.status)}, headers=limits)
        after = {} if fault.seconds < 0 else {"retry-after": str(int(fault.seconds))}
        return Reply(fault.status, secondary_body() | {"status": str(fault.status)}, headers=after)

    def _stamp_limits(self, reply: Reply, token: Token | None) -> None:
        allowance = self.allowance(token)
        limits = {
            "x-ratelimit-limit": str(allowance.limit),
            "x-ratelimit-remaining": str(allowance.remaining),
            "x-ratelimit-used": str(allowance.used),
            "x-ratelimit-reset": str(int(allowance.reset)),
            "x-ratelimit-resource": "core",
            "x-github-request-id": f"{self.next_id():X}",
        }
        reply.headers = limits | reply.headers

    def _handle_git(
        self,
        handler: _Handler,
        routed: smart.GitRoute,
        method: str,
        query: str,
        headers: Mapping[str, str],
        raw: bytes,
    ) -> None:
        scheme, secret = smart.credentials(headers.get("authorization", ""))
        token = self.tokens.get(secret)
        pushes = "git-receive-pack" in (routed.rest, query.removeprefix("service="))
        with self._lock:
            self.synchronize()
            repository = self.repositories.get(routed.full_name.lower())
        answer = self._git_refusal(repository, token, scheme, pushes)
        if answer is None:
            assert repository is not None
            user = token.account.login if token and pushes else ""
            folder = f"{repository.full_name}.git".lower()
            answer = smart.serve(self._root, folder, routed.rest, method, query, headers, raw, user)
        login = token.account.login if token else ""
        path = f"/{routed.full_name}/{routed.rest}"
        with self._lock:
            self.git_requests.append(GitRequest(method, path, query, login, scheme, answer.status))
            self.synchronize()
        handler.send(Reply(answer.status, answer.body, "", dict(answer.headers)))

    def _git_refusal(
        self, repository: Repository | None, token: Token | None, scheme: str, pushes: bool
    ) -> smart.GitAnswer | None:
        if scheme and token is None:
            return smart.refused(401, "Invalid username or token. Password authentication is not supported.")
        if token is None and (repository is None or repository.private or pushes):
            return smart.refused(401, "Repository not found.")
        if repository is None:
            return smart.refused(404, "Repository not found.")
        if token is None:
            return None
        sees = token.repositories is None or repository.full_name in token.repositories
        if repository.private and not (sees and token.may("contents", "read")):
            return smart.refused(404 if not sees else 403, "Repository not found.")
        if pushes and not (sees and token.may("contents", "write")):
            return smart.refused(403, "Write access to repository not granted.")
        return None


def _read(raw: bytes) -> tuple[Any, bool]:
    if not raw:
        return None, False
    try:
        return json.loads(raw), False
    except ValueError:
        return None, True


def _whose(token: Token | None) -> str:
    if token is None:
        return "127.0.0.1"
    return f"user ID {token.account.id}" if token.kind == "user" else f"installation ID {token.account.id}"


class _Listener(ThreadingHTTPServer):
    """The socket."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, double: GitHubDouble, host: str) -> None:
        super().__init__((host, 0), _Handler)
        self.double = double

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        raw = self._chunks() if "chunked" in headers.get("transfer-encoding", "") else self._plain()
        self.server.double.handle(self, self.command, self.path, headers, raw)

    def _plain(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> bytes:
        whole = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(whole)

    def hang_up(self) -> None:
        """Closes the connection without a word."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, reply: Reply, *, cut: bool = False) -> None:
        """Sends a reply; `cut` breaks off in the middle of its body."""
        body = reply.body
        if body is None:
            content = b""
        elif isinstance(body, bytes):
            content = body
        else:
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(reply.status)
        if reply.content_type and body is not None:
            charset = "; charset=utf-8" if reply.content_type == "application/json" else ""
            self.send_header("Content-Type", reply.content_type + charset)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not cut:
            self.wfile.write(content)
            return
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.hang_up()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
