"""What is said on a pull request of GitHub: read, posted, amended, withdrawn; once, whatever goes wrong.

**Ours** is what our account wrote and what ends in our marker. **Once** comes from looking: before anything is
created, and after every failure that leaves open whether it was, our comments are read again, and only what is not
there is posted. What a person has answered stays as it is.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from bot.diff import hunks
from bot.domain import FileDiff, FileStatus, Hunk
from bot.errors import ForgeError, UsageError
from bot.forges.github.account import Account
from bot.forges.github.client import Call, Client
from bot.forges.github.shapes import (
    Anything,
    ChangedFile,
    Check,
    Checks,
    IssueComment,
    Permission,
    PullRequest,
    Review,
    ReviewComment,
)
from bot.forges.once import ATTEMPTS, after
from bot.markers import Marker, marked, read, remembering, same
from bot.plan import (
    Annotation,
    CheckRun,
    Conversation,
    Delivery,
    Dialect,
    Inline,
    Memory,
    Order,
    Plan,
    Posted,
    Pull,
    Remote,
)

CHECK_NAME = "Tryline"
BATCH = 50
"""Annotations in one request."""
MAX_SARIF = 10_000_000
"""Bytes, compressed, that code scanning takes."""
REFUSED = "The comments of this review could not be placed on lines; they are in the summary."

PULLS = "pull-requests: write"
_STATUS = {
    "added": FileStatus.ADDED,
    "removed": FileStatus.DELETED,
    "renamed": FileStatus.RENAMED,
    "copied": FileStatus.COPIED,
}
_WRITERS = ("admin", "maintain", "write")
T = TypeVar("T")


@dataclass(frozen=True)
class _Told:
    """A comment of ours on lines."""

    posted: Posted
    comment: ReviewComment

    def is_at(self, inline: Inline, commit: str) -> bool:
        """Whether it tells of this finding, at these lines of this commit, and still holds."""
        comment = self.comment
        if (self.posted.finding, comment.path, self.posted.withdrawn) != (inline.finding, inline.path, False):
            return False
        places = (
            (comment.commit_id, comment.line, comment.start_line),
            (comment.original_commit_id, comment.original_line, comment.original_start_line),
        )
        return (commit, inline.line, inline.start_line) in places


class GitHub:
    """A `Host`: one repository of GitHub or GitHub Enterprise, seen with one token.

    `account` is the login that the token writes as; without it the API is asked, and where it may not be asked,
    the token is taken to be a workflow's own. `environ` tells of proxies and certificates, and of nothing else;
    `clock` tells seconds since the epoch; `patience` caps, for each call, the seconds spent waiting for rate
    limits; `pause` is the least time between two writes, in seconds, `timeout` the time to connect, and between
    two pieces of an answer; `run_url` is where a check run links to.

    Raises UsageError for an address or a repository that is none, ForgeError for a token that cannot be one.
    """

    name = "github"
    dialect = Dialect()

    def __init__(
        self,
        *,
        token: str,
        repository: str,
        api_url: str = "https://api.github.com",
        server_url: str = "https://github.com",
        account: str | None = None,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 120.0,
        pause: float = 1.0,
        timeout: int = 15,
        run_url: str = "",
    ) -> None:
        if not re.fullmatch(r"(?!\.)[\w.-]+/(?!\.\.?$)[\w.-]+", repository, re.ASCII):
            raise UsageError(
                "The repository must be OWNER/NAME.",
                hint="GITHUB_REPOSITORY holds it in a workflow.",
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
        self._root = f"/repos/{repository}"
        self._server = server_url.rstrip("/")
        self._run_url = run_url
        self._account = Account(self._client, account)

    # ----------------------------------------------------------------------------------------- reading

    def pull(self, number: int) -> Pull:
        """The pull request as it is now."""
        self._client.renew()
        call = self._reading(f"read pull request {number}", f"/pulls/{number}", "pull-requests: read")
        return self._pull(self._client.read(call, PullRequest))

    def pull_of(self, head_label: str, commit: str) -> Pull | None:
        """The open pull request whose head is this branch (`OWNER:BRANCH`) at this commit.

        Of several, to different branches, the newest.
        """
        self._client.renew()
        if ":" not in head_label:
            return None  # GitHub would list every pull request.
        call = self._reading(
            "look for the pull request of a branch",
            "/pulls",
            "pull-requests: read",
            {"state": "open", "head": head_label},
        )
        found = [
            pull
            for pull in self._client.pages(call, PullRequest)
            if pull.state == "open" and pull.head.label == head_label and pull.head.sha == commit
        ]
        return self._pull(max(found, key=lambda pull: pull.number)) if found else None

    def may_command(self, actor: str) -> bool:
        """Whether somebody has write permission (or more). False where that cannot be found out."""
        self._client.renew()
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", actor):
            return False
        path = f"/collaborators/{urllib.parse.quote(actor, safe='')}/permission"
        try:
            found = self._client.read(self._reading("read a permission", path, "metadata: read"), Permission)
        except ForgeError:
            return False
        if found.user is not None and found.user.login.lower() != actor.lower():
            return False
        return found.permission in _WRITERS or found.role_name in _WRITERS

    def conversation(self, number: int) -> Conversation:
        """What we have said there. Comments of other accounts are never ours, whatever they hold."""
        self._client.renew()
        summaries = self._summaries(number)
        memory = None
        summary = None
        if summaries:
            oldest = summaries[0]
            marker = read(oldest.body or "")
            memory = marker.memory if marker is not None else None
            summary = Posted(oldest.id, oldest.body or "")
        comments = tuple(told.posted for told in self._told(number).values())
        return Conversation(summary, comments, memory if memory is not None else Memory())

    def diff(self, number: int) -> tuple[FileDiff, ...]:
        """The pull request's diff as the platform has it, hunks included; for a run that has no clone.

        Files whose hunks GitHub does not give (large, binary), or gives cut, have none. GitHub lists 3,000 files
        at most, and tells no modes: every file counts as a regular one.
        """
        self._client.renew()
        call = self._reading(
            f"read the diff of pull request {number}", f"/pulls/{number}/files", "pull-requests: read"
        )
        return tuple(_file(file) for file in self._client.pages(call, ChangedFile))

    def remote(self) -> Remote:
        """Where git finds the repository."""
        secret = base64.b64encode(f"x-access-token:{self._token}".encode()).decode("ascii")
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
        """Carries a plan out: edits, deletions, one review, the summary, the check, in this order.

        Doing it again after a failure, with a plan made from the conversation as it is then, finishes it; nothing
        is posted twice, also where an answer was lost after the write. Comments on lines that are refused go into
        the summary. A check that may not be written is a problem of the delivery, no error.
        """
        self._client.renew()
        problems: list[str] = []
        edited = self._edit(plan, problems)
        deleted = self._delete(plan, problems)
        created, present, refused = self._review(plan, problems)
        posted = [told.posted for told in self._told(plan.number).values()]
        on_lines = tuple(dict.fromkeys(p.finding for p in posted if p.line is not None and not p.withdrawn))
        url = self._say(plan.number, plan.summary_if_refused if refused else plan.summary)
        if plan.check is not None:
            try:
                self._check(plan.head, plan.check)
            except ForgeError as error:
                if error.slug not in ("forge-auth", "forge-refused", "forge-missing"):
                    raise
                problems.append(f"The check was not written. {error.message} {error.hint}")
        login, configured = self._account.login, self._account.configured
        if configured and login.lower() != configured.lower():
            problems.append(
                f"The token writes as {self._client.safe(login)}, not as the configured "
                f"`pull.account` {self._client.safe(configured)}."
            )
        return Delivery(
            created=created,
            edited=edited,
            deleted=deleted,
            kept=len(plan.kept) + present,
            on_lines=on_lines,
            summary=url,
            problems=tuple(problems),
        )

    def check(self, head: str, check: CheckRun) -> None:
        """Makes this the check of a commit; annotations in as many requests as GitHub needs (50 in each)."""
        self._client.renew()
        self._check(head, check)

    def answer(self, order: Order, body: str) -> None:
        """Replies to the comment that gave a command. Once: a run that is repeated does not reply again.

        Does nothing where no comment gave it.
        """
        if not order.command:
            return
        self._client.renew()
        marker = Marker("answer", str(order.command))

        def answers() -> list[IssueComment]:
            return self._issue_comments(
                order.number, lambda found: (found.kind, found.id) == ("answer", marker.id)
            )

        if not answers():
            self._post(order.number, marked(body, marker), "answer a command", answers)
            self._drop(answers()[1:])

    def upload_sarif(self, commit: str, ref: str, sarif: str) -> None:
        """Hands a SARIF log to code scanning. The same again replaces it."""
        self._client.renew()
        packed = gzip.compress(sarif.encode("utf-8", "replace"), mtime=0)
        if len(packed) > MAX_SARIF:
            raise ForgeError(
                f"Could not upload the SARIF log: it has {len(packed):,} bytes, and code scanning takes 10 MB.",
                hint="Review fewer files at once, or turn `pull.sarif` off.",
                slug="forge-refused",
            )
        payload = {"commit_sha": commit, "ref": ref, "sarif": base64.b64encode(packed).decode("ascii")}
        needs = "security-events: write"
        call = self._writing(
            "upload the SARIF log", "POST", "/code-scanning/sarifs", payload, needs=needs, again=True
        )
        try:
            self._client.write(call, Anything)
        except ForgeError as error:
            if error.slug in ("forge-auth", "forge-missing"):
                error.hint += " Code scanning must be enabled for the repository."
            raise

    # ------------------------------------------------------------------------------- comments that are ours

    def _issue_comments(self, number: int, wanted: Callable[[Marker], bool]) -> list[IssueComment]:
        """Ours below the pull request with such a marker, oldest first."""
        call = self._reading(
            f"read the comments of pull request {number}", f"/issues/{number}/comments", "pull-requests: read"
        )
        found = {
            comment.id: comment
            for comment in self._client.pages(call, IssueComment)
            if self._account.is_ours(comment.user)
            and (marker := read(comment.body or "")) is not None
            and wanted(marker)
        }
        return [found[key] for key in sorted(found)]

    def _summaries(self, number: int) -> list[IssueComment]:
        return self._issue_comments(number, lambda marker: marker.kind == "summary")

    def _told(self, number: int) -> dict[int, _Told]:
        """Our comments on lines that tell of findings, by id, oldest first."""
        call = self._reading(
            f"read the review comments of pull request {number}",
            f"/pulls/{number}/comments",
            "pull-requests: read",
        )
        comments = {comment.id: comment for comment in self._client.pages(call, ReviewComment)}
        answered = {
            _root(comment, comments)
            for comment in comments.values()
            if comment.in_reply_to_id is not None and not self._account.is_ours(comment.user)
        }
        told = {}
        for key in sorted(comments):
            comment = comments[key]
            marker = read(comment.body or "") if self._account.is_ours(comment.user) else None
            if marker is None or marker.kind != "finding" or not marker.id:
                continue
            told[key] = _Told(
                Posted(
                    key,
                    comment.body or "",
                    marker.id,
                    marker.withdrawn,
                    comment.path,
                    comment.line,
                    comment.start_line if comment.line is not None else None,
                    _root(comment, comments) in answered,
                ),
                comment,
            )
        return told

    def _edit(self, plan: Plan, problems: list[str]) -> int:
        edited = 0
        for amended in plan.edit:
            # Read again for each: somebody may be answering just now.
            told = self._told(plan.number).get(amended.key)
            if told is None:
                problems.append(f"The comment on {amended.finding} is not there any more and was not edited.")
            elif told.posted.answered:
                problems.append(f"The comment on {amended.finding} has an answer and was left as it is.")
            else:
                body = marked(amended.body, Marker("finding", amended.finding, amended.withdrawn))
                if not same(told.posted.body, body):
                    path = f"/pulls/comments/{amended.key}"
                    call = self._writing("edit a comment", "PATCH", path, {"body": body}, again=True)
                    try:
                        self._client.write(call, Anything)
                    except ForgeError as error:
                        if error.slug != "forge-missing":
                            raise
                        problems.append(f"The comment on {amended.finding} was deleted meanwhile.")
                        continue
                edited += 1
        return edited

    def _delete(self, plan: Plan, problems: list[str]) -> int:
        deleted = 0
        for key in plan.delete:
            told = self._told(plan.number).get(key)
            if told is not None and told.posted.answered:
                problems.append(f"The comment on {told.posted.finding} has an answer and was left where it is.")
            elif told is not None:
                deleted += self._drop_comment(key)
        return deleted

    def _drop_comment(self, key: int) -> bool:
        call = self._writing("delete a comment", "DELETE", f"/pulls/comments/{key}", None, again=True)
        return self._client.delete(call)

    def _drop(self, comments: Sequence[IssueComment]) -> None:
        for comment in comments:
            path = f"/issues/comments/{comment.id}"
            self._client.delete(self._writing("delete a comment", "DELETE", path, None, again=True))

    # --------------------------------------------------------------------------------------- the review

    def _review(self, plan: Plan, problems: list[str]) -> tuple[int, int, bool]:
        """Posts the comments that are not there. How many it posted, how many were there, whether refused."""
        if not plan.create:
            return 0, 0, False
        before = frozenset(review.id for review in self._reviews(plan.number))
        missing = self._missing(plan)
        wanted = len(missing)
        present = len(plan.create) - wanted
        attempt = 0
        while missing:
            attempt += 1
            try:
                review = self._client.write(self._review_call(plan, missing), Review)
                self._account.learn(review.user)
                break
            except ForgeError as error:
                if error.slug == "forge-refused":
                    self._sweep(plan, before, problems, stubs=True)
                    problems.append(
                        f"GitHub refused the comments on lines; they are in the summary. {error.message}"
                    )
                    return wanted - len(missing), present, True
                if not error.sent:
                    raise
                missing = after(self._client, error, lambda: self._missing(plan), lambda left: len(left) < wanted)
                if missing:
                    self._sweep(plan, before, problems, stubs=False)
                    if attempt == ATTEMPTS:
                        raise
        if wanted:
            self._drop_doubles(plan)
        return wanted, present, False

    def _review_call(self, plan: Plan, inlines: Sequence[Inline]) -> Call:
        comments = []
        for inline in inlines:
            comment: dict[str, Any] = {
                "path": inline.path,
                "body": marked(inline.body, Marker("finding", inline.finding)),
                "line": inline.line,
                "side": "RIGHT",
            }
            if inline.start_line is not None and inline.start_line < inline.line:
                comment |= {"start_line": inline.start_line, "start_side": "RIGHT"}
            comments.append(comment)
        # Without a body: the summary says it all, and a refused review has nothing to leave behind.
        payload = {"commit_id": plan.head, "event": "COMMENT", "comments": comments}
        return self._writing("post the review", "POST", f"/pulls/{plan.number}/reviews", payload, again=False)

    def _missing(self, plan: Plan) -> list[Inline]:
        told = self._told(plan.number).values()
        return [inline for inline in plan.create if not any(one.is_at(inline, plan.head) for one in told)]

    def _drop_doubles(self, plan: Plan) -> None:
        """Where another run has posted the same at the same time: the oldest stays, and what was answered."""
        told = self._told(plan.number).values()
        for inline in plan.create:
            for double in [one for one in told if one.is_at(inline, plan.head)][1:]:
                if not double.posted.answered:
                    self._drop_comment(double.posted.key)

    def _reviews(self, number: int) -> list[Review]:
        call = self._reading(
            f"read the reviews of pull request {number}", f"/pulls/{number}/reviews", "pull-requests: read"
        )
        return [review for review in self._client.pages(call, Review) if self._account.is_ours(review.user)]

    def _sweep(self, plan: Plan, before: frozenset[int], problems: list[str], *, stubs: bool) -> None:
        """Takes away what a failed review left: one that is pending, which would be in the way of the next, and,
        where the failure was clear (`stubs`), one without comments. Submitted ones cannot be deleted: they are
        explained. A failure here is a problem, no error."""
        try:
            for review in self._reviews(plan.number):
                path = f"/pulls/{plan.number}/reviews/{review.id}"
                if review.id in before or review.commit_id not in (None, plan.head) or (review.body or "").strip():
                    continue
                reading = self._reading("read a review", f"{path}/comments", "pull-requests: read")
                if self._client.pages(reading, Anything):
                    continue
                if review.state == "PENDING":
                    self._client.delete(self._writing("delete an empty review", "DELETE", path, None, again=True))
                elif stubs:
                    payload = {"body": REFUSED}
                    self._client.write(
                        self._writing("explain an empty review", "PUT", path, payload, again=True), Anything
                    )
        except ForgeError as error:
            problems.append(f"An empty review may be left. {error.message}")

    # -------------------------------------------------------------------------------------- the summary

    def _say(self, number: int, body: str) -> str:
        for _ in range(ATTEMPTS):
            mine = self._summaries(number)
            if not mine:
                fresh = marked(body, Marker("summary"))
                posted = self._post(number, fresh, "post the summary", lambda: self._summaries(number))
                # Another run may have done the same, or our account is another than assumed: the oldest is it.
                mine = self._summaries(number) or [posted]
            oldest, *doubles = mine
            text = remembering(body, oldest.body or "")
            if not same(oldest.body or "", text):
                path = f"/issues/comments/{oldest.id}"
                call = self._writing("edit the summary", "PATCH", path, {"body": text}, again=True)
                try:
                    self._client.write(call, Anything)
                except ForgeError as error:
                    if error.slug != "forge-missing":
                        raise
                    continue  # Somebody has deleted it just now.
            self._drop(doubles)
            return oldest.html_url
        raise ForgeError(
            f"Could not edit the summary of pull request {number}: it is deleted again and again.",
            hint="Is another run or another bot at work there?",
            slug="forge-missing",
        )

    def _post(
        self, number: int, body: str, doing: str, look: Callable[[], Sequence[IssueComment]]
    ) -> IssueComment:
        """Creates a comment below the pull request, once: where an answer is lost, `look` tells whether it is
        there."""
        path = f"/issues/{number}/comments"
        call = self._writing(doing, "POST", path, {"body": body}, again=False)
        attempt = 0
        while True:
            attempt += 1
            try:
                comment = self._client.write(call, IssueComment)
            except ForgeError as error:
                if not error.sent:
                    raise
                found = after(self._client, error, look, bool)
                if found:
                    return found[0]
                if attempt == ATTEMPTS:
                    raise
            else:
                self._account.learn(comment.user)
                return comment

    # ---------------------------------------------------------------------------------------- the check

    def _check(self, head: str, check: CheckRun) -> None:
        """The id that we give tells a repeated run what is there; the number of annotations, where to go on."""
        mine = hashlib.sha256(json.dumps([head, asdict(check)], sort_keys=True).encode()).hexdigest()[:32]
        batches = [
            [_annotation(annotation) for annotation in check.annotations[start : start + BATCH]]
            for start in range(0, len(check.annotations), BATCH)
        ]
        found = self._found_check(head, mine)
        if found is None:
            found = self._new_check(head, check, mine, batches[0] if batches else [])
            done = min(BATCH, len(check.annotations))
        else:
            done = found.output.annotations_count
        while done < len(check.annotations):
            done = self._annotate(found.id, check, done)

    def _found_check(self, head: str, mine: str) -> Check | None:
        call = self._reading(
            "read the check runs",
            f"/commits/{urllib.parse.quote(head, safe='')}/check-runs",
            "checks: write",
            {"check_name": CHECK_NAME, "filter": "all", "per_page": 100},
        )
        runs = self._client.read(call, Checks).check_runs
        return next((run for run in runs if run.external_id == mine), None)

    def _new_check(self, head: str, check: CheckRun, mine: str, annotations: list[dict[str, Any]]) -> Check:
        payload: dict[str, Any] = {
            "name": CHECK_NAME,
            "head_sha": head,
            "external_id": mine,
            "status": "completed",
            "conclusion": check.mark.value,
            "output": {"title": check.title, "summary": check.summary, "annotations": annotations},
        }
        if self._run_url:
            payload["details_url"] = self._run_url
        call = self._writing("write the check", "POST", "/check-runs", payload, needs="checks: write", again=False)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._client.write(call, Check)
            except ForgeError as error:
                if not error.sent:
                    raise
                found = after(
                    self._client, error, lambda: (self._found_check(head, mine),), lambda seen: bool(seen[0])
                )[0]
                if found is not None:
                    return found
                if attempt == ATTEMPTS:
                    raise

    def _annotate(self, key: int, check: CheckRun, done: int) -> int:
        """Adds the next annotations and says how many are there then. Sent twice they would be there twice."""
        batch = [_annotation(annotation) for annotation in check.annotations[done : done + BATCH]]
        payload = {"output": {"title": check.title, "summary": check.summary, "annotations": batch}}
        path = f"/check-runs/{key}"
        call = self._writing("annotate the check", "PATCH", path, payload, needs="checks: write", again=False)
        reading = self._reading("read the check run", path, "checks: write")

        def there() -> int:
            return self._client.read(reading, Check).output.annotations_count

        attempt = 0
        while True:
            attempt += 1
            try:
                self._client.write(call, Check)
                return done + len(batch)
            except ForgeError as error:
                if not error.sent:
                    raise
                count = after(self._client, error, there, lambda count: count > done)
                if count > done:
                    return count
                if attempt == ATTEMPTS:
                    raise

    # ------------------------------------------------------------------------------------------ requests

    def _reading(self, doing: str, path: str, needs: str, query: Mapping[str, str | int] | None = None) -> Call:
        return Call(doing, needs, "GET", f"{self._root}{path}", query or {})

    def _writing(
        self,
        doing: str,
        verb: str,
        path: str,
        payload: Mapping[str, Any] | None,
        *,
        needs: str = PULLS,
        again: bool,
    ) -> Call:
        return Call(doing, needs, verb, f"{self._root}{path}", {}, payload, again)

    def _pull(self, found: PullRequest) -> Pull:
        home, source = found.base.repo, found.head.repo
        author = found.user
        return Pull(
            repository=self._repository,
            number=found.number,
            head=found.head.sha,
            base=found.base.sha,
            base_ref=found.base.ref,
            head_label=found.head.label or "",
            # Where one of both is gone nobody can say that it is the same.
            fork=home is None or source is None or home.full_name.lower() != source.full_name.lower(),
            draft=found.draft,
            open=found.state == "open",
            author=author.login if author is not None else "",
            bot=author is not None and author.type == "Bot",
        )


def _root(comment: ReviewComment, comments: Mapping[int, ReviewComment]) -> int:
    """The comment that a thread begins with; it may have been deleted."""
    key, parent, seen = comment.id, comment.in_reply_to_id, {comment.id}
    while parent is not None and parent not in seen:
        seen.add(parent)
        key = parent
        parent = comments[parent].in_reply_to_id if parent in comments else None
    return key


def _file(file: ChangedFile) -> FileDiff:
    status = _STATUS.get(file.status, FileStatus.MODIFIED)
    old = file.previous_filename or file.filename
    return FileDiff(
        path=file.filename,
        old_path=None if status is FileStatus.ADDED else old,
        status=status,
        hunks=_hunks(file.patch or ""),
    )


def _hunks(patch: str) -> tuple[Hunk, ...]:
    try:
        return hunks(patch if patch.endswith("\n") or not patch else f"{patch}\n")
    except ValueError:  # cut by GitHub
        return ()


def _annotation(annotation: Annotation) -> dict[str, Any]:
    return {
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "annotation_level": annotation.level.value,
        "title": annotation.title[:255],
        "message": annotation.message[:16_000],
    }
