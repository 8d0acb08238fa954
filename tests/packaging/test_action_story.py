"""The whole chain in one test: the image run as GitHub runs it, from the event's file to the posted review."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from repositories import environment
from runner import DECOYS, Runner, as_on_github, authorities
from servers.github import GitHubDouble

from bot.markers import read
from scripts.demo import MAIN, PRICING, TOPIC

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]

REPO = "acme/shop"


def checkout(github: GitHubDouble, number: int, path: Path) -> Path:
    """As actions/checkout leaves it: one commit, no credentials, somebody else's files."""
    path.mkdir()
    for args in (
        ("init", "--quiet"),
        ("fetch", "--quiet", "--depth=1", github.clone_url(REPO), f"refs/pull/{number}/head"),
        ("checkout", "--quiet", "--detach", "FETCH_HEAD"),
    ):
        subprocess.run(["git", *args], cwd=path, env=environment(), check=True, capture_output=True)
    as_on_github(path)
    return path


def test_from_the_event_to_the_posted_review(runner: Runner, tmp_path: Path) -> None:
    with GitHubDouble() as github:
        github.repository(REPO, MAIN)
        github.push(REPO, "topic", TOPIC)
        number = github.open_pull(REPO, "topic")
        token = github.actions_token(REPO, contents="read", pull_requests="write")
        step = runner.run(
            checkout(github, number, tmp_path / "work"),
            payload=github.pull_request_event(REPO, number),
            inputs={"sarif-file": "tryline.sarif"},
            github={"GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": github.url, "GITHUB_REPOSITORY": REPO},
            env={**authorities(runner), "DEPLOY_KEY": "decoy-deploy-key"},
            token=token,
            network="host",
        )
        assert step.code == 0, step.raw
        pull = github.pull(REPO, number)
        (summary,), (comment,) = github.issue_comments_on(pull), github.comments_on(pull)
        marker = read(comment.body)
        assert marker is not None and marker.kind == "finding"
        assert "1 finding in 2 changed functions" in summary.body and "1 finding" in step.summary
        # A reader is told before anything runs; how soon, `bench.action` measures.
        first = github.writes()[0]
        assert first.path.endswith("/issues/1/comments") and "is reviewing" in first.body["body"]
        assert step.outputs["conclusion"] == "findings" and step.outputs["posted"] == "true"
        result = json.loads((tmp_path / "work" / step.outputs["result"]).read_text("utf-8"))
        assert result["conclusion"] == "findings"
        assert json.loads((tmp_path / "work" / "tryline.sarif").read_text("utf-8"))["version"] == "2.1.0"
        # The click gives what was verified: here what was right, express parcels included.
        assert b"if weight <= 500:" in github.apply_suggestion(comment.id)
        assert b"if weight < 500:" in TOPIC["shop/pricing.py"].encode() and "weight <= 500" in PRICING
        # The token is nowhere but where it belongs.
        assert token not in step.log and token not in " ".join(step.argv)
        for sibling in step.siblings:
            for foreign in (token, "decoy-", *DECOYS.values(), "docker.sock"):
                assert foreign not in sibling.text, (foreign, sibling)
        files = [path for path in (tmp_path / "work").rglob("*") if path.is_file()]
        assert files and not [path for path in files if token.encode() in path.read_bytes()]
        github.check()
