"""Check `witness-gone`: what showed the problem was run again and shows it no more."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.reading import count, listing, standing_for
from bot.domain import Finding, Judgement, Witness
from bot.kinds import Measured
from bot.measuring import faster, rounded, timed


class WitnessGone:
    """Content when every test of the witness ran and is good and, for a recorded call, when the function was
    called with the same arguments and returned; where times are the witness, when times measured anew show that
    the candidate is better. Without a finding there is nothing to be gone."""

    name = "witness-gone"

    def judge(self, trialled: Trialled) -> Judgement:
        """Says what became of the witness."""
        if trialled.finding is None:
            return Judgement(self.name, True, "no finding to be gone")
        witness = trialled.finding.witness
        if witness.kind == "measure":
            return self._times(trialled, trialled.finding)
        absent = [test for test in witness.tests if not standing_for(trialled.run, test)]
        if absent or not witness.tests:
            return Judgement(self.name, False, f"not run: {listing(absent) or 'the witness names no test'}")
        results = [result for test in witness.tests for result in standing_for(trialled.run, test)]
        if bad := [result for result in results if not result.outcome.good]:
            return Judgement(self.name, False, f"{bad[0].id} is still {bad[0].outcome}")
        if witness.call is not None:
            return self._call(trialled, witness)
        names = count(len({result.id for result in results}), "test")
        return Judgement(self.name, True, f"{names} of the witness, red at head, now good")

    def _call(self, trialled: Trialled, witness: Witness) -> Judgement:
        wanted = witness.call
        calls = trialled.run.calls.get(trialled.candidate.function.id, ())
        same = [c for c in calls if wanted and c.test == wanted.test and c.digest and c.digest == wanted.digest]
        if not same:
            return Judgement(self.name, False, "the witness's call was not made, so it could not be looked at")
        if raised := [call.raised for call in same if call.raised]:
            return Judgement(self.name, False, f"the witness's call still raises {raised[0]}")
        return Judgement(self.name, True, "the call that raised at head returns")

    def _times(self, trialled: Trialled, finding: Finding) -> Judgement:
        new = trialled.measured
        if new is None:
            why = trialled.unmeasured or "its times were not measured anew"
            return Judgement(self.name, False, f"not shown to be gone: {why}")
        if finding.rule == "performance/more-queries":
            return self._events(finding, new)
        if finding.rule == "performance/memory":
            before, after = new.memory_old_kb, new.memory_new_kb
            gone = 0 < after * 3 <= before * 2
            return Judgement(
                self.name, gone, f"the peak of memory was {before} KiB at head and is {after} KiB now"
            )
        times = f"{timed(new.seconds_old)} at head, {timed(new.seconds_new)} now on {new.arguments}"
        gone = faster([new], trialled.least_gain)
        share = f"{rounded(new.ratio)} times head's time, 99% interval {rounded(new.low)} to {rounded(new.high)}"
        return Judgement(self.name, gone, f"{times} ({share})")

    def _events(self, finding: Finding, new: Measured) -> Judgement:
        shown = finding.witness.measured
        kinds = sorted(new.events_old) if shown is None else sorted(shown.events_new)
        rows = [(kind, new.events_old.get(kind, 0), new.events_new.get(kind, 0)) for kind in kinds]
        gone = any(after < before for _, before, after in rows) and all(
            after <= before for _, before, after in rows
        )
        said = ", ".join(f"{kind}: {before} at head, {after} now" for kind, before, after in rows)
        return Judgement(self.name, gone, said or "nothing was counted")
