"""From an audit to what a platform holds of it: drafts of rewrites where they are wanted, and the one issue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot import identity
from bot.audited import Audit
from bot.config import Config
from bot.errors import ForgeError, RepositoryError
from bot.forges import Upkeep
from bot.plan import Issue, Proposed
from bot.steps import upkeep as step
from bot.steps.upkeep import Content, Links
from bot.workspace import Workspace


@dataclass(frozen=True)
class Kept:
    """What a platform holds of an audit now."""

    issue: Issue | None
    """None where there is none, or none is wanted."""
    opened: tuple[Proposed, ...] = ()
    """Drafts that were opened now."""
    problems: tuple[str, ...] = ()
    """What could not be done and is no loss: one sentence each."""


def deliver(
    upkeep: Upkeep,
    audit: Audit,
    config: Config,
    links: Links,
    *,
    branch: str,
    workspace: Workspace | None = None,
) -> Kept:
    """Closes drafts that nobody needs any more, opens others, at most as many at a time as `audit.draft_pulls`
    says, and keeps the issue.

    Everything is read anew, so that doing this again after a failure finishes it. A draft that cannot be opened is
    a problem and no error: the issue tells of its finding all the same. Without a workspace, which holds the bytes
    that were verified, none is opened. Raises ForgeError where the issue cannot be kept; the audit should have
    been saved before.
    """
    opened: list[Proposed] = []
    problems: list[str] = []
    proposed: tuple[Proposed, ...] = ()
    if config.audit.draft_pulls:
        try:
            proposed = upkeep.proposed()
            for one, why in step.withdrawn(audit, proposed):
                upkeep.withdraw(one, why)
                proposed = tuple(replace(other, open=other.open and other is not one) for other in proposed)
            if workspace is not None:
                _propose(upkeep, audit, config.audit.draft_pulls, branch, workspace, proposed, opened, problems)
        except ForgeError as error:
            problems.append(f"A draft of a rewrite could not be opened. {error.message} {error.hint}".strip())
    if not config.audit.issue:
        return Kept(None, tuple(opened), tuple(problems))
    text = step.issue_text(audit, upkeep.issue(), links, proposed=(*proposed, *opened), dialect=upkeep.dialect)
    issue = upkeep.keep_issue(text)
    problems += upkeep.warnings()
    return Kept(issue if issue.number else None, tuple(opened), tuple(problems))


def _propose(
    upkeep: Upkeep,
    audit: Audit,
    most: int,
    branch: str,
    workspace: Workspace,
    proposed: tuple[Proposed, ...],
    opened: list[Proposed],
    problems: list[str],
) -> None:
    """Opens what may be opened, one after the other; what was opened is kept when a later one fails."""
    drafts = step.drafts(
        audit,
        reader(workspace, audit, upkeep.blob),
        proposed,
        most=most,
        branch=branch,
        room=upkeep.dialect.max_body,
    )
    problems += drafts.reasons
    for draft in drafts.drafts:
        opened.append(upkeep.propose(draft))


def reader(workspace: Workspace, audit: Audit, blob: Callable[[str], str]) -> Callable[[str], Content | None]:
    """Files at the audited commit; `blob` tells git's id of what the default branch has in a file's place."""
    commit = audit.revision.commit
    if commit is None:
        return _nothing
    try:
        tree = workspace.tree(audit.revision)
    except RepositoryError:
        return _nothing

    def read(path: str) -> Content | None:
        try:
            content = tree.read(path)
        except KeyError:
            return None
        there = blob(path)
        return Content(content, tree.modes.get(path) == "100755", moved=there != identity.blob(content, commit))

    return read


def _nothing(_path: str) -> None:
    """A tree that is not there has no file."""


def links_of(platform: str, server_url: str, repository: str, commit: str, run_url: str, report: str) -> Links:
    """Where a platform shows what an audit tells of. `report` is the page's path among the job's artifacts."""
    inner = "/-/blob" if platform == "gitlab" else "/blob"
    # GitLab shows a file of a job's artifacts at an address of its own; on GitHub the run's page leads to it.
    shown = f"{run_url}/artifacts/file/{report}" if platform == "gitlab" and run_url and report else ""
    return Links(f"{server_url}/{repository}{inner}/{commit}", run_url, shown)


def failed(upkeep: Upkeep, commit: str, why: str, run_url: str) -> None:
    """Says in our issue, where there is one, that an audit did not come about. Raises ForgeError."""
    present = upkeep.issue()
    if present is not None:
        upkeep.keep_issue(step.failed(present, commit, why, run_url))


def ignored(upkeep: Upkeep) -> tuple[str, ...]:
    """Ids of findings that people have ticked in our issue. Raises ForgeError."""
    return step.ignored_in(upkeep.issue())
