"""One event of a pull request, from its arrival to what is said about it: what `tryline ci` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot import delivery, record, review, wiring
from bot.config import FILE_NAME, Config, Given, load
from bot.domain import Conclusion, Review, Reviewed, Target
from bot.errors import ExitCode, ForgeError, TrylineError, UsageError
from bot.fetching import prepare
from bot.forges import Format, Host, Job
from bot.plan import CheckRun, Conversation, Delivery, Event, Known, Level, Mark, Platform, Pull, Task
from bot.progress import Progress
from bot.render import Caps, headline, markdown, prose
from bot.sarif import sarif
from bot.settings import PullSettings
from bot.steps import comment
from bot.workspace import Workspace

LENIENT = PullSettings(drafts=True, bots=True, allow_target=True)
"""To learn which pull request an event is about, before its base says what policy is."""

NOT_POSTED: Mapping[Platform, str] = {
    "github": "This run's token may only read, so nothing was posted on the pull request. A second workflow can "
    "post the result that this run saved (docs/github.md, pull requests from forks).",
    "gitlab": "The job's own token may only read, so nothing was posted on the merge request. With a token in "
    "GITLAB_TOKEN it is, and `tryline post` posts the result that this job saved (docs/gitlab.md).",
}
NO_TOKEN: Mapping[Platform, str] = {
    "github": "Give the action its `github-token` (it is by default), or set GITHUB_TOKEN.",
    "gitlab": "GitLab gives a job CI_JOB_TOKEN; in a container of your own, pass it on, or set GITLAB_TOKEN.",
}


@dataclass(frozen=True)
class Desk:
    """What a run works with, as the command line and the environment give it."""

    environ: Mapping[str, str] = field(repr=False)
    """The inputs are settings' variables in it already."""
    token: str = field(repr=False)
    job: Job
    progress: Progress
    also: tuple[str, ...] = ()
    """Variables named like settings that are none."""
    flags: Mapping[str, Given] = field(default_factory=dict)
    result: Path = Path("tryline-result.json")
    """Where the result is written, in the workspace where it is relative; read there by a run that posts."""
    sarif: Path | None = None
    files: Mapping[Path, Format] = field(default_factory=dict)
    """What else is written beside the result, relative paths in the workspace."""


@dataclass(frozen=True)
class Case:
    """One pull request in one run."""

    desk: Desk
    event: Event
    config: Config
    host: Host
    pull: Pull
    head: str
    """The commit that is looked at."""
    verifies: Known | None = None
    """The finding whose proof somebody asked to run again."""

    @property
    def writes(self) -> bool:
        """Whether something may be posted, as far as is known."""
        return not self.event.read_only

    def refuses(self, error: ForgeError) -> bool:
        """Whether an error means that this run's token may only read, and nothing worse."""
        return self.event.doubtful and error.slug == "forge-auth"


def respond(desk: Desk, event: Event) -> ExitCode:
    """Does what the event asks for, read by a lenient policy, and says what the run comes to.

    Raises TrylineError: what can be told on the pull request has been told there by then.
    """
    order = event.order
    if order.task is Task.NOTHING and not (order.told and desk.token):
        return nothing(desk, order.why)
    if not desk.token:
        raise UsageError(
            "there is no token to talk to the platform with",
            hint=NO_TOKEN[event.platform],
            slug="no-token",
        )
    settings = load(None, environ=desk.environ, flags=desk.flags, also=desk.also)
    host = hosted(desk, event, settings)
    if order.task is Task.NOTHING:
        if host.may_command(order.actor):
            host.answer(order, comment.refused(order.why))
        return nothing(desk, order.why)
    if order.task is Task.POST:
        return post(desk, event, host, settings)
    pull = looked_up(desk, event, host)
    case = Case(desk, event, settings, host, pull, order.head or pull.head)
    if order.command:
        return command(case)
    return reviewed(case)


def hosted(desk: Desk, event: Event, config: Config) -> Host:
    """The platform of the event, as the run's token sees it."""
    return wiring.host(
        event.repository,
        desk.token,
        config,
        desk.environ,
        api_url=event.api_url,
        server_url=event.server_url,
        run_url=event.run_url,
        platform=event.platform,
    )


def looked_up(desk: Desk, event: Event, host: Host) -> Pull:
    """The pull request as the platform has it now; for a token that may not see it, as the event tells of it."""
    told = event.described
    try:
        return host.pull(event.order.number)
    except ForgeError as error:
        # Without both ends there is nothing to review. What could pass is no reason to make do with less.
        whole = told is not None and told.head and told.base
        if told is None or not whole or not event.read_only or error.slug not in ("forge-auth", "forge-missing"):
            raise
        desk.progress.note(f"{error.message}; what the job's variables say of it is taken")
        return told


def nothing(desk: Desk, why: str) -> ExitCode:
    """An event that asks for nothing is no failure, and is not silent either."""
    desk.job.say(f"Nothing to do: {why}")
    desk.job.summarise([f"Tryline did not review this: {prose(why)}"])
    desk.job.output("conclusion", "skipped")
    return ExitCode.OK


# ------------------------------------------------------------------------------------------------ a review


def reviewed(case: Case) -> ExitCode:
    """Reviews the pull request, saves the result, and says on it what was found."""
    with ExitStack() as stack:
        with told_if_it_fails(case):
            workspace = stack.enter_context(
                prepare(
                    case.event.workspace,
                    case.host.remote(),
                    number=case.pull.number,
                    head=case.head,
                    base=case.pull.base,
                    base_ref=case.pull.base_ref,
                    environ=case.desk.environ,
                )
            )
            case = configured(case, workspace)
        # What policy refuses is the job's to show: the pull request's author can do nothing about it.
        order = wiring.event(case.desk.environ, case.config.pull).order
        why = order.why if order.task is Task.NOTHING else unwanted(case)
        if why:
            return skipped(case, why)
        with told_if_it_fails(case):
            return ran(case, workspace)


def unwanted(case: Case) -> str:
    """Why policy says no to a pull request that nobody asked by name to be reviewed; empty where it does not."""
    policy, pull = case.config.pull, case.pull
    if not case.event.automatic:
        return ""
    sign = case.host.dialect.sign
    if pull.draft and not policy.drafts:
        return (
            f"{sign}{pull.number} is a draft; it is reviewed once it is ready; `pull.drafts: true` does not wait."
        )
    if pull.bot and not policy.bots:
        return f"A machine ({pull.author}) opened {sign}{pull.number}, and `pull.bots` is false."
    return ""


def configured(case: Case, workspace: Workspace) -> Case:
    """The case with the configuration of its base: a branch cannot change how it is reviewed."""
    base = workspace.change(case.pull.base, case.head).base
    config = load(
        workspace.read_at(base, FILE_NAME),
        at=base.name,
        environ=case.desk.environ,
        flags=case.desk.flags,
        also=case.desk.also,
    )
    return replace(case, config=config, host=hosted(case.desk, case.event, config))


def skipped(case: Case, why: str) -> ExitCode:
    """Policy says no: told in the job, and in the check where one is wanted, not in a comment."""
    if case.writes and case.config.pull.check:
        case.host.check(case.head, not_reviewed(why))
    return nothing(case.desk, why)


def not_reviewed(why: str) -> CheckRun:
    """The check of a commit that was not reviewed: neutral, never green."""
    return CheckRun(Mark.NEUTRAL, "Not reviewed", prose(why))


def ran(case: Case, workspace: Workspace) -> ExitCode:
    """The review itself, announced before and delivered after."""
    desk, number = case.desk, case.pull.number
    conversation = remembered(case)
    announce(case, comment.running(conversation, case.head, case.event.run_url))
    parts = wiring.assemble(case.config, desk.environ, workspace.state_dir)
    result = review.review(
        parts,
        workspace,
        case.config,
        desk.progress,
        base=case.pull.base,
        head=case.head,
        only=None,
        memory=conversation.memory,
        target=Target(case.host.name, case.pull.repository, number, case.head),
        everything=case.event.order.everything,
        keep=lambda part: written(placed(case, desk.result), record.dumps(part)),
    )
    desk.progress.stage("deliver", "what was found goes to where it is read")
    unsaved = saved(case, workspace, result)
    delivered = told(case, result)
    answered(case, result)
    finished(case, result, delivered)
    if unsaved is not None:
        raise unsaved
    return verdict(case, result)


def remembered(case: Case) -> Conversation:
    """What we have said there; for a token that may not see it, nothing: it costs repeated work, and no review."""
    try:
        return case.host.conversation(case.pull.number)
    except ForgeError as error:
        if case.writes or error.slug not in ("forge-auth", "forge-missing"):
            raise
        case.desk.progress.note(f"earlier reviews are not known: {error.message}")
        return Conversation()


def announce(case: Case, body: str) -> None:
    """Says that it runs, where that can be said; a platform that does not take it costs no review."""
    if not case.writes:
        return
    try:
        case.host.say(case.pull.number, body)
    except ForgeError as error:
        if not case.refuses(error):
            case.desk.progress.note(f"could not announce the review: {error.message}")


def saved(case: Case, workspace: Workspace, result: Review) -> UsageError | None:
    """Writes the result before anything is posted: what was paid for is not lost to an outage. What cannot be
    written is no reason not to post; the error is given back, to be raised afterwards."""
    desk = case.desk
    try:
        desk.progress.note(f"saved {record.save(result, workspace.state_dir)}")
    except OSError as problem:
        desk.progress.note(f"not saved in {workspace.state_dir}: {problem.strerror or problem}")
    try:
        written(placed(case, desk.result), record.dumps(result))
        desk.job.output("result", str(desk.result))
        if desk.sarif is not None:
            written(placed(case, desk.sarif), sarif(result))
            desk.job.output("sarif", str(desk.sarif))
        if desk.files:
            files = {placed(case, path): form for path, form in desk.files.items()}
            desk.progress.note(wiring.forge(files, caps(case)).publish(result))
    except UsageError as error:
        desk.progress.note(error.message)
        return error
    return None


def placed(case: Case, path: Path) -> Path:
    """A path of the job's, relative ones in the workspace."""
    return case.event.workspace / path


def written(path: Path, text: str) -> None:
    """Writes a file of the run's. Raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        record.write_atomically(path, text)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="Name a file in a folder that the job may write to.",
            slug="output",
        ) from None


def told(case: Case, result: Review) -> Delivery | None:
    """Says on the pull request what was found. None where this run may only read: another one posts its result."""
    if not case.writes:
        return None
    try:
        delivered = delivery.deliver(
            case.host,
            result,
            case.config,
            pull=case.pull,
            head=case.head,
            files=result.change.files,
            run_url=case.event.run_url,
        )
    except ForgeError as error:
        if case.refuses(error):
            return None
        finished(case, result, None)
        where = ("--project", "--merge-request") if case.event.platform == "gitlab" else ("--repository", "--pull")
        error.hint = (
            f"{error.hint} The result is saved: `tryline post --from {case.desk.result} {where[0]} "
            f"{case.pull.repository} {where[1]} {case.pull.number}` posts it."
        ).strip()
        raise
    if case.config.pull.sarif:
        upload(case, result)
    return delivered


def upload(case: Case, result: Review) -> None:
    """Hands the findings to code scanning; a repository without it costs no review."""
    try:
        case.host.upload_sarif(case.head, f"refs/pull/{case.pull.number}/head", sarif(result))
    except ForgeError as error:
        case.desk.job.report(
            Level.WARNING, f"Code scanning did not take the findings: {error.message} {error.hint}"
        )


def finished(case: Case, result: Review, delivered: Delivery | None) -> None:
    """What the job itself shows: its summary, annotations and outputs."""
    job = case.desk.job
    pieces = [markdown(result, caps(case))]
    if delivered is None:
        pieces.append(NOT_POSTED[case.event.platform])
    job.summarise(pieces)
    # What stands on a line of the pull request already is not shown there a second time.
    on_lines = frozenset[str]() if delivered is None else frozenset(delivered.on_lines)
    for row in comment.annotations(result):
        if row.finding not in on_lines:
            job.annotate(row)
    job.output("conclusion", result.conclusion.value)
    job.output("findings", str(len(counting(result))))
    job.output("suggestions", str(sum(item.rewrite is not None for item in counting(result))))
    job.output("posted", "false" if delivered is None else "true")
    for problem in delivered.problems if delivered is not None else ():
        job.report(Level.WARNING, problem)
    job.say(headline(result))
    for lack in result.problems:
        job.say(lack.message)
    if delivered is not None and delivered.summary:
        job.say(f"Posted: {delivered.summary}")
    job.close()


def caps(case: Case) -> Caps:
    """How much of a review is shown in full."""
    return Caps(case.config.comments.max_inline, suspected=case.config.comments.suspected)


def counting(result: Review) -> list[Reviewed]:
    """The findings that nobody has asked to ignore."""
    return [item for item in result.findings if not item.ignored]


def verdict(case: Case, result: Review) -> ExitCode:
    """What the job comes to: never green where it could not run, unless that is asked for."""
    fail_on = case.config.fail_on
    if fail_on is not None and any(item.finding.severity.rank >= fail_on.rank for item in counting(result)):
        return ExitCode.FINDINGS
    if result.conclusion is Conclusion.NEUTRAL and case.config.pull.neutral == "fail":
        return ExitCode.COULD_NOT
    return ExitCode.OK


@contextmanager
def told_if_it_fails(case: Case) -> Iterator[None]:
    """Replaces "running" by what went wrong when the run ends without a review, and lets the error go on."""
    try:
        yield
    except TrylineError as error:
        why = f"{error.message} {error.hint}".strip()
        if isinstance(error, ForgeError):
            say_failed(case, why)  # the platform may take this all the same: "running" must not stand for ever
        else:
            gave_up(case, why)
        raise
    except KeyboardInterrupt:
        gave_up(case, "the run was cancelled")
        raise
    except Exception:
        gave_up(case, "a defect of Tryline itself; the job's log has a report to paste")
        raise


def gave_up(case: Case, why: str) -> None:
    """Says on the pull request, in the job and in the check that there is no review. Raises nothing."""
    case.desk.job.output("conclusion", Conclusion.NEUTRAL.value)
    case.desk.job.summarise([f"**Could not review this change; this is not a pass.** {prose(why)}"])
    say_failed(case, why)


def say_failed(case: Case, why: str) -> None:
    """Says on the pull request, and in the check, that this run came to nothing. Raises nothing."""
    if not case.writes:
        return
    try:
        conversation = case.host.conversation(case.pull.number)
        case.host.say(case.pull.number, comment.failed(conversation, case.head, why, case.event.run_url))
        if case.config.pull.check:
            case.host.check(case.head, not_reviewed(why))
    except ForgeError as error:
        noun = case.host.dialect.noun
        case.desk.job.report(Level.WARNING, f"The {noun} could not be told: {error.message}")


# -------------------------------------------------------------------------------------------- the commands


def command(case: Case) -> ExitCode:
    """A command from a comment: for people with write permission only, and answered once."""
    order = case.event.order
    if not case.host.may_command(order.actor):
        return nothing(case.desk, f"{order.actor} has no write permission here, so the command was not run")
    if order.task is Task.REVIEW:
        return reviewed(case)
    if order.task is Task.HELP:
        return replied(case, comment.help_text(case.host.dialect))
    conversation = case.host.conversation(case.pull.number)
    memory = conversation.memory
    meant = [known for known in memory.findings if known.id.startswith(order.finding)]
    if len(meant) != 1:
        return replied(case, comment.unknown(order.finding, memory, case.host.dialect))
    (known,) = meant
    if order.task is Task.VERIFY:
        return reviewed(replace(case, verifies=known))
    if order.task is Task.EXPLAIN:
        posted = next((one for one in conversation.comments if one.finding == known.id), None)
        return replied(case, comment.explained(known, memory, posted, dialect=case.host.dialect))
    plan = comment.ignoring(
        conversation,
        known,
        order.actor,
        number=case.pull.number,
        head=case.pull.head,
        dialect=case.host.dialect,
    )
    case.host.publish(plan)
    return replied(case, comment.ignored(known, order.actor, case.host.dialect))


def replied(case: Case, body: str) -> ExitCode:
    """Answers the command's comment, once."""
    case.host.answer(case.event.order, body)
    case.desk.job.say(f"answered {case.event.order.actor}: {case.event.order.task.value}")
    return ExitCode.OK


def answered(case: Case, result: Review) -> None:
    """Answers `verify` with what the review showed of its finding."""
    known = case.verifies
    if known is None or not case.writes:
        return
    item = next((item for item in result.findings if item.finding.id == known.id), None)
    if item is None and result.conclusion is Conclusion.NEUTRAL:
        why = result.problems[0].message if result.problems else "the review could not run"
        replied(case, comment.unverified(known, why))
    else:
        replied(case, comment.verified(known, item, case.head, case.host.dialect))


# ------------------------------------------------------------------------------ what another run has found


def post(desk: Desk, event: Event, host: Host, config: Config) -> ExitCode:
    """Posts the result that a run without the right to write has saved: a fork's, so a stranger's.

    The event says which pull request; nothing in the file does. No code of the fork is looked at.
    """
    order = event.order
    pull = host.pull_of(order.head_label, order.head)
    if pull is None:
        return nothing(desk, f"no open pull request has its head at {order.head[:12]} of {order.head_label}")
    if pull.head != order.head:
        return nothing(
            desk, f"#{pull.number} has moved on from {order.head[:12]}; the newer run posts its own result"
        )
    result = record.load(event.workspace / desk.result)
    delivered = delivery.deliver_saved(host, result, config, pull=pull, run_url=event.run_url, from_fork=pull.fork)
    desk.job.output("conclusion", result.conclusion.value)
    desk.job.output("posted", "true")
    for problem in delivered.problems:
        desk.job.report(Level.WARNING, problem)
    desk.job.say(f"Posted on #{pull.number}: {delivered.summary or 'nothing new'}")
    return ExitCode.OK
