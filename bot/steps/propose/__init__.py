"""Propose: a function is rewritten line by line, each line decided by what its candidates did when they ran.

After Lavon, Katz and Wolf, *Execution Guided Line-by-Line Code Generation* (EG-CFG, NeurIPS 2025), for rewriting
instead of generating: the original supplies the rest of the body, so every prefix is runnable, and the version at
base, where there is one, is an executable reference. Unlike the paper's, candidates are committed, ranked by what
they did, and rolled back to runners-up when a prefix leads nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import trial
from bot.domain import ChangedFunction, Finding, Search, Usage
from bot.endpoints import Proposer
from bot.errors import EndpointError
from bot.languages import Language, Unparsable
from bot.progress import Progress
from bot.steps.propose.choosing import MARKUP, OTHER_ANSWERS, Referee, crash_of, reference_for
from bot.steps.propose.judging import Guide, Judge, OutOfBudget, Settings
from bot.steps.propose.ladder import Ladder
from bot.steps.propose.searching import Searcher
from bot.steps.propose.text import apply, normal_ends
from bot.steps.propose.watching import watched
from bot.steps.propose.writing import Guidance, Writer

__all__ = ["Guidance", "Guide", "Judge", "OutOfBudget", "Settings", "Writer", "apply", "normal_ends", "search"]


def search(
    stage: trial.Stage,
    function: ChangedFunction,
    finding: Finding | None,
    guide: Guide,
    proposers: Sequence[Proposer],
    settings: Settings,
    progress: Progress,
    writer: Writer | None = None,
) -> Search:
    """The guided rewriting of one function. Deterministic for equal inputs, but for the seconds of the budget.

    With a `writer` the ladder of `ladder.py` is climbed, the built-in `proposers` joining its lines; without one
    they are all there is. Raises SandboxError when the container breaks.
    """
    judge = Judge(stage, guide, settings)
    place = stage.place
    function = with_reference(function, place.language)
    base = normal_ends(function.base.source) if function.base is not None else None
    why = judge.calibrate(normal_ends(function.head.source), base, place.language.poison(function.head))
    if why:
        return Search((), (), judge.trials, judge.clock() - judge.opened, "not-runnable", notes=(why,))
    measure = base if judge.base_serves else None
    referee = Referee(
        judge,
        function,
        normal_ends(function.head.source),
        measure,
        reference_for(finding),
        other_answers=finding is not None and finding.cwe in OTHER_ANSWERS,
        crash=crash_of(finding),
        markup=finding is not None and finding.cwe in MARKUP,
    )
    searcher = Searcher(judge, referee, function, finding, proposers, progress)
    searcher.look()
    ladder = Ladder(searcher, writer) if writer is not None else None
    asked = tier_of(writer, "E")
    stopped = ladder.climb() if ladder is not None else searcher.go()
    tiers = [proposer.tier for proposer in proposers]
    if ladder is not None and ladder.answered:
        tiers.append(tier_of(writer, asked))
    ranked, notes = referee.rank(searcher.plausible)
    trials, seconds = judge.trials, judge.clock() - judge.opened
    steps = watched(searcher, settings.watched)
    if not stage.warm:
        notes = (*notes, f"previews ran in fresh processes: {stage.why_cold}")
    if searcher.refused and not ranked:
        notes = (*notes, f"versions that pass were refused by the policy: {searcher.refused[0]}")
    return Search(
        steps,
        ranked,
        trials,
        seconds,
        stopped,
        min(tiers, default="E"),
        notes,
        tuple(ladder.runs) if ladder is not None else (),
        writer.usage if writer is not None else Usage(),
    )


def tier_of(writer: Writer | None, otherwise: str) -> str:
    """What the model's server can do; `otherwise` where it does not say: it may have died since."""
    try:
        return writer.tier if writer is not None else otherwise
    except EndpointError:
        return otherwise


def with_reference(function: ChangedFunction, language: Language) -> ChangedFunction:
    """The function with its version at base as it would stand at head; without one where that cannot be: the
    change may have renamed it, or moved it into a class."""
    if function.base is None:
        return function
    try:
        source = language.standing(function.base.source, function.head)
    except Unparsable:
        return replace(function, base=None)
    return replace(function, base=replace(function.base, source=source))
