"""Runs generated attacks as what they are: test modules beside a package, many in one pytest process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.domain import Call
from bot.kinds import LANDED, Attack
from bot.languages.python import attacks, functions

RUNNER = """
import json, sys
import pytest

class Seen:
    def __init__(self):
        self.found = {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome == "failed":
            crash = getattr(report.longrepr, "reprcrash", None)
            self.found[report.nodeid] = [report.outcome, crash.message if crash else str(report.longrepr or "")]

    def pytest_collectreport(self, report):
        if report.failed:
            self.found[report.nodeid] = ["error", str(report.longrepr)]

seen = Seen()
options = ["-q", "-p", "no:cacheprovider", "--timeout=20", "--continue-on-collection-errors"]
pytest.main([*options, "witnesses"], plugins=[seen])
with open("seen.json", "w") as out:
    json.dump(seen.found, out)
"""


@dataclass(frozen=True)
class Ran:
    """What became of one attack."""

    attack: Attack
    outcome: str
    message: str

    @property
    def landed(self) -> bool:
        """Whether it is red for its own reason."""
        return self.outcome == "failed" and self.message.startswith(f"AssertionError: {LANDED}")

    @property
    def told(self) -> Mapping[str, object]:
        """Payload, sink and stack as the test says them."""
        return json.loads(self.message.split(LANDED, 1)[1].split("\n")[0])


class Tree:
    """Files of a repository, in memory."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


def made(text: str, name: str = "", *, path: str = "shop/sample.py", calls: Sequence[Call] = ()) -> list[Attack]:
    """The attacks on one function of a file, or on all of them."""
    text = textwrap.dedent(text)
    tree = Tree({"shop/__init__.py": "", path: text})
    found = functions.functions(path, text)
    return [
        attack
        for function in found
        if name in ("", function.qualname)
        for attack in attacks.attacks(function, text, tree, calls)
    ]


def run(
    folder: Path,
    cases: Mapping[str, str],
    *,
    calls: Mapping[str, Sequence[Call]] | None = None,
    compared: bool = False,
) -> dict[str, list[Ran]]:
    """What becomes of every attack on each of these files (case -> text), in one process.

    `compared`: also of those that tell something only where there is a stricter base; else all code is new.
    """
    (folder / "shop").mkdir(parents=True)
    (folder / "witnesses").mkdir()
    (folder / "shop" / "__init__.py").write_text("")
    (folder / "conftest.py").write_text("")
    (folder / "runner.py").write_text(RUNNER)
    placed: dict[str, tuple[str, Attack]] = {}
    for case, text in cases.items():
        path = f"shop/{case}.py"
        (folder / path).write_text(textwrap.dedent(text))
        for number, attack in enumerate(made(text, path=path, calls=(calls or {}).get(case, ()))):
            if attack.compared and not compared:
                continue
            name = f"witnesses/test_{case}_{number}.py"
            (folder / name).write_text(attack.code)
            placed[name] = (case, attack)
    done = subprocess.run([sys.executable, "runner.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert (folder / "seen.json").exists(), done.stdout + done.stderr
    seen = json.loads((folder / "seen.json").read_text())
    results: dict[str, list[Ran]] = {case: [] for case in cases}
    for name, (case, attack) in placed.items():
        found = [value for node, value in seen.items() if node.startswith(name)]
        assert len(found) == 1, (name, found, attack.code)
        results[case].append(Ran(attack, *found[0]))
    return results


def judged(folder: Path, red: Mapping[str, str], green: Mapping[str, str], rule: str, **options: object) -> None:
    """Every red case has an attack of this rule that lands; no green one has any; none breaks."""
    results = run(folder, {**red, **green}, **options)  # type: ignore[arg-type]
    problems = []
    for case, ran in results.items():
        for each in ran:
            if each.outcome != "passed" and not each.landed:
                problems.append((case, each.attack.rule, each.message[:600]))
        hits = [each for each in ran if each.landed]
        if case in red and not any(each.attack.rule == f"security/{rule}" for each in hits):
            problems.append((case, "did not land", [(each.attack.rule, each.attack.parameter) for each in ran]))
        if case in green:
            landed = [each for each in hits if each.attack.rule == f"security/{rule}"]
            problems += [(case, "landed", each.attack.rule, each.message[:400]) for each in landed]
    assert not problems, "\n".join(map(str, problems))
