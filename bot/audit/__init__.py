"""A whole tree, function by function, highest risk first: the journey of an audit, and what it comes to.

One observation of the suite serves all functions. What depends on nothing that changed keeps its result; the rest
goes, in tasks of some functions of one file each, to an executor, and each task's result is kept at once.
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Sequence

from bot import wiring
from bot.audit.desk import Clock, Desk
from bot.audit.gathering import gathered, looked_for
from bot.audit.observation import observed
from bot.audit.survey import surveyed
from bot.audit.tasks import carried_out, settled
from bot.audit.turns import chosen, counted_of, ranked, told_of
from bot.audit_state import State, Under
from bot.audited import Audit
from bot.config import Config
from bot.executors import Executor
from bot.progress import Progress
from bot.workspace import Workspace


def audit(
    parts: wiring.Parts,
    workspace: Workspace,
    config: Config,
    progress: Progress,
    executor: Executor,
    state: State,
    *,
    head: str | None = None,
    paths: Sequence[str] = (),
    everything: bool = False,
    clock: Clock = lambda: datetime.datetime.now(datetime.UTC),
) -> Audit:
    """Audits a revision (None: HEAD), or what lies below some paths of it.

    What was audited before and depends on nothing that changed is not run again, unless `everything` is asked for.
    Infrastructure that fails makes the audit's review neutral, not an error; what was done until then is kept.
    Raises RepositoryError and UsageError for what cannot be audited as asked, ExecutorError where nothing can run.
    """
    desk = Desk(parts, workspace, config, progress, state, time.monotonic(), clock, everything)
    try:
        progress.stage("find", "every function of the tree")
        survey = surveyed(desk, head, paths)
        under = state.begin(
            Under(clock().isoformat(timespec="milliseconds"), uuid.uuid4().hex[:12], survey.ground)
        )
        known = state.functions()
        seen = observed(desk, survey, known)
        rows = ranked(desk, survey, seen, known, under)
        turns = chosen(desk, survey, seen, rows, under)
        progress.note(told_of(survey, rows, turns))
        if turns:
            progress.stage(
                "audit", f"{counted_of(len(turns), 'function')}, highest risk first, by {executor.name}"
            )
        ran = carried_out(desk, survey, seen, turns, executor, under)
        ran.notes[:0] = looked_for(desk, seen, len(turns))
        settled(desk, survey, seen, rows, under)
        return gathered(desk, survey, seen, rows, ran, under)
    finally:
        parts.backend.close()
