"""The seeded defects of bench/defects: small functions of our own, bugs put in by hand, tests shown and held back.

    python -m bench.defect_set        checks the set: correct versions pass, defective ones fail a visible test

Each folder holds `function.py` (correct), `defects.toml` (what is put in its place), `test_visible.py` (what a
project would have) and `test_hidden.py` (thorough, for judging a repair; never shown to a search).
"""

from __future__ import annotations

import ast
import os
import resource
import signal
import sys
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest  # imported here once: every forked child's tests need it

FOLDER = Path(__file__).parent / "defects"
SECONDS = 5
MEMORY = 400 << 20
"""Bytes that a checked module and its tests may map."""


@dataclass(frozen=True)
class Defect:
    """One defective version of one small module."""

    name: str
    """`FOLDER/ID`, unique in the set."""
    kind: str
    """`single`: one edit repairs it; `double`: two places must change."""
    category: str
    """What kind of slip it is, in words of its author, not of any operator table."""
    function: str
    """Qualified name of the defective function."""
    correct: str
    """Text of the correct module."""
    defective: str
    """Text of the module with the defect."""
    visible: str
    """Tests that a project would have; they import the module as `function`."""
    hidden: str
    """Tests held back for judging a repair."""
    steps: tuple[str, ...]
    """The module with each single change of the defect, in order: what is left when the others are repaired."""
    looping: bool
    """Whether the visible tests do not end on the defective version."""


def load() -> tuple[Defect, ...]:
    """The whole set, in order of name.

    Raises ValueError when a definition does not fit its function: the text to replace must occur exactly once.
    """
    return tuple(defect for folder in sorted(FOLDER.glob("[a-z]*/")) for defect in _folder(folder))


def _folder(folder: Path) -> Iterator[Defect]:
    correct = (folder / "function.py").read_text()
    visible, hidden = (folder / "test_visible.py").read_text(), (folder / "test_hidden.py").read_text()
    for entry in tomllib.loads((folder / "defects.toml").read_text())["defect"]:
        name = f"{folder.name}/{entry['id']}"
        if entry["kind"] not in ("single", "double"):
            raise ValueError(f"{name}: kind must be single or double")
        defective = correct
        for old, new in entry["change"]:
            if defective.count(old) != 1:
                raise ValueError(f"{name}: {old!r} occurs {defective.count(old)} times, not once")
            defective = defective.replace(old, new)
        yield Defect(
            name,
            entry["kind"],
            entry["category"],
            _qualified(correct, entry.get("function")),
            correct,
            defective,
            visible,
            hidden,
            tuple(correct.replace(old, new) for old, new in entry["change"]),
            entry.get("looping", False),
        )


def _qualified(module: str, name: str | None) -> str:
    """Qualified name of a function of the module; without a name, of its only top-level function."""
    for node in ast.parse(module).body:
        if isinstance(node, ast.FunctionDef) and name in (None, node.name):
            return node.name
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == name:
                    return f"{node.name}.{name}"
    raise ValueError(f"no function {name}")


# -------------------------------------------------------------------------------------------------- self-check


def failures(module: str, tests: str) -> tuple[str, ...]:
    """Names of the tests that fail for a module; `timeout` or `died` when the process did not report.

    Runs in a forked process with limits on time and memory. Only for the files of this set, which are our own.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _limit()
        os.write(writing, "\n".join(_run(module, tests)).encode() + b"\n.")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        report = stream.read().decode()
    _, status = os.waitpid(child, 0)
    if not report.endswith("."):
        return ("timeout" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM else "died",)
    return tuple(report[:-1].split())


def _limit() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    # Over what the parent, from which we are forked, had mapped already: a long test run holds a lot.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.alarm(SECONDS)


def _run(module: str, tests: str) -> list[str]:
    function = types.ModuleType("function")
    sys.modules.update(function=function, pytest=pytest)
    exec(compile(module, "function.py", "exec"), function.__dict__)
    space: dict[str, object] = {"__name__": "tests"}
    exec(compile(tests, "tests.py", "exec"), space)
    failed = []
    for name, test in space.items():
        if name.startswith("test_") and callable(test):
            try:
                test()
            except BaseException:
                failed.append(name)
    return failed


def check(defect: Defect) -> str | None:
    """What is wrong with one entry of the set; None when it is as it must be."""
    for which, tests in (("visible", defect.visible), ("hidden", defect.hidden)):
        failed = failures(defect.correct, tests)
        if failed:
            return f"{defect.name}: the correct version fails {which} {failed}"
    failed = failures(defect.defective, defect.visible)
    if not failed:
        return f"{defect.name}: the defective version fails no visible test"
    if (failed == ("timeout",)) != defect.looping:
        return f"{defect.name}: says looping = {defect.looping}, but failed {failed}"
    return None


def main() -> int:
    """Checks every entry and prints what is wrong and how large the set is."""
    defects = load()
    wrong = [complaint for complaint in map(check, defects) if complaint]
    kinds = {kind: sum(1 for d in defects if d.kind == kind) for kind in ("single", "double")}
    looping = sum(1 for defect in defects if defect.looping)
    functions = {(d.name.partition("/")[0], d.function) for d in defects}
    print(*wrong, sep="\n")
    print(f"{len(defects)} defects in {len(functions)} functions: {kinds}, {looping} looping, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
