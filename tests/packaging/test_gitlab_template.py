"""The file that GitLab projects include: valid, short for its user, collecting what is written, run in time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from gitlab_runner import ROOT, TEMPLATE, configured, jobs
from repositories import Repository

from bot.config import describe
from bot.forges.gitlab.event import FILES, FRESH, OUTPUTS, OWN
from bot.forges.gitlab.outputs import DOTENV, SUMMARY

EXAMPLES = sorted((ROOT / "examples/gitlab").glob("*.yml"))
USERS = [path for path in EXAMPLES if path != TEMPLATE]
DOCUMENT = (ROOT / "docs/gitlab.md").read_text("utf-8")
WHOLE: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text("utf-8"))
REVIEW, AUDIT = WHOLE["tryline-review"], WHOLE["tryline-audit"]


@pytest.mark.thorough
def test_every_file_is_what_gitlab_takes() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", *EXAMPLES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", USERS, ids=lambda path: path.name)
def test_what_a_user_writes_is_short_and_stands_in_the_document(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 14
    name = path.relative_to(ROOT)
    assert f"<!-- {name} -->\n```yaml\n{text}```\n<!-- end of {name} -->" in DOCUMENT
    assert "/tryline/COMMIT/examples/gitlab/tryline.gitlab-ci.yml" in text


def test_what_is_written_is_what_is_collected() -> None:
    reports = REVIEW["artifacts"]["reports"]
    collected = {*REVIEW["artifacts"]["paths"], *reports.values()}
    assert collected == set(FRESH)
    assert {reports["codequality"]: "codequality", reports["sast"]: "sast"}.items() <= FILES.items()
    assert reports["dotenv"] == DOTENV
    assert SUMMARY in collected
    assert set(AUDIT["artifacts"]["paths"]) == set(REVIEW["artifacts"]["paths"])
    # A widget would compare merge requests with it and call the rest fixed.
    assert "codequality" not in AUDIT["artifacts"]["reports"]
    for job in (REVIEW, AUDIT):
        assert job["artifacts"]["when"] == "always"


def test_variables_mean_something_and_hold_no_secret() -> None:
    known = {one.environment for one in describe()} | set(OWN) | {"TRYLINE_STATE"}
    for path in EXAMPLES:
        for job in yaml.safe_load(path.read_text("utf-8")).values():
            if isinstance(job, dict):
                names = set(job.get("variables", {}))
                assert {name for name in names if name.startswith("TRYLINE_")} <= known
                assert not [name for name in names if "TOKEN" in name or "KEY" in name]
    for name in (
        *OUTPUTS[:4],
        "TRYLINE_ISSUE",
        "TRYLINE_PULL",
        "TRYLINE_FULL",
        "TRYLINE_TASK",
        "TRYLINE_GITLAB_TOKEN",
    ):
        assert f"`{name}`" in DOCUMENT


def test_a_job_ends_and_gives_way() -> None:
    assert REVIEW["interruptible"] is True
    assert "timeout" in REVIEW
    assert "timeout" in AUDIT
    assert AUDIT["resource_group"]


BRANCH = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_EVENT_TYPE": "detached"}, "review"),
        ({"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}, ""),
        (BRANCH, ""),
        (BRANCH | {"TRYLINE_PULL": "3"}, ""),
        (BRANCH | {"CI_PIPELINE_SOURCE": "web", "TRYLINE_PULL": "3"}, "review"),
        (BRANCH | {"CI_PIPELINE_SOURCE": "schedule"}, ""),
        (BRANCH | {"CI_PIPELINE_SOURCE": "schedule", "TRYLINE_TASK": "audit"}, "audit"),
    ],
)
def test_which_job_runs_when(tmp_path: Path, variables: dict[str, str], expected: str) -> None:
    """Decided by a runner that reads GitLab's rules, on the file that a user writes."""
    repository = Repository(tmp_path / "shop")
    configured(repository.path)
    repository.commit({"a.py": "x = 1\n"})
    repository.git("remote", "add", "origin", "https://gitlab.example/acme/shop.git")
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    repository.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    assert jobs(repository.path, variables) == ([f"tryline-{expected}"] if expected else [])


@pytest.mark.engine
@pytest.mark.timeout(600)  # the image may have to be built
def test_the_image_runs_a_job_s_script_as_gitlab_s_runner_does(image: str) -> None:
    """The entry point is emptied, and the script comes on the standard input of a shell."""
    assert WHOLE[".tryline"]["image"]["entrypoint"] == [""]
    shell = ["sh", "-c", "if [ -x /bin/bash ]; then exec /bin/bash; else exec /bin/sh; fi"]
    variables = ["--env", "GITLAB_CI=true", "--env", "CI_PIPELINE_SOURCE=push", "--env", "CI_PROJECT_PATH=a/b"]
    addresses = ["--env", "CI_API_V4_URL=https://g.example/api/v4", "--env", "CI_SERVER_URL=https://g.example"]
    words = ["docker", "run", "--rm", "--interactive", "--network=none", "--entrypoint", ""]
    done = subprocess.run(
        [*words, *variables, *addresses, "--workdir", "/builds/a/b", image, *shell],
        input="set -e\n" + "".join(f"{line}\n" for line in WHOLE[".tryline"]["script"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "A push is no merge request" in done.stdout
