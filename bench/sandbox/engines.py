"""The engine that is measured: one in a control group of its own, or the one that the environment names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import uv

from bench.sandbox.meter import Meter, counted
from bot.domain import Image
from bot.sandboxes import Backend
from bot.sandboxes.docker import engine
from bot.sandboxes.docker.backend import Docker


@dataclass(frozen=True)
class Measured:
    """An engine with its accounts."""

    client: docker.DockerClient
    environ: Mapping[str, str]
    meter: Meter
    words: str
    exact: bool
    """Whether it serves nothing else."""

    def backend(self) -> Backend:
        """The product's backend on it; nothing is started ahead, it would be counted with what is measured."""
        return Docker(self.environ, Path(uv.find_uv_bin()), spares=0)


@contextmanager
def own(images: Sequence[Image]) -> Iterator[Measured]:
    """A further `dockerd` with these images of the named engine. Needs root, and the tests' folder on the path."""
    import daemons  # of the tests: nothing else of the benchmark needs them

    # What the daemon starts stays in the group that it was started in; containers get a group beside it.
    with counted(f"tryline-bench-{os.getpid()}") as (group, leave), daemons.dockerd() as daemon:
        leave()
        for image in {image.reference: image for image in images}.values():
            daemons.bring(daemon, image)  # one by one: what they were made of need not be the same
        client = daemon.client()
        environ = {**os.environ, **daemon.environ}
        meter = Meter(group, f"/{daemon.folder.name}")
        yield Measured(client, environ, meter, words(client, "of its own: it serves nothing else"), True)


@contextmanager
def named(environ: Mapping[str, str]) -> Iterator[Measured]:
    """The engine that the environment names: its own share is not known, and all that it runs is counted."""
    client = engine.connect(environ)
    try:
        shared = "shared: its own share is not counted, what else it runs is"
        slices = client.info().get("CgroupDriver") == "systemd"
        meter = Meter(None, "/system.slice" if slices else "/docker")
        yield Measured(client, environ, meter, words(client, shared), False)
    finally:
        client.close()


def words(client: docker.DockerClient, how: str) -> str:
    """Engine, versions, how it is counted."""
    version, info = client.version(), client.info()
    return (
        f"Docker {version['Version']}, kernel {version['KernelVersion']}, runtime {info.get('DefaultRuntime')}, "
        f"cgroup {info.get('CgroupVersion', '1')}, {info['NCPU']} processors; engine {how}"
    )
