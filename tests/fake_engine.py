"""An engine by hand: it answers runs of a suite as a function of what is run says, and keeps the jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.domain import Image, Limits, Recipe, SuitePlan
from bot.progress import Progress
from bot.sandboxes import Contents, Diagnosis, Job, Reply
from bot.trial import Lab, Side

Said = Mapping[str, tuple[str, str]]
"""Test -> (outcome, message); a message that names an exception, `KeyError: 'a'`, is raised as that."""
Answer = Callable[[str, Mapping[str, Any]], Said]
"""(which tree, the run's spec) -> what its tests do."""


@dataclass(frozen=True)
class Tree:
    """The files of one side."""

    files: Mapping[str, bytes] = field(default_factory=dict)

    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def read(self, path: str) -> bytes:
        return self.files[path]


@dataclass
class FakeSandbox:
    """A container that holds one tree."""

    tree: str
    answer: Answer
    jobs: list[tuple[str, Mapping[str, Any]]]

    def ask(self, job: Job, *, seconds: float) -> Reply:
        if job["kind"] == "warm":
            return {"error": "no fork server in a container made by hand"}
        assert job["kind"] == "run"
        spec = job["spec"]
        self.jobs.append((self.tree, spec))
        said = self.answer(self.tree, spec)
        wanted = spec["select"]
        tests = [test for test in said if wanted is None or test in wanted]
        events: list[dict[str, Any]] = [{"event": "collected", "ids": tests}]
        for test in tests:
            outcome, message = said[test]
            exception = message.partition(":")[0] if message else ""
            events.append({"event": "start", "id": test})
            events.append(
                {
                    "event": "end",
                    "id": test,
                    "outcome": outcome,
                    "seconds": 0.01,
                    "message": message,
                    "exception": exception,
                    "frames": [],
                    "lines": {},
                    "calls": [],
                }
            )
        code = int(any(said[test][0] not in ("passed", "skipped") for test in tests))
        events.append({"event": "finish", "code": code})
        return {"events": [json.dumps(event) for event in events], "code": code, "seconds": 0.1, "output": ""}

    def ask_many(self, jobs: Iterable[Job], *, seconds: float) -> Iterator[tuple[int, Reply]]:
        for index, job in enumerate(jobs):
            yield index, self.ask(job, seconds=seconds)


@dataclass
class FakeEngine:
    """A backend whose containers answer as told."""

    answer: Answer
    name: str = "fake"
    containers: int = 0
    jobs: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def diagnose(self) -> tuple[Diagnosis, ...]:
        return ()

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        return IMAGE

    @contextmanager
    def open(self, image: Image, tree: Contents, limits: Limits) -> Iterator[FakeSandbox]:
        self.containers += 1
        yield FakeSandbox(tree.tar.decode("latin-1"), self.answer, self.jobs)

    def describe(self) -> Mapping[str, str]:
        return {}

    def clean(self) -> int:
        return 0

    def close(self) -> None:
        pass

    def lab(self) -> Lab:
        """A laboratory with this engine."""
        return Lab(self, Limits())


IMAGE = Image("image", (3, 11, 7), "made by hand", cached=True, seconds=0.0)


def side(name: str, files: Mapping[str, bytes] | None = None) -> Side:
    """One revision, whose tree is known by its name."""
    return Side(Tree(files or {}), Contents(name.encode()), IMAGE, SuitePlan((), (), "pytest"))
