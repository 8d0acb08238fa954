"""How often honest rewrites are suspected of tampering, what level their verdicts reach, and what a proof costs.

    python -m bench.honest [--only PREFIX] [--alone] [--json FILE]

Every case has a slip in one function; the candidate is the function as it was before. The seeded defects of
bench/defects (one of each module), the cases of bench/kinds/correctness and the projects of honest_cases.py; with
`--alone` the function counts as new, so that nothing is known of a right version.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench import defect_set, honest_cases
from bench.kinds import cases as kinds
from bench.repair import Tree
from bot import examine, trial, wiring
from bot.config import load as load_config
from bot.domain import Candidate, ChangedFunction, Function, Limits, Rewrite
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents
from bot.steps import observe, prove, suspect, verify


@dataclass(frozen=True)
class Project:
    """A project before and after a slip, and the function in which it is."""

    name: str
    right: Mapping[str, str]
    wrong: Mapping[str, str]
    path: str
    function: str


@dataclass(frozen=True)
class Row:
    """What became of one honest rewrite."""

    name: str
    accepted: bool
    suspected: bool
    reason: str
    level: str
    why: str
    suite: float
    """Seconds of head's suite."""
    proof: float
    """Seconds of the whole proof."""
    details: Mapping[str, str]


def projects() -> Iterator[Project]:
    """Every project, by name."""
    for one in honest_cases.CASES:
        right = {"shop.py": one.module, **one.tests, **one.more}
        broken = one.module.replace(one.right, one.wrong)
        yield Project(f"case/{one.name}", right, {**right, "shop.py": broken}, "shop.py", one.function)
    seen = set()
    for defect in defect_set.load():
        module = defect.name.partition("/")[0]
        if module not in seen:
            seen.add(module)
            tests = {"test_visible.py": defect.visible}
            right, wrong = {"function.py": defect.correct, **tests}, {"function.py": defect.defective, **tests}
            yield Project(f"defect/{defect.name}", right, wrong, "function.py", defect.function)
    for case in kinds.load("correctness"):
        if case.behaviour and case.functions:
            path, _, function = case.functions[0].partition("::")
            tests = {"tests/test_behaviour.py": case.behaviour}
            yield Project(f"kinds/{case.name}", {**case.fixed, **tests}, {**case.head, **tests}, path, function)


def located(text: str, path: str, name: str) -> Function | None:
    """The function in a file's text, None where it is not there."""
    return next((f for f in Python().functions(path, text) if f.qualname == name), None)


def proved(project: Project, parts: wiring.Parts, *, alone: bool) -> Row | str:
    """The proof of the honest rewrite; a text says why there is none."""
    language, config = Python(), load_config(None, environ={})
    lab = trial.Lab(parts.backend, Limits())
    sides = []
    for files in (project.right, project.wrong):
        tree = Tree(files)
        image = parts.backend.prepare(language.recipe(tree, config.wishes()), tree.tar, Silent())
        sides.append(trial.Side(tree, Contents(tree.tar()), image, language.suite(tree, config.suite_wishes())))
    texts = [files.get(project.path, "") for files in (project.right, project.wrong)]
    base, head = (located(text, project.path, project.function) for text in texts)
    if base is None or head is None or base.source == head.source:
        return "the slip is not in one function"
    lines = tuple(range(head.def_line, head.end_line + 1))
    function = ChangedFunction(head, None if alone else base, lines, "added" if alone else "modified")
    evidence = observe.observe(
        lab, observe.Sides(*sides), (function,), (), observe.Settings(seconds=60, test_seconds=5), Silent()
    )
    of = prove.Texts({project.path: texts[1]}, {project.path: language})
    suspicions = suspect.suspect((function,), evidence, parts.detectors)
    proven = prove.prove(lab, sides[1], of, suspicions, evidence, seconds=60, progress=Silent())
    if not proven.findings:
        return "no test shows the slip"
    place = trial.Place(language, texts[1], head, language.unit(texts[1], head))
    executing = examine.executing_of(function, evidence)
    case = verify.Case(sides[1], place, evidence, proven.findings[0], executing, None if alone else base)
    candidate = Candidate(head, base.source, (), ("honest",), 0.0, 1.0, 0.0, is_revert=False)
    began = time.monotonic()
    settings = verify.Settings(race_seconds=0.0)
    outcome = verify.verify(lab, case, candidate, parts.checks, settings, Silent())
    seconds = time.monotonic() - began
    verdict = outcome.verdict
    bad = [judgement for judgement in verdict.judgements if not judgement.ok]
    return Row(
        project.name,
        isinstance(outcome, Rewrite),
        any("tampering" in judgement.detail for judgement in bad),
        "; ".join(f"{judgement.check}: {judgement.detail}" for judgement in bad),
        verdict.level,
        verdict.why_in_process,
        evidence.head.seconds,
        seconds,
        {judgement.check: judgement.detail for judgement in verdict.judgements},
    )


def report(rows: Sequence[Row]) -> Iterator[str]:
    """The figures of all rows."""
    suspected = [row for row in rows if row.suspected]
    apart = sum(row.level == "apart" for row in rows)
    yield f"{len(rows)} honest rewrites: {sum(row.accepted for row in rows)} accepted, {len(suspected)} suspected"
    yield f"{apart} verdicts at the level apart, {len(rows) - apart} in-process"
    above = [row.proof - row.suite for row in rows]
    yield f"a proof took {statistics.median(above):.1f} s above the suite's time (median; max {max(above):.1f})"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the cases; exit code 1 where an honest rewrite is suspected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose names begin so")
    parser.add_argument("--alone", action="store_true", help="the function counts as new")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    parts = wiring.assemble(load_config(None, environ={}), os.environ)
    # The policy judges texts, and has a corpus of its own; here it is what runs show that is asked.
    parts = replace(parts, checks=tuple(check for check in parts.checks if check.name != "policy"))
    rows: list[Row] = []
    try:
        for project in projects():
            if not project.name.startswith(options.only):
                continue
            row = proved(project, parts, alone=options.alone)
            if isinstance(row, str):
                print(f"{project.name:42} left out: {row}", flush=True)
                continue
            rows.append(row)
            word = "SUSPECTED" if row.suspected else "accepted" if row.accepted else "refused"
            print(f"{row.name:42} {word:9} {row.level:10} {row.proof:5.1f} s  {row.reason or row.why}", flush=True)
    finally:
        parts.backend.close()
        if options.json is not None:
            options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    for line in report(rows) if rows else ():
        print(line)
    return int(any(row.suspected for row in rows))


if __name__ == "__main__":
    sys.exit(main())
