"""Verify: a candidate is put on disk in a fresh container, the suite is run from the start, and the checks judge.

Nothing of the warm search is trusted here: another container, another process, the file on disk, the whole suite.
Beside it, in a container of its own, goes a second look under other circumstances.
In the same container, afterwards, the poisoned control: the function raising at once, which its tests must notice.
What passes all that is raced against what it replaces, in fresh containers again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import trial
from bot.checks import Check, Trialled
from bot.domain import Candidate, Judgement, ProofLevel, Rejected, Rewrite, Verdict
from bot.languages import Unparsable
from bot.progress import Progress
from bot.steps.verify import second
from bot.steps.verify.case import RACE_SECONDS, Case, Settings, put
from bot.steps.verify.cold import CONTROLLED, chosen, cold_job, controlled, cut, matrix, under_control
from bot.steps.verify.hunks import hunks, obstacle_to
from bot.steps.verify.style import styled
from bot.steps.verify.times import deciding, raced

__all__ = [
    "CONTROLLED",
    "RACE_SECONDS",
    "Case",
    "Settings",
    "chosen",
    "cut",
    "deciding",
    "hunks",
    "matrix",
    "obstacle_to",
    "raced",
    "refusals",
    "under_control",
    "verify",
]

TIMED = frozenset({"not-slower", "witness-gone"})
"""Checks that look at times: these are only taken of what all the others let pass."""
LOOKING = frozenset({"second-look", "sentinels", "test-bodies"})
"""Checks that look at the second look's runs with the function in the tests' process."""


def verify(
    lab: trial.Lab,
    case: Case,
    candidate: Candidate,
    checks: Sequence[Check],
    settings: Settings,
    progress: Progress,
) -> Rewrite | Rejected:
    """The cold proof of one candidate. Raises SandboxError when the engine fails."""
    place = case.place
    policy = refusals(case, candidate)
    if policy:
        # Not worth a container: code that reaches for the judge is never run cold, where the verdict is made.
        judged = (Judgement("policy", False, "; ".join(policy[:3])),)
        return Rejected(candidate, Verdict(judged, (), 0, 0, "not run", 0.0))
    with second.Beside(lab, case, candidate, settings) as beside, lab.open(case.head) as box:
        candidate = styled(lab, box, case, candidate)
        module = place.module(candidate.source, candidate.imports)
        selection, words = chosen(case, settings)
        put(box, case, module)
        progress.tick(f"cold run of {words}")
        run = trial.run_suite(lab, box, cold_job(lab, case, settings, selection))
        control = controlled(lab, box, case, settings)
    trialled = Trialled(
        candidate=candidate,
        finding=case.finding,
        head_text=place.text,
        new_text=module,
        policy=policy,
        head=case.evidence.head if selection is None else cut(case.evidence.head, selection),
        run=run,
        control=control,
        executing=under_control(case),
        flaky=case.evidence.flaky,
        expected=candidate.expected,
        least_gain=settings.least_gain,
    )
    trialled = replace(trialled, look=second.beside_cold(beside.look(), trialled))
    judgements = tuple(check.judge(trialled) for check in checks)
    if any(not judgement.ok and judgement.check in LOOKING for judgement in judgements):
        progress.tick("looking again, in processes of their own")
        trialled = replace(trialled, look=second.beside_cold(beside.again(), trialled))
        judgements = tuple(check.judge(trialled) for check in checks)
    if all(judgement.ok or judgement.check in TIMED for judgement in judgements) and settings.race_seconds > 0:
        progress.tick("timing it against what it replaces")
        trialled = raced(lab, case, trialled, settings)
        judgements = tuple(check.judge(trialled) for check in checks)
    look = trialled.look
    level = look.level if look is not None else ProofLevel.IN_PROCESS
    verdict = Verdict(
        judgements=judgements,
        matrix=matrix(case, run),
        tests_run=sum(test.outcome.good for test in run.tests),
        tests_executing=len(set(case.executing) & {test.id for test in run.tests if test.outcome.good}),
        selection=words,
        seconds=run.seconds,
        measured=trialled.measured,
        level=level,
        tests_apart=len(look.compared) if look is not None and level is ProofLevel.APART else 0,
        why_in_process=look.why_in_process if look is not None else "no test executes the function",
    )
    if not verdict.accepted:
        return Rejected(candidate, verdict)
    suggestion, also = hunks(place, module)
    return Rewrite.of(candidate, verdict, suggestion, also, obstacle_to(place.text, suggestion, also))


def refusals(case: Case, candidate: Candidate) -> tuple[str, ...]:
    """What the language's policy says against the candidate, and whether it can be put into the file at all.

    What the function did at base is no news: only what neither head nor base did counts.
    """
    place = case.place
    try:
        place.module(candidate.source, candidate.imports)
    except Unparsable as problem:
        return (f"it does not fit into the file: {problem.message}",)
    if candidate.is_revert:
        return ()

    def against(original: str) -> tuple[str, ...]:
        return place.language.policy(original, candidate.source, candidate.imports, place.text)

    found = against(place.function.source)
    if found and case.base is not None:
        known = set(against(case.base.source))
        found = tuple(violation for violation in found if violation in known)
    return found
