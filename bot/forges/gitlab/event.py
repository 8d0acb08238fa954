"""What a job of GitLab CI is asked to do, read from the variables that GitLab sets for it.

There is no payload: all is in the environment. Titles, descriptions and names of branches are a stranger's; but
for the word with which GitLab itself marks a draft, none of them is looked at. What a job's author may set as well
(`TRYLINE_TASK`, `TRYLINE_PULL`) is a closed list and a number.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.errors import UsageError
from bot.forges import Format
from bot.plan import Event, Inputs, Order, Pull, Task
from bot.render import one_line
from bot.settings import PullSettings

TOKENS = ("TRYLINE_GITLAB_TOKEN", "GITLAB_TOKEN")
"""Variables of a token that may write, the first that is set."""
JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 the name of a variable
"""The job's own, which reads a little and writes nothing."""

FILES: Mapping[str, Format] = {
    "tryline.html": "html",
    "gl-code-quality-report.json": "codequality",
    "gl-sast-report.json": "sast",
}
"""What every job writes beside its result: what GitLab collects is named in the job, not chosen by it."""

FRESH = (*FILES, "tryline-result.json", "tryline.md", "tryline.env")
"""All that GitLab collects."""

OUTPUTS = tuple(
    f"TRYLINE_{name}"
    for name in ("CONCLUSION", "FINDINGS", "SUGGESTIONS", "POSTED", "RESULT", "SARIF", "REPORT", "ISSUE")
)
"""What an earlier job of the pipeline may have handed on (`outputs.py`)."""
OWN = ("TRYLINE_TASK", "TRYLINE_PULL", "TRYLINE_FULL", "TRYLINE_CONTAINER", *TOKENS[:1], *OUTPUTS)
"""Variables that are named like settings and are none."""

ASKING = ("web", "api", "trigger", "pipeline", "parent_pipeline", "chat", "schedule")
"""Pipelines that somebody, or something, started on purpose: they may say what is wanted."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PATH = re.compile(r"[A-Za-z0-9_.-]{1,255}(?:/[A-Za-z0-9_.-]{1,255}){1,20}")
_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,255}")
_NUMBER = re.compile(r"[1-9][0-9]{0,14}")
_LOGIN = re.compile(r"[A-Za-z0-9_.-]{1,255}")
_DRAFT = re.compile(r"\s*(?:\[draft\]|\(draft\)|draft:|draft\s+-\s+)", re.IGNORECASE)
"""How GitLab knows a draft by its title; `CI_MERGE_REQUEST_DRAFT` says it since 17.10."""


def inputs(environ: Mapping[str, str]) -> Inputs:
    """What the job is given besides its event: settings are `TRYLINE_*` variables as everywhere."""
    return Inputs(token=token(environ), files=FILES, fresh=FRESH, known=OWN, warnings=tuple(_warnings(environ)))


def token(environ: Mapping[str, str]) -> str:
    """The token to work with: one that was made for it, else the job's own."""
    return next((value for value in map(environ.get, (*TOKENS, JOB_TOKEN)) if value and _given(value)), "")


def may_write(environ: Mapping[str, str]) -> bool:
    """Whether a token was given besides the job's own, which may post nothing."""
    chosen = token(environ)
    return bool(chosen) and chosen != environ.get(JOB_TOKEN)


def _given(value: str) -> bool:
    """Not `$TOKEN`: what GitLab leaves of a variable that refers to one which this pipeline does not get."""
    return bool(value.strip()) and not re.fullmatch(r"\$\{?\w+\}?", value.strip())


def _warnings(environ: Mapping[str, str]) -> Iterator[str]:
    for name in TOKENS:
        if environ.get(name) and not _given(environ[name]):
            yield (
                f"{name} names a variable that this pipeline does not get: a protected one is kept from branches "
                "that are not protected"
            )


def load(environ: Mapping[str, str], policy: PullSettings) -> Event:
    """What the job is asked to do.

    What is none of our business, or against policy, is `Task.NOTHING` with the reason. Raises UsageError:
    `not-in-ci` where a variable is missing, `ci-environment` where one cannot be what GitLab sets,
    `dispatch-input` for a wish that means nothing.
    """
    source, project = _variable(environ, "CI_PIPELINE_SOURCE"), _project(environ, "CI_PROJECT_PATH")
    described = None
    branch = ""
    if environ.get("CI_MERGE_REQUEST_IID"):
        described = _described(environ, project)
        order = _of_merge_request(environ, described, policy)
        project = described.repository
    elif source in ASKING:
        order = _of_wish(environ, source)
        if order.task is Task.AUDIT:
            branch = environ.get("CI_COMMIT_BRANCH", "")
    else:
        order = Order(Task.NOTHING, why=_why_not(source), actor=_actor(environ))
    return Event(
        order,
        one_line(source, 60),
        project,
        api_url=_address(environ, "CI_API_V4_URL"),
        server_url=_address(environ, "CI_SERVER_URL"),
        run_url=_address(environ, "CI_JOB_URL") if environ.get("CI_JOB_URL") else "",
        workspace=Path(environ.get("CI_PROJECT_DIR") or "."),
        fork=described is not None and described.fork,
        read_only=not may_write(environ),
        branch=branch,
        platform="gitlab",
        automatic=described is not None,
        described=described,
    )


# ------------------------------------------------------------------------------------------- merge requests


def _of_merge_request(environ: Mapping[str, str], pull: Pull, policy: PullSettings) -> Order:
    def nothing(why: str) -> Order:
        return Order(Task.NOTHING, pull.number, why, actor=_actor(environ), head=pull.head)

    if environ.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train":
        return nothing("A merge train tests what was reviewed already.")
    if pull.draft and not policy.drafts:
        return nothing(
            f"Merge request !{pull.number} is a draft; it is reviewed once it is ready; `pull.drafts: true` does "
            "not wait."
        )
    return Order(Task.REVIEW, pull.number, actor=_actor(environ), head=pull.head, head_label=pull.head_label)


def _described(environ: Mapping[str, str], project: str) -> Pull:
    """The merge request as the variables tell of it. Its base is where the branches part: nothing tells where the
    target branch is now, unless GitLab merged both to test them."""
    number = _matching(environ, "CI_MERGE_REQUEST_IID", _NUMBER, "must be the number of a merge request")
    target = _project(environ, "CI_MERGE_REQUEST_PROJECT_PATH") if _set(environ, "PROJECT_PATH") else project
    source = (
        _project(environ, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH") if _set(environ, "SOURCE_PROJECT_PATH") else ""
    )
    branch = _matching(environ, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", _BRANCH, "must be the name of a branch")
    base = environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_SHA") or environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")
    return Pull(
        target,
        int(number),
        head=_head(environ),
        base=base.lower() if _COMMIT.fullmatch(base.lower()) else "",
        base_ref=_matching(
            environ, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", _BRANCH, "must be the name of a branch"
        ),
        head_label=f"{source or target}:{branch}",
        # Without a path the source project is gone, and a fork it was.
        fork=source.lower() != target.lower(),
        draft=_is_draft(environ),
    )


def _head(environ: Mapping[str, str]) -> str:
    """The tip of the source branch. Where GitLab made a merge commit to test, the job's commit is that and
    nobody's to review; the variable that names the tip instead is empty in all other pipelines."""
    made = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "").lower()
    if made:
        if not _COMMIT.fullmatch(made):
            raise _bad("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", made, "must be a commit id")
        return made
    merged = environ.get("CI_MERGE_REQUEST_EVENT_TYPE") in ("merged_result", "merge_train")
    if merged or environ.get("CI_MERGE_REQUEST_REF_PATH", "").endswith("/merge"):
        return ""  # the platform will tell
    commit = _variable(environ, "CI_COMMIT_SHA").lower()
    if not _COMMIT.fullmatch(commit):
        raise _bad("CI_COMMIT_SHA", commit, "must be a commit id")
    return commit


def _is_draft(environ: Mapping[str, str]) -> bool:
    said = environ.get("CI_MERGE_REQUEST_DRAFT", "").strip().lower()
    if said in ("true", "false"):
        return said == "true"
    return _DRAFT.match(environ.get("CI_MERGE_REQUEST_TITLE", "")) is not None


# -------------------------------------------------------------------------------------------- other pipelines


def _of_wish(environ: Mapping[str, str], source: str) -> Order:
    """What a pipeline without a merge request wants: `TRYLINE_TASK`, else what else is set speaks for itself."""
    task = environ.get("TRYLINE_TASK", "").strip().lower()
    wanted = environ.get("TRYLINE_PULL", "").strip().removeprefix("!")
    if not task:
        task = "review" if wanted else "audit" if source == "schedule" else ""
    if not task:
        return Order(
            Task.NOTHING,
            why=f"A pipeline from `{source}` says what it wants in TRYLINE_PULL (the number of a merge request) "
            "or TRYLINE_TASK (`audit`).",
            actor=_actor(environ),
        )
    if task == "audit":
        return _audit(environ)
    if task != "review":
        raise UsageError(
            f"TRYLINE_TASK must be `review` or `audit`, not `{one_line(task, 40)}`",
            hint="Set it where the pipeline is started: a schedule's variables, or those of a run by hand.",
            slug="dispatch-input",
        )
    if not _NUMBER.fullmatch(wanted):
        given = f"`{one_line(wanted, 40)}`" if wanted else "nothing"
        raise UsageError(
            f"TRYLINE_PULL must be the number of a merge request; it is {given}",
            hint="Give it where the pipeline is started: `TRYLINE_PULL` = 12 reviews !12.",
            slug="dispatch-input",
        )
    full = environ.get("TRYLINE_FULL", "").strip().lower()
    if full not in ("", "true", "false"):
        raise UsageError(
            f"TRYLINE_FULL must be true or false, not `{one_line(full, 40)}`",
            hint="`true` reviews also what was reviewed before and has not changed.",
            slug="dispatch-input",
        )
    return Order(Task.REVIEW, int(wanted), everything=full == "true", actor=_actor(environ))


def _audit(environ: Mapping[str, str]) -> Order:
    branch, default = environ.get("CI_COMMIT_BRANCH", ""), _variable(environ, "CI_DEFAULT_BRANCH")
    if branch != default:
        return Order(
            Task.NOTHING,
            why=f"An audit is of the default branch, `{one_line(default, 100)}`; this pipeline runs for "
            f"`{one_line(branch or environ.get('CI_COMMIT_REF_NAME', ''), 100)}`.",
            actor=_actor(environ),
        )
    commit = _variable(environ, "CI_COMMIT_SHA").lower()
    if not _COMMIT.fullmatch(commit):
        raise _bad("CI_COMMIT_SHA", commit, "must be a commit id")
    return Order(Task.AUDIT, actor=_actor(environ), head=commit)


_OTHERS = {
    "push": "A push is no merge request; run Tryline in merge request pipelines (docs/gitlab.md).",
    "external": "A pipeline of another build server is no merge request.",
    "external_pull_request_event": "The pull request is another platform's: run Tryline there.",
    "webide": "A change in the web editor is no merge request yet.",
}


def _why_not(source: str) -> str:
    return _OTHERS.get(source) or (
        f"A pipeline from `{one_line(source, 60)}` is none that Tryline acts on: merge request pipelines, "
        "schedules and runs by hand are."
    )


# -------------------------------------------------------------------------------------------- the environment


def _set(environ: Mapping[str, str], name: str) -> bool:
    return bool(environ.get(f"CI_MERGE_REQUEST_{name}"))


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise UsageError(
            f"this is no job of GitLab CI: {name} is not set",
            hint="`tryline review --base main` reviews a branch anywhere; in a container of your own, pass on the "
            "CI_ variables.",
            slug="not-in-ci",
        )
    return value


def _matching(environ: Mapping[str, str], name: str, pattern: re.Pattern[str], problem: str) -> str:
    value = _variable(environ, name)
    if not pattern.fullmatch(value):
        raise _bad(name, value, problem)
    return value


def _project(environ: Mapping[str, str], name: str) -> str:
    value = _matching(environ, name, _PATH, "must be the path of a project, GROUP/NAME")
    if {".", ".."} & set(value.split("/")):
        raise _bad(name, value, "must be the path of a project, GROUP/NAME")
    return value


def _address(environ: Mapping[str, str], name: str) -> str:
    """The base address that a variable names, without a slash at its end."""
    value = _variable(environ, name)
    problem = "must be an address like https://gitlab.example/api/v4, without user, query and fragment"
    try:
        parts = urllib.parse.urlsplit(value)
        _ = parts.port
    except ValueError:
        raise _bad(name, "", problem) from None
    strange = re.search(r"[^!-~]", value) or "@" in parts.netloc or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not parts.hostname or strange:
        raise _bad(name, "", problem)  # not quoted: what is wrong with it may be a password
    return value.rstrip("/")


def _bad(name: str, value: str, problem: str) -> UsageError:
    given = f", not `{one_line(value, 100)}`" if value else ""
    return UsageError(
        f"the environment variable {name} {problem}{given}",
        hint="GitLab sets it; elsewhere, set it as GitLab would.",
        slug="ci-environment",
    )


def _actor(environ: Mapping[str, str]) -> str:
    login = environ.get("GITLAB_USER_LOGIN", "")
    return login if _LOGIN.fullmatch(login) else ""
