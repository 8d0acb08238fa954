"""The experiment: every arm on every problem with every seed, shuffled, resumable, failures kept apart."""

from __future__ import annotations

import concurrent.futures
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.errors import BudgetSpent, CouldNot, EndpointError
from bot.problems.arms import Arm
from bot.problems.forms import Problem
from bot.problems.journal import Cell, Journal
from bot.problems.placebo import Donor
from bot.problems.sets import ProblemSet
from bot.problems.trying import Ground, NotMeasurable, Tried, Workshop, observed, tried
from bot.progress import Progress


@dataclass(frozen=True)
class Plan:
    """What is run."""

    problems: ProblemSet
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    workers: int = 1
    """Cells at the same time; it changes seconds, nothing else."""

    def cells(self) -> tuple[tuple[Problem, Arm, int], ...]:
        """Every cell, shuffled: what drifts while it runs (load, a warming cache) falls on all arms alike.

        The order depends on the plan alone, so that a resumed run goes on where it was.
        """
        rows = [(p, arm, seed) for p in self.problems.problems for arm in self.arms for seed in self.seeds]
        random.Random(self.problems.digest).shuffle(rows)  # noqa: S311
        return tuple(rows)

    def configuration(self) -> dict[str, Any]:
        """What of the plan makes two runs the same experiment."""
        return {
            "problems": {"digest": self.problems.digest, "count": len(self.problems.problems)},
            "arms": {arm.name: asdict(arm.guidance) if arm.guidance is not None else {} for arm in self.arms},
            "seeds": list(self.seeds),
        }


class Experiment:
    """One run of a plan. Mutable while it runs; `run` is its only door."""

    def __init__(self, plan: Plan, shop: Workshop, journal: Journal, progress: Progress) -> None:
        self.plan = plan
        self.shop = shop
        self.journal = journal
        self.progress = progress
        self._writing = threading.Lock()
        self._grounds: dict[str, Ground] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._excluded = dict(journal.record.excluded)
        self._done = 0
        self._donor = Donor(shop, plan.problems.problems, self._ground)

    def run(self) -> None:
        """Runs every cell that the file does not hold yet, or holds as a failure.

        Raises EndpointError when the endpoint is dead and BudgetSpent when the experiment's own budget is spent:
        what is done stays, and a later run goes on.
        """
        answered = {cell.key for cell in self.journal.record.cells if not cell.failure}
        left = [row for row in self.plan.cells() if (row[0].id, row[1].name, row[2]) not in answered]
        self.progress.note(f"{len(left)} of {len(self.plan.cells())} cells are to be run")
        with concurrent.futures.ThreadPoolExecutor(self.plan.workers, thread_name_prefix="tryline-cell") as pool:
            futures = [pool.submit(self._cell, problem, arm, seed, len(left)) for problem, arm, seed in left]
            try:
                for future in concurrent.futures.as_completed(futures):
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _cell(self, problem: Problem, arm: Arm, seed: int, left: int) -> None:
        """One cell, from its start to its line in the file."""
        if problem.id in self._excluded:
            return
        fatal: EndpointError | None = None
        try:
            ground = self._ground(problem)
            placebo = self._donor.blocks(problem) if arm.takes_placebo else ()
            cell = answer(problem, arm, seed, tried(self.shop, ground, arm, seed, placebo, self.progress))
        except NotMeasurable as why:
            self._exclude(problem, str(why))
            return
        except CouldNot as error:
            cell = Cell(problem.id, arm.name, seed, failure=f"{error.slug}: {error.message}"[:400])
            fatal = (
                error
                if isinstance(error, EndpointError) and (error.dead or isinstance(error, BudgetSpent))
                else None
            )
        with self._writing:
            self.journal.add(cell)
            self._done += 1
            self.progress.note(f"{self._done}/{left} {told(cell)}")
        if fatal is not None:
            raise fatal

    def _ground(self, problem: Problem) -> Ground:
        """The problem, observed; once for all its cells."""
        with self._writing:
            lock = self._locks.setdefault(problem.id, threading.Lock())
        with lock:
            if problem.id in self._excluded:
                raise NotMeasurable(self._excluded[problem.id])
            if problem.id not in self._grounds:
                self._grounds[problem.id] = observed(self.shop, problem, self.progress)
            return self._grounds[problem.id]

    def _exclude(self, problem: Problem, why: str) -> None:
        with self._writing:
            if problem.id not in self._excluded:
                self._excluded[problem.id] = why
                self.journal.exclude(problem.id, why)
                self.progress.note(f"{problem.id} is left out for all arms: {why}")


def answer(problem: Problem, arm: Arm, seed: int, result: Tried) -> Cell:
    """The cell of an answer."""
    search = result.search
    return Cell(
        problem.id,
        arm.name,
        seed,
        visible=result.visible,
        hidden=result.hidden,
        submitted=result.submitted is not None,
        rung=result.submitted.rung if result.submitted is not None else "",
        tokens_in=result.usage.tokens_in,
        tokens_out=result.usage.tokens_out,
        requests=result.usage.requests + result.usage.from_cache,
        seconds=round(result.seconds, 3),
        executions=search.executions,
        stopped=search.stopped,
        note=result.note[:400],
    )


def told(cell: Cell) -> str:
    """One line about a cell."""
    if cell.failure:
        word = f"failed: {cell.failure[:120]}"
    elif not cell.submitted:
        word = f"nothing to submit ({cell.stopped})"
    else:
        word = "right" if cell.hidden else ("overfit" if cell.overfit else "wrong")
    tokens = f", {cell.tokens_in + cell.tokens_out} tokens" if cell.requests else ""
    return f"{cell.problem} {cell.arm} seed {cell.seed}: {word}; {cell.seconds:.1f} s{tokens}"


def counted(cells: Iterable[Cell]) -> Mapping[str, Sequence[Cell]]:
    """Arm -> its answers, failures left out."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        if not cell.failure:
            rows.setdefault(cell.arm, []).append(cell)
    return rows
