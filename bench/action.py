"""How long a pull request's author waits: the image run as GitHub's runner does, against a GitHub on loopback.

    make image && PYTHONPATH=tests:tests/packaging .venv/bin/python -m bench.action tryline:local [ROUNDS]

Prints, for the demo's repository: seconds from the start of the container to the comment that says a review runs,
and to the posted review, the first time (dependencies are installed) and with the image of the dependencies at
hand; and what the container, the checkout and GitHub add, as a ratio to the same review by `tryline review`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import docker
from repositories import environment
from runner import Runner, as_on_github, authorities
from servers.github import GitHubDouble

from scripts.demo import MAIN, TOPIC

REPO = "acme/shop"


def main() -> int:
    """Measures and prints."""
    image, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    size = docker.from_env().images.get(image).attrs["Size"]
    print(f"image: {size / 1e6:.0f} MB as the engine counts")
    fresh = {"TRYLINE_INSTALL_ENV": f"ROUND={uuid.uuid4().hex}"}
    told, done = once(image, fresh)
    print(f"first review, dependencies installed: announced after {told:.1f} s, posted after {done:.1f} s")
    locally(fresh)  # its base is another one: its dependencies are installed, too
    action, plain = [], []
    for _ in range(rounds):
        told, done = once(image, fresh)
        action.append(done)
        plain.append(locally(fresh))
        print(f"announced after {told:.1f} s, posted after {done:.1f} s; `tryline review` {plain[-1]:.1f} s")
    ratio = statistics.median(a / b for a, b in zip(action, plain, strict=True))
    print(
        f"the action takes {ratio:.2f} times as long as `tryline review` of the same change (median of {rounds})"
    )
    return 0


def once(image: str, settings: dict[str, str]) -> tuple[float, float]:
    """(seconds to the first comment, seconds to the end) of one job on a pull request of its own."""
    with tempfile.TemporaryDirectory() as name, GitHubDouble() as github:
        folder = Path(name)
        github.repository(REPO, MAIN)
        github.push(REPO, "topic", TOPIC)
        number = github.open_pull(REPO, "topic")
        work = folder / "work"
        work.mkdir()
        for args in (
            ("init", "--quiet"),
            ("fetch", "--quiet", "--depth=1", github.clone_url(REPO), f"refs/pull/{number}/head"),
            ("checkout", "--quiet", "--detach", "FETCH_HEAD"),
        ):
            subprocess.run(["git", *args], cwd=work, env=environment(), check=True, capture_output=True)
        as_on_github(work)
        runner = Runner(image, folder / "_temp")
        began, told = time.monotonic(), [0.0]
        watching = threading.Thread(target=watch, args=(github, number, began, told), daemon=True)
        watching.start()
        step = runner.run(
            work,
            payload=github.pull_request_event(REPO, number),
            github={"GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": github.url, "GITHUB_REPOSITORY": REPO},
            env={**authorities(runner), **settings},
            token=github.actions_token(REPO, contents="read", pull_requests="write"),
            network="host",
        )
        done = time.monotonic() - began
        watching.join(timeout=5)
        if step.code != 0 or len(github.comments_on(github.pull(REPO, number))) != 1:
            raise RuntimeError(f"the job did not post its one finding:\n{step.raw}")
        return told[0], done


def watch(github: GitHubDouble, number: int, began: float, told: list[float]) -> None:
    """Notes when the first comment is there."""
    while time.monotonic() - began < 300:
        if github.issue_comments_on(github.pull(REPO, number)):
            told[0] = time.monotonic() - began
            return
        time.sleep(0.02)


def locally(settings: dict[str, str]) -> float:
    """Seconds that `tryline review` takes for the same change, from its own process."""
    with tempfile.TemporaryDirectory() as name, GitHubDouble() as github:
        github.repository(REPO, MAIN)
        github.push(REPO, "topic", TOPIC)
        work = Path(name) / "work"
        clone = ("clone", "--quiet", "--branch", "topic", github.clone_url(REPO), str(work))
        subprocess.run(["git", *clone], env=environment(), check=True, capture_output=True)
        began = time.monotonic()
        argv = [sys.executable, "-m", "bot", "review", "--repo", str(work), "--base", "origin/main", "-q"]
        out = subprocess.run(
            [*argv, "--format", "json"], env={**os.environ, **settings}, capture_output=True, check=True
        )
        seconds = time.monotonic() - began
        if len(json.loads(out.stdout)["findings"]) != 1:
            raise RuntimeError("the local review did not find its one finding")
        return seconds


if __name__ == "__main__":
    sys.exit(main())
