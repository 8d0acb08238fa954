"""What a user waits for: a worker that is ready, a guided rewriting, a final proof; with and without the pool.

    PYTHONPATH=tests python -m bench.sandbox.waiting [--own-engine] [--rounds 5] [--json FILE] [DEFECT ...]

Wall times, on the engine that the environment names, or on one of our own. A worker is a container with its tree
and a fork server that has collected the tests of a small module; the collection's own time is that of
`pytest --collect-only` in the same container. A DEFECT is a folder of `bench/defects`; the demo's function is
rewritten in any case.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import uv

from bench.defect_set import Defect, load
from bench.repair import Case, observed
from bench.sandbox import engines
from bench.sandbox.figures import Spread
from bench.sandbox.subjects import Subject, subject, synthetic
from bench.sandbox.ways import PYTHON
from bot import examine, trial, wire, wiring
from bot.config import load as load_config
from bot.domain import Limits, Rewrite
from bot.progress import Silent
from bot.sandboxes import Backend
from bot.sandboxes.docker.backend import Docker
from bot.steps import propose, verify
from scripts.demo import PRICING_AFTER, TEST_PRICING_AFTER

DEFECTS = ("parse_duration", "roman_numeral")
"""Modules of the set; the first defect of each is taken."""


@dataclass(frozen=True)
class Wait:
    """One measurement, in seconds."""

    what: str
    pool: bool
    seconds: float
    own: float = 0.0
    """Of that what is not the sandbox's: collecting the tests, running the suite."""
    note: str = ""

    @property
    def above(self) -> float:
        """What the sandbox adds."""
        return self.seconds - self.own


def backend_of(engine: engines.Measured, *, pool: bool) -> Backend:
    """The product's backend, with containers started ahead or without."""
    return Docker(engine.environ, Path(uv.find_uv_bin()), spares=None if pool else 0)


@contextmanager
def ended(backend: Backend) -> Iterator[Backend]:
    """The backend; what waits in it is ended on leaving."""
    try:
        yield backend
    finally:
        backend.close()


def worker(backend: Backend, small: Subject, *, pool: bool) -> tuple[Wait, Wait]:
    """A container that is open; a worker that is ready. Both as its user sees them."""
    lab = trial.Lab(backend, Limits())
    began = time.perf_counter()
    with lab.open(small.side) as box:
        opened = time.perf_counter() - began
        stage = trial.Stage(lab, box, small.place, small.side)
        stage.start(small.tests)
        ready = time.perf_counter() - began
        assert stage.warm, stage.why_cold
        job = wire.command_job([PYTHON, "-m", "pytest", "-q", "--collect-only", "test_marks.py"], 60)
        collection = float(box.ask(job, seconds=90)["seconds"])
    return Wait("container open", pool, opened), Wait("worker ready", pool, ready, collection)


def demo() -> Defect:
    """The function that `make demo` breaks, as a defect."""
    right = PRICING_AFTER.replace("weight < 500", "weight <= 500")
    assert right != PRICING_AFTER
    tests = TEST_PRICING_AFTER.replace("from shop.pricing import", "from function import")
    return Defect("demo", "single", "bound", "shipping", right, PRICING_AFTER, tests, "", (), False)


def rewritten(case: Case, parts: wiring.Parts, *, pool: bool) -> list[Wait]:
    """The search's own time, from its first run in a warm container on, and the proof of what it found."""
    function = case.function
    place = trial.Place(
        case.language,
        case.defect.defective,
        function.head,
        case.language.unit(case.defect.defective, function.head),
    )
    bench = examine.Bench(
        lab=case.lab,
        head=case.sides.head,
        texts={place.function.path: case.defect.defective},
        languages={place.function.path: case.language},
        evidence=case.evidence,
        proposers=parts.proposers,
        checks=parts.checks,
        search=propose.Settings(),
        verify=verify.Settings(),
        seconds_left=lambda: 600.0,
    )
    guide = examine.guide_of(case.finding, case.evidence)
    search = examine.rewrite(bench, place, case.finding, guide, None, Silent())
    name = case.defect.name
    found = [
        Wait(f"rewriting {name}", pool, search.seconds, note=f"{search.executions} executions, {search.stopped}")
    ]
    if not search.candidates:
        return found
    executing = examine.executing_of(function, case.evidence)
    proof = verify.Case(case.sides.head, place, case.evidence, case.finding, executing, None)
    for what, settings in (
        ("proof without races", verify.Settings(race_seconds=0.0)),
        ("proof with races", verify.Settings()),
    ):
        began = time.perf_counter()
        made = verify.verify(
            case.lab, proof, search.candidates[0], parts.checks, settings=settings, progress=Silent()
        )
        seconds = time.perf_counter() - began
        note = "accepted" if isinstance(made, Rewrite) else "refused"
        found.append(Wait(f"{what}, {name}", pool, seconds, made.verdict.seconds, note))
    return found


def table(waits: Sequence[Wait]) -> str:
    """A line for each thing and setting."""
    lines = [
        "| | pool | seconds: median (least to most) | of which its own | above it | n | |",
        "|---|---|---|---|---|---|---|",
    ]
    for what in dict.fromkeys(wait.what for wait in waits):
        for pool in (False, True):
            mine = [wait for wait in waits if wait.what == what and wait.pool is pool]
            if mine:
                own = statistics.median(wait.own for wait in mine)
                above = Spread.of([wait.above for wait in mine])
                total = Spread.of([wait.seconds for wait in mine])
                cells = [what, "yes" if pool else "no", total, f"{own:.2f}", above, len(mine), mine[-1].note]
                lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("defects", nargs="*", default=list(DEFECTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--own-engine", action="store_true", help="start a further dockerd; needs root")
    asked = parser.parse_args()
    parts = wiring.assemble(load_config(None, environ={}), os.environ)
    firsts = {defect.name.partition("/")[0]: defect for defect in reversed(load())}
    waits: list[Wait] = []
    with ExitStack() as stack:
        with engines.named(os.environ) as engine, ended(engine.backend()) as backend:
            image = synthetic().image(backend)
        engine = stack.enter_context(engines.own([image]) if asked.own_engine else engines.named(os.environ))
        print(f"{engine.words}; load {os.getloadavg()[0]:.1f}", flush=True)
        backends = {pool: stack.enter_context(ended(backend_of(engine, pool=pool))) for pool in (False, True)}
        small = subject(trial.Lab(backends[False], Limits()), synthetic(), image)
        cases = []
        for defect in (demo(), *(firsts[name] for name in asked.defects)):
            case = observed(defect, replace(parts, backend=backends[False]), alone=False)
            assert not isinstance(case, str), f"{defect.name}: {case}"
            cases.append(case)
        for turn in range(asked.rounds):
            # The pool learns from what is asked: both settings change places, and each keeps its backend.
            for pool in (False, True) if turn % 2 == 0 else (True, False):
                waits += worker(backends[pool], small, pool=pool)
                for case in cases:
                    lab = trial.Lab(backends[pool], Limits())
                    waits += rewritten(replace(case, lab=lab), parts, pool=pool)
                    print(os.getloadavg()[0], waits[-1], flush=True, file=sys.stderr)
    print(f"{table(waits)}\n\nload {os.getloadavg()[0]:.1f}; {image.origin}")
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(wait) for wait in waits], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
