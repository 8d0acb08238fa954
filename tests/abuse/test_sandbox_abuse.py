"""Hostile programs in one container: what each managed inside, and what arrived outside."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import outside
import pytest
from cases import CASES, PREAMBLE
from engines import bubblewrap_backend, contents, docker_backend, prepared, printed, program

from bot.domain import Limits
from bot.sandboxes.bubblewrap.launch import Identity

pytestmark = pytest.mark.engine

LIMITS = Limits(memory_mb=320, processes=64, workspace_mb=48, tmp_mb=32, file_mb=16)
FILES = {"shop.py": "def price(n):\n    return n * 2\n", "test_fine.py": "def test_fine():\n    pass\n"}
PROGRAMS = [case for case in CASES if case.program]


BACKENDS = {
    "docker": docker_backend,
    "bubblewrap": bubblewrap_backend,
    "bubblewrap, one user": partial(bubblewrap_backend, who=Identity("one", "no subordinate ids")),
}


@dataclass(frozen=True)
class Tried:
    """What came of all programs on one backend."""

    backend: str
    did: dict[str, Any]
    heard: list[str]
    listeners: outside.Listeners
    containers: list[str]
    changed: list[str]
    marks: dict[Path, str]
    after: str
    """What the next job in the same sandbox said."""
    processes: set[int]
    """Those of the host that were started for it."""


def hostile(text: str, targets: dict[str, Any]) -> dict[str, Any]:
    return program(f"{PREAMBLE}\nTARGETS = {targets!r}\n{text}\nprint('DID', json.dumps(did))", 40)


@pytest.fixture(scope="module", params=BACKENDS)
def tried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    folder = tmp_path_factory.mktemp("host")
    canaries = [secrets.token_hex(12) for _ in range(2)]
    marks = {folder / name: secrets.token_hex(8) for name in ("mark.txt", "other.txt")}
    for path, text in marks.items():
        path.write_text(text)
        path.chmod(0o666)
    environ = {**os.environ, "TRYLINE_ENDPOINT_KEY": canaries[0], "GITHUB_TOKEN": canaries[1]}
    backend = BACKENDS[request.param](environ, spares=0)
    before = outside.descendants()
    with outside.listening(folder) as listeners:
        targets = {
            "addresses": listeners.addresses(),
            "tcp": listeners.tcp,
            "udp": listeners.udp,
            "vsock": listeners.vsock,
            "abstract": listeners.abstract,
            "path": listeners.path,
            "files": [str(path) for path in (*marks, folder, Path(__file__), Path.cwd())],
            "canary": [word[::-1] for word in canaries],  # a program must not find itself
        }
        with backend.open(prepared(backend), contents(FILES), LIMITS) as box:
            containers = outside.ours()
            asked = [case for case in PROGRAMS if request.param not in case.not_on]
            jobs = [hostile(case.program, targets) for case in asked]
            did = {asked[index].name: told(reply) for index, reply in box.ask_many(jobs, seconds=120)}
            after = printed(box, "import shop; print(shop.price(4))")
            changed = [path for container in containers for path in outside.changed(container)]
            started = outside.descendants() - before
        heard = list(listeners.heard)
        yield Tried(request.param, did, heard, listeners, containers, changed, marks, after, started)
        backend.close()


def told(reply: Any) -> Any:
    """What a program managed; the whole answer where it did not come to its end."""
    lines = [line for line in str(reply.get("output")).splitlines() if line.startswith("DID ")]
    return json.loads(lines[-1][4:]) if lines else dict(reply)


@pytest.mark.parametrize("name", [case.name for case in PROGRAMS])
def test_it_does_not_succeed(tried: Tried, name: str) -> None:
    case = next(case for case in PROGRAMS if case.name == name)
    if tried.backend in case.not_on:
        pytest.xfail(f"not promised: {case.not_on[tried.backend]}")
    assert tried.did[name] == []


def test_nothing_arrived_at_the_host(tried: Tried) -> None:
    assert tried.heard == []
    tried.listeners.touch()
    assert outside.until(lambda: len(tried.listeners.heard) > 4), "they would have heard"


def test_nothing_of_the_host_or_the_image_was_changed(tried: Tried) -> None:
    assert {path: path.read_text() for path in tried.marks} == tried.marks
    assert set(tried.changed) <= {"/run", "/run/tryline", "/repo"}, "but for the places of what is mounted"


def test_the_next_job_is_unharmed_and_nothing_is_left(tried: Tried) -> None:
    assert tried.after == "8"
    assert len(tried.containers) == (tried.backend == "docker")
    assert outside.until(lambda: not set(tried.containers) & set(outside.ours()))
    assert outside.until(lambda: not [pid for one in tried.containers for pid in outside.processes(one)])
    assert tried.containers or tried.processes
    assert outside.until(lambda: not tried.processes & outside.descendants())
