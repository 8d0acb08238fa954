"""What share of a project's functions can be judged in a process of their own, and what that costs.

    python -m bench.apart REPOSITORY [REPOSITORY ...] [--sample 80] [--seed 0] [--json FILE]
    python -m bench.apart --calls

Of every function that the project's tests execute (or of a seeded sample) the text as it stands is run on tests
that execute it, in one process with them and apart from them, as the second look at a candidate does it: it fits
where all tests do the same. With `--calls`: what one call costs that is asked for in another process.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import statistics
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.repair import Tree
from bot import trial, wire, wiring
from bot.config import load as load_config
from bot.domain import Function, Limits, SuiteRun
from bot.errors import SandboxError
from bot.languages import Files, Unparsable
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents, Sandbox
from bot.workspace import Workspace

MAX_TESTS = 20
"""Tests of one function: the quickest."""
REASONS = (
    (r"generator, or async|class generator|class coroutine|class async_gen", "a generator, or asynchronous"),
    (r"made inside another", "made inside another function"),
    (r"global variable", "changes a global variable"),
    (r"argument is not plain: .*has no place of its own", "an argument: a function or class made at run time"),
    (r"argument is not plain: a value of class", "an argument: a value of another kind"),
    (r"argument is not plain", "an argument: too deep or too large"),
    (r"answer is not plain: a new value|answer is not plain: .* itself", "the result: a class that is not taken"),
    (r"answer is not plain: an exception", "an exception that is not taken"),
    (r"answer is not plain", "the result: a value of another kind"),
    (r"process of its own .* is |process of its own it ended", "its tests see the difference"),
)


@dataclass(frozen=True)
class Row:
    """One function."""

    name: str
    fits: bool
    level: str
    """`apart`, `in-process` or `fresh` (it cannot be replaced in a running process)."""
    why: str
    tests: int
    together_ms: float
    """CPU of one trial in one process, milliseconds."""
    apart_ms: float


def kind_of(why: str) -> str:
    """A reason without names."""
    return next((name for pattern, name in REASONS if re.search(pattern, why)), why[:60])


def interval(hits: int, of: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def functions_of(files: Files) -> Iterator[tuple[str, Function]]:
    """(text of the file, function) of all code that is no test."""
    language = Python()
    for path in files.paths():
        if not language.owns(path) or language.is_test(path) or path.split("/")[0] in ("docs", "examples"):
            continue
        try:
            text = language.decode(files.read(path))
            for function in language.functions(path, text):
                yield text, function
        except Unparsable:
            continue


def side_of(files: Files, tar: bytes, parts: wiring.Parts) -> trial.Side:
    """A tree ready to be run."""
    language, config = Python(), load_config(None, environ={})
    image = parts.backend.prepare(language.recipe(files, config.wishes()), lambda: tar, Silent())
    return trial.Side(files, Contents(tar), image, language.suite(files, config.suite_wishes()))


def observed(lab: trial.Lab, side: trial.Side, functions: Sequence[Function]) -> SuiteRun:
    """The suite's own run, with the lines of the functions watched."""
    watch = [wire.Watch(f.id, f.path, f.start_line, f.qualname.rsplit(".", 1)[-1]) for f in functions]
    job = trial.suite_job(side.plan, lab.limits, seconds=300, watch=watch, calls=False, test_seconds=60)
    with lab.open(side) as box:
        return trial.run_suite(lab, box, job)


def row_of(stage: trial.Stage, tests: tuple[str, ...]) -> Row:
    """How one function does, both ways."""
    function = stage.place.function
    version = trial.Version(function.source.replace("\r\n", "\n"))
    course = trial.Course(tests, seconds=20, step_limit=1_000_000_000)
    replies = [dict(stage.preview([version], replace(course, apart=way)))[0] for way in (False, True)]
    together, alone = replies
    why = trial.difference(together, alone)
    level = "fresh" if not together.swapped else "in-process" if why else "apart"
    cpu = [round(1000 * reply.cpu, 1) for reply in replies]
    return Row(function.id, not why, level, why, len(tests), *cpu)


def measured(folder: Path, parts: wiring.Parts, sample: int, seed: int) -> Iterator[Row]:
    """The rows of one project."""
    lab = trial.Lab(parts.backend, Limits())
    with Workspace.open(folder, environ=os.environ) as workspace:
        files = workspace.tree(workspace.revision("HEAD"))
        side = side_of(files, files.tar(), parts)
        texts = {function.id: text for text, function in functions_of(files)}
        functions = [function for _, function in functions_of(files)]
        run = observed(lab, side, functions)
        if run.problem is not None and not run.covered:
            raise SystemExit(f"{folder.name}: {run.problem.message}\n{run.problem.log}")
        results = run.by_id()
        executed = []
        for function in functions:
            found = run.executing(function.path, range(function.def_line + 1, function.end_line + 1))
            found = tuple(sorted(found, key=lambda test: results[test].seconds))[:MAX_TESTS]
            if found:
                executed.append((function, found))
        print(f"{folder.name}: {len(functions)} functions, {len(executed)} executed by {len(results)} tests")
        chosen = executed
        if len(executed) > sample:
            chosen = random.Random(seed).sample(executed, sample)
        todo = [(function, texts[function.id], tests) for function, tests in chosen]
        while todo:
            todo = yield from served(lab, side, todo)


def served(
    lab: trial.Lab, side: trial.Side, todo: Sequence[tuple[Function, str, tuple[str, ...]]]
) -> Generator[Row, None, list[tuple[Function, str, tuple[str, ...]]]]:
    """Rows of one fork server's work; returns what is left when it ends."""
    language = Python()
    wanted = list(dict.fromkeys(test for _, _, tests in todo for test in tests))
    with lab.open(side) as box:
        started = False
        for number, (function, text, tests) in enumerate(todo):
            place = trial.Place(language, text, function, language.unit(text, function))
            stage = trial.Stage(lab, box, place, side)
            try:
                if not started:
                    stage.start(wanted, seconds=300)
                    started = stage.warm or "no live" in stage.why_cold
                else:
                    arm(stage, box)
                if stage.warm:
                    yield row_of(stage, tests)
                else:
                    yield Row(function.id, False, "fresh", stage.why_cold, len(tests), 0.0, 0.0)
            except SandboxError as problem:
                yield Row(function.id, False, "in-process", f"lost: {problem.message}", len(tests), 0.0, 0.0)
                return list(todo[number + 1 :])
    return []


def arm(stage: trial.Stage, box: Sandbox) -> None:
    """Has the running fork server take another function."""
    reply = box.ask(wire.trial_job(wire.arm_message(stage.place.unit)), seconds=60)
    stage.warm = bool(reply.get("functions"))
    stage.why_cold = "" if stage.warm else "no live function object runs this code (made at run time, or compiled)"


def table(name: str, rows: Sequence[Row]) -> Iterator[str]:
    """The shares of one project."""
    fits = sum(row.fits for row in rows)
    low, high = interval(fits, len(rows))
    yield f"{name}: {fits} of {len(rows)} fit ({fits / len(rows):.0%}, interval {low:.0%} to {high:.0%})"
    for why, count in Counter(kind_of(row.why) for row in rows if not row.fits).most_common():
        yield f"    {count:4}  {why}"
    fitting = [row for row in rows if row.fits and row.together_ms]
    if fitting:
        together = statistics.median(row.together_ms for row in fitting)
        apart = statistics.median(row.apart_ms for row in fitting)
        ratio = statistics.median(row.apart_ms / row.together_ms for row in fitting)
        yield f"    CPU of a trial: {together:.1f} ms together, {apart:.1f} ms apart (ratio {ratio:.2f})"


# -------------------------------------------------------------------------------------------------- calls

CALLS = 1000
ARGUMENTS: Mapping[str, str] = {
    "a number": "7",
    "a text of 100": "'x' * 100",
    "a list of 100 numbers": "list(range(100))",
    "a dict of 20 lists of 5": "{str(n): [n] * 5 for n in range(20)}",
    "an instance with 3 attributes": "shop.Item()",
}
SHOP = """\
class Item:
    def __init__(self):
        self.name, self.price, self.tags = "x", 1.5, ["a"]


def same(value):
    return value
"""


def calls(parts: wiring.Parts) -> Iterator[str]:
    """What one call costs, by what it is given and gives back."""
    lines = ["import shop", ""]
    for number, text in enumerate(ARGUMENTS.values()):
        lines += [f"def test_{number}():", f"    value = {text}", f"    for _ in range({CALLS}):"]
        lines += ["        shop.same(value)", ""]
    files = {"shop.py": SHOP, "test_shop.py": "\n".join(lines)}
    tree, language = Tree(files), Python()
    side = side_of(tree, tree.tar(), parts)
    function = next(f for f in language.functions("shop.py", SHOP) if f.qualname == "same")
    place = trial.Place(language, SHOP, function, language.unit(SHOP, function))
    lab = trial.Lab(parts.backend, Limits())
    with lab.open(side) as box:
        stage = trial.Stage(lab, box, place, side)
        tests = tuple(f"test_shop.py::test_{number}" for number in range(len(ARGUMENTS)))
        stage.start(tests)
        for test, name in zip(tests, ARGUMENTS, strict=True):
            found = []
            for _ in range(5):
                both = []
                for way in (False, True):
                    course = trial.Course((test,), seconds=60, step_limit=1 << 40, apart=way)
                    both.append(dict(stage.preview([trial.Version(function.source)], course))[0])
                found.append([both[1].cpu - both[0].cpu, both[1].rows[0].seconds - both[0].rows[0].seconds])
            cpu, wall = (min(column) * 1e6 / CALLS for column in zip(*found, strict=True))
            yield f"{name:32} {cpu:6.0f} us of CPU, {wall:6.0f} us of wall time (least of 5)"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="*", type=Path)
    parser.add_argument("--sample", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    parts = wiring.assemble(load_config(None, environ={}), os.environ)
    told = {}
    try:
        if options.calls:
            for line in calls(parts):
                print(line, flush=True)
        for folder in options.repositories:
            rows = []
            for row in measured(folder, parts, options.sample, options.seed):
                rows.append(row)
                if options.verbose:
                    print(f"  {row.name:60} {row.level:10} {row.tests:3} {row.why}", flush=True)
            for line in table(folder.name, rows):
                print(line, flush=True)
            told[folder.name] = [asdict(row) for row in rows]
    finally:
        parts.backend.close()
        if options.json is not None:
            options.json.write_text(json.dumps(told, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
