"""The ways to execute a candidate that are compared, from a container for each to a call in a running process.

All run the same tests of the same tree under the same interpreter, and say how many passed: none is quick because
it runs something else. `workers` is how many executions are under way at once; who keeps containers keeps as many.
"""

from __future__ import annotations

import base64
import concurrent.futures
import io
import re
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import docker

from bench.sandbox.subjects import Subject
from bot import trial, wire
from bot.domain import Limits
from bot.sandboxes import Backend, Sandbox
from bot.sandboxes.docker import engine
from bot.trial import Version

PYTHON = "/venv/bin/python"
ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8", "HOME": "/tmp"}
WRITE_AND_RUN = (
    "import base64,sys,pytest;open(sys.argv[1],'wb').write(base64.b64decode(sys.argv[2]));"
    "sys.path[0]='/repo';sys.exit(pytest.main(sys.argv[3:]))"
)
"""The cheapest that `docker exec` can be: one process that takes the candidate and runs the tests."""
GENERATED = (
    'if [ -d /opt/tryline/generated ]; then cp -rn /opt/tryline/generated/. /repo/; fi; exec "$@"',
    "sh",
)
"""What a project's installation makes in its tree stands in the image; the agent copies it, and so does this."""
TOLD = re.compile(r"(\d+) passed")


class Way(ABC):
    """One way to execute candidates; entered, it keeps what it starts until it is left."""

    name = ""
    batch = 1
    """Executions by each worker between two readings of the meter: more where one costs little."""

    def __init__(self, subject: Subject, workers: int) -> None:
        self.subject = subject
        self.workers = workers
        self.kept = ExitStack()

    def __enter__(self) -> Way:
        return self

    def __exit__(self, *_: object) -> None:
        self.kept.close()

    @property
    def pytest(self) -> tuple[str, ...]:
        """Arguments of pytest for the chosen tests."""
        return ("-q", "-p", "no:cacheprovider", *self.subject.side.plan.args, *self.subject.tests)

    def module(self, version: Version) -> bytes:
        """The candidate's file."""
        return self.subject.place.module(version.source, version.imports).encode()

    def run(self, version: Version, count: int) -> list[int]:
        """Executes a version so many times on each worker; gives the number of tests that passed in each."""
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            parts = pool.map(lambda worker: self.work(worker, version, count), range(self.workers))
            return [passed for part in parts for passed in part]

    @abstractmethod
    def work(self, worker: int, version: Version, count: int) -> list[int]:
        """One worker's executions."""


# ------------------------------------------------------------------------------------- what one would do first


class FreshContainer(Way):
    """A container for each candidate: made, filled, started, waited for, removed."""

    name = "container per candidate"

    def __init__(self, subject: Subject, workers: int, client: docker.DockerClient) -> None:
        super().__init__(subject, workers)
        self.client = client
        self.path = subject.place.function.path

    def work(self, worker: int, version: Version, count: int) -> list[int]:  # noqa: ARG002
        return [self.once(self.filled(version)) for _ in range(count)]

    def filled(self, version: Version) -> bytes:
        """The tree with the candidate's file."""
        out = io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(self.subject.tar)) as tree,
            tarfile.open(fileobj=out, mode="w") as made,
        ):
            made_in: set[str] = set()
            for member in tree:
                for folder in reversed(PurePosixPath("repo", member.name).parents[:-1]):
                    if str(folder) not in made_in:
                        made_in.add(str(folder))
                        entry = tarfile.TarInfo(str(folder))
                        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o755, 65534, 65534
                        made.addfile(entry)
                data = tree.extractfile(member) if member.isreg() else None
                if member.name == self.path:
                    text = self.module(version)
                    member.size, data = len(text), io.BytesIO(text)
                member.name, member.uid, member.gid = f"repo/{member.name}", 65534, 65534
                made.addfile(member, data)
        return out.getvalue()

    def create(self, command: Sequence[str]) -> Any:
        """A container with the usual hardening; its root can be written, or no archive could be put there."""
        return self.client.containers.create(
            self.subject.side.image.reference,
            command=["-c", *GENERATED, *command],
            entrypoint=["/bin/sh"],
            working_dir="/repo",
            user="65534:65534",
            environment={**ENVIRONMENT, **self.subject.side.plan.env},
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            mem_limit="2g",
            memswap_limit="2g",
            pids_limit=256,
            # Its image has labels of a run that is over: with them it would be swept away.
            labels=engine.labels("bench", role="run"),
        )

    def once(self, tree: bytes) -> int:
        container = self.create([PYTHON, "-m", "pytest", *self.pytest])
        try:
            container.put_archive("/", tree)
            container.start()
            container.wait()
            return passed_in(container.logs())
        finally:
            container.remove(force=True)


class Exec(FreshContainer):
    """`docker exec` of pytest for each candidate, in a container that runs."""

    name = "docker exec per candidate"
    batch = 2

    def __enter__(self) -> Exec:
        self.containers = []
        for _ in range(self.workers):
            container = self.create([PYTHON, "-c", "import time; time.sleep(10**6)"])
            self.kept.callback(container.remove, force=True)
            container.put_archive("/", self.filled(self.subject.good))
            container.start()
            self.containers.append(container)
        return self

    def work(self, worker: int, version: Version, count: int) -> list[int]:
        file = base64.b64encode(self.module(version)).decode()
        command = [PYTHON, "-c", WRITE_AND_RUN, f"/repo/{self.path}", file, *self.pytest]
        return [passed_in(self.containers[worker].exec_run(command).output) for _ in range(count)]


def passed_in(output: bytes) -> int:
    """How many tests pytest says have passed."""
    found = TOLD.search(output.decode("utf-8", "replace")[-400:])
    return int(found.group(1)) if found is not None else 0


# ------------------------------------------------------------------------------------------ the product's own


class Boxed(Way):
    """Ways that use the product's own containers, one for each worker."""

    def __init__(self, subject: Subject, workers: int, backend: Backend) -> None:
        super().__init__(subject, workers)
        self.lab = trial.Lab(backend, Limits(cpus=1.0))
        self.boxes: list[Sandbox] = []

    def __enter__(self) -> Boxed:
        for _ in range(self.workers):
            self.boxes.append(self.kept.enter_context(self.lab.open(self.subject.side)))
        return self


class Subprocess(Boxed):
    """`python -m pytest` for each candidate, started by the agent of a container that runs."""

    name = "subprocess per candidate"
    batch = 2

    def work(self, worker: int, version: Version, count: int) -> list[int]:
        found = []
        for _ in range(count):
            files = {self.subject.place.function.path: base64.b64encode(self.module(version)).decode()}
            put = self.boxes[worker].ask({"kind": "put", "files": files}, seconds=60)
            assert "error" not in put, put
            job = wire.command_job([PYTHON, "-m", "pytest", *self.pytest], 120)
            found.append(passed_in(str(self.boxes[worker].ask(job, seconds=180)["output"]).encode()))
        return found


class Staged(Boxed):
    """Ways that use the product's stage: `trial.Stage`, a fork server in each container."""

    course = trial.Course((), seconds=10.0, step_limit=100_000)

    def __enter__(self) -> Staged:
        super().__enter__()
        self.stages: list[trial.Stage] = []
        for box in self.boxes:
            stage = trial.Stage(self.lab, box, self.subject.place, self.subject.side)
            stage.start(self.subject.tests, seconds=180)
            assert stage.warm, stage.why_cold
            self.stages.append(stage)
        return self

    def previewed(self, worker: int, version: Version, count: int, course: trial.Course) -> list[wire.TrialReply]:
        """Replies to one batch."""
        return [reply for _, reply in self.stages[worker].preview([version] * count, course)]


class Fresh(Staged):
    """The product's fallback: a fresh process for each candidate, with its events and limits."""

    name = "fresh process (fallback)"
    batch = 2

    def work(self, worker: int, version: Version, count: int) -> list[int]:
        course = replace(self.course, tests=self.subject.tests)
        return [green(self.stages[worker].fresh(version, course)) for _ in range(count)]


class Forked(Staged):
    """The fork server: tests collected once, a child for each candidate, as `propose.Judge` asks for it."""

    name = "fork server"
    batch = 12
    course = replace(Staged.course, pairs=120)

    def work(self, worker: int, version: Version, count: int) -> list[int]:
        course = replace(self.course, tests=self.subject.tests)
        return [green(reply) for reply in self.previewed(worker, version, count, course)]


class ForkedFirst(Forked):
    """The fork server, with the first failing test as the last."""

    name = "fork server to the first failure"
    course = replace(Forked.course, stop_first=True)


class Apart(Forked):
    """The function in a process of its own, under a user of its own: only plain values cross."""

    name = "oracle mode"
    course = replace(Staged.course, apart=True)

    def work(self, worker: int, version: Version, count: int) -> list[int]:
        course = replace(self.course, tests=self.subject.tests)
        replies = self.previewed(worker, version, count, course)
        for reply in replies:
            if not reply.apart or reply.status == "not-plain":
                raise NotApplicable(reply.message or reply.status)
        return [green(reply) for reply in replies]


class Calls(Staged):
    """Recorded calls of the function itself, without pytest, with all that is told of each (`Stage.call`)."""

    name = "calls in full"
    batch = 6

    def work(self, worker: int, version: Version, count: int) -> list[int]:
        if not self.subject.inputs:
            raise NotApplicable("no call of the tests can be replayed")
        found = []
        for _ in range(count):
            rows = self.stages[worker].call(version, self.subject.inputs) or ()
            found.append(sum(row.how == "returned" for row in rows))
        return found


class Replays(Staged):
    """Recorded calls of the function itself, outcomes alone (`Stage.replay`)."""

    name = "calls by outcome"
    batch = 12

    def work(self, worker: int, version: Version, count: int) -> list[int]:
        inputs = [one.pickled for one in self.subject.inputs]
        found = []
        for _ in range(count):
            rows = self.stages[worker].replay(version, inputs, derive=0, seed=0, seconds=10.0, steps=100_000)
            if rows is None:
                raise NotApplicable("the function cannot be called by itself")
            found.append(sum(row.how == "returned" for row in rows))
        return found


class NotApplicable(Exception):
    """A way that cannot be gone with a subject; the text says why."""


def green(reply: wire.TrialReply) -> int:
    """How many tests of a reply passed."""
    assert reply.status == "ran", (reply.status, reply.message)
    return sum(row.outcome.good for row in reply.rows)


NAIVE = (FreshContainer, Exec)
OURS = (Subprocess, Fresh, Forked, ForkedFirst, Apart, Replays, Calls)
NAMES = tuple(way.name for way in (*NAIVE, *OURS))


def ways(
    subject: Subject, workers: int, client: docker.DockerClient, backend: Backend, only: Sequence[str]
) -> list[Way]:
    """All ways, or those with these names, not yet entered."""
    made: list[Way] = [kind(subject, workers, client) for kind in NAIVE if not only or kind.name in only]
    made += [kind(subject, workers, backend) for kind in OURS if not only or kind.name in only]
    return made
