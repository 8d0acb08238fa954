"""Jobs of GitLab CI: what each asks for, what is refused and why, and that a stranger's text decides nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UsageError
from bot.forges.gitlab.event import OUTPUTS, inputs, load, may_write, token
from bot.plan import Event, Order, Pull, Task
from bot.settings import PullSettings

HEAD, BASE, MERGE, TARGET = "a1" * 20, "b2" * 20, "c3" * 20, "d4" * 20
JOB, BOT = "glcbt-64_aaaaaaaaaaaaaaaaaaaa", "glpat-bbbbbbbbbbbbbbbbbbbb"


def job(source: str, **more: str) -> dict[str, str]:
    """The variables of any job, as GitLab's documentation of predefined variables has them."""
    return {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": source,
        "CI_PROJECT_ID": "7",
        "CI_PROJECT_PATH": "acme/tools/shop",
        "CI_PROJECT_DIR": "/builds/acme/tools/shop",
        "CI_API_V4_URL": "https://gitlab.example/api/v4",
        "CI_SERVER_URL": "https://gitlab.example",
        "CI_JOB_URL": "https://gitlab.example/acme/tools/shop/-/jobs/99",
        "CI_COMMIT_SHA": HEAD,
        "CI_DEFAULT_BRANCH": "main",
        "CI_JOB_TOKEN": JOB,
        "GITLAB_USER_LOGIN": "ada",
        **more,
    }


def merge_request(**more: str) -> dict[str, str]:
    return job(
        "merge_request_event",
        CI_MERGE_REQUEST_IID="12",
        CI_MERGE_REQUEST_EVENT_TYPE="detached",
        CI_MERGE_REQUEST_REF_PATH="refs/merge-requests/12/head",
        CI_MERGE_REQUEST_PROJECT_ID="7",
        CI_MERGE_REQUEST_PROJECT_PATH="acme/tools/shop",
        CI_MERGE_REQUEST_SOURCE_PROJECT_PATH="acme/tools/shop",
        CI_MERGE_REQUEST_SOURCE_BRANCH_NAME="vat",
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
        CI_MERGE_REQUEST_DIFF_BASE_SHA=BASE,
        CI_MERGE_REQUEST_TITLE="VAT",
        **more,
    )


def asked(environ: dict[str, str], policy: PullSettings | None = None) -> Event:
    return load(environ, policy or PullSettings())


def refused(environ: dict[str, str]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        asked(environ)
    assert caught.value.hint
    return caught.value


# --------------------------------------------------------------------------------------------- merge requests


def test_a_merge_request_is_reviewed_at_its_own_head() -> None:
    event = asked(merge_request(GITLAB_TOKEN=BOT))
    assert event.order == Order(Task.REVIEW, 12, actor="ada", head=HEAD, head_label="acme/tools/shop:vat")
    assert event == Event(
        event.order,
        "merge_request_event",
        "acme/tools/shop",
        "https://gitlab.example/api/v4",
        "https://gitlab.example",
        run_url="https://gitlab.example/acme/tools/shop/-/jobs/99",
        workspace=Path("/builds/acme/tools/shop"),
        platform="gitlab",
        automatic=True,
        described=Pull("acme/tools/shop", 12, HEAD, BASE, "main", "acme/tools/shop:vat"),
    )


@pytest.mark.parametrize("kind", ["merged_result", ""])
def test_a_merge_commit_is_never_reviewed(kind: str) -> None:
    """GitLab tests the result of the merge there, and the job's commit is that."""
    made = {"CI_COMMIT_SHA": MERGE, "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/12/merge"}
    known = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": TARGET}
    environ = merge_request() | made | {"CI_MERGE_REQUEST_EVENT_TYPE": kind}
    event = asked(environ | known)
    assert (event.order.head, event.described and event.described.base) == (HEAD, TARGET)
    assert asked(environ).order.head == ""


def test_a_merge_train_tests_what_was_reviewed() -> None:
    order = asked(merge_request() | {"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}).order
    assert (order.task, "merge train" in order.why) == (Task.NOTHING, True)


def test_a_fork_s_merge_request_belongs_to_the_project_that_it_goes_to() -> None:
    """In the fork's own pipeline as in one that a member starts in the parent."""
    for where in ("eve/shop", "acme/tools/shop"):
        environ = merge_request() | {
            "CI_PROJECT_PATH": where,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "eve/shop",
        }
        event = asked(environ)
        assert (event.repository, event.fork, event.order.head_label) == ("acme/tools/shop", True, "eve/shop:vat")
    gone = merge_request()
    del gone["CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"]
    assert asked(gone).fork is True


@pytest.mark.parametrize(
    ("more", "draft"),
    [
        ({"CI_MERGE_REQUEST_TITLE": "Draft: VAT"}, True),
        ({"CI_MERGE_REQUEST_TITLE": "[Draft] VAT"}, True),
        ({"CI_MERGE_REQUEST_TITLE": "(draft) VAT"}, True),
        ({"CI_MERGE_REQUEST_TITLE": "Drafting VAT"}, False),
        ({"CI_MERGE_REQUEST_TITLE": "VAT Draft:"}, False),
        ({"CI_MERGE_REQUEST_TITLE": "Draft: VAT", "CI_MERGE_REQUEST_DRAFT": "false"}, False),
        ({"CI_MERGE_REQUEST_TITLE": "VAT", "CI_MERGE_REQUEST_DRAFT": "true"}, True),
    ],
)
def test_a_draft_waits_unless_policy_says_otherwise(more: dict[str, str], draft: bool) -> None:
    event = asked(merge_request() | more)
    assert event.order.task is (Task.NOTHING if draft else Task.REVIEW)
    assert not draft or "pull.drafts" in event.order.why
    assert asked(merge_request() | more, PullSettings(drafts=True)).order.task is Task.REVIEW


def test_a_child_pipeline_of_a_merge_request_is_one_too() -> None:
    event = asked(merge_request() | {"CI_PIPELINE_SOURCE": "parent_pipeline"})
    assert (event.order.task, event.automatic) == (Task.REVIEW, True)


# ------------------------------------------------------------------------------------------------- the token


def test_a_job_s_own_token_may_only_read() -> None:
    environ = merge_request()
    assert (asked(environ).read_only, token(environ), may_write(environ)) == (True, JOB, False)
    assert asked(merge_request(GITLAB_TOKEN=JOB)).read_only is True
    assert asked(merge_request(GITLAB_TOKEN=BOT)).read_only is False
    del environ["CI_JOB_TOKEN"]
    assert (asked(environ).read_only, token(environ)) == (True, "")


def test_which_token_is_used() -> None:
    both = merge_request(GITLAB_TOKEN="glpat-other", TRYLINE_GITLAB_TOKEN=BOT)
    assert inputs(both).token == BOT
    assert BOT not in repr(inputs(both))


@pytest.mark.parametrize("left", ["$REVIEW_TOKEN", "${REVIEW_TOKEN}", " "])
def test_a_variable_that_the_pipeline_does_not_get_is_no_token(left: str) -> None:
    given_one = inputs(merge_request(GITLAB_TOKEN=left))
    assert given_one.token == JOB
    assert ["protected" in warning for warning in given_one.warnings] == [True]
    assert inputs(merge_request(GITLAB_TOKEN=BOT)).warnings == ()


def test_what_a_job_hands_on_is_no_unknown_setting_of_the_next() -> None:
    source = "".join(path.read_text("utf-8") for path in (Path(__file__).parents[2] / "bot").rglob("*.py"))
    handed = {f"TRYLINE_{name.upper()}" for name in re.findall(r"\.output\(\s*\"([a-z_]+)\"", source)}
    assert len(handed) > 5
    assert handed == set(OUTPUTS)
    assert set(OUTPUTS) < set(inputs({}).known)


def test_the_reports_are_written_always() -> None:
    assert {"gl-code-quality-report.json", "gl-sast-report.json", "tryline.html"} == set(inputs({}).files)


# --------------------------------------------------------------------------------------------- other pipelines


def on_main(source: str, **more: str) -> dict[str, str]:
    return job(source, CI_COMMIT_BRANCH="main", **more)


def test_a_schedule_audits_the_default_branch() -> None:
    event = asked(on_main("schedule"))
    assert event.order == Order(Task.AUDIT, actor="ada", head=HEAD)
    assert (event.branch, event.automatic, event.described) == ("main", False, None)


def test_an_audit_is_of_no_other_branch() -> None:
    order = asked(job("web", CI_COMMIT_BRANCH="topic", TRYLINE_TASK="audit")).order
    assert (order.task, "`topic`" in order.why) == (Task.NOTHING, True)
    tag = asked(job("schedule", CI_COMMIT_REF_NAME="v1")).order
    assert (tag.task, "`v1`" in tag.why) == (Task.NOTHING, True)


@pytest.mark.parametrize("source", ["web", "api", "trigger", "pipeline"])
def test_a_run_by_hand_says_what_it_wants(source: str) -> None:
    assert asked(on_main(source, TRYLINE_PULL="!12")).order == Order(Task.REVIEW, 12, actor="ada")
    assert asked(on_main(source, TRYLINE_PULL="12", TRYLINE_FULL="true")).order.everything is True
    assert asked(on_main(source, TRYLINE_TASK="Audit ")).order.task is Task.AUDIT
    order = asked(on_main(source)).order
    assert (order.task, "TRYLINE_PULL" in order.why) == (Task.NOTHING, True)


def test_a_schedule_may_review_instead() -> None:
    assert asked(on_main("schedule", TRYLINE_PULL="3")).order == Order(Task.REVIEW, 3, actor="ada")


@pytest.mark.parametrize(
    "more",
    [
        {"TRYLINE_TASK": "merge"},
        {"TRYLINE_TASK": "review"},
        {"TRYLINE_PULL": "0"},
        {"TRYLINE_PULL": "1; rm"},
        {"TRYLINE_PULL": "1", "TRYLINE_FULL": "yes"},
    ],
)
def test_a_wish_that_means_nothing_is_refused(more: dict[str, str]) -> None:
    assert refused(on_main("web", **more)).slug == "dispatch-input"


@pytest.mark.parametrize("source", ["push", "external", "webide", "ondemand_dast_scan", "a\nb"])
def test_other_pipelines_do_nothing_and_say_why(source: str) -> None:
    event = asked(on_main(source))
    assert event.order.task is Task.NOTHING
    assert event.order.why
    assert "\n" not in event.order.why + event.name


# -------------------------------------------------------------------------------------------- the environment


@pytest.mark.parametrize(
    "name",
    ["CI_PIPELINE_SOURCE", "CI_PROJECT_PATH", "CI_API_V4_URL", "CI_SERVER_URL", "CI_COMMIT_SHA"],
)
def test_a_missing_variable_is_named(name: str) -> None:
    environ = merge_request()
    del environ[name]
    error = refused(environ)
    assert (error.slug, name in error.message) == ("not-in-ci", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CI_PROJECT_PATH", "shop"),
        ("CI_PROJECT_PATH", "acme/../shop"),
        ("CI_MERGE_REQUEST_PROJECT_PATH", "acme/shop?x=1"),
        ("CI_MERGE_REQUEST_IID", "12 "),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "a b"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "a..\x00"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "HEAD"),
        ("CI_COMMIT_SHA", "--help"),
        ("CI_API_V4_URL", "https://user:hunter2@gitlab.example/api/v4"),
        ("CI_API_V4_URL", "file:///etc/passwd"),
        ("CI_SERVER_URL", "https://gitlab.example/?x"),
    ],
)
def test_what_gitlab_never_sets_is_refused(name: str, value: str) -> None:
    error = refused(merge_request() | {name: value})
    assert (error.slug, name in error.message, "hunter2" in str(vars(error))) == ("ci-environment", True, False)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=40))
def test_a_stranger_s_text_decides_nothing(title: str, description: str, message: str) -> None:
    theirs = {
        "CI_MERGE_REQUEST_DRAFT": "false",
        "CI_MERGE_REQUEST_TITLE": title,
        "CI_MERGE_REQUEST_DESCRIPTION": f"/tryline audit {description}",
        "CI_COMMIT_MESSAGE": message,
        "CI_MERGE_REQUEST_LABELS": description,
    }
    assert asked(merge_request() | theirs) == asked(merge_request())
