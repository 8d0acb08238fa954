"""The seams to where a review is delivered: files (`local`), and hosts that hold pull requests (`github`,
`gitlab`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from bot.domain import FileDiff, Review
from bot.plan import (
    Annotation,
    CheckRun,
    Conversation,
    Delivery,
    Dialect,
    Draft,
    Format,
    Issue,
    IssueText,
    Level,
    Order,
    Plan,
    Proposed,
    Pull,
    Remote,
)

__all__ = ["NAMES", "Forge", "Format", "Host", "Job", "Upkeep"]

NAMES: Mapping[str, Format] = {
    "gl-code-quality-report.json": "codequality",
    "gl-sast-report.json": "sast",
}
"""Files whose name, and not its end alone, says what they hold: what GitLab's own jobs call their reports."""


class Forge(Protocol):
    """Delivers one review."""

    name: str

    def publish(self, review: Review) -> str:
        """Delivers it and says where it went, in one line."""


class Host(Protocol):
    """A platform that holds pull requests, seen from a job that runs for one repository.

    Every method may raise ForgeError: `forge-auth` (the token is missing, wrong or may not do this),
    `forge-missing` (no such thing, or the token may not see it), `forge-limit` (a rate limit that outlasts our
    patience), `forge-server` (5xx, timeouts and cut connections after all retries), `forge-refused` (another 4xx),
    `forge-garbled` (an answer that is not what the platform documents). No secret is in any message.
    """

    name: str
    dialect: Dialect

    def pull(self, number: int) -> Pull:
        """The pull request as it is now."""

    def pull_of(self, head_label: str, commit: str) -> Pull | None:
        """The open pull request whose head is this branch (`OWNER:BRANCH`) at this commit."""

    def may_command(self, actor: str) -> bool:
        """Whether somebody has write permission (or more). False where that cannot be found out."""

    def conversation(self, number: int) -> Conversation:
        """What we have said there. Comments of other accounts are never ours, whatever they hold."""

    def diff(self, number: int) -> tuple[FileDiff, ...]:
        """The pull request's diff as the platform has it, hunks included; for a run that has no clone.
        Files whose hunks the platform does not give have none."""

    def remote(self) -> Remote:
        """Where git finds the repository."""

    def say(self, number: int, body: str) -> str:
        """Makes this the text of the sticky summary, there or new, and gives its web address. Idempotent."""

    def publish(self, plan: Plan) -> Delivery:
        """Carries a plan out. Doing it again after a failure, with a plan made from the conversation as it is
        then, finishes it; nothing is posted twice, also where an answer was lost after the write.

        Comments on lines that are refused go into the summary. A check that may not be written is a problem of the
        delivery, no error.
        """

    def check(self, head: str, check: CheckRun) -> None:
        """Makes this the check of a commit; annotations in as many requests as the platform needs."""

    def answer(self, order: Order, body: str) -> None:
        """Replies to the comment that gave a command. Once: a run that is repeated does not reply again."""

    def upload_sarif(self, commit: str, ref: str, sarif: str) -> None:
        """Hands a SARIF log to the platform's code scanning, where it has one."""


class Upkeep(Protocol):
    """What an audit maintains on a platform that holds pull requests. Every method may raise ForgeError, as
    those of `Host` do."""

    dialect: Dialect

    def issue(self) -> Issue | None:
        """Our issue about audits: the newest one of our own account with our marker, open or closed."""

    def keep_issue(self, text: IssueText) -> Issue:
        """Makes our issue say this: there or new, open or closed. Idempotent; `news` is commented once, also where
        an answer was lost. Nothing is made where it is to be closed and none is there: Issue(0, ...) then."""

    def blob(self, path: str) -> str:
        """Git's id of a file's content as the default branch has it now; empty where it has no such file."""

    def proposed(self) -> tuple[Proposed, ...]:
        """Draft pull requests that we opened, in whatever state they are now."""

    def propose(self, draft: Draft) -> Proposed:
        """Pushes the branch, which holds `base` and one commit, and opens the draft pull request. A branch of ours
        that is there already is used; nothing is opened twice."""

    def withdraw(self, proposed: Proposed, why: str) -> None:
        """Closes one of our draft pull requests and comments why, once; the branch stays."""

    def warnings(self) -> tuple[str, ...]:
        """What somebody should set right for the next time, one sentence each."""


class Job(Protocol):
    """The job of a build server that this run is: its log, its summary, its outputs."""

    def say(self, text: object) -> None:
        """Prints a line or more; whatever foreign text it holds, it commands the build server nothing."""

    def commandless(self) -> AbstractContextManager[None]:
        """Whatever is printed meanwhile, by whomever, commands the build server nothing."""

    def report(self, level: Level, message: str, title: str = "") -> bool:
        """Shows something as a notice, a warning or an error; False where no more of its level would be shown."""

    def annotate(self, annotation: Annotation) -> bool:
        """The same beside a line of a file."""

    def close(self) -> None:
        """Says how much of that was not shown, if any."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """What is said meanwhile folds under a title, where the build server's log can fold."""

    def mask(self, *values: str) -> None:
        """Has these secrets, and what is made of them, blackened in all that is printed from now on."""

    def output(self, name: str, value: object) -> None:
        """A value for later steps. Raises CouldNot where it cannot be written."""

    def summarise(self, pieces: Iterable[str]) -> bool:
        """Adds Markdown to the page that the build server shows of the job, each piece whole or not at all."""
