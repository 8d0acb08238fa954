"""Is every case what it says? `python -m bench.kinds.check [KIND ...] [--only NAME]`

Visible tests are green at base and head; an exploit is red at head and green on the right version; what is kept
apart is green on the right version, and in cases of correctness red at head; a workload is slower at head. Runs
our own code in processes of its own, without a container.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.kinds import timing
from bench.kinds.cases import KINDS, Case, load
from bot.languages.python.language import Python

SECONDS = 60


def complaints(case: Case) -> tuple[str, ...]:
    """What is wrong with a case; nothing when it is as it must be."""
    return tuple(f"{case.kind}/{case.name}: {text}" for text in _complaints(case))


def _complaints(case: Case) -> Iterator[str]:
    yield from _shape(case)
    for name, files in (("base", case.base), ("head", case.head), ("fixed", case.fixed)):
        if name == "fixed" and case.fixed is case.base:
            continue
        status, said = tested(files, {}, ())
        if status != 0:
            yield f"visible tests fail at {name}:\n{said}"
    if case.exploit:
        yield from _apart(case, "exploit", case.exploit, red_at_head=True)
    if case.behaviour:
        # A vulnerable version may stumble over harmless input, too (a quote in a name): only a repair must not.
        red = {"correctness": True, "performance": False}.get(case.kind)
        yield from _apart(case, "behaviour", case.behaviour, red_at_head=red)
    if case.workload:
        ratio = timed(case, case.fixed, case.head)
        if isinstance(ratio, str):
            yield f"the workload does not run:\n{ratio}"
        elif not ratio.same:
            yield "the workload's answers differ"
        elif ratio.low < case.least:
            yield f"head is slower by {ratio.value} ({ratio.low} to {ratio.high}), not by {case.least}"


def _shape(case: Case) -> Iterator[str]:
    """What can be told without running."""
    needed = {"security": ("exploit", "behaviour"), "performance": ("workload", "behaviour")}
    for name in needed.get(case.kind, ("behaviour",) if case.kind == "correctness" else ()):
        if not getattr(case, name):
            yield f"{name}.py is missing"
    if case.base == case.head:
        yield "head changes nothing"
    for target in case.functions:
        path, _, qualname = target.partition("::")
        at = {
            name: next((f.source for f in Python().functions(path, files[path]) if f.qualname == qualname), None)
            if path in files
            else None
            for name, files in (("base", case.base), ("head", case.head), ("fixed", case.fixed))
        }
        if at["head"] is None:
            yield f"{target} is not at head"
        elif case.new != (at["base"] is None):
            yield f"{target}: new = {case.new}, but base says otherwise"
        elif at["fixed"] == at["head"]:
            yield f"{target} is right as it is"


def _apart(case: Case, name: str, text: str, *, red_at_head: bool | None) -> Iterator[str]:
    """Whether a module that is kept apart says what it must of the right version, and of head unless None."""
    file = f"tests/test_{name}.py"
    status, said = tested(case.fixed, {file: text}, (file,))
    if status != 0:
        yield f"{name} fails on the right version:\n{said}"
    if red_at_head is None:
        return
    status, said = tested(case.head, {file: text}, (file,))
    if red_at_head != (status != 0):
        yield f"{name} is {'green' if status == 0 else 'red'} at head:\n{said}"
    if status not in (0, 1) and case.sort != "hang":
        yield f"{name} did not run at head ({status}):\n{said}"


def tested(files: Mapping[str, str], more: Mapping[str, str], select: Sequence[str]) -> tuple[int, str]:
    """(pytest's exit status, end of its output); -9 for a run that had to be stopped."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        written(root, {**files, **more})
        argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=short", *select]
        return _run(argv, root, 8 if select else SECONDS)


def timed(case: Case, old: Mapping[str, str], new: Mapping[str, str]) -> timing.Ratio | str:
    """How two versions compare on the workload; a text where it does not run."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for folder, files in ((timing.OLD, old), (timing.NEW, new)):
            written(root / folder, files)
        apart = {timing.WORKLOAD: timing.workload_of(case.workload, case.module), timing.TEST: timing.MODULE}
        written(root, apart)
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", timing.TEST]
        _, said = _run(argv, root, SECONDS)
        return timing.read(said) or said


def written(root: Path, files: Mapping[str, str]) -> None:
    """Writes files, making folders."""
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def _run(argv: Sequence[str], folder: Path, seconds: float) -> tuple[int, str]:
    """In a session of its own, so that all it started can be ended with it."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "output").open("w+b") as out:
        process = subprocess.Popen(
            argv, cwd=folder, env=environ, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = -9
        out.seek(0)
        return status, out.read().decode("utf-8", "replace")[-2500:]


def main() -> int:
    """Checks the cases and prints what is wrong and how large the sets are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="which sets; all without")
    parser.add_argument("--only", default="", help="names of cases that begin so")
    asked = parser.parse_args()
    wrong = 0
    for kind in asked.kinds or KINDS:
        cases = load(kind, asked.only)
        # Times are taken one after the other, the rest two at a time.
        with ThreadPoolExecutor(1 if kind == "performance" else 2) as pool:
            for found in pool.map(complaints, cases):
                wrong += bool(found)
                for text in found:
                    print(text, flush=True)
        print(f"{kind}: {len(cases)} cases, {sum(case.new for case in cases)} of them new code", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
