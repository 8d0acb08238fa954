"""Check `not-slower`: the rewrite does not buy its answers with time."""

from __future__ import annotations

from bot.checks import Trialled
from bot.domain import Judgement
from bot.measuring import rounded, timed


class NotSlower:
    """Content when the candidate's time grows no faster with its input than that of what it replaces, and is not
    beyond twice as long where it matters. What cannot be measured is no reason to refuse, and is said."""

    name = "not-slower"

    def judge(self, trialled: Trialled) -> Judgement:
        """Says what was measured."""
        if (slow := trialled.slower) is not None:
            growth = ""
            if slow.exponent_old is not None and slow.exponent_new is not None:
                growth = f"; growth {slow.exponent_old:.1f} became {slow.exponent_new:.1f}"
            times = f"{timed(slow.seconds_old)} became {timed(slow.seconds_new)}"
            detail = f"slower: {times} on {slow.arguments} ({rounded(slow.ratio)} times as long{growth})"
            return Judgement(self.name, False, detail)
        if (seen := trialled.measured) is not None:
            share = f"{rounded(seen.ratio)} times {trialled.against}'s time"
            interval = f"99% interval {rounded(seen.low)} to {rounded(seen.high)}"
            return Judgement(self.name, True, f"{share} ({interval}) on {seen.arguments}")
        why = trialled.unmeasured or "nothing says what it takes"
        return Judgement(self.name, True, f"not measured: {why}")
