"""Engines other than the machine's: gVisor and what it is chosen for, Podman's own report, one that is late."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import daemons
import pytest
import uv
from engines import ARGS, contents, docker_backend, prepared, printed

from bot.domain import Image, Limits, SuitePlan
from bot.errors import SandboxError
from bot.languages.python.language import Python
from bot.sandboxes.docker import engine
from bot.sandboxes.docker.backend import Docker
from bot.trial import Course, Lab, Place, Side, Stage, Version

pytestmark = pytest.mark.engine

LIMITS = Limits(memory_mb=512, processes=200, cpus=1.0, workspace_mb=40, tmp_mb=20)
"""Room for gVisor's own threads: the engine counts them too."""
GVISOR = ("/usr/bin/runsc", "--platform=ptrace", "--network=none")
RUNTIMES = {
    "runsc-broken": ("/bin/false",),
    "runsc-loose": (*GVISOR, "--ignore-cgroups"),
    "runsc-works": GVISOR,
}


def backend_of(daemon: daemons.Daemon, runtime: str | None = None) -> Docker:
    return Docker({**os.environ, **daemon.environ}, Path(uv.find_uv_bin()), 0, runtime=runtime)


@pytest.fixture(scope="module")
def images() -> tuple[Image, ...]:
    """The prepared image of the machine's engine; it has the same name on those it is brought to."""
    return (prepared(docker_backend()),)


@pytest.fixture(scope="module")
def gvisor(images: tuple[Image, ...]) -> Iterator[daemons.Daemon]:
    """An engine with three runtimes of gVisor's name: broken, without limits, and as it should be."""
    with daemons.dockerd(runtimes=RUNTIMES) as daemon:
        daemons.bring(daemon, *images)
        yield daemon


@contextlib.contextmanager
def shown(daemon: daemons.Daemon, backend: Docker, image: Image) -> Iterator[Mapping[str, Any]]:
    """A running container as its engine reports it."""
    with backend.open(image, contents({}), LIMITS) as box:
        assert printed(box, "print(1)") == "1"
        (row,) = daemon.client().api.containers(filters={"label": [engine.RUN]})
        yield daemon.client().api.inspect_container(row["Id"])


def test_the_strongest_runtime_that_works_is_used_and_named(
    gvisor: daemons.Daemon, images: tuple[Image, ...]
) -> None:
    backend = backend_of(gvisor)
    with shown(gvisor, backend, images[0]) as container:
        assert container["HostConfig"]["Runtime"] == "runsc-works"
    about = backend.describe()
    assert about["isolation"].startswith("runsc-works container with a kernel of its own")
    assert "one user id for all (this kernel has no ambient capabilities)" in about["isolation"]
    assert about["runtimes that do not work"] == "runsc-broken"
    rows = {row.name: row for row in backend.diagnose()}
    assert "used: runsc-works" in rows["runtimes"].detail
    assert "runsc-broken does not work: " in rows["runtimes"].detail
    assert "no limit would hold: runsc-loose" in rows["runtimes"].detail
    assert rows["container"].ok and rows["limits"].ok and rows["isolation"].remedy == ""


def test_versions_are_judged_in_gvisor_as_anywhere(gvisor: daemons.Daemon, images: tuple[Image, ...]) -> None:
    text = "def price(n):\n    return n - 2\n"
    tests = "import os\nimport shop\n\ndef test_price():\n    assert shop.price(2) == 4\n"
    tests += "\ndef test_kernel():\n    assert os.uname().release.startswith('4.4')\n"
    files = {"shop.py": text, "test_shop.py": tests}
    function = next(iter(Python().functions("shop.py", text)))
    lab = Lab(backend_of(gvisor), LIMITS)
    side = Side(Tree(files), contents(files), images[0], SuitePlan(ARGS, (), "pytest"))
    course = Course(tests=("test_shop.py::test_price", "test_shop.py::test_kernel"), seconds=20, step_limit=20_000)
    with lab.open(side) as box:
        stage = Stage(lab, box, Place(Python(), text, function, Python().unit(text, function)), side)
        stage.start(course.tests, seconds=120)
        assert stage.warm, stage.why_cold
        replies = dict(stage.preview([Version(function.source), Version(text.replace("-", "+"))], course))
    passed = [{row.test.partition("::")[2]: row.outcome.good for row in replies[n].rows} for n in (0, 1)]
    assert passed[0]["test_price"] is False
    assert passed[1] == {"test_price": True, "test_kernel": True}


class Tree:
    """Files of a sample, as a revision offers them."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def paths(self) -> list[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        return self._files[path].encode()


def test_a_runtime_that_is_named_is_used_or_is_an_error(gvisor: daemons.Daemon, images: tuple[Image, ...]) -> None:
    with shown(gvisor, backend_of(gvisor, "runc"), images[0]) as container:
        assert container["HostConfig"]["Runtime"] == "runc"
    for name, slug in (("nonsense", "sandbox-runtime"), ("runsc-broken", "container-start")):
        backend = backend_of(gvisor, name)
        with pytest.raises(SandboxError) as caught, backend.open(images[0], contents({}), LIMITS):
            pass
        assert caught.value.slug == slug
        (row,) = (row for row in backend.diagnose() if row.name == "container")
        assert not row.ok and row.remedy


def test_podman_reports_the_hardening_and_lets_nobody_choose_a_runtime(images: tuple[Image, ...]) -> None:
    with daemons.podman() as daemon:
        daemons.bring(daemon, *images)
        backend = backend_of(daemon)
        with shown(daemon, backend, images[0]) as container:
            host = container["HostConfig"]
            assert host["NetworkMode"] == "none" and host["ReadonlyRootfs"] is True
            assert host["Privileged"] is False and host["AutoRemove"] is True
            # It lists what is dropped of what it would give by itself, and nothing is added to that.
            dropped = {name.removeprefix("CAP_") for name in host["CapDrop"]}
            assert {"CHOWN", "DAC_OVERRIDE", "FOWNER", "MKNOD", "NET_RAW", "SYS_CHROOT"} & dropped
            assert not {"KILL", "SETGID", "SETUID"} & dropped and not host["CapAdd"]
            assert host["SecurityOpt"] == ["no-new-privileges"]
            assert host["PidsLimit"] == 200 and host["Memory"] == host["MemorySwap"] == 512 << 20
            assert host["NanoCpus"] == 1_000_000_000
            # Its own, which another container could be given; asked for is `private`.
            assert host["LogConfig"]["Type"] == "none" and host["IpcMode"] in ("private", "shareable")
            assert not host["Binds"] and not host["Devices"] and container["Mounts"] == []
            assert set(host["Tmpfs"]) == {"/repo", "/tmp", "/run/tryline", "/run", "/var/tmp"}
            for options in host["Tmpfs"].values():
                assert {"nosuid", "nodev"} <= set(options.split(","))
            limits = {limit["Name"].removeprefix("RLIMIT_").lower(): limit["Hard"] for limit in host["Ulimits"]}
            assert limits == {"core": 0, "nofile": 1024, "nproc": 4096}
            assert "PATH=/usr/local/bin:/usr/bin:/bin" in container["Config"]["Env"]
        assert backend.describe()["engine"].startswith("podman ")
        rows = {row.name: row.detail for row in backend.diagnose()}
        assert "Podman's own choice" in rows["runtimes"] and "does not limit how many files" in rows["limits"]
        with (
            pytest.raises(SandboxError) as caught,
            backend_of(daemon, "runsc").open(images[0], contents({}), LIMITS),
        ):
            pass
        assert caught.value.slug == "sandbox-runtime" and "containers.conf" in caught.value.hint


def test_an_engine_that_is_late_is_waited_for_over_tcp_and_its_certificates_too(tmp_path: Path) -> None:
    """As with docker-in-docker: the job starts while the engine makes its certificates."""
    with daemons.dockerd(tls=True) as daemon:
        late = tmp_path / "certificates"
        environ = {**daemon.environ, "DOCKER_CERT_PATH": str(late)}
        with pytest.raises(SandboxError):
            engine.connect(environ, patience=0)
        timer = threading.Timer(1.5, late.symlink_to, (daemon.environ["DOCKER_CERT_PATH"],))
        timer.start()
        began = time.monotonic()
        client = engine.connect(environ, patience=60)
        assert client.ping() and time.monotonic() - began > 1.4
        client.close()
        daemon.kill()
        timer = threading.Timer(1.0, daemon.restart)
        timer.start()
        engine.connect(environ, patience=60).close()
        timer.join()


def test_a_certificate_that_is_not_trusted_is_not_waited_for(tmp_path: Path) -> None:
    with daemons.dockerd(tls=True) as daemon, daemons.dockerd(tls=True) as other:
        port = daemon.environ["DOCKER_HOST"]
        began = time.monotonic()
        with pytest.raises(SandboxError) as caught:
            engine.connect({**other.environ, "DOCKER_HOST": port}, patience=120)
        assert "certificate verify failed" in caught.value.message and time.monotonic() - began < 60
