"""Check `apart`: tests end alike when nothing but plain values reaches them from the function's process."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.looking import TAMPERING, shown_by
from bot.checks.reading import count
from bot.domain import Judgement


class Apart:
    """Content when each test ends as in the cold run with the function in a process of its own, or when it cannot
    be run so: its arguments are no plain data, or versions that nobody doubts do not do there what they do in the
    process of the tests."""

    name = "apart"

    def judge(self, trialled: Trialled) -> Judgement:
        """Says how many tests ran so, or why none did."""
        look = trialled.look
        if look is None:
            return Judgement(self.name, False, "no second look was taken")
        if look.apart is None:
            return Judgement(self.name, True, f"not run in a process of its own: {look.why_in_process}")
        for test, was in look.compared.items():
            if (now := look.apart.outcomes.get(test)) is not was:
                word = TAMPERING if shown_by(look.honest_apart, test) else ""
                detail = f"{test} is {was} with the rewrite in its process and {now or 'gone'} without"
                return Judgement(self.name, False, word + detail)
        detail = f"{count(len(look.compared), 'test')} ended as in the cold run"
        return Judgement(self.name, True, f"{detail} with the function in a process of its own")
