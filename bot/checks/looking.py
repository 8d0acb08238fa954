"""What several checks read off the second look: which tests can be compared, and how the level was reached."""

from __future__ import annotations

from collections.abc import Sequence

from bot.checks import Look, Ran, Trialled
from bot.checks.reading import standing_for
from bot.domain import Outcome, ProofLevel

TAMPERING = "tampering suspected: "


def cold_outcomes(trialled: Trialled, look: Look) -> dict[str, Outcome]:
    """The cold run's outcomes of the tests that the second look ran, flaky ones left out."""
    results = [result for test in look.tests for result in standing_for(trialled.run, test)]
    return {result.id: result.outcome for result in results if result.id not in trialled.flaky}


def shown_by(versions: Sequence[Ran], test: str) -> bool | None:
    """Whether a version that nobody doubts ended a test as well as in its own run: True where one did, False where
    one that was green is not, None where none was green at all."""
    green = [version for version in versions if (was := version.cold.get(test)) is not None and was.good]
    if any(version.outcomes.get(test) is version.cold[test] for version in green):
        return True
    return False if green else None


def brief(why: str) -> str:
    """The first line of a reason, clipped: a failure's text may be long."""
    line = why.strip().partition("\n")[0]
    return line if len(line) <= 200 else line[:197] + "..."


def level(trialled: Trialled) -> tuple[ProofLevel, int, str]:
    """(the level that the evidence reaches, tests that ran apart, why it is not apart)."""
    look = trialled.look
    if look is None:
        return ProofLevel.IN_PROCESS, 0, "no second look was taken"
    if look.apart is None:
        return ProofLevel.IN_PROCESS, 0, brief(look.why_in_process)
    cold = cold_outcomes(trialled, look)
    for test, was in cold.items():
        if (now := look.apart.outcomes.get(test)) is not was:
            return ProofLevel.IN_PROCESS, 0, f"in a process of its own {test} is {now or 'not run'}"
    if not cold:
        return ProofLevel.IN_PROCESS, 0, "no test was compared"
    return ProofLevel.APART, len(cold), ""
