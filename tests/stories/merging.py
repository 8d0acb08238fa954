"""How a story of a merge request is told: a GitLab double, a checkout as its runner makes it, the job on it."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gitlab_runner
from repositories import environment
from servers.gitlab import GitLabDouble, Note
from telling import TESTS_ALONE

from bot import cli
from bot.markers import read

COUNT = itertools.count()


@dataclass(frozen=True)
class Ran:
    """What one job came to."""

    code: int
    log: str
    """All that a reader of the job's log sees."""
    files: Path
    """Where what the job has written lies."""
    outputs: Mapping[str, str]
    """What later jobs of the pipeline get."""
    artifacts: frozenset[str] = frozenset()
    """Names of the files that a runner kept; it knows no reports but dotenv."""


class Stage:
    """One merge request of one project, and the jobs that run for it."""

    def __init__(self, gitlab: GitLabDouble, tmp_path: Path, project: str, iid: int, token: str = "") -> None:
        self.gitlab, self.tmp_path = gitlab, tmp_path
        self.project, self.iid, self.token = project, iid, token

    def variables(self, **more: str) -> dict[str, str]:
        """What GitLab sets in a job of a merge request pipeline, as the merge request is now."""
        merge = self.gitlab.merge_request(self.project, self.iid)
        own = {"GITLAB_TOKEN": self.token} if self.token else {}
        return {
            "CI": "true",
            "GITLAB_CI": "true",
            "GITLAB_USER_LOGIN": "alice",
            "CI_API_V4_URL": self.gitlab.api_url,
            "CI_SERVER_URL": self.gitlab.url,
            "CI_PIPELINE_ID": "500",
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_PROJECT_PATH": merge.source_project,
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": merge.head,
            "CI_JOB_TOKEN": self.gitlab.job_token(merge.source_project),
            "CI_JOB_URL": f"{self.gitlab.url}/{merge.source_project}/-/jobs/77",
            "CI_MERGE_REQUEST_IID": str(merge.iid),
            "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
            "CI_MERGE_REQUEST_REF_PATH": f"refs/merge-requests/{merge.iid}/head",
            "CI_MERGE_REQUEST_PROJECT_PATH": merge.project,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": merge.source_project,
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": merge.source_branch,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": merge.target_branch,
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": merge.refs.base,
            "CI_MERGE_REQUEST_TITLE": merge.title,
            **own,
            **more,
        }

    def checkout(self, depth: int = 0) -> Path:
        """A folder as GitLab's runner leaves it: the merge request's ref, no branch; 0 is the whole history."""
        path = self.tmp_path / f"checkout-{next(COUNT)}"
        path.mkdir()
        project = self.gitlab.projects[self.project]
        far = str(project.repository.path)
        refs = (f"+refs/merge-requests/{self.iid}/head:refs/remotes/origin/mr", "+main:refs/remotes/origin/main")
        for args in (
            ("init", "--quiet", "--initial-branch=main"),
            ("fetch", "--quiet", *([f"--depth={depth}"] if depth else []), f"file://{far}", *refs),
            ("remote", "add", "origin", self.gitlab.clone_url(self.project)),
            ("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"),
            ("checkout", "--quiet", "--detach", "refs/remotes/origin/mr"),
        ):
            subprocess.run(["git", *args], cwd=path, env=environment(), check=True, capture_output=True)
        return path

    def job(self, checkout: Path | None = None, **more: str) -> Ran:
        """`tryline ci` in a job, in this process."""
        folder = checkout or self.checkout()
        out, err = io.StringIO(), io.StringIO()
        own = ("TRYLINE_", "GITHUB_", "GITLAB_", "CI_")
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(own)},
            **TESTS_ALONE,
            **self.variables(CI_PROJECT_DIR=str(folder), **more),
        }
        code = cli.run(["ci"], cli.Terminal(out, err, environ))
        return Ran(code, out.getvalue() + err.getvalue(), folder, outputs(folder))

    def pipeline(self, **more: str) -> Ran:
        """The job of the template, run by a runner from what a user writes into `.gitlab-ci.yml`."""
        folder = self.checkout()
        gitlab_runner.configured(folder)
        # The runner looks for included files among those that git knows.
        subprocess.run(["git", "add", "."], cwd=folder, env=environment(), check=True, capture_output=True)
        # Here the command is the checkout's; in a pipeline the image brings it.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = gitlab_runner.run(folder, "tryline-review", self.variables(**TESTS_ALONE, **more), {"PATH": path})
        kept = {file.name for file in done.artifacts.rglob("*") if file.is_file()}
        written = gitlab_runner.build(folder, "tryline-review")
        return Ran(done.code, done.said, written, outputs(written), frozenset(kept))

    # --------------------------------------------------------------------------------- what stands there then

    def notes(self) -> list[Note]:
        """What Tryline has said, the summary apart."""
        return [note for note in self.gitlab.said(self.project, self.iid) if _kind(note) == "finding"]

    def summaries(self) -> list[Note]:
        """The sticky notes; there should be one."""
        return [note for note in self.gitlab.said(self.project, self.iid) if _kind(note) == "summary"]


def outputs(folder: Path) -> dict[str, str]:
    """What a job hands to those after it."""
    file = folder / "tryline.env"
    text = file.read_text("utf-8") if file.exists() else ""
    return dict(line.split("=", 1) for line in text.splitlines())


def _kind(note: Note) -> str:
    marker = read(note.body)
    return marker.kind if marker is not None else ""
