"""Check `apart`: tests end alike when nothing but plain values reaches them from the function's process."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.looking import TAMPERING, cold_outcomes, level, shown_by
from bot.checks.reading import count
from bot.domain import Judgement, ProofLevel


class Apart:
    """Content when each test ends as in the cold run with the function in a process of its own, or when it cannot
    be run so: its arguments are no plain data, or versions that nobody doubts do not pass there."""

    name = "apart"

    def judge(self, trialled: Trialled) -> Judgement:
        """Says how many tests ran so, or why none did."""
        look = trialled.look
        if look is None:
            return Judgement(self.name, False, "no second look was taken")
        if look.apart is not None:
            for test, was in cold_outcomes(trialled, look).items():
                now = look.apart.outcomes.get(test)
                if now is not was and shown_by(look.honest_apart, test):
                    detail = f"{test} is {was} with the rewrite in its process and {now or 'gone'} without"
                    return Judgement(self.name, False, TAMPERING + detail)
        reached, tests, why = level(trialled)
        if reached is ProofLevel.APART:
            detail = f"{count(tests, 'test')} ended as in the cold run with the function in a process of its own"
            return Judgement(self.name, True, detail)
        return Judgement(self.name, True, f"not run in a process of its own: {why}")
