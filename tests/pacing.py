"""Changes of a repository that are timed on a real engine: base and head of a few modules, their tests run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from engines import contents, docker_backend, prepared
from rewriting import Files

from bot import trial
from bot.domain import ChangedFunction, Evidence, Function, Limits, SuitePlan
from bot.languages import Language
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps import observe

PLAN = SuitePlan(("--rootdir=/repo", "-p", "no:cacheprovider"), (), "pytest", {})


@dataclass(frozen=True)
class Change:
    """One module `NAME.py` at base and at head, which holds the function `NAME`; its tests are the same."""

    name: str
    base: str
    head: str
    tests: str
    """Functions of `test_NAME.py`, which imports the module's names."""

    def files(self, *, base: bool) -> dict[str, str]:
        test = f"from {self.name} import *\nfrom {self.name} import {self.name}\n\n\n{self.tests}"
        return {f"{self.name}.py": self.base if base else self.head, f"test_{self.name}.py": test}

    def located(self, text: str) -> Function:
        return next(f for f in Python().functions(f"{self.name}.py", text) if f.qualname == self.name)

    @property
    def function(self) -> ChangedFunction:
        base, head = self.located(self.base), self.located(self.head)
        old = set(base.source.split("\n"))
        lines = [head.start_line + n for n, line in enumerate(head.source.split("\n")) if line not in old]
        return ChangedFunction(head, base, tuple(lines), "modified")


@dataclass(frozen=True)
class Texts:
    """Head's files and their language."""

    text: Mapping[str, str]
    language: Mapping[str, Language]


@dataclass(frozen=True)
class Ground:
    """Changes whose tests were run at base and head."""

    lab: trial.Lab
    sides: observe.Sides
    evidence: Evidence
    texts: Texts
    changes: Mapping[str, Change]

    def function(self, name: str) -> ChangedFunction:
        return self.changes[name].function


@contextmanager
def ground(*changes: Change) -> Iterator[Ground]:
    """All of these changes in one repository, observed."""
    sides = []
    for base in (True, False):
        files: dict[str, str] = {}
        for change in changes:
            files |= change.files(base=base)
        backend = docker_backend()
        sides.append(trial.Side(Files(files), contents(files), prepared(backend), PLAN))
    lab = trial.Lab(docker_backend(), Limits())
    both = observe.Sides(*sides)
    settings = observe.Settings(60.0, further_seconds=0.0)
    evidence = observe.observe(lab, both, [c.function for c in changes], (), settings, Silent())
    assert evidence.head.problem is None, evidence.head.output
    assert all(test.outcome.good for test in evidence.head.tests), evidence.head.output
    texts = {f"{c.name}.py": c.head for c in changes}
    yield Ground(lab, both, evidence, Texts(texts, dict.fromkeys(texts, Python())), {c.name: c for c in changes})
