"""Reviews every case of the sets with the product itself, and counts what it found, missed and said wrongly.

    python -m bench.kinds [KIND ...] [--only NAME] [--json FILE] [--report]

With `--json` each case's row is written to a journal at once, and a run that is started again goes on where the
last one ended; `--report` only prints what the journal holds. No model is used; what is kept apart never reaches
the review, and a rewrite is judged by it in a container.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.kinds import judging, report, repositories
from bench.kinds.cases import KINDS, Case, load
from bot import review, wiring
from bot.config import Config
from bot.config import load as load_config
from bot.domain import Finding, Review, Reviewed
from bot.errors import TrylineError
from bot.progress import Silent
from bot.workspace import Workspace


def measure(case: Case, parts: wiring.Parts, config: Config) -> report.Row:
    """One case, reviewed and judged. What the product cannot do is part of the row."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        base, head = repositories.made(case, Path(name))
        try:
            with Workspace.open(Path(name), environ=os.environ) as workspace:
                result = review.review(parts, workspace, config, Silent(), base=base, head=head, only=None)
        except TrylineError as error:
            return failed(case, time.monotonic() - began, f"{error.slug}: {error.message}")
    seconds = time.monotonic() - began
    right = next((item for item in by_rewrite(result) if is_right(case, item.finding)), None)
    rewrite = right.rewrite if right is not None else None
    verdict = judging.judge(case, rewrite, parts, config) if rewrite is not None else None
    ratio = verdict.ratio if verdict is not None else None
    told = case.kind == "correctness" and any(
        f.function.id in case.functions and f.differences for f in result.functions
    )
    return report.Row(
        kind=case.kind,
        name=case.name,
        sort=case.sort,
        inline=case.posted,
        conclusion=result.conclusion.value,
        detected=right is not None or told or suspected(case, result),
        proven=right is not None,
        told=told,
        said=tuple(said(case, item) for item in result.findings),
        rewritten=rewrite is not None,
        holds=verdict.holds if verdict is not None else None,
        why=verdict.why if verdict is not None else "",
        ratio=(ratio.value, ratio.low, ratio.high) if ratio is not None else None,
        seconds=round(seconds, 2),
        prepare_seconds=round(result.costs.prepare_seconds, 2),
        functions=len(result.functions),
        problems=tuple(problem.slug for problem in result.problems),
        notes=notes(result),
    )


def by_rewrite(result: Review) -> list[Reviewed]:
    """The findings, those with a rewrite first."""
    return sorted(result.findings, key=lambda item: item.rewrite is None)


def is_right(case: Case, finding: Finding) -> bool:
    """Whether a finding says what is wrong in a case."""
    return finding.category.value == case.category and finding.function.id in case.functions


def suspected(case: Case, result: Review) -> bool:
    """Whether the review names the problem without having shown it."""
    return any(s.category.value == case.category and s.function.id in case.functions for s in result.unproven)


def said(case: Case, item: Reviewed) -> report.Said:
    """A finding as a row tells it."""
    finding = item.finding
    return report.Said(
        finding.function.id,
        finding.rule,
        finding.category.value,
        finding.title,
        finding.start_line,
        is_right(case, finding),
        item.rewrite is not None,
        item.why_no_rewrite,
    )


def notes(result: Review) -> tuple[str, ...]:
    """What explains a miss."""
    alone = [f"{f.function.id}: {f.left_alone}" for f in result.functions if f.left_alone]
    return (*alone, *(f"unproven {s.rule}: {s.message}" for s in result.unproven), *result.notes)


def failed(case: Case, seconds: float, why: str) -> report.Row:
    """A case that could not be reviewed at all."""
    quiet = {"detected": False, "proven": False, "told": False, "said": (), "rewritten": False}
    rest = {"holds": None, "why": "", "ratio": None, "prepare_seconds": 0.0, "functions": 0, "problems": (why,)}
    named = {"kind": case.kind, "name": case.name, "sort": case.sort, "inline": case.posted}
    return report.Row(conclusion="failed", seconds=seconds, **named, **quiet, **rest)  # type: ignore[arg-type]


def main() -> int:
    """Runs the sets and prints a line for each case and a table for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help=f"which sets ({', '.join(KINDS)}); all without")
    parser.add_argument("--only", default="", help="names of cases that begin so")
    parser.add_argument("--every", type=int, default=1, help="take every Nth case")
    parser.add_argument("--json", type=Path, help="journal: a JSON line for each case; run again, it goes on")
    parser.add_argument("--report", action="store_true", help="print what the journal holds, and run nothing")
    asked = parser.parse_args()
    if unknown := set(asked.kinds) - set(KINDS):
        parser.error(f"no such set: {', '.join(sorted(unknown))}")
    config = load_config(None, environ={})
    parts = wiring.assemble(config, os.environ)
    done = {(row.kind, row.name): row for row in report.read(asked.json)} if asked.json else {}
    rows = []
    for kind in asked.kinds or KINDS:
        for case in load(kind, asked.only)[:: asked.every]:
            row = done.get((kind, case.name))
            if row is None:
                if asked.report:
                    continue
                row = measure(case, parts, config)
                if asked.json:
                    report.write(asked.json, row)
            rows.append(row)
            print(report.line(row), flush=True)
    print(report.table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
