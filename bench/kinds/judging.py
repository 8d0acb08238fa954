"""Judges a rewrite by what was kept apart: exploit, behaviour and workload, run in a container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.kinds import timing
from bench.kinds.cases import Case
from bench.repair import Tree
from bot import trial, wiring
from bot.config import Config
from bot.domain import Outcome, Rewrite, SuiteRun
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents

TIMED_SECONDS = 60


@dataclass(frozen=True)
class Verdict:
    """What became of a rewrite."""

    holds: bool
    """Whether everything that was kept apart is content."""
    why: str = ""
    """What is not."""
    ratio: timing.Ratio | None = None
    """Performance: time of the rewrite over head's, on the workload."""


def judge(case: Case, rewrite: Rewrite, parts: wiring.Parts, config: Config) -> Verdict:
    """Runs what was kept apart on head with the rewrite in place."""
    language = Python()
    function = rewrite.candidate.function
    text = case.head[function.path]
    text = language.splice(text, function, rewrite.candidate.source, rewrite.candidate.imports)
    files = {**case.head, function.path: text}
    for name in ("exploit", "behaviour"):
        if apart := getattr(case, name):
            test = f"tests/test_{name}.py"
            run = ran(parts, config, {**files, test: apart}, test)
            bad = [result for result in run.tests if result.outcome is not Outcome.PASSED]
            if run.problem is not None or not run.tests or bad:
                said = bad[0].message if bad else str(run.problem)
                return Verdict(False, f"{name}: {said[:300]}")
    if not case.workload:
        return Verdict(True)
    ratio = timed(parts, config, case, files)
    if ratio is None:
        return Verdict(False, "the workload gave no times")
    if not ratio.same:
        return Verdict(False, "the workload's answers differ", ratio)
    return Verdict(ratio.high < 1, "" if ratio.high < 1 else "not shown to be quicker", ratio)


def timed(parts: wiring.Parts, config: Config, case: Case, new: Mapping[str, str]) -> timing.Ratio | None:
    """The rewrite against head on the workload."""
    files = {f"{timing.OLD}/{path}": text for path, text in case.head.items()}
    files |= {f"{timing.NEW}/{path}": text for path, text in new.items()}
    files[timing.WORKLOAD] = timing.workload_of(case.workload, case.module)
    files[timing.TEST] = timing.MODULE
    run = ran(parts, config, files, timing.TEST)
    return timing.read(run.tests[0].message) if run.tests else None


def ran(parts: wiring.Parts, config: Config, files: Mapping[str, str], test: str) -> SuiteRun:
    """One test file in a tree, in a fresh container."""
    lab = trial.Lab(parts.backend, config.limits())
    tree = Tree(files)
    language = parts.languages[0]
    image = parts.backend.prepare(language.recipe(tree, config.wishes()), tree.tar, Silent())
    plan = language.suite(tree, config.suite_wishes())
    side = trial.Side(tree, Contents(tree.tar()), image, type(plan)(plan.args, (test,), plan.summary, plan.env))
    job = trial.suite_job(
        side.plan, lab.limits, seconds=2 * TIMED_SECONDS, select=None, calls=False, test_seconds=TIMED_SECONDS
    )
    with lab.open(side) as box:
        return trial.run_suite(lab, box, job)
