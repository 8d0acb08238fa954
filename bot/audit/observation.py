"""What running the suite shows of every function, or what an earlier audit of the same tree knows of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot import audit_task, review, trial
from bot.audit.desk import Desk
from bot.audit.survey import Survey
from bot.audit_state import Kept
from bot.domain import Change, Costs, Evidence, Problem
from bot.draft import Draft, Ground
from bot.errors import SandboxError
from bot.steps import observe


@dataclass(frozen=True)
class Seen:
    """What running the suite showed, or what an earlier audit of the same tree knows of it."""

    evidence: Evidence | None
    """None where nothing had to be run: every function has a result on this ground."""
    tests: Mapping[str, tuple[str, ...]]
    """Function id -> tests that execute it."""
    covered: Mapping[str, int]
    """Function id -> how many of its lines tests execute."""
    ran: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Function id -> which; where this tree was observed."""
    problems: tuple[Problem, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    test_files: frozenset[str] = frozenset()
    costs: Costs = field(default_factory=Costs)
    failed: str = ""
    """Why nothing could be run, where that is so."""


def observed(desk: Desk, survey: Survey, known: Mapping[str, Kept]) -> Seen:
    """Runs the suite with every function watched, unless that was done on this very ground."""
    kept = desk.state.seen(survey.ground)
    if kept is not None:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raw = json.loads(kept)
            evidence = audit_task.read_evidence(raw["evidence"])
            environment = {str(name): str(value) for name, value in raw["environment"].items()}
            problems = tuple(Problem(**problem) for problem in raw["problems"])
            desk.progress.note("the tests were run on this tree before; what they showed is at hand")
            return told(survey, evidence, problems, environment)
    names = [changed.id for changed in survey.found.functions]
    if not desk.everything and desk.state.finished(survey.ground) and all(name in known for name in names):
        desk.progress.note("nothing has changed since the last audit, which was complete: nothing is run")
        tests = {name: known[name].tests for name in names}
        return Seen(None, tests, {name: known[name].covered for name in names})
    return run(desk, survey)


def run(desk: Desk, survey: Survey) -> Seen:
    """One run of the whole suite. A broken engine is a problem, and leaves everything to be done."""
    desk.progress.stage("prepare", "an image with the repository's dependencies")
    change = Change(survey.revision, survey.revision, ())
    ground = Ground(change, audit_task.NoFiles(), survey.tree, desk.config, desk.parts, desk.began)
    lab = trial.Lab(desk.parts.backend, desk.config.limits())
    draft = Draft(ground, lab, survey.found)
    try:
        sides = review.prepare(ground, draft, desk.progress, alone=True)
        desk.progress.stage("observe", f"the tests, with {len(survey.found.functions)} functions watched")
        seconds = min(desk.config.test.seconds, max(10.0, desk.seconds_left()))
        settings = observe.Settings(seconds=seconds, repeats=desk.config.repeats)
        evidence = observe.observe_head(lab, sides.head, survey.found.functions, settings, desk.progress)
    except SandboxError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        problems = (*draft.problems, Problem(problem.slug, f"{problem.message}{hint}"))
        costs = costs_of(desk, lab, draft)
        return Seen(
            None, {}, {}, problems=problems, environment=draft.environment, costs=costs, failed=problem.message
        )
    problems = tuple(draft.problems)
    if evidence.head.problem is not None:
        problems += (evidence.head.problem,)
        evidence = replace(evidence, head=replace(evidence.head, problem=None))
    seen = told(survey, evidence, problems, draft.environment)
    raw = {
        "evidence": audit_task.evidence_json(evidence),
        "problems": [vars(problem) for problem in problems],
        "environment": dict(draft.environment),
    }
    if not problems:
        # What a stopped suite or half an installation showed is no reason not to run them again.
        desk.state.saw(survey.ground, json.dumps(raw))
    return replace(seen, costs=costs_of(desk, lab, draft))


def costs_of(desk: Desk, lab: trial.Lab, draft: Draft) -> Costs:
    """What the observation used."""
    return Costs(lab.executions, desk.parts.backend.containers, 0.0, draft.prepare_seconds)


def told(
    survey: Survey, evidence: Evidence, problems: tuple[Problem, ...], environment: Mapping[str, str]
) -> Seen:
    """Which tests execute which function: one pass over what the tests covered."""
    owners: dict[str, dict[int, list[str]]] = {}
    for changed in survey.found.functions:
        owned = owners.setdefault(changed.head.path, {})
        for line in audit_task.lines_in(changed.head):
            owned.setdefault(line, []).append(changed.id)
    tests: dict[str, list[str]] = {}
    covered: dict[str, set[int]] = {}
    for test in evidence.head.tests:
        executed: dict[str, None] = {}
        for path, lines in evidence.head.covered.get(test.id, {}).items():
            known = owners.get(path, {})
            for line in lines:
                for name in known.get(line, ()):
                    executed[name] = None
                    covered.setdefault(name, set()).add(line)
        if test.id not in evidence.flaky:
            for name in executed:
                tests.setdefault(name, []).append(test.id)
    return Seen(
        evidence,
        {name: tuple(ids) for name, ids in tests.items()},
        {name: len(lines) for name, lines in covered.items()},
        {name: frozenset(lines) for name, lines in covered.items()},
        problems,
        environment,
        test_files=frozenset(trial.files_of(evidence.head.collected)),
    )
