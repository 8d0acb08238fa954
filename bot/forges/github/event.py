"""GitHub's events read: what a job is asked to do, where it runs, and the inputs of its step.

The payload's text is a stranger's: titles, branches and comments are never used but for the one command that is
the first line of a comment, which must be of a closed list. A relation that GitHub tells of an author
(`author_association`) is no permission and not read; `Host.may_command` decides.
"""

from __future__ import annotations

import difflib
import enum
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from bot.config import PREFIX, describe
from bot.errors import UsageError
from bot.plan import Event, Inputs, Order, Task
from bot.render import one_line
from bot.settings import PullSettings

MAX_BYTES = 32 * 1024 * 1024
"""Of an event's file. GitHub sends no payload above 25 MB."""

REVIEWED = ("opened", "synchronize", "reopened", "ready_for_review")
"""Actions on a pull request that are reviewed."""

DEPENDABOT = "dependabot[bot]"
"""Its runs get a token that may only read, unless the workflow grants more."""

MARK = "<!-- tryline:"
"""How every marker of ours begins (`bot.markers`)."""


class Command(enum.StrEnum):
    """What people may ask for in a comment."""

    REVIEW = "review"
    EXPLAIN = "explain"
    VERIFY = "verify"
    IGNORE = "ignore"
    HELP = "help"


# ------------------------------------------------------------------------------------------------ the payloads


class Payload(BaseModel):
    """A part of a payload: keys that we do not use are not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Number = Annotated[int, Field(ge=1, le=2**53)]
Commit = Annotated[str, BeforeValidator(_lower), StringConstraints(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}(?:\[bot\])?$")]
Branch = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f~^:?*\[\\]{1,255}$")]
"""Git allows no white space, control characters and `~^:?*[\\` in a name."""
FullName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$")]
# A pattern here ends at `$`, which for pydantic is the end of the text and not a line feed before it.


class Account(Payload):
    """Who did something."""

    login: Login
    type: str = "User"

    @property
    def bot(self) -> bool:
        """Whether it is a machine's."""
        return self.type == "Bot" or self.login.endswith("[bot]")


class Repository(Payload):
    """Where a commit lies."""

    full_name: FullName
    owner: Account


class Side(Payload):
    """Head or base of a pull request; `repo` is null when it was deleted."""

    ref: Branch
    sha: Commit
    repo: Repository | None = None
    user: Account | None = None


class PullRequest(Payload):
    """A pull request as its events hold it."""

    number: Number
    state: str = "open"
    draft: bool = False
    user: Account | None = None
    head: Side
    base: Side


class PullRequestEvent(Payload):
    """`pull_request` and `pull_request_target`."""

    action: str
    pull_request: PullRequest
    sender: Account | None = None


class Issue(Payload):
    """What was commented on."""

    number: Number
    state: str = "open"
    pull_request: Mapping[str, Any] | None = None
    """There when the issue is a pull request."""


class Comment(Payload):
    """A comment on an issue or a pull request."""

    id: Annotated[int, Field(ge=1, le=2**63)]
    body: str | None = None
    user: Account | None = None
    performed_via_github_app: Mapping[str, Any] | None = None


class IssueCommentEvent(Payload):
    """`issue_comment`."""

    action: str
    issue: Issue
    comment: Comment
    sender: Account | None = None


class Home(Payload):
    """The repository that an event is of, as far as an audit needs it."""

    default_branch: Branch | None = None


class DispatchEvent(Payload):
    """`workflow_dispatch`; its inputs are text, whatever their type is called."""

    inputs: Mapping[str, Any] | None = None
    sender: Account | None = None
    repository: Home | None = None


class ScheduleEvent(Payload):
    """`schedule`. It runs on the default branch alone, at its latest commit."""

    repository: Home | None = None


class WorkflowRun(Payload):
    """A run of another workflow. GitHub lists no pull request for a fork's run."""

    event: str
    conclusion: str | None = None
    head_sha: Commit
    head_branch: Branch | None = None
    head_repository: Repository | None = None
    actor: Account | None = None


class WorkflowRunEvent(Payload):
    """`workflow_run`."""

    action: str
    workflow_run: WorkflowRun
    sender: Account | None = None


# -------------------------------------------------------------------------------------------------- the event


def load(environ: Mapping[str, str], policy: PullSettings) -> Event:
    """What GitHub asks of the job that runs with this environment.

    Raises UsageError: `not-in-ci` where the variables are missing, `event-file` where the payload cannot be read,
    and what `read` raises.
    """
    return read(environ, _payload(Path(_variable(environ, "GITHUB_EVENT_PATH"))), policy)


def read(environ: Mapping[str, str], payload: bytes | Mapping[str, Any], policy: PullSettings) -> Event:
    """The event of this payload, which the environment names.

    What is none of our business, or against policy, is `Task.NOTHING` with the reason. Raises UsageError:
    `ci-environment` where a variable cannot be what GitHub sets, `event-garbled` for a payload that is not what
    GitHub documents, `pull-request-target` where that event is not allowed, `dispatch-input` for inputs of a
    manual run that mean nothing.
    """
    name, repository = _variable(environ, "GITHUB_EVENT_NAME"), _repository(environ)
    data = _object(payload) if isinstance(payload, bytes) else dict(payload)
    fork = doubtful = read_only = False
    if name in ("pull_request", "pull_request_target"):
        if name == "pull_request_target" and not policy.allow_target:
            raise _refused_target()
        event = _checked(PullRequestEvent, data, name)
        order = _of_pull_request(event, policy)
        fork = _is_fork(event.pull_request)
        if name == "pull_request":
            read_only = fork
            doubtful = not fork and DEPENDABOT in (environ.get("GITHUB_ACTOR"), _login(event.sender))
    elif name == "issue_comment":
        order = _of_comment(_checked(IssueCommentEvent, data, name), policy)
    elif name == "schedule":
        order = _of_audit(_checked(ScheduleEvent, data, name).repository, environ)
    elif name == "workflow_dispatch":
        order = _of_dispatch(_checked(DispatchEvent, data, name), environ)
    elif name == "workflow_run":
        ran = _checked(WorkflowRunEvent, data, name)
        order = _of_run(ran, repository)
        fork = _other_repository(ran.workflow_run.head_repository, repository)
    else:
        order = Order(Task.NOTHING, why=_why_not(name))
    if not order.actor:
        order = replace(order, actor=one_line(environ.get("GITHUB_ACTOR", ""), 100))
    return Event(
        order,
        name,
        repository,
        api_url=_address(environ, "GITHUB_API_URL", "https://api.github.com"),
        server_url=_address(environ, "GITHUB_SERVER_URL", "https://github.com"),
        run_url=_run_url(environ, repository),
        workspace=Path(environ.get("GITHUB_WORKSPACE") or "."),
        fork=fork,
        read_only=read_only,
        branch=_branch(environ) if order.task is Task.AUDIT else "",
        doubtful=doubtful,
    )


def _refused_target() -> UsageError:
    return UsageError(
        "this workflow runs on `pull_request_target`: GitHub hands such a job the repository's secrets and a "
        "token that may write, and Tryline would run a stranger's code beside them",
        hint="Use `on: pull_request`; for forks, post from a second workflow on `workflow_run` (docs/github.md). "
        "`pull.allow_target: true` accepts the risk.",
        slug="pull-request-target",
    )


def _of_pull_request(event: PullRequestEvent, policy: PullSettings) -> Order:
    pull, action = event.pull_request, one_line(event.action, 40)
    number = pull.number

    def nothing(why: str) -> Order:
        return Order(Task.NOTHING, number, why, actor=_login(event.sender), head=pull.head.sha)

    if event.action not in REVIEWED:
        return nothing(
            f"Nothing is done when a pull request is `{action}`; a review follows {', '.join(REVIEWED[:-1])} and "
            f"{REVIEWED[-1]}."
        )
    if pull.state != "open":
        return nothing(f"Pull request #{number} is closed.")
    if pull.draft and not policy.drafts:
        return nothing(
            f"Pull request #{number} is a draft; it is reviewed once it is ready; "
            "`pull.drafts: true` does not wait."
        )
    if pull.user is not None and pull.user.bot and not policy.bots:
        return nothing(f"A machine ({pull.user.login}) opened pull request #{number}, and `pull.bots` is false.")
    return Order(
        Task.REVIEW, number, actor=_login(event.sender), head=pull.head.sha, head_label=_label_of(pull.head)
    )


def _is_fork(pull: PullRequest) -> bool:
    if pull.head.repo is None or pull.base.repo is None:
        return True  # deleted: whatever it was, it is not here
    return pull.head.repo.full_name.lower() != pull.base.repo.full_name.lower()


def _label_of(side: Side) -> str:
    owner = side.repo.owner if side.repo is not None else side.user
    return f"{owner.login}:{side.ref}" if owner is not None else ""


def _login(account: Account | None) -> str:
    return account.login if account is not None else ""


# ------------------------------------------------------------------------------------------------- commands


def _of_comment(event: IssueCommentEvent, policy: PullSettings) -> Order:
    comment, number, author = event.comment, event.issue.number, event.comment.user
    actor = _login(author)

    def nothing(why: str, *, told: bool = False) -> Order:
        return Order(Task.NOTHING, number, why, command=comment.id if told else 0, actor=actor, told=told)

    if event.action != "created":
        return nothing("Only new comments can give a command; this one was edited or deleted.")
    if event.issue.pull_request is None:
        return nothing(f"#{number} is an issue; commands are for pull requests.")
    body = comment.body or ""
    if author is None or author.bot or comment.performed_via_github_app is not None:
        return nothing("A machine wrote this comment; only people give commands.")
    if policy.account is not None and actor.lower() == policy.account.lower():
        return nothing("The comment is our own.")
    if MARK in body:
        return nothing("The comment holds a marker of ours: we do not answer ourselves.")
    order = command_of(body)
    if order is None:
        return nothing("The comment's first line is no command of ours.")
    if order.task in (Task.REVIEW, Task.VERIFY) and event.issue.state != "open":
        return nothing(f"Pull request #{number} is closed: nothing is run for it any more.", told=True)
    return replace(order, number=number, command=comment.id, actor=actor)


def command_of(body: str) -> Order | None:
    """The command that a comment's first line gives; None where it gives none.

    `/tryline review`, `review full`, `explain ID`, `verify ID`, `ignore ID`, `help`. What starts with `/tryline`
    and is none of these asks for help. Nothing else of the text is used.
    """
    words = re.split(r"\r\n|\r|\n", body, maxsplit=1)[0][:500].split()
    if not words or words[0].lower() != "/tryline":
        return None
    word, rest = (words[1].lower() if len(words) > 1 else ""), [one.lower() for one in words[2:]]
    if word == Command.REVIEW and rest in ([], ["full"]):
        return Order(Task.REVIEW, everything=bool(rest))
    if word in (Command.EXPLAIN, Command.VERIFY, Command.IGNORE) and len(rest) == 1:
        finding = rest[0].strip("`")
        if re.fullmatch(r"[0-9a-f]{4,64}", finding):
            return Order(Task(word), finding=finding)
    return Order(Task.HELP)


# --------------------------------------------------------------------------------------------- other events


def _of_dispatch(event: DispatchEvent, environ: Mapping[str, str]) -> Order:
    inputs = event.inputs or {}
    if _flag(inputs, "audit"):
        order = _of_audit(event.repository, environ)
        return replace(order, everything=_flag(inputs, "full"), actor=_login(event.sender))
    wanted = str(inputs.get("pull", "")).strip().removeprefix("#")
    if not re.fullmatch(r"[1-9][0-9]{0,14}", wanted):
        given = f"`{one_line(wanted, 40)}`" if wanted else "nothing"
        raise UsageError(
            f"the input `pull` of a manual run must be the number of a pull request; it is {given}",
            hint="Give the workflow an input `pull` under `on: workflow_dispatch: inputs:`, and fill it in; or an "
            "input `audit`, to audit the repository.",
            slug="dispatch-input",
        )
    return Order(Task.REVIEW, int(wanted), everything=_flag(inputs, "full"), actor=_login(event.sender))


def _flag(inputs: Mapping[str, Any], name: str) -> bool:
    """An input that is true or false; not given, it is false. Raises UsageError for anything else."""
    given = str(inputs.get(name, "")).strip().lower()
    if given not in ("", "true", "false"):
        raise UsageError(
            f"the input `{name}` of a manual run must be true or false, not `{one_line(given, 40)}`",
            hint="Declare it with `type: boolean`.",
            slug="dispatch-input",
        )
    return given == "true"


def _of_audit(home: Home | None, environ: Mapping[str, str]) -> Order:
    """An audit of the commit that the job runs for, on the default branch: there is one issue, and it tells of
    that branch."""
    branch, commit = _branch(environ), environ.get("GITHUB_SHA", "").lower()
    default = home.default_branch if home is not None else None
    if not branch or (default is not None and branch != default):
        where = f"the branch `{one_line(branch, 100)}`" if branch else "no branch"
        only = f"`{one_line(default, 100)}`" if default else "the default branch"
        return Order(Task.NOTHING, why=f"An audit is of {only} alone, and this run is for {where}.")
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        raise _bad_variable("GITHUB_SHA", commit, "must be a commit")
    return Order(Task.AUDIT, head=commit)


def _branch(environ: Mapping[str, str]) -> str:
    """The branch that the job runs for; empty for a tag."""
    found = re.fullmatch(r"refs/heads/([^\x00-\x20\x7f~^:?*\[\\]{1,255})", environ.get("GITHUB_REF", ""))
    return found[1] if found is not None else ""


def _of_run(event: WorkflowRunEvent, repository: str) -> Order:
    run = event.workflow_run
    fork = _other_repository(run.head_repository, repository)

    def nothing(why: str) -> Order:
        return Order(Task.NOTHING, why=why, actor=_login(event.sender), head=run.head_sha)

    if event.action != "completed":
        return nothing("The other workflow has not finished; there is nothing to post yet.")
    if run.event != "pull_request":
        return nothing(
            f"The other workflow ran on `{one_line(run.event, 40)}`; only what a run on `pull_request` saved is "
            "posted."
        )
    if run.conclusion not in ("success", "failure"):
        ended = one_line(run.conclusion or "without a conclusion", 40)
        return nothing(f"The other workflow ended {ended}: it has saved no result.")
    if not fork and _login(run.actor) != DEPENDABOT:
        return nothing("The other workflow ran for a branch of this repository and has posted its review itself.")
    if run.head_repository is None or run.head_branch is None:
        return nothing("The fork or the branch of the other workflow's run is gone, and its pull request with it.")
    return Order(
        Task.POST,
        actor=_login(event.sender),
        head=run.head_sha,
        head_label=f"{run.head_repository.owner.login}:{run.head_branch}",
    )


def _other_repository(head: Repository | None, repository: str) -> bool:
    return head is None or head.full_name.lower() != repository.lower()


_OTHERS = {
    "push": "A push is no pull request; run Tryline on `pull_request`.",
    "merge_group": "A merge queue tests what was reviewed already.",
    "pull_request_review_comment": "Commands are read from comments on the conversation (`issue_comment`) only.",
    "pull_request_review": "Commands are read from comments on the conversation (`issue_comment`) only.",
}


def _why_not(name: str) -> str:
    return _OTHERS.get(name) or (
        f"The event `{one_line(name, 60)}` is none that Tryline acts on: pull_request, issue_comment, "
        "workflow_dispatch, workflow_run and schedule are."
    )


# ------------------------------------------------------------------------------------------------ the payload


def _payload(path: Path) -> bytes:
    """The file's content. Raises UsageError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"the event's file GITHUB_EVENT_PATH ({one_line(path, 200)}) cannot be read: {reason}",
            hint="In a container of your own, mount the file at the same path as outside.",
            slug="event-file",
        ) from None
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"the event's file GITHUB_EVENT_PATH is larger than {MAX_BYTES // 1024 // 1024} MiB",
            hint="GitHub writes no such file; see what GITHUB_EVENT_PATH names.",
            slug="event-file",
        )
    return content


def _object(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise _garbled("it is no JSON object")
    return data


Read = TypeVar("Read", bound=Payload)


def _checked(model: type[Read], data: Mapping[str, Any], name: str) -> Read:
    """The payload as this model. Raises UsageError, which quotes nothing of the payload."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the payload"
        raise _garbled(f"in a `{name}` event, `{one_line(place, 100)}`: {one_line(first['msg'], 200)}") from None


def _garbled(what: str) -> UsageError:
    return UsageError(
        f"the event's file GITHUB_EVENT_PATH is not what GitHub documents: {what}",
        hint="GITHUB_EVENT_NAME and GITHUB_EVENT_PATH must belong to the same event.",
        slug="event-garbled",
    )


# -------------------------------------------------------------------------------------------- the environment


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise UsageError(
            f"this is no job of GitHub Actions: {name} is not set",
            hint="`tryline review --base main` reviews a branch anywhere; in a container of your own, pass on the "
            "GITHUB_ variables and mount the event's file.",
            slug="not-in-ci",
        )
    return value


def _repository(environ: Mapping[str, str]) -> str:
    value = _variable(environ, "GITHUB_REPOSITORY")
    name = value.partition("/")[2]
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}", value) or name in (".", ".."):
        raise _bad_variable("GITHUB_REPOSITORY", value, "must be OWNER/NAME")
    return value


def _address(environ: Mapping[str, str], name: str, default: str) -> str:
    """The base address that a variable names, without a slash at its end."""
    value = environ.get(name) or default
    problem = "must be an address like https://github.example/api/v3, without user, query and fragment"
    try:
        parts = urllib.parse.urlsplit(value)
        _ = parts.port
    except ValueError:
        raise _bad_variable(name, "", problem) from None
    strange = re.search(r"[^!-~]", value)
    if parts.scheme not in ("http", "https") or not parts.hostname or strange or "@" in parts.netloc:
        raise _bad_variable(name, "", problem)  # not quoted: what is wrong with it may be a password
    if parts.query or parts.fragment:
        raise _bad_variable(name, "", problem)
    return value.rstrip("/")


def _bad_variable(name: str, value: str, problem: str) -> UsageError:
    given = f", not `{one_line(value, 100)}`" if value else ""
    return UsageError(
        f"the environment variable {name} {problem}{given}",
        hint="GitHub sets it; elsewhere, set it as GitHub would.",
        slug="ci-environment",
    )


def _run_url(environ: Mapping[str, str], repository: str) -> str:
    run = environ.get("GITHUB_RUN_ID", "")
    if not re.fullmatch(r"[0-9]{1,20}", run):
        return ""
    return f"{_address(environ, 'GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{run}"


# ------------------------------------------------------------------------------------------------- the inputs

SPECIAL = {
    "github-token": "token",
    "endpoint-key": "endpoint_key",
    "result": "result",
    "sarif-file": "sarif_file",
    "report-file": "report",
    "audit-state": "state",
}
"""Inputs that are no settings -> what they are."""
STATE = f"{PREFIX}STATE"
"""Where an audit finds what the one before has left, as the command line knows it."""


def input_name(setting: str) -> str:
    """What the action calls a setting: `budget.function_seconds` is the input `budget-function-seconds`."""
    return setting.replace(".", "-").replace("_", "-")


def settings_from_inputs(environ: Mapping[str, str]) -> Inputs:
    """The inputs of the step, which GitHub gives as `INPUT_` variables: upper case, hyphens kept.

    An empty one counts as not given. One that is no input of ours is named in a warning with the nearest that is.
    """
    known = {f"INPUT_{_bare(input_name(one.name))}": one.environment for one in describe()}
    special = {f"INPUT_{_bare(name)}": to for name, to in SPECIAL.items()}
    settings: dict[str, str] = {}
    others = {"token": environ.get("GITHUB_TOKEN", "")}
    warnings = []
    for variable in sorted(environ):
        value, bare = environ[variable].strip(), _bare(variable)
        if not variable.startswith("INPUT_") or not value:
            continue
        if bare in known:
            settings[known[bare]] = value
        elif bare in special:
            others[special[bare]] = value
        else:
            warnings.append(_unknown(variable))
    report, state = others.get("report", ""), others.get("state", "")
    return Inputs(
        {**settings, **({STATE: state} if state else {})},
        token=others["token"],
        endpoint_key=others.get("endpoint_key", ""),
        result=others.get("result", ""),
        sarif_file=others.get("sarif_file", ""),
        files={report: "html"} if report else {},
        # It is no setting: where a file lies is for the job to say, and for nobody who writes to the repository.
        known=(STATE,) if state else (),
        warnings=tuple(warnings),
    )


def _bare(name: str) -> str:
    """A name apart from its case and from what kind of stroke stands between its words."""
    return name.upper().replace("-", "_")


def _unknown(variable: str) -> str:
    name = variable.removeprefix("INPUT_").lower()
    names = [*(input_name(one.name) for one in describe()), *SPECIAL]
    near = difflib.get_close_matches(name.replace("_", "-"), names, n=1)
    meant = f"; did you mean `{near[0]}`?" if near else "; the action's action.yml lists them all."
    return f"There is no input `{one_line(name, 60)}`{meant}"
