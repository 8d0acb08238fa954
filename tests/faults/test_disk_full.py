"""Disks that are full: what a review says is not lost to them, and is no pass where nothing could run."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import Running, project, slip
from daemons import bring, dockerd
from sample_runs import RIGHT
from servers.abilities import VLLM
from servers.models import Scripted
from servers.toy import ToyServer
from test_engine_lost import prepared, said

pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(240)]

KEY = "sk-story"


@contextlib.contextmanager
def small_disk(folder: Path, kb: int) -> Iterator[None]:
    """A file system in memory of so many KiB."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kb}k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as stream:
        while True:
            stream.write(b"x" * 4096)


def test_a_state_folder_without_room_costs_the_files_and_not_the_review(tmp_path: Path) -> None:
    repository = project(tmp_path / "project")
    state = repository.path / ".git/tryline"
    with small_disk(state, 64), ToyServer(Scripted([("", [RIGHT + "```"])]), VLLM, key=KEY) as server:
        fill(state)
        asking = ("--endpoint", server.url, "--set", "guidance.rungs=plain", "--set", "guidance.review=false")
        running = Running(repository, *asking, OPENAI_API_KEY=KEY)
        assert running.wait() == 0, running.told
        assert "defect of Tryline" not in running.told, running.told
        assert "cannot be saved" in running.told and "not saved" in running.told, running.told
        (finding,) = running.result()["findings"]
        assert finding["suggestion"]["rung"] == "plain", "the answer was used, though it could not be kept"
        assert not list((state / "results").glob("*")) if (state / "results").is_dir() else True


def test_an_engine_without_room_runs_nothing_and_that_is_no_pass(tmp_path: Path) -> None:
    repository = slip(tmp_path / "project")
    image = prepared(repository, {})
    with dockerd(data_mb=1500) as daemon:
        bring(daemon, image)
        daemon.run("sh", "-c", f"cat /dev/zero > {daemon.folder}/data/filler || true")
        running = Running(repository, **daemon.environ)
        code, result = running.wait(), running.result()
        assert "defect of Tryline" not in running.told, running.told
        assert (code, result["conclusion"]) == (3, "neutral"), running.told
        assert "no space left" in said(result), said(result)
        daemon.run("rm", f"{daemon.folder}/data/filler")
        again = Running(repository, **daemon.environ)
        assert again.wait() == 0, again.told
        assert [finding["function"] for finding in again.result()["findings"]] == ["fee"]
