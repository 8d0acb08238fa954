"""Check `apart`: tests end alike when nothing but plain values reaches them from the function's process."""

from __future__ import annotations

from bot.checks import Look, Trialled
from bot.checks.looking import TAMPERING, shown_by
from bot.checks.reading import count
from bot.domain import Judgement


class Apart:
    """Content when each test ends as in the cold run with the function in a process of its own, or when it cannot
    be run so: its arguments are no plain data, or versions that nobody doubts do not do there what they do in the
    process of the tests. Where one of these passes every test there, an answer of the candidate's that cannot
    cross is its own doing: it is not the kind of answer that was given so far, and would choose who judges it."""

    name = "apart"

    def judge(self, trialled: Trialled) -> Judgement:
        """Says how many tests ran so, or why none did."""
        look = trialled.look
        if look is None:
            return Judgement(self.name, False, "no second look was taken")
        if look.apart is None and look.evaded and self.crosses(look):
            detail = f"{look.evaded}, where the answers so far are; so it cannot be judged apart"
            return Judgement(self.name, False, detail)
        if look.apart is None:
            return Judgement(self.name, True, f"not run in a process of its own: {look.why_in_process}")
        for test, was in look.compared.items():
            if (now := look.apart.outcomes.get(test)) is not was:
                word = TAMPERING if shown_by(look.honest_apart, test) else ""
                detail = f"{test} is {was} with the rewrite in its process and {now or 'gone'} without"
                return Judgement(self.name, False, word + detail)
        detail = f"{count(len(look.compared), 'test')} ended as in the cold run"
        return Judgement(self.name, True, f"{detail} with the function in a process of its own")

    @staticmethod
    def crosses(look: Look) -> bool:
        """Whether versions that nobody doubts show, for each test that passes, that what it asks for can cross."""
        return all(
            any((now := ran.outcomes.get(test)) is not None and now.good for ran in look.honest_apart)
            for test, was in look.compared.items()
            if was.good
        )
