"""The command killed at any stage: nothing stays in the engine, what was paid for stays, no verdict is wrong."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from breaking import STAGES, Running, owned, project, saved, soon
from sample_runs import RIGHT
from servers.abilities import VLLM
from servers.models import Scripted
from servers.toy import ToyServer

from bot.sandboxes.docker import engine

pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(240)]

SEED = 6
KEY = "sk-story"


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    made = engine.connect(os.environ)
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[ToyServer]:
    with ToyServer(Scripted([("", [RIGHT + "```"])]), VLLM, key=KEY) as made:
        yield made


def asking(server: ToyServer) -> tuple[str, ...]:
    return "--endpoint", server.url, "--set", "guidance.rungs=plain", "--set", "guidance.review=false"


def generated(server: ToyServer) -> int:
    """Requests that cost something."""
    return len(server.asked("/completions"))


def test_killed_at_every_stage_it_leaves_nothing_and_ends_as_if_nothing_had_been(
    tmp_path: Path, server: ToyServer, client: docker.DockerClient
) -> None:
    chance = random.Random(SEED)
    repository = project(tmp_path / "project")
    for stage in STAGES:
        running = Running(repository, *asking(server), OPENAI_API_KEY=KEY)
        assert running.until(stage), (stage, running.told)
        time.sleep(chance.uniform(0, 1.5))
        pid = running.process.pid
        running.kill()
        assert soon(lambda pid=pid: owned(client, pid) == []), stage  # type: ignore[misc]
        assert running.result() == {}, "what was not delivered is not there, not even in part"
        for result in saved(repository):
            assert result["conclusion"] in ("findings", "neutral")
            assert "interrupted" in {problem["slug"] for problem in result["problems"]} or result["findings"]
    paid = generated(server)
    assert paid > 0, "the last runs had got as far as the model"
    running = Running(repository, *asking(server), OPENAI_API_KEY=KEY)
    assert running.wait() == 0, running.told
    result = running.result()
    (finding,) = result["findings"]
    assert finding["suggestion"]["rung"] == "plain" and result["conclusion"] == "findings"
    assert result["costs"]["usage"]["from_cache"] > 0, "what was answered before the kill is not bought again"
    assert soon(lambda: owned(client, running.process.pid) == [])


def test_a_proven_finding_survives_a_kill_in_the_search(
    tmp_path: Path, server: ToyServer, client: docker.DockerClient
) -> None:
    repository = project(tmp_path / "project")
    running = Running(repository, *asking(server), OPENAI_API_KEY=KEY)
    assert running.until("propose"), running.told
    running.kill()
    (kept,) = saved(repository)
    (finding,) = kept["findings"]
    assert finding["function"] == "runs" and finding["suggestion"] is None
    assert [problem["slug"] for problem in kept["problems"]] == ["interrupted"]
    assert not any(function["whole"] for function in kept["functions"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_asked_to_end_cleans_up_by_itself(
    tmp_path: Path, client: docker.DockerClient, number: int
) -> None:
    running = Running(project(tmp_path / "project"))
    assert running.until("observe")
    assert soon(lambda: owned(client, running.process.pid) != [])
    running.kill(number)
    assert running.process.returncode == 130
    assert "interrupted" in running.told
    assert soon(lambda: owned(client, running.process.pid) == [], 10)
