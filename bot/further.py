"""What is looked for besides failing tests: other answers, payloads that land, what analysers say, times.

Each function here asks one step, within the time that is left, and writes into the draft what a reader is to know
although it is no finding.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot import trial
from bot.domain import ChangedFunction, Evidence, Finding, Suspicion
from bot.draft import Draft, Ground, text_at
from bot.errors import SandboxError
from bot.progress import Progress
from bot.steps import attack, differ, observe, prove, slower, suspect

LEAST_SECONDS = 2.0
"""For one function: with less left, nothing is begun."""
SHARE = 0.25
"""Of the time that is left: what one kind of proof may use over all functions."""


def seconds_each(ground: Ground, functions: Sequence[ChangedFunction]) -> float:
    """How long one kind of proof may take in one function; 0 where too little time is left to begin."""
    if not functions:
        return 0.0
    seconds = min(ground.config.prove.seconds, SHARE * ground.seconds_left() / len(functions))
    return seconds if seconds >= LEAST_SECONDS else 0.0


def suspected(
    ground: Ground,
    lab: trial.Lab,
    sides: observe.Sides,
    texts: prove.Texts,
    functions: Sequence[ChangedFunction],
    evidence: Evidence,
    named: Collection[str],
    draft: Draft,
    progress: Progress,
) -> tuple[Suspicion, ...]:
    """Suspicions with witnesses of our own, still to be run; `named` are the functions that fail tests already.

    What a broken engine keeps from being compared is left out with its reason, never taken for equal.
    """
    found: list[Suspicion] = []
    settings = ground.config.prove
    if settings.analysers:
        draft.unproven += noticed(ground, texts, functions)
    if settings.behaviour and (seconds := seconds_each(ground, functions)):
        progress.stage("suspect", "comparing what base and head answer")
        limits = differ.Settings(seconds=seconds, inputs=settings.inputs, seed=ground.config.search.seed)
        try:
            differed = differ.differ(lab, sides, texts, functions, evidence, limits, progress)
        except SandboxError as problem:
            draft.left_alone.update({f.id: f"could not be compared: {problem.message}" for f in functions})
            draft.unfinished |= {f.id for f in functions}
        else:
            draft.differences.update(differed.differences)
            draft.compared.update(differed.compared)
            draft.left_alone.update(differed.left_alone)
            for name, spent in differed.seconds.items():
                draft.spent[name] = draft.spent.get(name, 0.0) + spent
            # What fails tests already is found; that it also crashes elsewhere is the same story.
            found += [s for s in differed.suspicions if s.function.id not in named]
    if settings.security:
        found += attack.attack(functions, texts.text, texts.language, ground.head, evidence)
    return tuple(found)


def noticed(ground: Ground, texts: prove.Texts, functions: Sequence[ChangedFunction]) -> tuple[Suspicion, ...]:
    """What analysers say of changed lines."""
    base: dict[str, str] = {}
    for function in functions:
        path = function.base.path if function.base is not None else function.head.path
        text = text_at(ground.base, texts.language[function.head.path], path)
        if text is not None:
            base[path] = text
    head = {function.head.path: texts.text[function.head.path] for function in functions}
    return suspect.noticed(functions, base, head, ground.parts.analysers)


def slowed(
    ground: Ground,
    lab: trial.Lab,
    sides: observe.Sides,
    texts: prove.Texts,
    functions: Sequence[ChangedFunction],
    evidence: Evidence,
    draft: Draft,
    progress: Progress,
) -> tuple[Finding, ...]:
    """What got slower. A broken engine costs this, and the review says so."""
    functions = [f for f in functions if f.base is not None and f.id not in draft.left_alone]
    settings = ground.config.prove
    seconds = seconds_each(ground, functions)
    if not settings.performance or not seconds:
        return ()
    progress.stage("prove", "timing base and head side by side")
    limits = slower.Settings(seconds=seconds, least_gain=settings.least_gain, seed=ground.config.search.seed)
    try:
        timed = slower.slower(lab, sides, texts, functions, evidence, limits, progress)
    except SandboxError as problem:
        draft.notes.append(f"Times were not measured: {problem.message}.")
        draft.unfinished |= {f.id for f in functions}
        return ()
    for name, why in timed.left_alone.items():
        draft.left_alone.setdefault(name, why)
    return timed.findings


def still_unproven(unproven: Sequence[Suspicion], findings: Sequence[Finding]) -> tuple[Suspicion, ...]:
    """Suspicions that no finding shows: one of the same function and kind, on its lines or of its weakness, is
    told by it."""
    return tuple(s for s in unproven if not any(tells(finding, s) for finding in findings))


def tells(finding: Finding, suspicion: Suspicion) -> bool:
    """Whether a finding is what was suspected."""
    if finding.function.id != suspicion.function.id or finding.category is not suspicion.category:
        return False
    stack = {frame.line for frame in finding.witness.stack if frame.path == finding.function.head.path}
    near = range(finding.start_line, finding.end_line + 1)
    return any(line in near or line in stack for line in suspicion.suspicious_lines)


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings of one cause as one: what fails or is reached at one place, by way of several changed functions, is
    the matter of the function that holds the place."""
    owners = [finding for finding in findings if owns(finding)]
    return tuple(
        finding
        for finding in findings
        if finding in owners or not any(one_cause(finding, owner) for owner in owners if owner is not finding)
    )


def owns(finding: Finding) -> bool:
    """Whether the place at which it shows lies in its own function; also where no place is known."""
    if finding.witness.kind not in ("input", "attack") or not finding.witness.stack:
        return True
    place, function = finding.witness.stack[-1], finding.function.head
    return place.path == function.path and function.start_line <= place.line <= function.end_line


def one_cause(one: Finding, other: Finding) -> bool:
    """Whether two findings show at one place in the same way."""
    if not one.witness.stack or not other.witness.stack:
        return False
    return (one.category, one.rule, one.cwe, one.witness.stack[-1]) == (
        other.category,
        other.rule,
        other.cwe,
        other.witness.stack[-1],
    )
