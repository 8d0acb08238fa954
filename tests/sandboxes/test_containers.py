"""Containers of the Docker backend as the engine itself reports them, and what is left of them."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from engines import contents, docker_backend, prepared, printed, program

from bot.domain import Image, Limits
from bot.errors import SandboxError
from bot.sandboxes import Contents, stream
from bot.sandboxes.docker import containers, engine
from bot.sandboxes.docker.backend import Docker
from bot.sandboxes.stream import Stream

LIMITS = Limits(memory_mb=300, cpus=1.5, processes=70, workspace_mb=40, tmp_mb=20)


# ------------------------------------------------------------------------------------------------ the stream


class Agent:
    """The other end of an attached stream, played by hand."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        self.stream = Stream(containers.Attached(ours, stall=1))

    def say(self, data: bytes, channel: int = 1) -> None:
        self.socket.sendall(struct.pack(">BxxxI", channel, len(data)) + data)

    def reply(self, message: Any) -> None:
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.say(struct.pack(">I", len(data)) + data)


@pytest.fixture
def agent() -> Iterator[Agent]:
    made = Agent()
    yield made
    made.stream.close()
    made.socket.close()


def test_replies_find_their_questions_however_they_are_cut(agent: Agent) -> None:
    first, one = agent.stream.ask({"kind": "a"})
    second, two = agent.stream.ask({"kind": "b"})
    frames = b""
    for number in (second, first):
        data = json.dumps({"id": number, "x": number}).encode()
        frames += struct.pack(">I", len(data)) + data
    for byte in frames:
        agent.say(bytes([byte]))
    assert one.get(timeout=5)["x"] == first and two.get(timeout=5)["x"] == second


def test_what_the_agent_says_on_its_error_channel_explains_its_end(agent: Agent) -> None:
    _, box = agent.stream.ask({"kind": "a"})
    agent.say(b"MemoryError\n", channel=2)
    agent.socket.close()
    assert box.get(timeout=5) is stream.GONE
    assert "MemoryError" in agent.stream.why()
    with pytest.raises(SandboxError):
        agent.stream.ask({"kind": "b"})


@pytest.mark.parametrize(
    "data",
    [b"no json", b"[1]", b'"x"', b"[" * 100_000, b'{"id": [1]}', b'{"id": {}}', b"\xff\xfe", b"null"],
    ids=lambda data: repr(data[:12]),
)
def test_a_reply_that_is_not_one_ends_the_conversation(agent: Agent, data: bytes) -> None:
    _, box = agent.stream.ask({"kind": "a"})
    agent.reply(data)
    assert box.get(timeout=5) is stream.GONE
    assert "protocol" in agent.stream.why()


def test_a_reply_of_any_size_is_not_waited_for(agent: Agent) -> None:
    _, box = agent.stream.ask({"kind": "a"})
    agent.say(struct.pack(">I", stream.MAX_REPLY + 1))
    assert box.get(timeout=5) is stream.GONE


def test_replies_that_nobody_asked_for_are_left_out(agent: Agent) -> None:
    number, box = agent.stream.ask({"kind": "a"})
    agent.reply({"id": number + 7, "x": 1})
    agent.reply({"x": 2})
    agent.reply({"id": number, "gone": True, "error": "mine"})
    assert box.get(timeout=5) == {"id": number, "gone": True, "error": "mine"}


@pytest.mark.thorough
def test_a_container_that_takes_no_job_is_not_waited_for_for_ever(agent: Agent) -> None:
    began = time.monotonic()
    with pytest.raises(SandboxError) as caught:
        agent.stream.ask({"kind": "a", "text": "x" * (8 << 20)})
    assert caught.value.slug == "container-gone"
    assert time.monotonic() - began < 10


# -------------------------------------------------------------------------------------------- real containers


@pytest.fixture(scope="module")
def backend() -> Docker:
    return docker_backend(spares=0)  # what is counted here is what was asked for


@pytest.fixture(scope="module")
def image(backend: Docker) -> Image:
    return prepared(backend)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    made = engine.connect(os.environ)
    yield made
    made.close()


def ours(client: docker.DockerClient, owner: Docker | int) -> list[str]:
    """Ids of the containers of a backend, or of a process: other tests of this one may hold some of their own."""
    found = client.api.containers(all=True, filters={"label": [engine.RUN]})
    if isinstance(owner, Docker):
        return [row["Id"] for row in found if row["Labels"].get(engine.RUN) == owner._run]
    return [row["Id"] for row in found if f":{owner}:" in row["Labels"].get(engine.OWNER, "")]


def soon(wanted: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if wanted():
            return True
        time.sleep(0.05)
    return wanted()


@pytest.fixture(scope="module")
def seen(backend: Docker, image: Image, client: docker.DockerClient) -> dict[str, Any]:
    """A running container as `docker inspect` shows it."""
    with backend.open(image, contents({}), LIMITS) as box:
        assert printed(box, "print(1)") == "1"
        (found,) = ours(client, backend)
        shown: dict[str, Any] = client.api.inspect_container(found)
    return shown


@pytest.mark.engine
def test_the_engine_reports_the_hardening(seen: dict[str, Any]) -> None:
    host = seen["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert [cap.removeprefix("CAP_") for cap in host["CapDrop"]] == ["ALL"]
    assert {cap.removeprefix("CAP_") for cap in host["CapAdd"]} == {"KILL", "SETGID", "SETUID"}
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 70
    assert host["Memory"] == host["MemorySwap"] == 300 << 20
    assert host["NanoCpus"] == 1_500_000_000
    assert host["AutoRemove"] is True
    assert host["LogConfig"]["Type"] == "none"
    assert host["IpcMode"] == "private" and host["PidMode"] == "" and host["UTSMode"] == ""
    assert host["ShmSize"] == 16 << 20
    assert {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]} == {
        "core": 0,
        "nofile": 1024,
        "nproc": 4096,
    }


@pytest.mark.engine
def test_nothing_of_the_host_is_in_it(seen: dict[str, Any]) -> None:
    host = seen["HostConfig"]
    assert not host["Binds"] and not host.get("Mounts") and not host["VolumesFrom"] and not host["Devices"]
    assert seen["Mounts"] == []
    assert set(host["Tmpfs"]) == {"/repo", "/tmp", "/run/tryline"}
    for options in host["Tmpfs"].values():
        assert {"nosuid", "nodev"} <= set(options.split(","))
    assert "size=40m" in host["Tmpfs"]["/repo"] and "size=20m" in host["Tmpfs"]["/tmp"]
    assert seen["Config"]["Env"] == ["PATH=/usr/local/bin:/usr/bin:/bin"]
    assert not seen["NetworkSettings"]["Ports"]
    assert socket.gethostname() != seen["Config"]["Hostname"] == "sandbox"


@pytest.mark.engine
def test_it_carries_the_labels_by_which_it_is_swept_up(seen: dict[str, Any]) -> None:
    labels = seen["Config"]["Labels"]
    assert labels[engine.OWNER] == engine.owner() and labels[engine.ROLE] == "run"
    assert int(labels[engine.TTL]) > 0 and labels[engine.RUN]


@pytest.mark.engine
def test_nothing_is_left_after_the_end_however_it_comes(
    backend: Docker, image: Image, client: docker.DockerClient
) -> None:
    with backend.open(image, contents({}), LIMITS) as box:
        box.ask(program("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)"), seconds=30)
    assert soon(lambda: ours(client, backend) == [], 5)
    with pytest.raises(KeyError), backend.open(image, contents({}), LIMITS):
        raise KeyError
    with pytest.raises(SandboxError), backend.open(image, contents({"big": "x" * (50 << 20)}), LIMITS):
        pass
    with backend.open(image, contents({}), LIMITS) as box, pytest.raises(SandboxError):
        box.ask(program("import time; time.sleep(60)", 60), seconds=0.5)
    assert soon(lambda: ours(client, backend) == [], 5)


OWNER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from engines import docker_backend, prepared, program, tar, contents
from bot.domain import Limits
backend = docker_backend()
with backend.open(prepared(backend), contents({}), Limits()) as box:
    print("open", flush=True)
    box.ask(program("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)", 600), seconds=600)
"""


@pytest.mark.engine
def test_a_killed_client_leaves_nothing_behind(image: Image, client: docker.DockerClient) -> None:
    here = Path(__file__).parents[1]
    child = subprocess.Popen([sys.executable, "-c", OWNER, here], cwd=here.parent, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None and child.stdout.readline() == b"open\n"
        assert len(ours(client, child.pid)) == 1
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert soon(lambda: ours(client, child.pid) == [], 5)


@pytest.mark.engine
def test_a_container_that_somebody_removes_is_an_error_at_once(
    backend: Docker, image: Image, client: docker.DockerClient
) -> None:
    with backend.open(image, contents({}), LIMITS) as box:
        (found,) = ours(client, backend)
        threading.Timer(0.5, client.api.remove_container, (found,), {"force": True}).start()
        began = time.monotonic()
        with pytest.raises(SandboxError) as caught:
            box.ask(program("import time; time.sleep(60)", 60), seconds=60)
        assert caught.value.slug == "container-gone" and time.monotonic() - began < 10


@pytest.mark.engine
def test_an_image_that_is_gone_is_said(backend: Docker, image: Image) -> None:
    gone = Image("tryline/deps:no-such-image", image.python, "", True, 0.0)
    with pytest.raises(SandboxError) as caught, backend.open(gone, contents({}), LIMITS):
        pass
    assert caught.value.slug == "image-gone" and caught.value.hint


def test_without_an_engine_it_says_where_it_looked() -> None:
    backend = docker_backend({"DOCKER_HOST": "unix:///nonexistent/docker.sock"})
    (row,) = backend.diagnose()
    assert not row.ok and "/nonexistent/docker.sock" in row.detail and row.remedy
    with (
        pytest.raises(SandboxError) as caught,
        backend.open(Image("x", (3, 11, 0), "", True, 0.0), Contents(b""), LIMITS),
    ):
        pass
    assert caught.value.slug == "engine"


def test_what_goes_in_is_the_package_beyond_the_wall() -> None:
    with tarfile.open(fileobj=io.BytesIO(stream.inside_archive())) as archive:
        names = set(archive.getnames())
    inside = Path(containers.__file__).parents[2] / "inside"
    here = {f"tryline_inside/{path.name}" for path in inside.glob("*.py")}
    assert names == here and "tryline_inside/agent.py" in names
