"""Merge requests from GitLab's job to what stands on them: real containers, real git, GitLab's API over HTTP, and
the included file run by a runner of GitLab CI jobs."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from merging import Stage
from sample_audits import audit
from sample_reviews import CHANGE, FOUND, WITH_REWRITE
from servers.gitlab import GitLabDouble

from bot import cli
from bot.domain import Revision
from bot.errors import ExitCode
from bot.record import audit_dumps, dumps

PROJECT = "acme/tools/shop"
GOOD = '''\
"""Prices, in cents."""


def shipping(weight):
    """What a parcel of so many grams costs."""
    if weight <= 0:
        return 0
    if weight <= 500:
        return 390
    return 590
'''
BAD = GOOD.replace("weight <= 500", "weight < 500")
TESTS = """\
import pytest

from shop import shipping


@pytest.mark.parametrize(("weight", "cost"), [(0, 0), (1, 390), (500, 390), (501, 590), (2000, 590)])
def test_shipping(weight, cost):
    assert shipping(weight) == cost
"""
SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.fixture
def gitlab() -> Iterator[GitLabDouble]:
    with GitLabDouble() as double:
        double.project(PROJECT, {"shop.py": GOOD, "test_shop.py": TESTS}, visibility="public")
        yield double
        double.check()


def opened(gitlab: GitLabDouble, tmp_path: Path, token: str = "", **more: object) -> Stage:
    gitlab.push(PROJECT, "topic", {"shop.py": BAD})
    iid = gitlab.open_merge_request(PROJECT, "topic", **more)  # type: ignore[arg-type]
    return Stage(gitlab, tmp_path, PROJECT, iid, token)


def valid(folder: Path, findings: int) -> None:
    """Whether the reports are what GitLab takes, and say so much."""
    for name, schema in (("gl-code-quality-report", "codequality"), ("gl-sast-report", "sast")):
        told = json.loads((folder / f"{name}.json").read_text("utf-8"))
        jsonschema.validate(told, json.loads((SAMPLES / f"gitlab_{schema}.schema.json").read_text("utf-8")))
        if schema == "codequality":
            assert len(told) == findings


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_from_a_pipeline_s_job_to_a_thread_whose_suggestion_applies(gitlab: GitLabDouble, tmp_path: Path) -> None:
    """What a user has: two lines that include the file, a token, a merge request."""
    token = gitlab.project_token(PROJECT)
    stage = opened(gitlab, tmp_path, token)
    ran = stage.pipeline()
    assert ran.code == ExitCode.OK, ran.log
    (note,) = stage.notes()
    assert note.position is not None
    assert (note.position["new_path"], note.position["new_line"]) == ("shop.py", 8)
    (summary,) = stage.summaries()
    assert "shop.py" in summary.body
    # What the job hands on.
    valid(ran.files, findings=1)
    assert ran.outputs["TRYLINE_CONCLUSION"] == "findings"
    assert (ran.outputs["TRYLINE_FINDINGS"], ran.outputs["TRYLINE_POSTED"]) == ("1", "true")
    shown = {"tryline.html", "tryline.md", "tryline-result.json"}
    assert shown <= ran.artifacts
    for name in shown:
        assert "shop.py" in (ran.files / name).read_text("utf-8")
    # Another reader of logs than GitLab's sees it fold; nothing secret is in it or in what is handed on.
    assert "tryline_1 took " in ran.log, "the runner has read a section"
    written = "".join(file.read_text("utf-8") for file in ran.files.iterdir() if file.is_file())
    assert not [secret for secret in gitlab.tokens if secret in ran.log + written]
    # One click mends it.
    assert gitlab.apply_suggestion(note.id) == GOOD.encode()


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_job_s_own_token_yields_the_reports_and_a_later_post(gitlab: GitLabDouble, tmp_path: Path) -> None:
    """On a shallow checkout, in which somebody committed a report of their own."""
    stage = opened(gitlab, tmp_path)
    gitlab.push(PROJECT, "topic", {"gl-sast-report.json": "{}", "tryline.env": "PATH=/evil\n"})
    ran = stage.job(stage.checkout(depth=1))
    assert ran.code == ExitCode.OK, ran.log
    assert gitlab.writes() == []
    valid(ran.files, findings=1)
    assert ran.outputs["TRYLINE_POSTED"] == "false"
    assert "PATH" not in ran.outputs
    assert "GITLAB_TOKEN" in (ran.files / "tryline.md").read_text("utf-8")

    out, err = io.StringIO(), io.StringIO()
    there = {"PATH": os.environ["PATH"], "GITLAB_TOKEN": gitlab.token("alice"), "CI_SERVER_URL": gitlab.url}
    words = ["post", "--from", str(ran.files / "tryline-result.json")]
    assert cli.run(words, cli.Terminal(out, err, there)) == ExitCode.OK, err.getvalue()
    assert out.getvalue().startswith("!1: 1 posted, 0 edited")
    assert len(stage.notes()) == 1
    assert cli.run(words, cli.Terminal(out, err, there)) == ExitCode.OK
    assert len(stage.notes()) == 1


# ------------------------------------------------------------------------------------------- without an engine

NOBODY = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.mark.thorough
@pytest.mark.parametrize("own", [True, False])
def test_a_job_without_an_engine_fails_and_says_how_to_get_one(
    gitlab: GitLabDouble, tmp_path: Path, own: bool
) -> None:
    stage = opened(gitlab, tmp_path, gitlab.project_token(PROJECT) if own else "")
    ran = stage.job(**NOBODY)
    assert ran.code == ExitCode.COULD_NOT
    assert ran.outputs["TRYLINE_CONCLUSION"] == "neutral"
    assert "No container engine answers" in ran.log
    assert "docs/gitlab.md" in ran.log
    assert "not a pass" in (ran.files / "tryline.md").read_text("utf-8")
    assert len(stage.summaries()) == own


@pytest.mark.thorough
@pytest.mark.parametrize("case", ["draft", "bot", "train", "push"])
def test_what_is_not_reviewed_is_told_in_the_job(gitlab: GitLabDouble, tmp_path: Path, case: str) -> None:
    author = "project_7_bot_ab12" if case == "bot" else "alice"
    gitlab.account(author, bot=case == "bot")
    token = gitlab.project_token(PROJECT)
    stage = opened(gitlab, tmp_path, token, draft=case == "draft", author=author)
    # Somebody committed what would be taken for ours, were it left.
    gitlab.push(PROJECT, "topic", {"gl-sast-report.json": "{}", "tryline.html": "<h1>All is well</h1>"})
    more = {
        "train": {"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"},
        "push": {"CI_MERGE_REQUEST_IID": "", "CI_PIPELINE_SOURCE": "push"},
        "bot": {"TRYLINE_PULL_BOTS": "false"},
    }.get(case, {})
    ran = stage.job(**NOBODY, **more)
    assert ran.code == ExitCode.OK, ran.log
    assert re.search("Nothing to do: .*(draft|machine|train|push)", ran.log)
    assert ran.outputs == {"TRYLINE_CONCLUSION": "skipped"}
    assert "did not review" in (ran.files / "tryline.md").read_text("utf-8")
    assert gitlab.writes() == []
    assert not [name for name in ("gl-sast-report.json", "tryline.html") if (ran.files / name).exists()]


@pytest.mark.thorough
def test_a_token_that_may_not_post_is_an_error_that_says_what_it_needs(
    gitlab: GitLabDouble, tmp_path: Path
) -> None:
    stage = opened(gitlab, tmp_path, gitlab.project_token(PROJECT, scopes=("read_api", "read_repository")))
    ran = stage.job(**NOBODY)
    assert ran.code == ExitCode.COULD_NOT
    assert gitlab.notes == {}
    assert stage.token not in ran.log


# ------------------------------------------------------------------------------------- hosts of one's own, forks


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "CI_SERVER_TLS_CA_FILE", ""])
def test_a_host_of_one_s_own_below_a_path_with_its_own_authority(tmp_path: Path, name: str) -> None:
    """The API and git alike: the checkout is shallow, so that the base has to be fetched."""
    with GitLabDouble(prefix="/gitlab", tls=True) as gitlab:
        gitlab.project(PROJECT, {"shop.py": GOOD, "test_shop.py": TESTS})
        gitlab.push(PROJECT, "topic", {"shop.py": BAD})
        gitlab.push(PROJECT, "main", {"other.py": "x = 1\n"})
        token = gitlab.project_token(PROJECT)
        stage = Stage(gitlab, tmp_path, PROJECT, gitlab.open_merge_request(PROJECT, "topic"), token)
        none = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"), "")
        trusted = none | ({name: str(gitlab.ca)} if name else {})
        ran = stage.job(stage.checkout(depth=1), **NOBODY, **trusted)
        assert ran.code == ExitCode.COULD_NOT
        if name:
            assert "No container engine answers" in ran.log
            assert len(stage.summaries()) == 1
            assert [request for request in gitlab.git_requests if "upload-pack" in request.path]
        else:
            assert "certificate" in ran.log.lower()
            assert gitlab.notes == {}
        assert token not in ran.log
        gitlab.check()


@pytest.mark.thorough
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_a_fork_s_own_pipeline_has_its_files_and_writes_nothing(tmp_path: Path, visibility: str) -> None:
    """Its token sees the parent where all do. Where not, the variables and the checkout have what is needed."""
    with GitLabDouble() as gitlab:
        gitlab.project(PROJECT, {"shop.py": GOOD, "test_shop.py": TESTS}, visibility=visibility)  # type: ignore[arg-type]
        gitlab.fork(PROJECT, "eve/shop", "eve")
        gitlab.push("eve/shop", "topic", {"shop.py": BAD}, author="eve")
        iid = gitlab.open_merge_request(PROJECT, "eve/shop:topic", author="eve")
        stage = Stage(gitlab, tmp_path, PROJECT, iid)
        ran = stage.job(**NOBODY)
        assert ran.code == ExitCode.COULD_NOT
        assert "No container engine answers" in ran.log
        assert ("what the job's variables say of it is taken" in ran.log) is (visibility == "private")
        valid(ran.files, findings=0)
        assert gitlab.writes() == []
        # A member runs it for the merge request on the parent's own default branch: that may write.
        token = gitlab.project_token(PROJECT)
        asked = {"CI_MERGE_REQUEST_IID": "", "CI_PIPELINE_SOURCE": "web", "TRYLINE_PULL": str(iid)}
        theirs = {"CI_PROJECT_PATH": PROJECT, "CI_COMMIT_BRANCH": "main", "GITLAB_TOKEN": token}
        stage.job(**NOBODY, **asked, **theirs)
        assert len(stage.summaries()) == 1
        gitlab.check()


# --------------------------------------------------------------------------------------------- posting later


@pytest.mark.thorough
def test_a_result_without_a_target_is_posted_where_the_flags_say(gitlab: GitLabDouble, tmp_path: Path) -> None:
    stage = opened(gitlab, tmp_path)
    head = gitlab.merge_request(PROJECT, stage.iid).head
    change = replace(CHANGE, head=Revision("topic", head, CHANGE.head.tree))
    (tmp_path / "result.json").write_text(dumps(replace(FOUND, change=change)), "utf-8")
    words = ["post", "--from", str(tmp_path / "result.json")]
    there = {"PATH": os.environ["PATH"], "CI_SERVER_URL": gitlab.url}

    def said(*more: str, **env: str) -> tuple[int, str]:
        out, err = io.StringIO(), io.StringIO()
        code = cli.run([*words, *more], cli.Terminal(out, err, {**there, **env}))
        return code, out.getvalue() + err.getvalue()

    where = ("--project", PROJECT, "--merge-request", str(stage.iid))
    code, text = said(*where)
    assert (code, "scope `api`" in text) == (ExitCode.USAGE, True)
    token = gitlab.token("alice")
    assert "--merge-request" in said(GITLAB_CI="true", GITLAB_TOKEN=token)[1]
    code, text = said(*where, GITLAB_TOKEN=token)
    assert code == ExitCode.OK, text
    assert text.startswith(f"!{stage.iid}: ")
    assert len(stage.summaries()) == 1


@pytest.mark.thorough
def test_a_saved_audit_is_posted_to_the_project_s_issue(gitlab: GitLabDouble, tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(audit_dumps(audit(WITH_REWRITE)), "utf-8")
    words = ["post", "--from", str(tmp_path / "audit.json"), "--project", PROJECT]
    there = {
        "PATH": os.environ["PATH"],
        "CI_SERVER_URL": gitlab.url,
        "GITLAB_TOKEN": gitlab.project_token(PROJECT),
    }
    out, err = io.StringIO(), io.StringIO()
    for _ in range(2):
        assert cli.run(words, cli.Terminal(out, err, there)) == ExitCode.OK, err.getvalue()
    assert len(gitlab.issues) == 1
