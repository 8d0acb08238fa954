"""How a story of a pull request is told: a GitHub double, a checkout as the workflow makes it, the job on it."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repositories import environment
from servers.github import GitHubDouble, IssueComment, ReviewComment
from telling import TESTS_ALONE

from bot import cli
from bot.markers import Marker, read

COUNT = itertools.count()


@dataclass(frozen=True)
class Ran:
    """What one job came to."""

    code: int
    stdout: str
    stderr: str
    outputs: Mapping[str, str]
    summary: str
    """The job's summary."""
    workspace: Path

    @property
    def said(self) -> str:
        """All that a reader of the job's log sees."""
        return self.stdout + self.stderr


class Stage:
    """One pull request of one repository, and the jobs that run for it."""

    def __init__(self, github: GitHubDouble, tmp_path: Path, repository: str, number: int, token: str) -> None:
        self.github, self.tmp_path = github, tmp_path
        self.repository, self.number, self.token = repository, number, token

    def checkout(self) -> Path:
        """A folder as actions/checkout leaves it: one commit, no credentials."""
        path = self.tmp_path / f"workspace-{next(COUNT)}"
        path.mkdir()
        url = self.github.clone_url(self.repository)
        for args in (
            ("init", "--quiet"),
            ("fetch", "--quiet", "--depth=1", url, f"refs/pull/{self.number}/head"),
            ("checkout", "--quiet", "--detach", "FETCH_HEAD"),
        ):
            subprocess.run(["git", *args], cwd=path, env=environment(), check=True, capture_output=True)
        return path

    def pushed(self, action: str = "synchronize", **more: Any) -> Ran:
        """The job of a `pull_request` event, as the pull request is now."""
        return self.job(
            "pull_request", self.github.pull_request_event(self.repository, self.number, action), **more
        )

    def commanded(self, text: str, author: str, **more: Any) -> Ran:
        """The job of a comment."""
        comment = self.github.comment(self.repository, self.number, text, author=author)
        return self.job("issue_comment", self.github.issue_comment_event(comment), **more)

    def job(
        self,
        name: str,
        payload: Mapping[str, Any],
        *,
        workspace: Path | None = None,
        token: str | None = None,
        **env: str,
    ) -> Ran:
        """`tryline ci` in a job, in this process; `env` may hold inputs (`INPUT_...`)."""
        folder = self.tmp_path / f"job-{next(COUNT)}"
        folder.mkdir()
        (folder / "event.json").write_text(json.dumps(payload))
        workspace = workspace or self.checkout()
        out, err = io.StringIO(), io.StringIO()
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("TRYLINE_", "GITHUB_"))},
            **TESTS_ALONE,
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_API_URL": self.github.url,
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_RUN_ID": "77",
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "INPUT_GITHUB-TOKEN": self.token if token is None else token,
            **env,
        }
        code = cli.run(["ci"], cli.Terminal(out, err, environ))
        text = (folder / "output").read_text() if (folder / "output").exists() else ""
        outputs = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        summary = (folder / "summary").read_text() if (folder / "summary").exists() else ""
        return Ran(code, out.getvalue(), err.getvalue(), outputs, summary, workspace)

    # --------------------------------------------------------------------------------- what stands there then

    @property
    def summaries(self) -> list[IssueComment]:
        """The sticky comments; there should be one."""
        there = self.github.issue_comments_on(self.github.pull(self.repository, self.number))
        return [one for one in there if _marker(one.body, "summary") is not None]

    @property
    def text(self) -> str:
        """What the one summary says, without its marker."""
        (summary,) = self.summaries
        return summary.body.rsplit("\n", 1)[0]

    @property
    def open(self) -> dict[str, ReviewComment]:
        """Finding id -> its comment on lines. Fails where a finding has two."""
        return self._by_finding(withdrawn=False)

    @property
    def withdrawn(self) -> dict[str, ReviewComment]:
        """The same for those that say that their finding is gone."""
        return self._by_finding(withdrawn=True)

    def answers(self) -> list[str]:
        """What was replied to commands."""
        there = self.github.issue_comments_on(self.github.pull(self.repository, self.number))
        return [one.body for one in there if _marker(one.body, "answer") is not None]

    def _by_finding(self, *, withdrawn: bool) -> dict[str, ReviewComment]:
        found: dict[str, ReviewComment] = {}
        seen: set[str] = set()
        for comment in self.github.comments_on(self.github.pull(self.repository, self.number)):
            marker = _marker(comment.body, "finding")
            if marker is not None:
                assert marker.id not in seen, f"{marker.id} is told twice"
                seen.add(marker.id)
                if marker.withdrawn is withdrawn:
                    found[marker.id] = comment
        return found


def _marker(body: str, kind: str) -> Marker | None:
    marker = read(body)
    return marker if marker is not None and marker.kind == kind else None
