"""The pool on a real engine: what is handed out is fresh, what dies goes unnoticed, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from engines import contents, docker_backend, prepared, printed, program

from bot.domain import Image, Limits
from bot.errors import SandboxError
from bot.sandboxes.docker import engine
from bot.sandboxes.docker.backend import Docker
from bot.sandboxes.pool import Pool

pytestmark = pytest.mark.engine

REAL = Limits(memory_mb=200, cpus=1.0, processes=60, workspace_mb=40, tmp_mb=20)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    made = engine.connect(os.environ)
    yield made
    made.close()


@pytest.fixture(scope="module")
def image() -> Image:
    return prepared(docker_backend())


@pytest.fixture
def backend() -> Iterator[Docker]:
    made = docker_backend()
    yield made
    made.close()


def ours(client: docker.DockerClient, run: str = "", pid: int | None = None) -> list[str]:
    """Ids of the containers of a run, or of a process."""
    found = client.api.containers(all=True, filters={"label": [f"{engine.RUN}={run}" if run else engine.RUN]})
    mark = f":{pid}:"
    return [row["Id"] for row in found if pid is None or mark in row["Labels"].get(engine.OWNER, "")]


def soon(wanted: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if wanted():
            return True
        time.sleep(0.05)
    return wanted()


def waiting(pool: Pool, number: int = 1) -> bool:
    return soon(lambda: pool.spares == number and not pool._starting, 60)


TRACES = """
import os
traces = [folder + "/trace" for folder in ("/repo", "/tmp", "/dev/shm")]
found = sorted(os.listdir("/repo")) + [trace for trace in traces if os.path.exists(trace)]
for trace in traces:
    open(trace, "w").close()
if os.fork() == 0:
    os.setsid()
    import time
    time.sleep(600)
print(found)
"""


@pytest.mark.thorough
def test_forty_containers_for_eight_callers_carry_no_trace_of_one_another(
    backend: Docker, image: Image, client: docker.DockerClient
) -> None:
    seen: list[int] = []

    def one(number: int) -> str:
        tree = contents({"a.py": "a"}) if number % 3 else contents({"b.py": "b"})
        with backend.open(image, replace(tree, over={f"n{number % 5}": b"x"}), REAL) as box:
            if number % 8 == 0:
                seen.append(len(ours(client, backend._run)))
            return printed(box, TRACES, seconds=60)

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(one, range(40)))
    for number, text in enumerate(told):
        name = "a.py" if number % 3 else "b.py"
        assert text == f"['{name}', 'n{number % 5}']"
    cores = backend.capacity().cores
    assert max(seen) <= 8 + cores + 4 + cores, "open, removals, spares and those that start"
    assert backend.containers == 40
    backend.close()
    assert ours(client, backend._run) == []


def test_spares_are_what_was_asked_for_and_go_unnoticed_when_they_die(
    backend: Docker, image: Image, client: docker.DockerClient
) -> None:
    tree = contents({"a.py": "a"})
    for _ in range(2):
        with backend.open(image, tree, REAL):
            pass
    assert soon(lambda: waiting(backend._pool) and len(ours(client, backend._run)) == 1, 60)
    (spare,) = ours(client, backend._run)
    host = client.api.inspect_container(spare)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (200 << 20, 10**9, 60)
    with backend.open(image, replace(tree, over={"t.py": b"t"}), REAL) as box:
        assert spare in ours(client, backend._run), "the one that waited"
        assert printed(box, "import os; print(sorted(os.listdir('/repo')))") == "['a.py', 't.py']"
        assert soon(lambda: waiting(backend._pool) and len(ours(client, backend._run)) == 2, 60)
    (spare,) = [one for one in ours(client, backend._run) if one != spare][:1]
    client.api.kill(spare)
    with backend.open(image, tree, REAL) as box:
        assert printed(box, "print(1)") == "1"
        assert spare not in ours(client, backend._run)
    larger = replace(REAL, memory_mb=300)
    with backend.open(image, tree, larger) as box:
        text = (
            "print(open([p for p in ('/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory.max')"
        )
        text += " if __import__('os').path.exists(p)][0]).read())"
        assert printed(box, text) == str(300 << 20)
    backend.close()
    assert ours(client, backend._run) == []


def test_an_image_that_goes_while_a_container_waits_is_told(backend: Docker, client: docker.DockerClient) -> None:
    image = prepared(backend)
    made = client.api.create_container(image.reference, ["x"])
    mine = client.api.commit(made["Id"], repository="tryline-test/pool", tag="gone")["Id"]
    client.api.remove_container(made["Id"])
    copy = replace(image, reference=mine)
    for _ in range(2):
        with backend.open(copy, contents({}), REAL):
            pass
    assert waiting(backend._pool)
    with pytest.raises(docker.errors.APIError):
        client.api.remove_image(mine, force=True)  # an engine keeps what a container waits in
    backend.close()
    assert soon(lambda: ours(client, backend._run) == [])
    client.api.remove_image(mine, force=True)
    with pytest.raises(SandboxError) as caught, backend.open(copy, contents({}), REAL):
        pass
    assert caught.value.slug == "image-gone" and caught.value.hint


OWNER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from engines import docker_backend, prepared, contents
from bot.domain import Limits
backend = docker_backend()
image, tree = prepared(backend), contents({})
try:
    with backend.open(image, tree, Limits(memory_mb=200)):
        for turn in range(10_000):
            with backend.open(image, tree, Limits(memory_mb=200)):
                if turn == 2:
                    print("open", flush=True)
finally:
    backend.close()
    print("closed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_or_interrupted_process_leaves_no_container(
    image: Image, client: docker.DockerClient, number: signal.Signals
) -> None:
    here = Path(__file__).parents[1]
    child = subprocess.Popen([sys.executable, "-c", OWNER, here], cwd=here.parent, stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"open\n"
        assert len(ours(client, pid=child.pid)) >= 1
        time.sleep(0.3)
    finally:
        child.send_signal(number)
        said = child.stdout.read()
        child.wait()
        child.stdout.close()
    if number is signal.SIGINT:
        assert said.endswith(b"closed\n")
        assert ours(client, pid=child.pid) == [], "nothing is left for anybody to sweep up"
    assert soon(lambda: ours(client, pid=child.pid) == [], 30)


HURRIED = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
import docker
from engines import docker_backend, prepared, contents
from bot.domain import Limits
class Slow(docker.APIClient):  # an engine under load: it has made the container, and is asked for no more yet
    def attach_socket(self, *args, **named):
        print("made", flush=True)
        time.sleep(60)
backend = docker_backend(spares=0)
image = prepared(backend)
backend._client.api.__class__ = Slow
opening = backend.open(image, contents({}), Limits(memory_mb=200))
threading.Thread(target=opening.__enter__, daemon=True).start()
time.sleep(10)
"""


def test_a_process_that_ends_while_a_container_is_made_leaves_none(client: docker.DockerClient) -> None:
    here = Path(__file__).parents[1]
    child = subprocess.Popen([sys.executable, "-c", HURRIED, here], cwd=here.parent, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"made\n"
    assert len(ours(client, pid=child.pid)) == 1
    assert child.wait(timeout=60) == 0
    child.stdout.close()
    assert soon(lambda: ours(client, pid=child.pid) == [], 10)


def test_what_nobody_waits_for_is_ended_inside(backend: Docker, image: Image) -> None:
    with backend.open(image, contents({}), REAL) as box:
        answers = box.ask_many([program("print(0)"), program("import time; time.sleep(2); print(1)")], seconds=60)
        assert next(answers)[0] == 0
        answers.close()
        assert printed(box, "print('next')") == "next"
