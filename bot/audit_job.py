"""An audit as a job of a build server: what `tryline ci` does on a schedule, from the checkout to the issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bot import audit as auditing
from bot import audit_delivery, record, report, wiring
from bot.audit_delivery import Kept
from bot.audit_state import FILE_NAME as STATE
from bot.audit_state import State
from bot.audited import Audit
from bot.config import FILE_NAME, Config, load
from bot.domain import Conclusion
from bot.errors import ExitCode, ForgeError, RepositoryError, TrylineError, UsageError
from bot.forges import Format, Upkeep
from bot.plan import Event, Level, Platform
from bot.pull_request import Desk, counting, hosted, written
from bot.render import Caps, counted, one_line, prose
from bot.sarif import sarif
from bot.steps import comment
from bot.steps import upkeep as step
from bot.workspace import Workspace

MAX_SUMMARY = 250_000
"""Characters of the job's page: whole, with room for others' there."""
NOT_KEPT = (
    "This run's token may only read, so no issue was kept and no draft opened. The result is in the files that "
    "this job saved."
)


@dataclass(frozen=True)
class Case:
    """One audit in one run."""

    desk: Desk
    event: Event
    config: Config
    upkeep: Upkeep | None
    """None where nothing may be written, or nothing is to be."""

    @property
    def commit(self) -> str:
        """What is audited."""
        return self.event.order.head


def respond(desk: Desk, event: Event) -> ExitCode:
    """Audits the commit of the event, saves the result, and keeps what the platform holds of it.

    Raises TrylineError: what can be told in the issue has been told there by then.
    """
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(event.workspace, environ=desk.environ))
        case = prepared(desk, event, workspace)
        with told_if_it_fails(case):
            result = ran(case, workspace)
        result, unread = with_ticks(case, result)
        unsaved = saved(case, workspace, result)
        desk.progress.stage("deliver", "what was found goes to where it is read")
        kept = told(case, workspace, result, unread)
        finished(case, result, kept)
        if unsaved is not None:
            raise unsaved
        return verdict(case, result)


def prepared(desk: Desk, event: Event, workspace: Workspace) -> Case:
    """The case, with the configuration as the audited commit has it. Raises RepositoryError, ConfigError."""
    commit = event.order.head
    try:
        revision = workspace.revision(commit)
    except RepositoryError as error:
        error.hint = f"Check the commit of the run out, with its history. {error.hint}".strip()
        raise
    config = load(
        workspace.read_at(revision, FILE_NAME),
        at=revision.name,
        environ=desk.environ,
        flags=desk.flags,
        also=desk.also,
    )
    wanted = config.audit.issue or config.audit.draft_pulls
    keeps = wanted and desk.token and not event.read_only
    return Case(desk, event, config, maintained(desk, event, config) if keeps else None)


def maintained(desk: Desk, event: Event, config: Config) -> Upkeep:
    """What an audit maintains on the event's platform, as the run's token sees it."""
    return wiring.upkeep(
        event.repository, desk.token, config, desk.environ, api_url=event.api_url, platform=event.platform
    )


def ran(case: Case, workspace: Workspace) -> Audit:
    """The audit itself, which goes on where the one before has ended."""
    desk, config, environ = case.desk, case.config, case.desk.environ
    given = environ.get("TRYLINE_STATE")
    path = case.event.workspace / given if given else workspace.state_dir / STATE
    with ExitStack() as stack:
        path.parent.mkdir(parents=True, exist_ok=True)
        state = stack.enter_context(State.open(path))
        executor = stack.enter_context(
            closing(wiring.executor(config.audit.workers, environ, environ.get("TRYLINE_SCHEDULER", "")))
        )
        return auditing.audit(
            wiring.assemble(config, environ, workspace.state_dir),
            workspace,
            config,
            desk.progress,
            executor,
            state,
            head=case.commit,
            everything=case.event.order.everything,
        )


def with_ticks(case: Case, result: Audit) -> tuple[Audit, ForgeError | None]:
    """The audit without what people have ticked in the issue; where that cannot be read, the error, for later:
    what was paid for is saved first."""
    if case.upkeep is None or not case.config.audit.issue:
        return result, None
    try:
        return step.with_ignored(result, audit_delivery.ignored(case.upkeep)), None
    except ForgeError as error:
        return result, error


def saved(case: Case, workspace: Workspace, result: Audit) -> UsageError | None:
    """Writes every file before anything is posted. What cannot be written is no reason not to post; the error is
    given back, to be raised afterwards."""
    desk = case.desk
    try:
        desk.progress.note(f"saved {record.save(result.review, workspace.state_dir)}")
    except OSError as problem:
        desk.progress.note(f"not saved in {workspace.state_dir}: {problem.strerror or problem}")
    try:
        written(case.event.workspace / desk.result, record.audit_dumps(result))
        desk.job.output("result", str(desk.result))
        if desk.sarif is not None:
            written(case.event.workspace / desk.sarif, sarif(result.review))
            desk.job.output("sarif", str(desk.sarif))
        for path, form in desk.files.items():
            written(case.event.workspace / path, text(case, result, form))
            if form == "html":
                desk.job.output("report", str(path))
    except UsageError as error:
        desk.progress.note(error.message)
        return error
    return None


def text(case: Case, result: Audit, form: Format) -> str:
    """The audit as the text of a file of this form."""
    if form == "html":
        return report.page(result.review, result)
    if form == "markdown":
        return document(case, result)
    if form == "json":
        return record.audit_dumps(result)
    caps = Caps(case.config.comments.max_inline, suspected=case.config.comments.suspected)
    return wiring.text(result.review, form, caps)


def document(case: Case, result: Audit, **room: int) -> str:
    """The audit as Markdown, with links to what the platform shows."""
    links = links_of(case)
    return step.markdown(result, base=links.blobs, run_url=links.run, report_url=links.report, **room)


def links_of(case: Case) -> step.Links:
    """Where the platform shows what the audit tells of."""
    event = case.event
    page = next((str(path) for path, form in case.desk.files.items() if form == "html"), "")
    return audit_delivery.links_of(
        event.platform, event.server_url, event.repository, case.commit, event.run_url, page
    )


def told(case: Case, workspace: Workspace, result: Audit, unread: ForgeError | None) -> Kept | None:
    """Keeps the issue and opens drafts. None where this run may only read, or nothing is to be kept."""
    if case.config.pull.sarif and case.desk.token and not case.event.read_only:
        upload(case, result)
    if case.upkeep is None:
        return None
    try:
        if unread is not None:
            raise unread
        return audit_delivery.deliver(
            case.upkeep,
            result,
            case.config,
            links_of(case),
            branch=case.event.branch,
            workspace=workspace,
        )
    except ForgeError as error:
        finished(case, result, None)
        error.hint = (
            f"{error.hint} The result is saved in {case.desk.result}; `audit.issue: false` keeps no issue."
        ).strip()
        raise


def upload(case: Case, result: Audit) -> None:
    """Hands the findings to code scanning; a repository without it costs no audit."""
    try:
        host = hosted(case.desk, case.event, case.config)
        host.upload_sarif(case.commit, f"refs/heads/{case.event.branch}", sarif(result.review))
    except ForgeError as error:
        case.desk.job.report(
            Level.WARNING, f"Code scanning did not take the findings: {error.message} {error.hint}"
        )


def finished(case: Case, result: Audit, kept: Kept | None) -> None:
    """What the job itself shows: its summary, annotations and outputs."""
    job = case.desk.job
    pieces = [document(case, result, room=MAX_SUMMARY)]
    if case.upkeep is None and (case.event.read_only or not case.desk.token):
        pieces.append(NOT_KEPT)
    job.summarise(pieces)
    for row in comment.annotations(result.review):
        job.annotate(row)
    found = counting(result.review)
    job.output("conclusion", result.review.conclusion.value)
    job.output("findings", str(len(found)))
    job.output("suggestions", str(sum(item.rewrite is not None for item in found)))
    job.output("posted", "false" if kept is None else "true")
    job.output("issue", kept.issue.url if kept is not None and kept.issue is not None else "")
    for problem in kept.problems if kept is not None else ():
        job.report(Level.WARNING, problem)
    job.say(step.headline(result))
    if kept is not None and kept.issue is not None:
        job.say(f"Issue: {kept.issue.url} ({'open' if kept.issue.open else 'closed'})")
    if kept is not None and kept.opened:
        noun = case.upkeep.dialect.noun if case.upkeep is not None else "pull request"
        job.say(f"Opened: {counted(len(kept.opened), f'draft {noun}')}")
    job.close()


def verdict(case: Case, result: Audit) -> ExitCode:
    """What the job comes to: never green where it could not run, unless that is asked for."""
    fail_on = case.config.fail_on
    found = counting(result.review)
    if fail_on is not None and any(item.finding.severity.rank >= fail_on.rank for item in found):
        return ExitCode.FINDINGS
    if result.review.conclusion is Conclusion.NEUTRAL and case.config.pull.neutral == "fail":
        return ExitCode.COULD_NOT
    return ExitCode.OK


@contextmanager
def told_if_it_fails(case: Case) -> Iterator[None]:
    """Says in the job and in the issue that there was no audit, and lets the error go on."""
    try:
        yield
    except TrylineError as error:
        gave_up(case, f"{error.message} {error.hint}".strip())
        raise
    except KeyboardInterrupt:
        gave_up(case, "the run was cancelled; the next one goes on where it ended")
        raise
    except Exception:
        gave_up(case, "a defect of Tryline itself; the job's log has a report to paste")
        raise


def gave_up(case: Case, why: str) -> None:
    """Says in the job and in our issue that an audit did not come about. Raises nothing."""
    job = case.desk.job
    job.output("conclusion", Conclusion.NEUTRAL.value)
    job.summarise([f"**Could not audit this repository; this is not a pass.** {prose(why)}"])
    if case.upkeep is None or not case.config.audit.issue:
        return
    try:
        audit_delivery.failed(case.upkeep, case.commit, why, case.event.run_url)
    except ForgeError as error:
        job.report(Level.WARNING, f"The issue could not be told: {error.message}")


# ------------------------------------------------------------------------------------------ a saved audit


def post(
    source: Path,
    config: Config,
    environ: Mapping[str, str],
    stdout: TextIO,
    *,
    platform: Platform,
    repository: str,
    token: str,
    api_url: str,
    server_url: str,
) -> ExitCode:
    """Keeps the issue by an audit that a run has saved, perhaps a stranger's.

    Nothing in it says where it goes, and every text is made anew from escaped values. Drafts are not opened: the
    bytes that were verified are not in it.

    Raises UsageError for a file that holds no audit, and ForgeError.
    """
    result = record.load_audit(source)
    upkeep = wiring.upkeep(repository, token, config, environ, api_url=api_url, platform=platform)
    commit = result.revision.commit or ""
    links = audit_delivery.links_of(platform, server_url, repository, commit, "", "")
    result = step.with_ignored(result, audit_delivery.ignored(upkeep))
    kept = audit_delivery.deliver(upkeep, result, config, links, branch="")
    if kept.issue is None:
        stdout.write("There is no issue, and nothing to be told in one.\n")
    else:
        state = "open" if kept.issue.open else "closed"
        stdout.write(f"Issue {kept.issue.number} is kept ({state}): {one_line(kept.issue.url)}\n")
    return ExitCode.OK
