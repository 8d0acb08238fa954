"""The engine killed, restarted, full or without its image in the middle of a review: never a pass, and the next
review works."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from breaking import Running, owned, slip, soon
from daemons import Daemon, bring, dockerd
from engines import docker_backend
from repositories import Repository

from bot.config import Given, load
from bot.domain import Image
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes.docker import engine
from bot.workspace import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return slip(tmp_path_factory.mktemp("lost") / "project")


def prepared(repository: Repository, env: Mapping[str, str]) -> Image:
    """What a review of that repository runs in, made by the machine's engine, which has a network."""
    with Workspace.open(repository.path) as workspace:
        tree = workspace.tree(workspace.change("main", "topic").head)
        wishes = load(None, environ={}, flags={"install.env": Given(dict(env), "test")}).wishes()
        return docker_backend().prepare(Python().recipe(tree, wishes), tree.tar, Silent())


@pytest.fixture(scope="module")
def image(repository: Repository) -> Image:
    return prepared(repository, {})


@pytest.fixture(scope="module")
def daemon(image: Image) -> Iterator[Daemon]:
    with dockerd() as made:
        bring(made, image)
        yield made


def said(result: Any) -> str:
    return " ".join(f"{problem['slug']}: {problem['message']}" for problem in result["problems"])


@pytest.mark.parametrize("stage", ["observe", "propose", "verify"])
def test_an_engine_that_is_killed_is_never_a_pass_and_the_next_review_works(
    repository: Repository, daemon: Daemon, stage: str
) -> None:
    running = Running(repository, **daemon.environ)
    assert running.until(stage), running.told
    daemon.kill()
    code = running.wait()
    result = running.result()
    assert "defect of Tryline" not in running.told, running.told
    proven = [finding["function"] for finding in result["findings"]]
    assert (code, result["conclusion"]) == ((0, "findings") if proven else (3, "neutral")), running.told
    assert proven == (["fee"] if stage in ("propose", "verify") else proven)
    assert "engine" in said(result) or "container" in said(result)
    assert not any(function["whole"] for function in result["functions"])
    if stage != "verify":  # there the proof may have been over before the engine was
        assert all(finding["suggestion"] is None for finding in result["findings"])
    daemon.restart()
    if stage == "verify":  # the last of them: once is enough
        again = Running(repository, **daemon.environ)
        assert again.wait() == 0, again.told
        assert [finding["function"] for finding in again.result()["findings"]] == ["fee"]
        assert again.result()["problems"] == []
    else:
        assert docker_backend(daemon.environ).clean() >= 0
    client = daemon.client()
    assert soon(lambda: client.api.containers(all=True, filters={"label": [engine.RUN]}) == [])


def test_an_engine_whose_socket_is_gone_is_named(repository: Repository, tmp_path: Path) -> None:
    running = Running(repository, DOCKER_HOST=f"unix://{tmp_path}/gone.sock")
    assert running.wait() == 3
    assert running.result()["conclusion"] == "neutral"
    assert "engine" in {problem["slug"] for problem in running.result()["problems"]}
    assert "gone.sock" in said(running.result())


def test_an_image_that_is_removed_on_the_way_is_said_and_made_anew(tmp_path: Path) -> None:
    repository = slip(tmp_path / "project")
    # A setting of the installation's own: nobody else's image is this one.
    own = {"TRYLINE_TEST_FAULT": tmp_path.name}
    setting = ("--set", f"install.env={json.dumps(own)}")
    client = engine.connect(os.environ)
    try:
        made = prepared(repository, own)
        running = Running(repository, *setting)
        assert running.until("observe"), running.told
        # While a container uses it an engine takes off no more than its name; sooner or later none does.
        while running.process.poll() is None:
            with contextlib.suppress(docker.errors.APIError):
                client.api.remove_image(made.reference, force=True)
            try:
                client.api.inspect_image(made.reference)
            except docker.errors.ImageNotFound:
                break
            time.sleep(0.02)
        code, result = running.wait(), running.result()
        assert "defect of Tryline" not in running.told, running.told
        if result["problems"]:
            assert "image-gone" in said(result) and "made anew" in said(result), said(result)
            assert not any(function["whole"] for function in result["functions"])
        assert code in (0, 3) and result["conclusion"] != "clean"
        again = Running(repository, *setting)
        assert again.wait() == 0, again.told
        assert [finding["function"] for finding in again.result()["findings"]] == ["fee"]
        assert soon(lambda: owned(client, running.process.pid) == [])
        client.api.remove_image(prepared(repository, own).reference, force=True)
    finally:
        client.close()
