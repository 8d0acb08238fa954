"""The image, built and run as GitHub runs it: small, without a trace of where it was built, and able to review."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from repositories import Repository
from runner import DECOYS, MARK, ROOT, Runner, as_on_github, authorities

pytestmark = pytest.mark.engine

LIMIT_MB = 320
"""Measured: 279 MB of files on Debian 12 (77 the base, 37 uv), with room for newer dependencies."""

CART = '''
def total(prices, percent):
    """What a cart costs, less a discount in percent."""
    if percent > 100:
        raise ValueError("percent")
    return sum(prices) * (100 - percent) // 100
'''
TESTS = """
from cart import total


def test_half():
    assert total([100, 300], 50) == 200


def test_all():
    assert total([100], 100) == 0
"""


def docker(*args: str) -> str:
    done = subprocess.run(["docker", *args], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def files(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All files of the image as a tar."""
    path = tmp_path_factory.mktemp("image") / "files.tar"
    container = docker("create", image).strip()
    try:
        docker("export", "--output", str(path), container)
    finally:
        docker("rm", container)
    yield path
    path.unlink()


def test_it_is_what_github_asks_of_an_action(image: str) -> None:
    about = json.loads(docker("image", "inspect", image))[0]
    config = about["Config"]
    assert config["Entrypoint"] == ["tryline"]  # in exec form
    assert not config.get("User")
    assert not config.get("WorkingDir")
    assert "PYTHONDONTWRITEBYTECODE=1" in config["Env"]
    assert config["Labels"]["org.opencontainers.image.title"] == "Tryline"
    assert re.fullmatch("[0-9a-f]{40}", config["Labels"]["org.opencontainers.image.revision"])


def test_nothing_of_where_it_was_built_is_in_it(image: str, files: Path) -> None:
    told = docker("history", "--no-trunc", image) + docker("image", "inspect", image)
    assert "INDEX_URL" not in told
    assert MARK not in told
    with tarfile.open(files) as archive:
        names = set(archive.getnames())
    assert not {"etc/pip.conf", "root/.config/pip/pip.conf", "build"} & names
    assert not [name for name in names if name.endswith("ca.pem") and "site-packages" not in name]
    with files.open("rb") as stream:
        overlap = b""
        while block := stream.read(2**22):
            assert MARK.encode() not in overlap + block
            overlap = block[-64:]


def test_it_is_small(files: Path) -> None:
    with tarfile.open(files) as archive:  # engines count layers in different ways; the files are what they are
        size = sum(entry.size for entry in archive)
    assert size / 1e6 < LIMIT_MB


def test_nothing_to_build_with_is_in_it(files: Path) -> None:
    with tarfile.open(files) as archive:
        names = archive.getnames()
    installed = {
        found[1] for name in names if (found := re.match(r"opt/tryline/lib/.*/site-packages/(\w+)", name))
    }
    assert {"bot", "github", "docker", "uv"} <= installed
    assert not {"pip", "setuptools", "hatchling", "pytest", "mypy"} & installed
    assert not [name for name in names if name.endswith(("/bin/gcc", "/bin/cc", "/bin/make"))]
    # Bytecode is there: the workspace's user must not pay for it at every start.
    assert [name for name in names if re.search(r"site-packages/bot/__pycache__/cli\.cpython-\d+\.pyc", name)]


def test_it_runs_anywhere(image: str) -> None:
    assert re.fullmatch(r"tryline \d+\.\d+\.\d+\n", docker("run", "--rm", image, "--version"))
    assert "usage: tryline" in docker("run", "--rm", image)


def test_without_the_engines_socket_it_says_what_is_missing(image: str) -> None:
    done = subprocess.run(["docker", "run", "--rm", image, "doctor"], capture_output=True, check=False)
    assert done.returncode == 3
    assert "DOCKER_HOST" in done.stdout.decode()


def test_the_doctor_finds_everything_there(runner: Runner, repo: Repository) -> None:
    repo.commit({"cart.py": CART})
    as_on_github(repo.path)
    step = runner.run(repo.path, args=["doctor", "--no-color"])
    assert step.code == 0, step.raw
    assert "engine" in step.raw


def test_an_event_that_asks_for_nothing(runner: Runner, repo: Repository) -> None:
    repo.commit({"cart.py": CART})
    as_on_github(repo.path)
    step = runner.run(
        repo.path,
        event="push",
        payload={"ref": "refs/heads/main"},
        token="ghs_decoy",
        inputs={"endpoint-key": "a key"},
    )
    assert step.code == 0, step.raw
    assert step.outputs == {"conclusion": "skipped"}
    assert "push" in step.summary
    masked = {command.message for command in step.commands if command.name == "add-mask"}
    assert {"ghs_decoy", "a key"} <= masked
    assert "ghs_decoy" not in step.log


def test_a_review_by_containers_beside_the_actions_own(runner: Runner, repo: Repository) -> None:
    repo.commit({"cart.py": CART, "test_cart.py": TESTS})
    repo.git("switch", "--quiet", "--create", "topic")
    repo.commit({"cart.py": CART.replace("percent > 100", "percent >= 100")})
    as_on_github(repo.path)
    secret = {"TRYLINE_ENDPOINT_KEY": "decoy-endpoint-key", "DEPLOY_KEY": "decoy-deploy-key"}
    unknown = {"TRYLINE_INSTALL_ENV": f"ROUND={uuid.uuid4().hex}"}  # so that it is installed here and now
    step = runner.run(
        repo.path,
        args=["review", "--base", "main", "--head", "topic", "--output", "review.json"],
        env={**authorities(runner), **secret, **unknown},
        token="decoy-github-token",
    )
    assert step.code == 0, step.raw
    result = json.loads((repo.path / "review.json").read_text("utf-8"))
    assert [finding["function"] for finding in result["findings"]] == ["total"], step.raw
    assert result["findings"][0]["suggestion"] is not None

    # What the runner gave to the action, and nothing else of its own, crossed into a container.
    assert step.unseen == 0
    assert {"install", "run"} <= {sibling.role for sibling in step.siblings}
    for sibling in step.siblings:
        for foreign in (*DECOYS, *DECOYS.values(), *secret, "decoy-", "GITHUB_", "INPUT_", "RUNNER_"):
            assert foreign not in sibling.text, (foreign, sibling)
        assert not sibling.mounts, sibling
        assert not sibling.host["Binds"]
        assert not sibling.host["Privileged"]
        assert "docker.sock" not in sibling.text
    assert not [name for name in repo.git("status", "--porcelain").split("\n") if "__pycache__" in name]


OWNED = '{{.Label "tryline.owner"}} {{.Names}} {{.Status}}'


@pytest.mark.parametrize("stage", ["Installing", "propose"])
def test_a_job_that_is_cancelled_leaves_nothing_behind(runner: Runner, repo: Repository, stage: str) -> None:
    """At these two lines a container is being made, which the engine goes on with."""
    repo.commit({"cart.py": CART, "test_cart.py": TESTS})
    repo.git("switch", "--quiet", "--create", "topic")
    repo.commit({"cart.py": CART.replace("percent > 100", "percent >= 100")})
    as_on_github(repo.path)
    began = time.monotonic()
    unknown = {"TRYLINE_INSTALL_ENV": f"ROUND={uuid.uuid4().hex}"} if stage == "Installing" else {}
    step = runner.run(
        repo.path,
        args=["review", "--base", "main", "--head", "topic"],
        env={**authorities(runner), **unknown},
        cancel_at=stage,
    )
    assert step.code == 130, step.raw
    assert "interrupted" in step.raw
    assert time.monotonic() - began < 60
    until = time.monotonic() + 10  # the engine removes what has ended by itself
    while f"{step.name}:" in (left := docker("ps", "--all", "--format", OWNED)) and time.monotonic() < until:
        time.sleep(0.2)
    assert f"{step.name}:" not in left, left


def test_a_base_that_cannot_be_had_is_named() -> None:
    done = subprocess.run(
        [ROOT / "scripts/image.sh", "tryline/never:made"],
        env={**os.environ, "BASE": "localhost:1/nothing:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("missing: the image localhost:1/nothing:1\n")
