"""What is said on a merge request of GitLab: read, posted, amended, withdrawn; once, whatever goes wrong.

**Ours** is what our account wrote and what ends in our marker. **Once** comes from looking: before anything is
created, and after every failure that leaves open whether it was, our comments are read again, and only what is not
there is posted. What a person has answered stays as it is. **One notification**: comments on lines are written as
drafts and published together. Approvals are none of our business: nothing here asks for one, gives or takes one.

A job's own token may read a merge request and its notes, and nothing else of all this.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain import FileDiff
from bot.errors import ForgeError, UsageError
from bot.forges.gitlab.client import Client, quoted
from bot.forges.gitlab.positions import file_of, lines, position
from bot.forges.gitlab.shapes import (
    Discussion,
    DraftNote,
    Member,
    MergeRequest,
    Note,
    Project,
    Refs,
    Status,
    User,
    Version,
)
from bot.forges.http import Answered, Call
from bot.forges.once import ATTEMPTS, LOOKS, after, created
from bot.markers import Marker, marked, read, remembering, same
from bot.plan import (
    CheckRun,
    Conversation,
    Delivery,
    Dialect,
    Inline,
    Mark,
    Memory,
    Order,
    Plan,
    Posted,
    Pull,
    Remote,
)

DIALECT = Dialect(noun="merge request", sign="!", blocks="offsets", most_above=100, commands=False)
CHECK_NAME = "Tryline"
MAX_DESCRIPTION = 255
"""Characters of a status's description."""
DEVELOPER = 30
"""The lowest access level that may push."""
_STATES = {Mark.SUCCESS: ("success",), Mark.FAILURE: ("failed",), Mark.NEUTRAL: ("skipped", "canceled")}
"""What a check becomes, the first that GitLab takes. It knows no neutral. `skipped` is grey and blocks nothing;
GitLab before it has that takes `canceled`, which is no pass either."""
_BOT = re.compile(r"(?:project|group)_\d+_bot(?:_\w+)?")
"""Names of the accounts behind project and group access tokens."""
API = "role Developer and scope `api`"
READ = "scope `read_api`"


class Account:
    """Who we are on GitLab: the user that the token writes as. `configured` is its name where somebody said it."""

    def __init__(self, client: Client, configured: str | None) -> None:
        self._client = client
        self.configured = configured
        self._name: str | None = None

    @property
    def name(self) -> str:
        """Our user name; empty for a job's token, which writes nothing and may not ask. Raises ForgeError."""
        if self._name is None:
            if self._client.job:
                self._name = self.configured or ""
            else:
                call = Call("ask whose token this is", "scope `read_user`", "GET", "/user")
                self._name = self._client.read(call, User).username
        return self._name

    def is_ours(self, author: User | None) -> bool:
        """Whether something that this account wrote is ours."""
        return author is not None and self.name != "" and author.username.lower() == self.name.lower()


@dataclass(frozen=True)
class _Told:
    """A comment of ours on lines."""

    posted: Posted
    note: Note
    thread: str
    """Id of its discussion; empty where it was read without."""

    def is_at(self, inline: Inline, commit: str) -> bool:
        """Whether it tells of this finding, at these lines of this commit, and still holds."""
        place = self.note.position
        if place is None or (self.posted.finding, self.posted.withdrawn) != (inline.finding, False):
            return False
        last, first = lines(place)
        # Where GitLab refused a range, the comment stands on the last line.
        return (place.head_sha, place.new_path, last) == (commit, inline.path, inline.line) and first in (
            inline.start_line,
            None,
        )


@dataclass(frozen=True)
class _Posting:
    """Comments on lines while they are posted."""

    plan: Plan
    places: Mapping[Inline, Mapping[str, Any]]
    """Where each of them stands, as a request says it."""
    before: frozenset[int]
    """Our comments that were there already."""
    problems: list[str]

    @property
    def drafts(self) -> str:
        """Where drafts are, below the project."""
        return f"/merge_requests/{self.plan.number}/draft_notes"


class GitLab:
    """A `Host`: one project of gitlab.com or of a host of one's own, seen with one token.

    `repository` is the project's whole path, `account` the user that the token is expected to write as. `environ`
    tells of proxies and certificates, whether the token is a job's own, and of the pipeline that the job belongs
    to; `clock` tells seconds since the epoch; `patience` caps, for each call, the seconds spent waiting for rate
    limits; `pause` is the least time between two writes, in seconds, `timeout` the time to connect, and between
    two pieces of an answer; `run_url` is where a check links to.

    Raises UsageError for an address or a project that is none, ForgeError for a token that cannot be one.
    """

    name = "gitlab"
    dialect = DIALECT

    def __init__(
        self,
        *,
        token: str,
        repository: str,
        api_url: str = "https://gitlab.com/api/v4",
        server_url: str = "https://gitlab.com",
        account: str | None = None,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 120.0,
        pause: float = 0.2,
        timeout: int = 15,
        run_url: str = "",
    ) -> None:
        if not re.fullmatch(r"(?:(?!\.\.?/)[\w.-]+/)+(?!\.\.?$)[\w.-]+|[1-9]\d*", repository, re.ASCII):
            raise UsageError(
                "The project must be its whole path, GROUP/NAME.",
                hint="CI_PROJECT_PATH holds it in a job, CI_MERGE_REQUEST_PROJECT_PATH that of the merge request.",
                slug="usage",
            )
        self._client = Client(
            token=token,
            api_url=api_url,
            environ=environ,
            clock=clock,
            sleep=sleep,
            patience=patience,
            pause=pause,
            timeout=timeout,
        )
        self._token = token
        self._repository = repository
        self._root = f"/projects/{quoted(repository)}"
        self._server = server_url.rstrip("/")
        self._run_url = run_url
        self._account = Account(self._client, account)
        self._pipeline = (environ.get("CI_COMMIT_SHA", ""), environ.get("CI_PIPELINE_ID", ""))

    # ----------------------------------------------------------------------------------------- reading

    def pull(self, number: int) -> Pull:
        """The merge request as it is now: the commits are those of its newest version, where it may be seen."""
        self._client.renew()
        found = self._merge_request(number)
        return self._pull(found, self._newest(found))

    def pull_of(self, head_label: str, commit: str) -> Pull | None:
        """The open merge request whose head is this branch (`PROJECT/PATH:BRANCH`) at this commit.

        Of several, to different branches, the newest.
        """
        self._client.renew()
        project, colon, branch = head_label.rpartition(":")
        if not (project and colon and branch):
            return None  # GitLab would list every merge request.
        source = self._project(project)
        if source is None:
            return None
        call = self._reading(
            "look for the merge request of a branch",
            "/merge_requests",
            {"state": "opened", "source_branch": branch},
        )
        numbers = [
            found.iid
            for found in self._client.pages(call, MergeRequest)
            if found.state == "opened"
            and (found.source_branch, found.source_project_id) == (branch, source.id)
            and found.sha == commit
        ]
        if not numbers:
            return None
        found = self._merge_request(max(numbers))  # A list does not tell of its commits.
        return self._pull(found, self._newest(found))

    def may_command(self, actor: str) -> bool:
        """Whether somebody is a Developer (or more) of the project, by whatever group. False where that cannot be
        found out."""
        self._client.renew()
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}", actor):
            return False
        try:
            named = Call("look for a user", READ, "GET", "/users", {"username": actor})
            users = [
                user for user in self._client.read(named, list[User]) if user.username.lower() == actor.lower()
            ]
            if len(users) != 1:
                return False
            call = self._reading("read a membership", f"/members/all/{users[0].id}")
            found = self._client.read(call, Member)
        except ForgeError:
            return False
        return found.id == users[0].id and found.state == "active" and found.access_level >= DEVELOPER

    def conversation(self, number: int) -> Conversation:
        """What we have said there. Comments of other accounts are never ours, whatever they hold.

        With a job's own token threads cannot be seen, and so not who has answered.
        """
        self._client.renew()
        threads = self._threads(number)
        summaries = self._summaries(threads)
        memory = None
        summary = None
        if summaries:
            marker = read(summaries[0].body)
            memory = marker.memory if marker is not None else None
            summary = Posted(summaries[0].id, summaries[0].body)
        told = self._told(threads, self._newest(self._merge_request(number)))
        return Conversation(
            summary, tuple(one.posted for one in told.values()), memory if memory is not None else Memory()
        )

    def diff(self, number: int) -> tuple[FileDiff, ...]:
        """The merge request's diff as the platform has it, hunks included; for a run that has no clone.

        Files whose hunks GitLab does not give (large, collapsed, binary), or gives cut, have none.
        """
        self._client.renew()
        versions = self._versions(number)
        return self._files(number, versions[0]) if versions else ()

    def remote(self) -> Remote:
        """Where git finds the repository."""
        user = "gitlab-ci-token" if self._client.job else "oauth2"
        secret = base64.b64encode(f"{user}:{self._token}".encode()).decode("ascii")
        return Remote(f"{self._server}/{self._repository}.git", f"basic {secret}")

    # ----------------------------------------------------------------------------------------- writing

    def say(self, number: int, body: str) -> str:
        """Makes this the text of the sticky summary, there or new, and gives its web address. Idempotent.

        A body without a marker or memory gets those of the summary that is there. Runs that do this at the
        same time end with one summary: the oldest stays.
        """
        self._client.renew()
        return self._say(number, body)

    def publish(self, plan: Plan) -> Delivery:
        """Carries a plan out: edits, deletions, new threads together, the summary, the check, in this order.

        Doing it again after a failure, with a plan made from the conversation as it is then, finishes it; nothing
        is posted twice, also where an answer was lost after the write. Comments on lines that are refused go into
        the summary. A thread that cannot be resolved, and a check that may not be written, are problems of the
        delivery, no errors.
        """
        self._client.renew()
        problems: list[str] = []
        edited = self._edit(plan, problems)
        deleted = self._delete(plan, problems)
        posted, present, refused = self._post(plan, problems)
        # Asked for anew: somebody may have pushed, or resolved, meanwhile.
        told = self._told(self._threads(plan.number), self._newest(self._merge_request(plan.number)))
        standing = (one.posted for one in told.values())
        on_lines = tuple(dict.fromkeys(p.finding for p in standing if p.line is not None and not p.withdrawn))
        url = self._say(plan.number, plan.summary_if_refused if refused else plan.summary)
        if plan.check is not None:
            try:
                self._check(plan.head, plan.check)
            except ForgeError as error:
                if error.slug not in ("forge-auth", "forge-refused", "forge-missing"):
                    raise
                problems.append(f"The check was not written. {error.message} {error.hint}")
        name, configured = self._account.name, self._account.configured
        if configured and name.lower() != configured.lower():
            problems.append(
                f"The token writes as {self._client.safe(name)}, not as the configured "
                f"`pull.account` {self._client.safe(configured)}."
            )
        return Delivery(
            created=posted,
            edited=edited,
            deleted=deleted,
            kept=len(plan.kept) + present,
            on_lines=on_lines,
            summary=url,
            problems=tuple(problems),
        )

    def check(self, head: str, check: CheckRun) -> None:
        """Makes this the status of a commit. A status has no annotations: the Code Quality report shows them."""
        self._client.renew()
        self._check(head, check)

    def answer(self, order: Order, body: str) -> None:
        """Replies in the thread of the comment that gave a command. Once: a run that is repeated does not reply
        again. Does nothing where no comment gave it, or where it is gone."""
        if not order.command:
            return
        self._client.renew()
        marker = Marker("answer", str(order.command))

        def said() -> list[Note]:
            return self._ours(self._threads(order.number), "answer", marker.id)

        threads = self._threads(order.number)
        thread = next((t.id for t in threads if any(note.id == order.command for note in t.notes)), None)
        if thread is None or self._ours(threads, "answer", marker.id):
            return
        path = f"/merge_requests/{order.number}/discussions/{thread}/notes"
        payload = {"body": marked(body, marker)}
        call = self._writing("answer a command", "POST", path, payload, again=False)
        created(self._client, call, Note, lambda: next(iter(said()), None))
        self._drop(order.number, said()[1:])

    def upload_sarif(self, commit: str, ref: str, sarif: str) -> None:
        """Nothing: GitLab takes reports as artifacts of the job (`gl-sast-report.json`), and by no request."""

    # ------------------------------------------------------------------------------- what is there

    def _merge_request(self, number: int) -> MergeRequest:
        call = self._reading(f"read merge request {number}", f"/merge_requests/{number}")
        return self._client.read(call, MergeRequest)

    def _versions(self, number: int) -> tuple[Version, ...]:
        """Newest first."""
        call = self._reading(f"read the versions of merge request {number}", f"/merge_requests/{number}/versions")
        return tuple(sorted(self._client.pages(call, Version), key=lambda version: -version.id))

    def _newest(self, found: MergeRequest) -> Refs:
        """The commits of its newest version; those that it names itself where versions cannot be seen."""
        own = found.diff_refs or Refs()
        if self._client.job:
            return own
        versions = self._versions(found.iid)
        return versions[0].refs if versions else own

    def _pull(self, found: MergeRequest, refs: Refs) -> Pull:
        head, base = refs.head_sha or found.sha, refs.start_sha
        if head is None or base is None or refs.base_sha is None:
            raise ForgeError(
                f"Could not read merge request {found.iid}: GitLab has not yet compared its branches, or cannot.",
                hint="Run it again in a minute; without commits, or one in common, there is nothing to review.",
                slug="forge-garbled",
            )
        fork = found.source_project_id != found.target_project_id
        author = found.author
        return Pull(
            repository=self._repository,
            number=found.iid,
            head=head,
            base=base,
            base_ref=found.target_branch,
            head_label=f"{self._source(found) if fork else self._repository}:{found.source_branch}",
            fork=fork,
            draft=found.draft,
            open=found.state == "opened",
            author=author.username if author is not None else "",
            bot=author is not None and (author.bot or _BOT.fullmatch(author.username) is not None),
        )

    def _source(self, found: MergeRequest) -> str:
        """The path of the fork; its number where the fork may not be seen."""
        project = self._project(str(found.source_project_id)) if found.source_project_id is not None else None
        return project.path_with_namespace if project is not None else str(found.source_project_id or "")

    def _project(self, name: str) -> Project | None:
        """The project of a path or number; None where it is not there for us."""
        try:
            call = Call("read a project", READ, "GET", f"/projects/{quoted(name)}")
            return self._client.read(call, Project)
        except ForgeError as error:
            if error.slug not in ("forge-missing", "forge-auth"):
                raise
            return None

    def _threads(self, number: int) -> tuple[Discussion, ...]:
        """All that is said there, oldest first. With a job's token each note stands alone."""
        if self._client.job:
            call = self._reading(
                f"read the notes of merge request {number}",
                f"/merge_requests/{number}/notes",
                {"sort": "asc", "order_by": "created_at"},
            )
            return tuple(Discussion(id="", notes=(note,)) for note in self._client.pages(call, Note))
        path = f"/merge_requests/{number}/discussions"
        return self._client.pages(self._reading(f"read the threads of merge request {number}", path), Discussion)

    def _ours(self, threads: Sequence[Discussion], kind: str, finding: str = "") -> list[Note]:
        """Our notes with such a marker, oldest first."""
        found = {
            note.id: note
            for thread in threads
            for note in thread.notes
            if not note.system
            and (marker := read(note.body)) is not None
            and (marker.kind, marker.id) == (kind, finding)
            and self._account.is_ours(note.author)
        }
        return [found[key] for key in sorted(found)]

    def _summaries(self, threads: Sequence[Discussion]) -> list[Note]:
        return self._ours(threads, "summary")

    def _told(self, threads: Sequence[Discussion], refs: Refs) -> dict[int, _Told]:
        """Our threads that tell of findings, by the id of their first note, oldest first. `refs` are the merge
        request's commits now: a place in another diff is outdated."""
        told = {}
        for thread in threads:
            first = thread.notes[0] if thread.notes else None
            if first is None or first.system or not self._account.is_ours(first.author):
                continue
            marker = read(first.body)
            if marker is None or marker.kind != "finding" or not marker.id:
                continue
            place = first.position
            last, start = lines(place) if place is not None else (None, None)
            if place is None or place.head_sha != refs.head_sha:
                last = start = None
            answered = any(not note.system and not self._account.is_ours(note.author) for note in thread.notes)
            told[first.id] = _Told(
                Posted(
                    first.id,
                    first.body,
                    marker.id,
                    marker.withdrawn,
                    (place.new_path if place is not None else None) or "",
                    last,
                    start,
                    answered,
                ),
                first,
                thread.id,
            )
        return {key: told[key] for key in sorted(told)}

    def _told_now(self, number: int, refs: Refs | None = None) -> dict[int, _Told]:
        return self._told(self._threads(number), refs or Refs())

    def _files(self, number: int, version: Version) -> tuple[FileDiff, ...]:
        path = f"/merge_requests/{number}/versions/{version.id}"
        found = self._client.read(self._reading(f"read the diff of merge request {number}", path), Version)
        return tuple(file_of(change) for change in found.diffs)

    # ------------------------------------------------------------------------------- edits and deletions

    def _edit(self, plan: Plan, problems: list[str]) -> int:
        edited = 0
        for amended in plan.edit:
            # Read again for each: somebody may be answering just now.
            told = self._told_now(plan.number).get(amended.key)
            if told is None:
                problems.append(f"The comment on {amended.finding} is not there any more and was not edited.")
                continue
            if told.posted.answered:
                problems.append(f"The comment on {amended.finding} has an answer and was left as it is.")
                continue
            body = marked(amended.body, Marker("finding", amended.finding, amended.withdrawn))
            if not same(told.posted.body, body):
                path = f"/merge_requests/{plan.number}/notes/{amended.key}"
                call = self._writing("edit a comment", "PUT", path, {"body": body}, again=True)
                try:
                    self._client.write(call, object)
                except ForgeError as error:
                    if error.slug != "forge-missing":
                        raise
                    problems.append(f"The comment on {amended.finding} was deleted meanwhile.")
                    continue
            edited += 1
            self._settle(plan.number, told, amended.withdrawn, problems)
        return edited

    def _settle(self, number: int, told: _Told, withdrawn: bool, problems: list[str]) -> None:
        """Resolves a thread of ours that is withdrawn; opens one that we have resolved and that holds again."""
        note = told.note
        if not note.resolvable or note.resolved == withdrawn:
            return
        if note.resolved and not self._account.is_ours(note.resolved_by):
            return  # A person has decided.
        path = f"/merge_requests/{number}/discussions/{told.thread}"
        doing = "resolve a thread" if withdrawn else "open a thread again"
        try:
            self._client.write(self._writing(doing, "PUT", path, {"resolved": withdrawn}, again=True), object)
        except ForgeError as error:
            problems.append(f"The thread on {told.posted.finding} stays as it is. {error.message}")

    def _delete(self, plan: Plan, problems: list[str]) -> int:
        deleted = 0
        for key in plan.delete:
            told = self._told_now(plan.number).get(key)
            if told is not None and told.posted.answered:
                problems.append(f"The comment on {told.posted.finding} has an answer and was left where it is.")
            elif told is not None:
                deleted += self._drop_note(plan.number, key)
        return deleted

    def _drop_note(self, number: int, key: int) -> bool:
        path = f"/merge_requests/{number}/notes/{key}"
        return self._client.delete(self._writing("delete a comment", "DELETE", path, None, again=True))

    def _drop(self, number: int, notes: Sequence[Note]) -> None:
        for note in notes:
            self._drop_note(number, note.id)

    # ------------------------------------------------------------------------------------ new threads

    def _post(self, plan: Plan, problems: list[str]) -> tuple[int, int, bool]:
        """Posts the comments that are not there. How many it posted, how many were there, is any refused."""
        if not plan.create:
            return 0, 0, False
        told = self._told_now(plan.number)
        missing = [
            inline for inline in plan.create if not any(one.is_at(inline, plan.head) for one in told.values())
        ]
        wanted, present = len(missing), len(plan.create) - len(missing)
        if not missing:
            return 0, present, False
        work = _Posting(plan, self._places(plan, missing), frozenset(told), problems)
        refused = [inline for inline in missing if inline not in work.places]
        refused += self._discuss(work, self._publish(work, list(work.places)))
        self._drop_doubles(plan)
        if refused:
            problems.append(
                f"GitLab did not take {len(refused)} of the comments on lines; they are in the summary."
            )
        return wanted - len(refused), present, bool(refused)

    def _places(self, plan: Plan, inlines: Sequence[Inline]) -> dict[Inline, dict[str, Any]]:
        """Where each comment stands in the version that was reviewed; what is left out can stand nowhere."""
        version = next((v for v in self._versions(plan.number) if v.head_commit_sha == plan.head), None)
        if version is None:
            return {}
        files = self._files(plan.number, version)
        found = {}
        for inline in inlines:
            place = position(files, version.refs, inline.path, inline.line, inline.start_line)
            if place is not None:
                found[inline] = place
        return found

    def _missing(self, work: _Posting, inlines: Sequence[Inline]) -> list[Inline]:
        """The comments that were not made since the work began."""
        # Not by their lines: after a push GitLab moves also what is made for the version before it.
        fresh = {
            one.posted.finding
            for key, one in self._told_now(work.plan.number).items()
            if key not in work.before and not one.posted.withdrawn
        }
        return [inline for inline in inlines if inline.finding not in fresh]

    def _awaited(self, work: _Posting, inlines: Sequence[Inline]) -> list[Inline]:
        """The comments that are not there, also after a while: GitLab may be slow to show what it published."""
        missing = self._missing(work, inlines)
        for wait in LOOKS:
            if missing:
                self._client.sleep(wait)
                missing = self._missing(work, missing)
        return missing

    def _drop_doubles(self, plan: Plan) -> None:
        """Where another run has posted the same at the same time: the oldest stays, and what was answered."""
        told = self._told_now(plan.number).values()
        for inline in plan.create:
            for double in [one for one in told if one.is_at(inline, plan.head)][1:]:
                if not double.posted.answered:
                    self._drop_note(plan.number, double.posted.key)

    # As drafts, which are published together.

    def _publish(self, work: _Posting, inlines: Sequence[Inline]) -> list[Inline]:
        """Posts comments with one notification. Those that are not there afterwards."""
        if not inlines:
            return []
        try:
            ready = self._draft(work, inlines)
            if ready:
                self._release(work, ready)
            return [inline for inline in inlines if inline not in ready] + self._awaited(work, ready)
        except ForgeError as error:
            if error.slug not in ("forge-auth", "forge-missing", "forge-refused", "forge-server"):
                raise
            missing = self._missing(work, inlines)
            if missing:
                work.problems.append(
                    f"The comments could not be published together, so each notifies by itself. {error.message}"
                )
                self._sweep(work)
            return missing

    def _drafts(self, work: _Posting) -> list[DraftNote]:
        """The pending drafts of our account: ours, and those of a person whose token this is."""
        # All at once: this list has no pages.
        return self._client.read(self._reading("read the draft comments", work.drafts), list[DraftNote])

    def _draft(self, work: _Posting, inlines: Sequence[Inline]) -> list[Inline]:
        """Writes drafts of the comments. Those that GitLab takes. What an earlier run left is taken away."""
        for draft in self._drafts(work):
            if _is_finding(draft.note):
                self._drop_draft(work, draft)
        return [inline for inline in inlines if self._one_draft(work, inline)]

    def _one_draft(self, work: _Posting, inline: Inline) -> bool:
        body = marked(inline.body, Marker("finding", inline.finding))

        def there() -> DraftNote | None:
            return next((draft for draft in self._drafts(work) if same(draft.note, body)), None)

        for shape in _shapes(work.places[inline]):
            payload = {"note": body, "position": shape}
            call = self._writing("draft a comment", "POST", work.drafts, payload, again=False)
            try:
                draft = created(self._client, call, DraftNote, there)
            except Answered as error:
                if error.slug != "forge-refused":
                    raise
                continue
            if draft.line_code is not None:
                return True
            self._drop_draft(work, draft)  # GitLab does not find the line, and would lose the comment.
        return False

    def _drop_draft(self, work: _Posting, draft: DraftNote) -> None:
        path = f"{work.drafts}/{draft.id}"
        self._client.delete(self._writing("delete a draft comment", "DELETE", path, None, again=True))

    def _release(self, work: _Posting, ready: Sequence[Inline]) -> None:
        """Publishes our drafts. A person's own are left alone: where there are some, ours go one by one."""
        for attempt in range(1, ATTEMPTS + 1):
            pending = self._drafts(work)
            mine = [draft for draft in pending if _is_finding(draft.note)]
            if not mine:
                return
            alone = len(mine) < len(pending)
            try:
                self._release_once(work, mine, alone=alone)
            except ForgeError as error:
                if not error.sent:
                    raise
                left = after(self._client, error, lambda: self._missing(work, ready), lambda missing: not missing)
                if left and attempt == ATTEMPTS:
                    raise
                if left:
                    continue
            if alone:
                work.problems.append(
                    "The token's account has draft comments of its own there, so ours were published one by one."
                )
            return

    def _release_once(self, work: _Posting, mine: Sequence[DraftNote], *, alone: bool) -> None:
        if not alone:
            path = f"{work.drafts}/bulk_publish"
            self._client.write(self._writing("publish the comments", "POST", path, None, again=False), object)
            return
        for draft in mine:
            path = f"{work.drafts}/{draft.id}/publish"
            self._client.write(self._writing("publish a comment", "PUT", path, None, again=False), object)

    def _sweep(self, work: _Posting) -> None:
        """Takes away drafts that could not be published. A failure here is a problem, no error."""
        try:
            for draft in self._drafts(work):
                if _is_finding(draft.note):
                    self._drop_draft(work, draft)
        except ForgeError as error:
            if error.slug not in ("forge-auth", "forge-missing"):
                work.problems.append(f"Draft comments may be left. {error.message}")

    # As threads, one by one.

    def _discuss(self, work: _Posting, inlines: Sequence[Inline]) -> list[Inline]:
        """Posts each comment as a thread. Those that GitLab refuses."""
        return [inline for inline in inlines if not self._one_thread(work, inline)]

    def _one_thread(self, work: _Posting, inline: Inline) -> bool:
        number = work.plan.number
        body = marked(inline.body, Marker("finding", inline.finding))

        def there() -> Discussion | None:
            # Not by its lines, see above.
            for thread in self._threads(number):
                first = thread.notes[0] if thread.notes else None
                if first is not None and first.id not in work.before and self._account.is_ours(first.author):
                    marker = read(first.body)
                    if marker is not None and (marker.kind, marker.id) == ("finding", inline.finding):
                        return thread
            return None

        why = ""
        for shape in _shapes(work.places[inline]):
            payload = {"body": body, "position": shape}
            path = f"/merge_requests/{number}/discussions"
            call = self._writing("post a comment", "POST", path, payload, again=False)
            try:
                created(self._client, call, Discussion, there)
                return True
            except Answered as error:
                if error.slug != "forge-refused":
                    raise
                why = error.message
        work.problems.append(f"GitLab refused the comment on {inline.finding}. {why}")
        return False

    # -------------------------------------------------------------------------------------- the summary

    def _say(self, number: int, body: str) -> str:
        page = f"{self._server}/{self._repository}/-/merge_requests/{number}"
        notes = f"/merge_requests/{number}/notes"
        for _ in range(ATTEMPTS):
            mine = self._summaries(self._threads(number))
            if not mine:
                fresh = marked(body, Marker("summary"))
                call = self._writing("post the summary", "POST", notes, {"body": fresh}, again=False)
                posted = created(
                    self._client, call, Note, lambda: next(iter(self._summaries(self._threads(number))), None)
                )
                # Another run may have done the same: the oldest is it.
                mine = self._summaries(self._threads(number)) or [posted]
            oldest, *doubles = mine
            text = remembering(body, oldest.body)
            if not same(oldest.body, text):
                call = self._writing("edit the summary", "PUT", f"{notes}/{oldest.id}", {"body": text}, again=True)
                try:
                    self._client.write(call, object)
                except ForgeError as error:
                    if error.slug != "forge-missing":
                        raise
                    continue  # Somebody has deleted it just now.
            self._drop(number, doubles)
            return f"{page}#note_{oldest.id}"
        raise ForgeError(
            f"Could not edit the summary of merge request {number}: it is deleted again and again.",
            hint="Is another run or another bot at work there?",
            slug="forge-missing",
        )

    # ---------------------------------------------------------------------------------------- the check

    def _check(self, head: str, check: CheckRun) -> None:
        description = check.title[:MAX_DESCRIPTION]
        states = _STATES[check.mark]
        for state in states:
            try:
                self._status(head, state, description)
                return
            except Answered as error:
                if error.slug != "forge-refused" or state == states[-1]:
                    raise

    def _status(self, head: str, state: str, description: str) -> None:
        reading = self._reading(
            "read the statuses of a commit", f"/repository/commits/{quoted(head)}/statuses", {"name": CHECK_NAME}
        )

        def there() -> Status | None:
            newest = max(self._client.pages(reading, Status), key=lambda status: status.id, default=None)
            said = (CHECK_NAME, state, description)
            is_it = newest is not None and (newest.name, newest.status, newest.description or "") == said
            return newest if is_it else None

        if there() is not None:
            return  # GitLab refuses to make a status what it is.
        payload: dict[str, Any] = {"state": state, "name": CHECK_NAME, "description": description}
        if self._run_url:
            payload["target_url"] = self._run_url
        commit, pipeline = self._pipeline
        if commit == head and pipeline.isdecimal():
            payload["pipeline_id"] = int(pipeline)  # Else GitLab takes the newest one of this commit.
        call = self._writing("write the check", "POST", f"/statuses/{quoted(head)}", payload, again=False)
        created(self._client, call, Status, there)

    # ------------------------------------------------------------------------------------------ requests

    def _reading(self, doing: str, path: str, query: Mapping[str, str | int] | None = None) -> Call:
        return Call(doing, READ, "GET", f"{self._root}{path}", query or {})

    def _writing(
        self, doing: str, verb: str, path: str, payload: Mapping[str, Any] | None, *, again: bool
    ) -> Call:
        return Call(doing, API, verb, f"{self._root}{path}", {}, payload, again)


def _shapes(place: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A place as it is, and where it has several lines the last alone: a block says itself what it replaces."""
    whole = dict(place)
    single = {key: value for key, value in whole.items() if key != "line_range"}
    return [whole, single] if single != whole else [whole]


def _is_finding(body: str) -> bool:
    marker = read(body)
    return marker is not None and marker.kind == "finding"
