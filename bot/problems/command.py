"""`tryline bench`: from its arguments to an experiment's file, a report and a plot."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from bot.endpoints import Capabilities, Endpoint
from bot.errors import ExitCode, UsageError
from bot.problems import plot, report, sets
from bot.problems.arms import ARMS, DEFAULT, choose
from bot.problems.experiment import Experiment, Plan
from bot.problems.journal import Header, Journal, read
from bot.problems.trying import Workshop
from bot.progress import Progress

MOST_SEEDS = 1000


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    problems: Path
    output: Path
    arms: tuple[str, ...] = ()
    seeds: int = 1
    only: str = ""
    limit: int | None = None
    workers: int = 1
    report: Path | None = None
    plot: Path | None = None
    no_run: bool = False
    """Only reads the file that is there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `tryline bench`; budgets are settings (`budget.function_*`, `budget.candidates`)."""
    parser.add_argument(
        "problems",
        type=Path,
        help="a JSONL file in the form of HumanEval, MBPP, LiveCodeBench or our own, or a folder of defects",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the experiment's file (JSONL); where it exists, what is missing in it is run",
    )
    parser.add_argument(
        "--arms",
        type=_names,
        default=(),
        metavar="A,B",
        help=f"arms, of {', '.join(ARMS)} (default: those that the endpoint allows of {', '.join(DEFAULT)})",
    )
    parser.add_argument(
        "--seeds", type=_count, default=1, metavar="N", help="how often each cell is run (default 1)"
    )
    parser.add_argument("--only", default="", metavar="PREFIX", help="problems whose id begins so")
    parser.add_argument("--limit", type=_count, metavar="N", help="at most N problems, spread over the set")
    parser.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="cells at the same time (default 1)"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report (Markdown) there, too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the figures there (.svg or .png)")
    parser.add_argument("--no-run", action="store_true", help="run nothing, report what the file holds")


def asked(arguments: argparse.Namespace) -> Asked:
    """The parsed flags as a value."""
    return Asked(
        arguments.problems,
        arguments.output,
        arguments.arms,
        arguments.seeds,
        arguments.only,
        arguments.limit,
        arguments.workers,
        arguments.report,
        arguments.plot,
        arguments.no_run,
    )


def run(
    wish: Asked,
    shop: Workshop,
    endpoint: Endpoint | None,
    budget: Mapping[str, Any],
    version: str,
    out: TextIO,
    progress: Progress,
) -> int:
    """One experiment, or what is left of it, and its report on `out`. Returns an exit code: COULD_NOT where cells
    failed for the infrastructure's sake.

    `endpoint` tells what the model can do and is named in the file; `shop.model` opens those that cells use.
    `budget` is a cell's allowance as it is told (tokens in and out, requests). `version` is Tryline's own. Raises
    UsageError for what cannot be run as asked, EndpointError where the endpoint is dead: what was done stays.
    """
    if wish.plot is not None:
        plot.check(wish.plot)
    if not wish.no_run:
        problems = sets.load(wish.problems).part(only=wish.only, limit=wish.limit)
        if not problems.problems:
            raise UsageError(
                f"no problem of {wish.problems.name} can be run", hint="Look at --only.", slug="problem-set"
            )
        chosen = choose(wish.arms, endpoint.capabilities if endpoint is not None else None)
        plan = Plan(problems, chosen.arms, tuple(range(wish.seeds)), wish.workers)
        header = Header(
            {**plan.configuration(), **seat(endpoint), "budget": cell_budget(shop, budget), "version": version},
            {
                "set": problems.name,
                "arms_left_out": dict(chosen.left_out),
                "problems_left_out": {row.id: row.why for row in problems.left_out},
                "engine": dict(shop.lab.backend.describe()),
            },
        )
        progress.stage("bench", f"{len(problems.problems)} problems, {len(chosen.arms)} arms, {wish.seeds} seeds")
        with Journal(wish.output, header) as journal:
            Experiment(plan, shop, journal, progress).run()
    record = read(wish.output)
    found = report.figures(record)
    text = report.markdown(found)
    out.write(text)
    if wish.report is not None:
        try:
            wish.report.write_text(text, "utf-8")
        except OSError as error:
            raise UsageError(f"{wish.report} cannot be written: {error.strerror}", slug="output") from None
    if wish.plot is not None and found.rows:
        plot.draw(found, wish.plot)
    return ExitCode.COULD_NOT if any(cell.failure for cell in record.cells) else ExitCode.OK


def seat(endpoint: Endpoint | None) -> dict[str, Any]:
    """What the model is and can do, for the file's header."""
    if endpoint is None:
        return {"model": "", "seat": "", "tier": Capabilities().tier}
    can = endpoint.capabilities
    return {"model": endpoint.model, "seat": endpoint.seat, "tier": can.tier, "capabilities": asdict(can)}


def cell_budget(shop: Workshop, budget: Mapping[str, Any]) -> dict[str, Any]:
    """What every cell may use."""
    return {**budget, "executions": shop.search.candidates, "seconds": shop.search.seconds}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {MOST_SEEDS}")
    return int(text)
