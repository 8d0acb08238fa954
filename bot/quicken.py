"""One function made faster: for a finding of slowness, or where a known pattern stands on a line that changed.

A finding of slowness gets a rewrite as any other finding does. Without one nobody asked, so more is demanded: the
gain has to be large, matter, cost no other input anything, and be shown in fresh processes before a word is said.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bot import examine, racing, trial
from bot.domain import Candidate, Category, ChangedFunction, Finding, Rejected, Reviewed, Search, Severity, Witness
from bot.endpoints import Proposer
from bot.errors import SandboxError
from bot.kinds import Measured
from bot.languages import Unparsable
from bot.measuring import Curve, curves, rounded, timed, worth_telling
from bot.progress import Progress
from bot.steps.propose import faster
from bot.steps.propose.text import normal_ends

RULE = "performance/faster"
PROCESSES = 2
MUCH = 0.1
"""Share of head's time below which a gain is more than a nicety."""
TRIED = 2
"""Candidates that are raced for a gain that nobody asked for."""
ARGUMENTS = 80
"""Characters of arguments in a message."""


def quicken(
    bench: examine.Bench,
    function: ChangedFunction,
    finding: Finding | None,
    progress: Progress,
    base_text: str = "",
) -> Reviewed | None:
    """What becomes of a finding of slowness; without one a finding of our own, with its rewrite, or None.

    `base_text` is base's file, where it is at hand: its version may be what is put back. A broken engine costs
    only this.
    """
    place = examine.place_of(bench, function)
    if place is None:
        return None if finding is None else said(finding, None, "the function cannot be replaced by itself")
    if finding is None and not promising(place, function, bench.proposers):
        return None
    progress.stage("propose", f"making {function.head.qualname} faster")
    asked = finding or supposed(function)
    base = base_of(place, function, base_text) if finding is not None else None
    lines = None if finding is not None else started(place, function)
    try:
        with bench.lab.open(bench.head) as box:
            guide = examine.guide_of(asked, bench.evidence)
            stage = trial.Stage(bench.lab, box, place, bench.head)
            stage.start((*guide.passing, *guide.rest))
            found = faster.faster(
                stage, function, asked, guide, bench.proposers, bench.search, progress, base=base, lines=lines
            )
    except SandboxError as problem:
        return None if finding is None else said(finding, None, f"could not search: {problem.message}")
    search = found.search
    if finding is None:
        return offered(bench, place, function, search, progress)
    if not search.candidates:
        return said(finding, search, why_none(search))
    progress.stage("verify", f"{len(search.candidates)} candidates for {function.head.qualname}")
    return examine.proved(bench, place, finding, search, search.candidates[: examine.PROVED], progress)


def said(finding: Finding, search: Search | None, why: str) -> Reviewed:
    """A finding without a rewrite, and why."""
    return Reviewed(finding, None, search, why_no_rewrite=why)


def why_none(search: Search) -> str:
    """Why no version is faster, in words for a reader."""
    if search.stopped == "not-runnable":
        return f"not rewritten: {'; '.join(search.notes)}"
    return f"no faster version that answers alike was found in {search.executions} trials"


def base_of(place: trial.Place, function: ChangedFunction, base_text: str) -> trial.Version | None:
    """The version at base, where there is one that can stand in its place."""
    if function.base is None:
        return None
    try:
        return racing.base_version(place.language, place.text, function.head, function.base, base_text)
    except Unparsable:
        return None


# ------------------------------------------------------------------------------------- where nobody asked for it


def supposed(function: ChangedFunction) -> Finding:
    """What proposers are told where there is no finding: that time is the matter."""
    return Finding(
        RULE,
        Category.PERFORMANCE,
        Severity.LOW,
        function,
        function.head.def_line,
        function.head.end_line,
        "",
        "",
        Witness("measure", (), "", ""),
        dict.fromkeys(function.changed_lines, 1.0),
        anchor="times",
    )


def started(place: trial.Place, function: ChangedFunction) -> frozenset[int]:
    """Lines of the head file at which a statement starts that the change touched."""
    starts = [function.head.start_line + line - 1 for line in place.language.statements(source_of(function))]
    ends = [*starts[1:], function.head.end_line + 1]
    changed = set(function.changed_lines)
    return frozenset(
        start for start, end in zip(starts, ends, strict=True) if changed & set(range(start, max(end, start + 1)))
    )


def source_of(function: ChangedFunction) -> str:
    """Head's text as edits refer to it."""
    return normal_ends(function.head.source)


def promising(place: trial.Place, function: ChangedFunction, proposers: Sequence[Proposer]) -> bool:
    """Whether a known pattern of lost time stands on a line that the change touched."""
    source, asked, text = source_of(function), supposed(function), place.text
    try:
        return any(
            faster.for_speed(proposers, function, asked, source, text, line - function.head.start_line + 1)
            for line in sorted(started(place, function))
        )
    except Unparsable:
        return False


def offered(
    bench: examine.Bench, place: trial.Place, function: ChangedFunction, search: Search, progress: Progress
) -> Reviewed | None:
    """The first candidate whose gain is worth telling and whose proof holds; None where there is none."""
    refused: list[Rejected] = []
    for candidate in [one for one in search.candidates if not one.is_revert][:TRIED]:
        if bench.seconds_left() <= 0:
            break
        try:
            gain = gained(bench, place, function, candidate)
        except SandboxError as problem:
            progress.note(f"{function.head.qualname}: not raced: {problem.message}")
            return None
        if gain is None:
            continue
        reviewed = examine.proved(bench, place, finding_of(function, gain), search, (candidate,), progress)
        if reviewed.rewrite is not None:
            return Reviewed(reviewed.finding, reviewed.rewrite, search, (*refused, *reviewed.rejected))
        refused += reviewed.rejected
    return None


def gained(
    bench: examine.Bench, place: trial.Place, function: ChangedFunction, candidate: Candidate
) -> Measured | None:
    """What a candidate saves, in two fresh processes; None where either shows too little."""
    versions = (trial.Version(source_of(function)), trial.Version(candidate.source, candidate.imports))
    runs = (bench.evidence.head, bench.evidence.base)
    inputs = racing.inputs_of(*(run.calls.get(function.id, ()) for run in runs))
    tests = racing.executing(function.head, bench.evidence)
    races: list[tuple[Curve, ...]] = []
    gain: Measured | None = None
    chosen: tuple[int, ...] = ()
    for process in range(PROCESSES):
        length = racing.Length(bench.verify.race_seconds, bench.search.seed, process, only=chosen)
        raced = racing.fresh(bench.lab, bench.head, place, tests, versions, inputs, length)
        races.append(curves(raced.timings, seed=bench.search.seed))
        chosen = raced.inputs
        gain = worth_telling(races)
        if gain is None:
            break
    return gain


def finding_of(function: ChangedFunction, gain: Measured) -> Finding:
    """A gain that nobody asked for, told."""
    name = function.head.qualname
    arguments = " ".join(gain.arguments.replace("`", "'").split())
    arguments = arguments if len(arguments) <= ARGUMENTS else f"{arguments[: ARGUMENTS - 1]}…"
    where = f"`{name}({arguments})`"
    if gain.scale > 1:
        where += f" ({gain.scale} times the data that a test passes)"
    share = round(100 * (1 - gain.ratio))
    growth = ""
    if gain.exponent_old is not None and gain.exponent_new is not None and gain.exponent_old > gain.exponent_new:
        growth = (
            f" Its time grows with about the power {gain.exponent_old:.1f} of the input's size, the rewrite's "
            f"with {gain.exponent_new:.1f}."
        )
    message = (
        f"{where} takes {timed(gain.seconds_old)} as it is and {timed(gain.seconds_new)} rewritten, with the same "
        f"result: {share}% less (99% interval {rounded(gain.low)} to {rounded(gain.high)} times the time, "
        f"{gain.pairs} pairs of calls side by side in {gain.repeats} fresh processes).{growth}"
    )
    supposed_ = supposed(function)
    return Finding(
        rule=RULE,
        category=Category.PERFORMANCE,
        severity=Severity.MEDIUM if gain.ratio < MUCH and growth else Severity.LOW,
        function=function,
        start_line=supposed_.start_line,
        end_line=supposed_.end_line,
        title=f"`{name}` can take {share}% less time{' on larger data' if gain.scale > 1 else ''}",
        message=message,
        witness=Witness(
            kind="measure",
            tests=(),
            command=f"tryline review --function {shlex.quote(function.id)}",
            failure=f"{timed(gain.seconds_old)} as it is, {timed(gain.seconds_new)} rewritten",
            repeats=gain.repeats,
            measured=gain,
        ),
        suspicious_lines=supposed_.suspicious_lines,
        anchor="times",
    )
