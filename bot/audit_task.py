"""One task of an audit: some functions of one file, from bytes alone to the JSON of a review of them.

It runs where an executor puts it: in this process, or on another machine beside another engine. What it needs
crosses as bytes: the tree, the settings, what running the suite showed. No secret is among them: a model is asked
by way of `ask`, in the process that holds its key. The steps are those of any review (`bot.review.Journey`).
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import struct
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import review, trial, wiring
from bot.config import Config
from bot.domain import (
    Call,
    Change,
    ChangedFunction,
    Evidence,
    Found,
    Frame,
    Function,
    Outcome,
    Problem,
    Revision,
    SuiteRun,
    TestResult,
)
from bot.draft import Draft, Ground
from bot.errors import CouldNot
from bot.executors import Ask
from bot.progress import Silent
from bot.record import dumps
from bot.settings import EndpointSettings
from bot.steps import observe
from bot.steps.find import whole
from bot.workspace import Packed

NOTHING = SuiteRun((), (), 0, 0.0)


@dataclass(frozen=True)
class Shared:
    """What all tasks of an audit share."""

    revision: Revision
    config: Config
    """Without endpoints: where a model is, and its key, are the coordinator's business."""
    evidence: Evidence
    """Tests and their outcomes; what they executed and called comes with each task."""
    model: bool
    """Whether `ask` leads to one."""
    tree: bytes
    """Tar of the files."""


@dataclass(frozen=True)
class Part:
    """One task's own."""

    functions: tuple[str, ...]
    """Ids, all of one file."""
    path: str
    covered: Mapping[str, tuple[int, ...]]
    """Test -> lines of this file that it executed."""
    calls: Mapping[str, tuple[Call, ...]]
    blamed: tuple[TestResult, ...] = ()
    """Red tests that these functions are the likeliest cause of; of no other test do they hear where it failed."""
    seconds: float = 600.0
    """Wall limit of the task."""


def work(shared: bytes, payload: bytes, ask: Ask) -> bytes:
    """Reviews the functions of one part: gives the JSON of a `Review`. Raises CouldNot where no engine works."""
    part = read_part(payload)
    with _SHOP.at(shared) as bench:
        functions = tuple(f for f in bench.functions(part.path) if f.id in part.functions)
        parts = replace(bench.parts, model=wiring.relayed(ask)) if bench.shared.model else bench.parts
        budget = bench.shared.config.budget.model_copy(update={"seconds": part.seconds})
        config = bench.shared.config.model_copy(update={"budget": budget})
        ground = Ground(bench.change, NoFiles(), bench.tree, config, parts, time.monotonic())
        given = review.Given(bench.sides, evidence_of(bench.shared.evidence, part))
        before = parts.backend.containers
        result = review.reviewed(ground, Found(functions, ()), Silent(), alone=True, given=given)
    costs = replace(result.costs, containers=result.costs.containers - before)
    return dumps(replace(result, costs=costs)).encode()


def release() -> None:
    """Lets go of what tasks in this process keep from one to the next: containers that wait, the engine."""
    _SHOP.close()


class NoFiles:
    """The base of an audit: nothing (implements `Snapshot`)."""

    def paths(self) -> Sequence[str]:
        """None."""
        return ()

    def read(self, path: str) -> bytes:
        """Raises KeyError."""
        raise KeyError(path)

    def tar(self) -> bytes:
        """Nothing."""
        return b""


# ------------------------------------------------------------------------------------- what a process keeps


class Bench:
    """All that tasks of one audit share in one process: parts, the tree, its image."""

    def __init__(self, data: bytes) -> None:
        self.shared = read_shared(data)
        self.tree = Packed(self.shared.tree)
        self.change = Change(self.shared.revision, self.shared.revision, ())
        environ = {name: os.environ[name] for name in wiring.ENGINE if name in os.environ}
        self.parts = wiring.assemble(self.shared.config, environ)
        ground = Ground(self.change, NoFiles(), self.tree, self.shared.config, self.parts, time.monotonic())
        lab = trial.Lab(self.parts.backend, self.shared.config.limits())
        try:
            draft = Draft(ground, lab, Found((), ()))
            self.sides: observe.Sides = review.prepare(ground, draft, Silent(), alone=True)
        except BaseException:
            self.parts.backend.close()
            raise

    def functions(self, path: str) -> tuple[ChangedFunction, ...]:
        """Every function of a file."""
        language = next(lang for lang in self.parts.languages if lang.owns(path))
        return tuple(whole(f) for f in language.functions(path, language.decode(self.tree.read(path))))

    def close(self) -> None:
        """Lets the engine go."""
        self.parts.backend.close()


class _Shop:
    """The one bench of a process: made for the first task of an audit, kept for the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = ""
        self._bench: Bench | None = None
        self._users = 0

    def at(self, shared: bytes) -> _Turn:
        """A turn at the bench for these bytes."""
        return _Turn(self, shared)

    def enter(self, shared: bytes) -> Bench:
        """The bench. One for other bytes is closed first; a process works for one audit at a time."""
        key = hashlib.sha256(shared).hexdigest()
        with self._lock:
            if self._bench is None or self._key != key:
                if self._users:
                    raise CouldNot("this process works for another audit", slug="cluster-workers")
                if self._bench is not None:
                    self._bench.close()
                    self._bench = None
                self._bench, self._key = Bench(shared), key
            self._users += 1
            return self._bench

    def leave(self) -> None:
        """One turn is over."""
        with self._lock:
            self._users -= 1

    def close(self) -> None:
        """Closes the bench, if nobody is at it."""
        with self._lock:
            if self._bench is not None and not self._users:
                self._bench.close()
                self._bench, self._key = None, ""


class _Turn:
    def __init__(self, shop: _Shop, shared: bytes) -> None:
        self._shop = shop
        self._shared = shared

    def __enter__(self) -> Bench:
        return self._shop.enter(self._shared)

    def __exit__(self, *_: object) -> None:
        self._shop.leave()


_SHOP = _Shop()
atexit.register(release)


# ------------------------------------------------------------------------------------------------ evidence


def evidence_of(evidence: Evidence, part: Part) -> Evidence:
    """What a part is shown: all outcomes, what its own file executed, and where the tests fail that it is to
    answer for. Of other red tests it sees that they are red, and no place: they are another part's."""
    blamed = {test.id: test for test in part.blamed}
    tests = tuple(
        blamed.get(test.id, replace(test, frames=()) if test.outcome.bad else test) for test in evidence.head.tests
    )
    red = {test.id for test in tests if test.outcome.bad and test.id not in blamed}
    covered = {
        test: {part.path: part.covered[test]} if test in part.covered and test not in red else {}
        for test in evidence.head.covered
    }
    head = replace(evidence.head, tests=tests, covered=covered, calls=part.calls)
    return replace(evidence, head=head)


# --------------------------------------------------------------------------------------------------- bytes


def shared_bytes(shared: Shared) -> bytes:
    """What all tasks share, as one text for every machine."""
    config = shared.config.model_copy(update={"endpoint": EndpointSettings(), "origins": {}})
    about = {
        "revision": vars(shared.revision),
        "config": config.model_dump(mode="json"),
        "evidence": evidence_json(replace(shared.evidence, head=replace(shared.evidence.head, calls={}))),
        "model": shared.model,
    }
    head = _packed(about)
    return struct.pack(">Q", len(head)) + head + shared.tree


def read_shared(data: bytes) -> Shared:
    """The value of `shared_bytes`."""
    (size,) = struct.unpack(">Q", data[:8])
    about = _unpacked(data[8 : 8 + size])
    return Shared(
        Revision(**about["revision"]),
        Config.model_validate(about["config"]),
        read_evidence(about["evidence"]),
        about["model"],
        data[8 + size :],
    )


def part_bytes(part: Part) -> bytes:
    """A task's own bytes."""
    return _packed(
        {
            "functions": part.functions,
            "path": part.path,
            "covered": part.covered,
            "calls": {name: [vars(call) for call in calls] for name, calls in part.calls.items()},
            "blamed": [_test(test) for test in part.blamed],
            "seconds": part.seconds,
        }
    )


def read_part(data: bytes) -> Part:
    """The value of `part_bytes`."""
    raw = _unpacked(data)
    return Part(
        tuple(raw["functions"]),
        raw["path"],
        {test: tuple(lines) for test, lines in raw["covered"].items()},
        {name: tuple(_read_call(call) for call in calls) for name, calls in raw["calls"].items()},
        tuple(_read_test(test) for test in raw["blamed"]),
        raw["seconds"],
    )


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """What running one revision showed, as JSON; base's run is not part of it."""
    head = evidence.head
    return {
        "collected": head.collected,
        "tests": [_test(test) for test in head.tests],
        "exit_code": head.exit_code,
        "seconds": head.seconds,
        "covered": {test: dict(files) for test, files in head.covered.items()},
        "calls": {name: [vars(call) for call in calls] for name, calls in head.calls.items()},
        "problem": vars(head.problem) if head.problem else None,
        "flaky": sorted(evidence.flaky),
        "confirmed": sorted(evidence.confirmed),
        "repeats": evidence.repeats,
    }


def read_evidence(raw: Mapping[str, Any]) -> Evidence:
    """The value of `evidence_json`. Raises KeyError, TypeError, ValueError for what is none."""
    head = SuiteRun(
        collected=tuple(raw["collected"]),
        tests=tuple(_read_test(test) for test in raw["tests"]),
        exit_code=raw["exit_code"],
        seconds=raw["seconds"],
        covered={
            test: {path: tuple(lines) for path, lines in files.items()} for test, files in raw["covered"].items()
        },
        calls={name: tuple(_read_call(call) for call in calls) for name, calls in raw["calls"].items()},
        problem=Problem(**raw["problem"]) if raw["problem"] else None,
    )
    return Evidence(
        NOTHING, head, frozenset(raw["flaky"]), frozenset(raw["confirmed"]), repeats=int(raw["repeats"])
    )


def _test(test: TestResult) -> dict[str, Any]:
    return {**vars(test), "frames": [[frame.path, frame.line, frame.function] for frame in test.frames]}


def _read_test(raw: Mapping[str, Any]) -> TestResult:
    parts = {"outcome": Outcome(raw["outcome"]), "frames": tuple(Frame(*frame) for frame in raw["frames"])}
    return TestResult(**{**raw, **parts})


def _read_call(raw: Mapping[str, Any]) -> Call:
    return Call(**{**raw, "needs": tuple(raw["needs"])})


def _packed(value: object) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass"), 3)


def _unpacked(data: bytes) -> Any:
    return json.loads(zlib.decompress(data).decode("utf-8", "surrogatepass"))


def lines_in(function: Function) -> range:
    """The lines of a function's body: those before it run when its module is imported."""
    return range(function.body_line, function.end_line + 1)
