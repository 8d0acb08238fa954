"""Scheduled audits from their event to the kept issue: GitHub's API over HTTP, real git, containers in one."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulling import COUNT, Ran, Stage
from repositories import environment
from sample_reviews import FINDING
from servers.github import ACTIONS, Fault, GitHubDouble, Issue
from servers.gitlab import GitLabDouble

from bot import cli, upkeep_markers
from bot.errors import ExitCode
from bot.record import load, load_audit

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(240)]

REPO = "acme/shop"
BROKEN = '''\
"""Prices, in cents."""


def shipping(weight):
    if weight <= 0:
        return 0
    if weight < 500:
        return 390
    return 590


def money(cents):
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02d}"
'''
TESTS = """\
from shop import money, shipping


def test_light():
    assert shipping(499) == 390


def test_the_heaviest_letter():
    assert shipping(500) == 390


def test_heavy():
    assert shipping(501) == 590


def test_money():
    assert money(1205) == "12.05"
"""
SETTINGS = """\
audit: {draft_pulls: 1, workers: 1}
prove: {security: false, performance: false, mutants: 0}
"""
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/engine.sock"}
STATE = "kept/audit.sqlite"


MEMORY = upkeep_markers.Memory(told=(FINDING.id,))


class Nights(Stage):
    """A repository whose workflow audits it; the state is what a cache carries from one run to the next."""

    def __init__(self, github: GitHubDouble, tmp_path: Path, token: str) -> None:
        super().__init__(github, tmp_path, REPO, 0, token)
        self.cache = tmp_path / "cache.sqlite"

    def checkout(self) -> Path:
        """The default branch with its history, and what the cache holds."""
        path = self.tmp_path / f"workspace-{next(COUNT)}"
        clone = ["git", "clone", "--quiet", self.github.clone_url(REPO), str(path)]
        subprocess.run(clone, env=environment(), check=True, capture_output=True)
        if self.cache.exists():
            (path / STATE).parent.mkdir()
            shutil.copy(self.cache, path / STATE)
        return path

    def night(self, payload: dict[str, Any] | None = None, **env: str) -> Ran:
        """One run of the workflow."""
        workspace = self.checkout()
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=workspace, check=True, capture_output=True, text=True
        )
        ran = self.job(
            "schedule" if payload is None else "workflow_dispatch",
            self.github.schedule_event(REPO) if payload is None else payload,
            workspace=workspace,
            **{
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_SHA": head.stdout.strip(),
                "INPUT_AUDIT-STATE": STATE,
                "INPUT_REPORT-FILE": "tryline.html",
                "INPUT_SARIF-FILE": "tryline.sarif",
                **env,
            },
        )
        if (workspace / STATE).exists():
            shutil.copy(workspace / STATE, self.cache)
        return ran

    @property
    def issue(self) -> Issue:
        """The one issue that there is."""
        (issue,) = self.github.issues.values()
        return issue

    @property
    def news(self) -> list[str]:
        """What was commented on it."""
        return [one.body for one in self.github.issue_comments_on(self.issue)]


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    """The test ends with a look at the contract."""
    with GitHubDouble(tmp_path / "github") as github:
        github.repository(REPO, {"shop.py": BROKEN, "test_shop.py": TESTS, ".tryline.yml": SETTINGS})
        token = github.actions_token(REPO, contents="write", issues="write", pull_requests="write")
        yield Nights(github, tmp_path, token)
        github.check()
        assert github.faults_left == 0


@pytest.mark.engine
def test_an_issue_from_the_first_night_to_its_end(nights: Nights) -> None:
    github = nights.github
    nights.github.inject(Fault.lost(), "POST", f"/repos/{REPO}/issues")
    first = nights.night()
    assert first.code == ExitCode.OK, first.said
    assert (nights.issue.state, nights.issue.author.login) == ("open", ACTIONS)
    assert nights.issue.title == "Tryline's audit: 1 finding"
    assert "1 finding stands: 1 new." in nights.issue.body
    assert f"/{REPO}/blob/" in nights.issue.body and "actions/runs/77" in nights.issue.body
    assert first.outputs["issue"].endswith(f"/{REPO}/issues/{nights.issue.number}")
    assert {**first.outputs, "issue": ""} == {
        "conclusion": "findings",
        "findings": "1",
        "suggestions": "1",
        "posted": "true",
        "result": "tryline-result.json",
        "sarif": "tryline.sarif",
        "report": "tryline.html",
        "issue": "",
    }
    saved = load_audit(first.workspace / "tryline-result.json")
    (item,) = load(first.workspace / "tryline-result.json").findings
    assert [one.item.finding.id for one in saved.findings] == [item.finding.id]
    assert json.loads((first.workspace / "tryline.sarif").read_text())["version"] == "2.1.0"
    assert "<html" in (first.workspace / "tryline.html").read_text()
    assert "Where the risk is" in first.summary

    (pull,) = github.pulls.values()
    assert (pull.draft, pull.head_ref) == (True, f"tryline/{item.finding.id}")
    assert github.file(REPO, pull.head_ref, "shop.py") == BROKEN.replace("weight < 500", "weight <= 500").encode()
    assert f"#{pull.number} |" in nights.issue.body
    assert upkeep_markers.read_draft(pull.body) == item.finding.id

    second = nights.night()
    assert second.code == ExitCode.OK and len(github.pulls) == 1 and nights.news == []
    assert "1 finding stands: 1 still there." in nights.issue.body

    github.close_pull(REPO, pull.number, merged=True)
    third = nights.night()
    assert third.outputs["conclusion"] == "clean"
    assert (nights.issue.state, nights.issue.title) == ("closed", "Tryline's audit: nothing found")
    (news,) = nights.news
    assert news.startswith("All that this issue told of is fixed.")
    assert f"({item.finding.id!r})".replace("'", "`") in nights.issue.body
    # The runner is told what to blacken; nobody else is told the token.
    said = "".join(line for line in first.said.splitlines() if not line.startswith("::add-mask::"))
    files = "".join(path.read_text() for path in first.workspace.glob("tryline*.[hjs]*"))
    assert nights.token not in said + files + first.summary + nights.issue.body + pull.body


def told(nights: Nights) -> None:
    """An issue is there that tells of one finding."""
    body = f"One finding.\n\n{upkeep_markers.issue(MEMORY)}"
    nights.github.open_issue(REPO, "Tryline's audit: 1 finding", body, author=ACTIONS)


def test_a_night_without_an_engine_is_no_pass_and_no_end(nights: Nights) -> None:
    first = nights.night(**NO_ENGINE)
    assert first.code == ExitCode.COULD_NOT
    assert nights.github.issues == {}, "what could not run is told in the job"
    assert first.outputs["conclusion"] == "neutral"
    assert "this is not a pass" in first.summary

    told(nights)
    second = nights.night(**NO_ENGINE)
    assert second.code == ExitCode.COULD_NOT
    assert (nights.issue.state, nights.news) == ("open", [])
    assert "this is not a pass" in nights.issue.body
    assert upkeep_markers.read_issue(nights.issue.body) == MEMORY
    assert nights.night(**NO_ENGINE, INPUT_PULL_NEUTRAL="pass").code == ExitCode.OK


def test_a_token_that_may_only_read_costs_no_file(nights: Nights) -> None:
    told(nights)
    nights.token = nights.github.actions_token(REPO, contents="read")
    ran = nights.night(**NO_ENGINE)
    assert ran.code == ExitCode.COULD_NOT
    assert "issues: write" in ran.said and "audit.issue: false" in ran.said
    assert load_audit(ran.workspace / "tryline-result.json").review.conclusion.value == "neutral"
    assert (ran.workspace / "tryline.html").exists()
    quiet = nights.night(**NO_ENGINE, INPUT_AUDIT_ISSUE="false", INPUT_AUDIT_DRAFT_PULLS="0")
    assert "issues: write" not in quiet.said and quiet.outputs["posted"] == "false"


def scheduled(gitlab: GitLabDouble, folder: Path, **more: str) -> tuple[int, str]:
    """A job of a scheduled pipeline of GitLab, and what its log says."""
    clone = ["git", "clone", "--quiet", gitlab.clone_url(REPO), str(folder)]
    subprocess.run(clone, env=environment(), check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    out = io.StringIO()
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("TRYLINE_", "CI_", "GITHUB_"))},
        "GITLAB_CI": "true",
        "CI_API_V4_URL": gitlab.api_url,
        "CI_SERVER_URL": gitlab.url,
        "CI_PIPELINE_SOURCE": "schedule",
        "CI_PROJECT_PATH": REPO,
        "CI_PROJECT_DIR": str(folder),
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_SHA": head.stdout.strip(),
        "CI_JOB_TOKEN": gitlab.job_token(REPO),
        "CI_JOB_URL": f"{gitlab.url}/{REPO}/-/jobs/77",
        **NO_ENGINE,
        **more,
    }
    return cli.run(["ci"], cli.Terminal(out, out, environ)), out.getvalue()


def test_a_night_on_gitlab(tmp_path: Path) -> None:
    with GitLabDouble() as gitlab:
        gitlab.project(REPO, {"shop.py": BROKEN, "test_shop.py": TESTS}).visibility = "public"
        token = gitlab.project_token(REPO, role="developer")
        bot = gitlab.tokens[token].account.username
        body = f"One finding.\n\n{upkeep_markers.issue(MEMORY)}"
        gitlab.open_issue(REPO, "Tryline's audit: 1 finding", body, bot)
        code, said = scheduled(gitlab, tmp_path / "one", GITLAB_TOKEN=token)
        assert code == ExitCode.COULD_NOT, said
        issue = gitlab.issue(REPO, 1)
        assert "this is not a pass" in issue.description and upkeep_markers.read_issue(issue.description) == MEMORY
        assert f"{REPO}/-/jobs/77" in issue.description and issue.state == "opened"
        assert load_audit(tmp_path / "one/tryline-result.json").functions != ()
        assert "<html" in (tmp_path / "one/tryline.html").read_text()
        before = issue.description
        code, said = scheduled(gitlab, tmp_path / "two")
        assert code == ExitCode.COULD_NOT and gitlab.issue(REPO, 1).description == before, said
        gitlab.check()


def test_a_run_by_hand_for_another_branch_does_nothing(nights: Nights) -> None:
    payload = nights.github.dispatch_event(REPO, {"audit": "true"}, ref="feature")
    ran = nights.night(payload, GITHUB_REF="refs/heads/feature")
    assert (ran.code, ran.outputs["conclusion"]) == (ExitCode.OK, "skipped")
    assert "An audit is of `main` alone" in ran.said


def test_a_commit_that_is_not_there_is_an_error_with_a_way_out(nights: Nights) -> None:
    ran = nights.night(GITHUB_SHA="e" * 40)
    assert ran.code == ExitCode.USAGE and "Check the commit of the run out" in ran.said
