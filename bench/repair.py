"""How many seeded defects are repaired, how many repairs are wrong, and at what cost: guided against random order.

    python -m bench.repair [--only PREFIX] [--arms base,mixed,alone,random] [--json FILE]

Every defect is a change of one function from its correct version to the defective one, run through the product
with its own steps in containers. Arms:

    base      as in a review: the correct version is at base, and may be compared with
    mixed     the same, but the branch also renames a local variable of the function (or adds a comment), so that
              base cannot simply be put back
    alone     as for a new function: nothing is known of a correct version but the visible tests
    random    the same edits as `alone`, tried in random order under the executions that `alone` may use; the first
              that passes all visible tests is taken

A repair counts when the cold proof accepts it. It is wrong when it fails a test that was held back.
"""

from __future__ import annotations

import argparse
import ast
import io
import itertools
import json
import os
import random
import statistics
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.defect_set import Defect, load
from bot import examine, trial, wiring
from bot.config import load as load_config
from bot.domain import (
    Candidate,
    ChangedFunction,
    Evidence,
    Finding,
    Function,
    Limits,
    Outcome,
    Rejected,
    Rewrite,
    Status,
)
from bot.endpoints.edits import Edits
from bot.languages import Language
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents
from bot.steps import observe, propose, prove, suspect, verify

FILE = "function.py"
TESTS = "test_visible.py"
HELD_BACK = "held_back/test_hidden.py"


class Tree:
    """The files of one version of a defect's project; implements Files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {path: text.encode() for path, text in files.items()}

    def paths(self) -> Sequence[str]:
        """Paths in order."""
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        """One file."""
        return self._files[path]

    def tar(self) -> bytes:
        """All files as an archive."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for path in self.paths():
                member = tarfile.TarInfo(path)
                member.size = len(self._files[path])
                archive.addfile(member, io.BytesIO(self._files[path]))
        return out.getvalue()


@dataclass(frozen=True)
class Row:
    """One defect in one arm."""

    defect: str
    kind: str
    category: str
    arm: str
    repaired: bool
    wrong: bool
    """Accepted, but it fails a test that was held back."""
    revert: bool
    edits: tuple[str, ...]
    trials: int
    seconds: float
    why: str


@dataclass(frozen=True)
class Case:
    """One defect, observed: what the arms start from."""

    defect: Defect
    lab: trial.Lab
    sides: observe.Sides
    evidence: Evidence
    function: ChangedFunction
    finding: Finding
    language: Language


def located(language: Language, module: str, qualname: str) -> Function:
    """The function in a module's text."""
    return next(f for f in language.functions(FILE, module) if f.qualname == qualname)


def renamed(defect: Defect) -> Defect:
    """The defect with one local variable of the function renamed wherever it stands in it, or with a comment."""
    function = located(Python(), defect.defective, defect.function)
    span = range(function.start_line, function.end_line + 1)
    nodes = [n for n in ast.walk(ast.parse(defect.defective)) if getattr(n, "lineno", 0) in span]
    names = [n for n in nodes if isinstance(n, ast.Name)]
    shared = {a.arg for a in nodes if isinstance(a, ast.arg)} | {
        name for n in nodes if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names
    }
    bound = [n.id for n in names if isinstance(n.ctx, ast.Store) and n.id not in shared]
    lines = defect.defective.split("\n")
    if bound:
        name = max(bound, key=bound.count)
        for node in sorted((n for n in names if n.id == name), key=lambda n: (n.lineno, -n.col_offset)):
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = f"{line[: node.col_offset]}the_{line[node.col_offset :]}"
    else:
        last = lines[function.end_line - 1]
        lines.insert(function.end_line - 1, last[: len(last) - len(last.lstrip())] + "# done")
    return replace(defect, defective="\n".join(lines))


def observed(defect: Defect, parts: wiring.Parts, *, alone: bool) -> Case | str:
    """Runs both versions; a text says why there is no finding."""
    language = Python()
    lab = trial.Lab(parts.backend, Limits())
    config = load_config(None, environ={})
    sides = []
    for module in (defect.correct, defect.defective):
        tree = Tree({FILE: module, TESTS: defect.visible, HELD_BACK: defect.hidden})
        image = parts.backend.prepare(language.recipe(tree, config.wishes()), tree.tar, Silent())
        plan = language.suite(tree, config.suite_wishes())
        plan = type(plan)(plan.args, (TESTS,), plan.summary, plan.env)
        sides.append(trial.Side(tree, Contents(tree.tar()), image, plan))
    head, base = (located(language, text, defect.function) for text in (defect.defective, defect.correct))
    old, new = defect.correct.split("\n"), defect.defective.split("\n")
    lines = range(head.start_line, head.end_line + 1)
    changed = tuple(n for n in lines if alone or n > len(new) or new[n - 1] not in old)
    function = ChangedFunction(
        head, None if alone else base, changed or (head.def_line,), "added" if alone else "modified"
    )
    settings = observe.Settings(seconds=60, test_seconds=5)
    evidence = observe.observe(lab, observe.Sides(*sides), (function,), (), settings, Silent())
    texts = prove.Texts({FILE: defect.defective}, {FILE: language})
    suspicions = suspect.suspect((function,), evidence, parts.detectors)
    proven = prove.prove(lab, sides[1], texts, suspicions, evidence, seconds=60, progress=Silent())
    if not proven.findings:
        return "no finding"
    return Case(defect, lab, observe.Sides(*sides), evidence, function, proven.findings[0], language)


def guided(
    case: Case, parts: wiring.Parts, settings: propose.Settings
) -> tuple[Candidate | None, int, float, str]:
    """(accepted candidate, trials, seconds, why not) of the product's own search and proof."""
    began = time.monotonic()
    bench = examine.Bench(
        lab=case.lab,
        head=case.sides.head,
        texts={FILE: case.defect.defective},
        languages={FILE: case.language},
        evidence=case.evidence,
        proposers=parts.proposers,
        checks=parts.checks,
        search=settings,
        verify=verify.Settings(),
        seconds_left=lambda: 600.0,
    )
    result = examine.examine(bench, case.finding, Silent())
    trials = result.search.executions if result.search is not None else 0
    candidate = result.rewrite.candidate if result.rewrite is not None else None
    return candidate, trials, time.monotonic() - began, result.why_no_rewrite


def randomly(
    case: Case, parts: wiring.Parts, settings: propose.Settings, seed: int
) -> tuple[Candidate | None, int, float, str]:
    """The same edits in random order, single ones first, then pairs; the first that passes is proven cold."""
    began = time.monotonic()
    head = case.function.head
    place = trial.Place(
        case.language, case.defect.defective, head, case.language.unit(case.defect.defective, head)
    )
    guide = examine.guide_of(case.finding, case.evidence)
    stream = shuffled(case, seed)
    with case.lab.open(case.sides.head) as box:
        stage = trial.Stage(case.lab, box, place, case.sides.head)
        stage.start((*guide.failing, *guide.passing, *guide.rest))
        judge = propose.Judge(stage, guide, settings)
        if why := judge.calibrate(propose.normal_ends(head.source), None, case.language.poison(head)):
            return None, judge.trials, time.monotonic() - began, why
        while True:
            batch = list(itertools.islice(stream, 12))
            if not batch:
                return None, judge.trials, time.monotonic() - began, "exhausted"
            try:
                results = judge.judge([trial.Version(source) for source in batch])
            except propose.OutOfBudget as end:
                return None, judge.trials, time.monotonic() - began, end.which
            for source, result in zip(batch, results, strict=True):
                if result.status is Status.PASSED and judge.survives_rest(trial.Version(source))[0]:
                    candidate = Candidate(head, source, (), ("random",), 0.0, 0.0, 0.0, False)
                    if accepted(case, parts, place, candidate):
                        return candidate, judge.trials, time.monotonic() - began, ""


def shuffled(case: Case, seed: int) -> Iterator[str]:
    """Texts of the function with one random edit each, then with two."""
    rng = random.Random(f"{seed}:{case.defect.name}")
    edits = Edits(seed=0)
    head = case.function.head
    source = propose.normal_ends(head.source)
    singles = pool(edits, head, source, case.defect.defective)
    rng.shuffle(singles)
    yield from singles
    while singles:
        first = rng.choice(singles)
        second = pool(edits, head, first, case.defect.defective)
        if second:
            yield rng.choice(second)


def pool(edits: Edits, head: Function, source: str, module: str) -> list[str]:
    """Every text that one edit makes of a function."""
    found = edits.all_proposals(head, source, module, None)
    return [propose.apply(source, proposal.edit) for _, proposal in found if proposal.edit is not None]


def accepted(case: Case, parts: wiring.Parts, place: trial.Place, candidate: Candidate) -> bool:
    """Whether the cold proof accepts a candidate."""
    executing = examine.executing_of(case.function, case.evidence)
    proof = verify.Case(case.sides.head, place, case.evidence, case.finding, executing, None)
    verdict = verify.verify(
        case.lab, proof, candidate, parts.checks, settings=verify.Settings(), progress=Silent()
    )
    return isinstance(verdict, Rewrite) and not isinstance(verdict, Rejected)


def holds(case: Case, candidate: Candidate) -> bool:
    """Whether a repair passes the tests that were held back."""
    module = case.language.splice(case.defect.defective, case.function.head, candidate.source, candidate.imports)
    with case.lab.open(case.sides.head) as box:
        job = trial.suite_job(
            case.sides.head.plan,
            case.lab.limits,
            seconds=60,
            select=(HELD_BACK,),
            test_seconds=10,
            replaced={FILE: module},
        )
        run = trial.run_suite(case.lab, box, job)
    return bool(run.tests) and run.problem is None and all(t.outcome is Outcome.PASSED for t in run.tests)


def measure(defect: Defect, arms: Sequence[str], settings: propose.Settings, seed: int) -> Iterator[Row]:
    """The rows of one defect."""
    config = load_config(None, environ={})
    parts = wiring.assemble(config, os.environ)
    cases: dict[str, Case | str] = {}
    for arm in arms:
        setting = "alone" if arm == "random" else arm
        if setting not in cases:
            given = renamed(defect) if setting == "mixed" else defect
            cases[setting] = observed(given, parts, alone=setting == "alone")
        case = cases[setting]
        if isinstance(case, str):
            yield Row(defect.name, defect.kind, defect.category, arm, False, False, False, (), 0, 0.0, case)
            continue
        run = randomly(case, parts, settings, seed) if arm == "random" else guided(case, parts, settings)
        candidate, trials, seconds, why = run
        yield Row(
            defect.name,
            defect.kind,
            defect.category,
            arm,
            candidate is not None,
            candidate is not None and not holds(case, candidate),
            candidate is not None and candidate.is_revert,
            candidate.edits if candidate is not None else (),
            trials,
            round(seconds, 2),
            why,
        )


def table(rows: Sequence[Row]) -> str:
    """Figures per arm and kind, as a Markdown table."""
    lines = [
        "| arm | kind | repaired | wrong of these | labelled revert | trials, median | seconds, median (p90) |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for arm in dict.fromkeys(row.arm for row in rows):
        for kind in ("single", "double"):
            mine = [row for row in rows if row.arm == arm and row.kind == kind]
            done = [row for row in mine if row.repaired]
            if not mine:
                continue
            wrong = sum(row.wrong for row in done)
            share = f"{len(done)} of {len(mine)} ({100 * len(done) / len(mine):.0f}%)"
            bad = f"{wrong} ({100 * wrong / max(1, len(done)):.0f}%)"
            trials = f"{statistics.median(row.trials for row in done):.0f}" if done else "-"
            seconds = sorted(row.seconds for row in mine)
            time_ = f"{statistics.median(seconds):.1f} ({seconds[int(0.9 * (len(seconds) - 1))]:.1f})"
            lines.append(
                f"| {arm} | {kind} | {share} | {bad} | {sum(r.revert for r in done)} | {trials} | {time_} |"
            )
    return "\n".join(lines)


def main() -> int:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of defects that begin so")
    parser.add_argument("--arms", default="base,mixed,alone,random")
    parser.add_argument("--every", type=int, default=1, help="take every Nth defect")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int, default=propose.Settings.candidates)
    parser.add_argument("--json", type=Path, help="write the rows there")
    asked = parser.parse_args()
    settings = propose.Settings(candidates=asked.trials, seed=asked.seed)
    rows: list[Row] = []
    for defect in [d for d in load() if d.name.startswith(asked.only)][:: asked.every]:
        for row in measure(defect, asked.arms.split(","), settings, asked.seed):
            rows.append(row)
            mark = "WRONG" if row.wrong else ("repaired" if row.repaired else f"- {row.why}")
            print(
                f"{row.arm:7} {row.kind:6} {row.defect:40} {row.trials:5} trials {row.seconds:6.1f} s  {mark} "
                f"{'(revert) ' if row.revert else ''}{'+'.join(row.edits)}",
                flush=True,
            )
        if asked.json:
            asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
