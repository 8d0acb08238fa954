"""What one execution of a candidate costs: CPU and wall time of all ways, in turns, over small and real projects.

    PYTHONPATH=tests python -m bench.sandbox [PROJECT::FILE::FUNCTION ...] [--own-engine] [--rounds 5]
                                             [--workers 1,2,4,8] [--only WAY,...] [--json FILE]

PROJECT is a folder with a clone, or an address that git can clone from, which is cloned to a temporary folder; the
function must be executed by ten tests that pass. Without any, the synthetic module alone is measured.
`--own-engine` (needs root) starts a further dockerd in a control group of its own, so that the work measured is
counted, all of it and nothing else; without it the containers of the engine in use are, whoever they belong to.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench.sandbox import engines, figures, memory
from bench.sandbox.subjects import Material, NotUsable, Subject, of_project, subject, synthetic
from bench.sandbox.ways import NAMES, ways
from bot import trial
from bot.domain import Image, Limits


def main() -> int:
    """Measures and prints; the exit code is 1 where nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="*", metavar="PROJECT::FILE::FUNCTION")
    parser.add_argument("--own-engine", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", default="1", help="how many executions at once: 1,2,4,8")
    parser.add_argument("--only", default="", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--json", type=Path, help="write all rows there")
    asked = parser.parse_args()
    with ExitStack() as stack:
        materials = [stack.enter_context(project(wanted, stack)) for wanted in asked.projects] or [synthetic()]
        images = prepared(materials)
        engine = stack.enter_context(
            engines.own(list(images.values())) if asked.own_engine else engines.named(os.environ)
        )
        print(f"{engine.words}; Python {platform.python_version()}; load {os.getloadavg()[0]:.1f}\n", flush=True)
        rows: list[figures.Row] = []
        for material in materials:
            if material.name not in images:
                continue
            try:
                one = chosen(material, images[material.name], engine)
            except NotUsable as why:
                print(why, file=sys.stderr)
                continue
            for workers in [int(part) for part in asked.workers.split(",")]:
                rows += measured(one, workers, engine, asked.rounds, [w for w in asked.only.split(",") if w])
                keep(asked.json, engine.words, rows)
    return 0 if rows else 1


def project(wanted: str, stack: ExitStack) -> AbstractContextManager[Material]:
    """A project's function as the command line names it."""
    where, _, function = wanted.rpartition("::")
    where, _, file = where.rpartition("::")
    folder = Path(where) if Path(where).is_dir() else cloned(where, stack)
    return of_project(folder, f"{file}::{function}")


def prepared(materials: Sequence[Material]) -> dict[str, Image]:
    """Images by name of what they are for, made by the engine that the environment names: it has a network."""
    found = {}
    with engines.named(os.environ) as engine:
        backend = engine.backend()
        try:
            for material in materials:
                try:
                    found[material.name] = material.image(backend)
                except NotUsable as why:
                    print(why, file=sys.stderr)
        finally:
            backend.close()
    return found


def chosen(material: Material, image: Image, engine: engines.Measured) -> Subject:
    """The function with its tests. Raises NotUsable."""
    backend = engine.backend()
    try:
        return subject(trial.Lab(backend, Limits()), material, image)
    finally:
        backend.close()


def cloned(address: str, stack: ExitStack) -> Path:
    """A clone in a temporary folder."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tryline-bench-")))
    name = address.rstrip("/").rpartition("/")[2].removesuffix(".git")
    subprocess.run(["git", "clone", "--quiet", "--depth=1", address, str(folder / name)], check=True)
    return folder / name


def measured(
    function: Subject, workers: int, engine: engines.Measured, rounds: int, only: Sequence[str]
) -> list[figures.Row]:
    """All ways of one subject, in turns; prints their table."""
    backend = engine.backend()
    try:
        taken = ways(function, workers, engine.client, backend, only)
        rows = list(figures.rounds(taken, engine.meter, rounds, print))
    finally:
        backend.close()
    print(
        f"\n{function.name}: {len(function.tests)} tests, {len(function.inputs)} calls; {workers} at once;",
        end=" ",
    )
    print(f"load {os.getloadavg()[0]:.1f}\n\n{figures.table(rows)}", flush=True)
    if engine.exact:  # on a shared engine it cannot be told which containers are these
        print(f"\n{memory.line(memory.workers(function, workers, engine))}", flush=True)
    return rows


def keep(file: Path | None, words: str, rows: Sequence[figures.Row]) -> None:
    """Writes what was measured so far."""
    if file is not None:
        told = {"engine": words, "python": platform.python_version(), "rows": [row.told() for row in rows]}
        file.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
