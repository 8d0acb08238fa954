"""One change, from its two revisions to what is said about it: the journey that reads like a table of contents."""

from __future__ import annotations

import functools
import time
import traceback
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import __version__, examine, trial, wiring
from bot.brief import brief_of
from bot.config import Config
from bot.domain import (
    Change,
    ChangedFunction,
    Conclusion,
    Costs,
    Evidence,
    Finding,
    Found,
    FunctionReport,
    Image,
    NotReviewed,
    Problem,
    Review,
    Reviewed,
    SuiteRun,
    Suspicion,
    TestChange,
    TestResult,
    Usage,
    Verdict,
)
from bot.endpoints import Model
from bot.errors import EndpointError, SandboxError, TrylineError, UsageError, without_addresses
from bot.languages import Language, Unparsable
from bot.progress import Progress
from bot.steps import ask, observe, propose, prove, suspect, verify, witness
from bot.steps.find import find, find_function
from bot.workspace import Tree, Workspace

CODE_OUTSIDE = ("outside-functions", "unparsable", "undecodable", "deleted-function", "deleted-file")
"""Reasons for which code is not reviewed and can break a test nevertheless."""

SAME_CODE = ("test-file", "comments-only", "mode-only", "empty-file")
"""Reasons for which a changed file cannot be what breaks a test that base has."""


@dataclass(frozen=True)
class Ground:
    """Both trees of a change and what is the same for every step on it."""

    change: Change
    base: Tree
    head: Tree
    config: Config
    parts: wiring.Parts
    began: float

    def seconds_left(self) -> float:
        """Of the whole review's budget."""
        return self.config.budget.seconds - (time.monotonic() - self.began)


def review(
    parts: wiring.Parts,
    workspace: Workspace,
    config: Config,
    progress: Progress,
    *,
    base: str | None,
    head: str | None,
    only: str | None,
) -> Review:
    """Reviews what lies between two revisions. Infrastructure that fails makes the review neutral, not an error.

    Raises RepositoryError and UsageError for what cannot be reviewed as asked.
    """
    began = time.monotonic()
    progress.stage("find", "which functions the change touches")
    change = workspace.change(base, head)
    ground = Ground(change, workspace.tree(change.base), workspace.tree(change.head), config, parts, began)
    found = find(
        change,
        ground.base,
        ground.head,
        parts.languages,
        exclude=config.exclude,
        max_file_bytes=config.max_file_kb * 1024,
        only=only,
    )
    found = within_budget(found, config)
    progress.note(f"changed functions: {len(found.functions)}; parts left out: {len(found.not_reviewed)}")
    return reviewed(ground, found, progress)


def attempt(
    parts: wiring.Parts,
    workspace: Workspace,
    config: Config,
    progress: Progress,
    *,
    target: str,
    head: str | None,
) -> Review:
    """Works on one function whatever the change: its failing tests are the finding, there is no base."""
    began = time.monotonic()
    progress.stage("find", target)
    tip = workspace.change(head, head) if head is not None else workspace.change("HEAD", None)
    tree = workspace.tree(tip.head)
    change = Change(tip.head, tip.head, ())
    ground = Ground(change, tree, tree, config, parts, began)
    function = find_function(tree, parts.languages, target)
    return reviewed(ground, Found((function,), ()), progress, alone=True)


def within_budget(found: Found, config: Config) -> Found:
    """As many functions as the budget allows, those with the most changed lines first; the rest is listed."""
    most = config.budget.functions
    if len(found.functions) <= most:
        return found
    ranked = sorted(found.functions, key=lambda f: -len(f.changed_lines))
    kept = {f.id for f in ranked[:most]}
    over = tuple(
        NotReviewed(
            f.head.path,
            f.head.qualname,
            f.changed_lines,
            "over-budget",
            f"more than {most} functions are changed; raise `budget.functions` to review this one",
        )
        for f in found.functions
        if f.id not in kept
    )
    return Found(tuple(f for f in found.functions if f.id in kept), (*found.not_reviewed, *over))


# -------------------------------------------------------------------------------------------- the journey


def reviewed(ground: Ground, found: Found, progress: Progress, *, alone: bool = False) -> Review:
    """Prepare, observe, suspect, prove, propose, verify; then the review."""
    config, parts = ground.config, ground.parts
    lab = trial.Lab(parts.backend, config.limits())
    draft = Draft(ground, lab, found)
    if not found.functions and not changes_code(ground, found):
        return draft.finish()
    try:
        progress.stage("prepare", "an image with the repository's dependencies")
        sides = prepare(ground, draft, progress)
        progress.stage("observe", "running the tests of base and head")
        changes = test_changes(ground)
        evidence = observed(ground, lab, sides, found, changes, progress, alone=alone)
        draft.evidence = evidence
        draft.test_changes = changes
        if not evidence.head.tests:
            return draft.finish()
        progress.stage("prove", "which change breaks which test")
        texts = texts_of(ground, found.functions)
        suspicions = suspect.suspect(found.functions, evidence, parts.detectors)
        proven = prove.prove(
            lab,
            sides.head,
            texts,
            suspicions,
            evidence,
            seconds=config.test.seconds,
            progress=progress,
            others=any(row.slug not in SAME_CODE for row in found.not_reviewed),
        )
        draft.unproven = proven.unproven
        progress.note(f"findings proven: {len(proven.findings)}")
        named = {finding.function.id for finding in proven.findings}
        asks = config.guidance.review and not alone and any(f.id not in named for f in found.functions)
        model = awake(parts.model, draft, progress) if proven.findings or asks else None
        findings, head = proven.findings, sides.head
        if model is not None and asks and not ground.seconds_left() <= 0:
            witnessed = suspected(ground, lab, sides, texts, found, proven, evidence, model, draft, progress)
            findings = (*findings, *witnessed.findings)
            evidence = witnessed.evidence
            head = trial.with_files(sides.head, witnessed.files)
        bench = bench_of(ground, lab, head, texts, evidence, model)
        for finding in findings:
            if over := over_budget(ground, lab):
                draft.reviewed.append(Reviewed(finding, None, None, why_no_rewrite=over))
            else:
                left = replace(bench.search, wall=ground.seconds_left())
                draft.reviewed.append(examined(replace(bench, search=left), finding, draft, progress))
    except SandboxError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        draft.problems.append(Problem(problem.slug, f"{problem.message}{hint}"))
    return draft.finish()


def suspected(
    ground: Ground,
    lab: trial.Lab,
    sides: observe.Sides,
    texts: prove.Texts,
    found: Found,
    proven: prove.Proven,
    evidence: Evidence,
    model: Model,
    draft: Draft,
    progress: Progress,
) -> witness.Witnessed:
    """What the model suspects of the changed functions, run on base and head. Raises SandboxError."""
    config = ground.config
    progress.stage("suspect", f"{model.endpoint.name} names problems, each with a witness to be run")
    known = {finding.function.id for finding in proven.findings}
    briefs = {
        function.id: brief_of(
            function,
            texts.language[function.head.path],
            texts.text[function.head.path],
            ground.head,
            None,
            evidence,
            examine.executing_of(function, evidence),
        )
        for function in found.functions
        if function.id not in known
    }
    asked = ask.ask(
        # What fails tests already is found, and need not be named again.
        [function for function in found.functions if function.id not in known],
        briefs,
        ask.Code(texts.text, texts.language, ground.head),
        model.endpoint,
        most=config.guidance.review_suspicions,
        concurrency=config.endpoint.concurrency,
        progress=progress,
    )
    witnessed = witness.run_witnesses(
        lab,
        sides,
        asked.suspicions,
        evidence,
        texts,
        seconds=min(config.test.seconds, max(10.0, ground.seconds_left())),
        repeats=config.repeats,
        progress=progress,
    )
    if asked.suspicions:
        draft.notes.append(told_of(len(asked.suspicions), len(witnessed.findings), witnessed.dropped))
    draft.notes += [f"The model said nothing usable of {name}: {why}" for name, why in asked.skipped]
    return witnessed


def told_of(suspicions: int, findings: int, dropped: Mapping[str, int]) -> str:
    """What became of the model's suspicions, in one sentence."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
    many = "problem" if suspicions == 1 else "problems"
    text = f"The model suspected {suspicions} {many}; running its witnesses proved {findings}"
    return f"{text} (not shown: {reasons})." if reasons else f"{text}."


def changes_code(ground: Ground, found: Found) -> bool:
    """Whether code changed that is no function's, or none any more: what the tests run with all the same."""
    return any(
        row.slug in CODE_OUTSIDE and any(lang.owns(row.path) for lang in ground.parts.languages)
        for row in found.not_reviewed
    )


def examined(bench: examine.Bench, finding: Finding, draft: Draft, progress: Progress) -> Reviewed:
    """What becomes of one finding. A defect of ours in it costs its rewrite, never the proven finding."""
    try:
        return examine.examine(bench, finding, progress)
    except TrylineError:
        raise
    except Exception as bug:
        text = f"a defect of Tryline itself while {finding.function.id} was rewritten: {type(bug).__name__}: {bug}"
        draft.problems.append(Problem("bug", text, traceback.format_exc()[-4000:]))
        return Reviewed(finding, None, None, why_no_rewrite="a defect of Tryline itself; please report it")


def prepare(ground: Ground, draft: Draft, progress: Progress) -> observe.Sides:
    """Both sides with their images; one image when base and head depend on the same things."""
    began = time.monotonic()
    sides = []
    images: dict[str, Image] = {}
    made: dict[str, str] = {}
    language = ground.parts.languages[0]
    for name, tree in (("base", ground.base), ("head", ground.head)):
        recipe = language.recipe(tree, ground.config.wishes())
        key = recipe.key()
        tar = tree.tar()
        if key not in images:
            image = ground.parts.backend.prepare(recipe, functools.partial(bytes, tar), progress)
            images[key] = image
            how = "from the cache" if image.cached else f"made in {image.seconds:.0f} s"
            progress.note(f"image for {name}: {recipe.summary}; {image.origin}; {how}")
            if image.problem:
                draft.problems.append(Problem("install", f"{name}: {image.problem}", image.log))
        plan = language.suite(tree, ground.config.suite_wishes())
        sides.append(trial.Side(tree, tar, images[key], plan))
        made[name] = f"{recipe.summary}; {images[key].origin}"
    draft.environment.update({"image": made["head"]} if len(images) == 1 else made_apart(made))
    draft.environment["python"] = ".".join(map(str, sides[1].image.python))
    draft.environment["suite"] = sides[1].plan.summary
    draft.environment.update(ground.parts.backend.describe())
    draft.prepare_seconds = time.monotonic() - began
    return observe.Sides(*sides)


def made_apart(made: Mapping[str, str]) -> dict[str, str]:
    """Two images, named by their side."""
    return {f"{side} image": text for side, text in made.items()}


def observed(
    ground: Ground,
    lab: trial.Lab,
    sides: observe.Sides,
    found: Found,
    changes: tuple[TestChange, ...],
    progress: Progress,
    *,
    alone: bool,
) -> Evidence:
    """The evidence; of head alone where there is no base to compare with."""
    config = ground.config
    # The review's own time bounds a suite's, down to ten seconds: less would tell nothing.
    seconds = min(config.test.seconds, max(10.0, ground.seconds_left()))
    settings = observe.Settings(seconds=seconds, repeats=config.repeats)
    if alone:
        return observe.observe_head(lab, sides.head, found.functions, settings, progress)
    return observe.observe(lab, sides, found.functions, changes, settings, progress)


def texts_of(ground: Ground, functions: Sequence[ChangedFunction]) -> prove.Texts:
    """The head files of the functions, decoded."""
    texts: dict[str, str] = {}
    languages: dict[str, Language] = {}
    for path in {f.head.path for f in functions}:
        language = next(lang for lang in ground.parts.languages if lang.owns(path))
        languages[path] = language
        texts[path] = language.decode(ground.head.read(path))
    return prove.Texts(texts, languages)


def bench_of(
    ground: Ground,
    lab: trial.Lab,
    head: trial.Side,
    texts: prove.Texts,
    evidence: Evidence,
    model: Model | None = None,
) -> examine.Bench:
    """What is needed to rewrite functions."""
    config = ground.config
    return examine.Bench(
        lab=lab,
        head=head,
        texts=texts.text,
        languages=texts.language,
        evidence=evidence,
        proposers=ground.parts.proposers,
        checks=ground.parts.checks,
        search=search_of(config),
        verify=verify.Settings(
            seconds=config.verify.seconds, sample=config.verify.sample, seed=config.search.seed
        ),
        seconds_left=ground.seconds_left,
        model=model,
        guidance=guidance_of(config),
    )


def search_of(config: Config) -> propose.Settings:
    """How far the search in one function goes."""
    return propose.Settings(
        width=config.search.width,
        beam=config.search.beam,
        depth=config.search.depth,
        plausible=config.search.plausible,
        candidates=config.budget.candidates,
        seconds=config.budget.function_seconds,
        seed=config.search.seed,
    )


def guidance_of(config: Config) -> propose.Guidance:
    """How the model is led."""
    settings = config.guidance
    return propose.Guidance(
        rungs=settings.rungs,
        best_of=settings.best_of,
        debug_rounds=settings.debug_rounds,
        samples=settings.samples,
        horizon=settings.horizon,
        temperature=settings.temperature,
        gamma=settings.gamma,
        clip=settings.clip,
        reward=settings.reward,
        signal_tokens=settings.signal_tokens,
        seed=config.search.seed,
    )


def awake(model: Model | None, draft: Draft, progress: Progress) -> Model | None:
    """The model, if it answers: its first use asks what it can do. One that does not is left out, and the review
    says so: the built-in edits need none."""
    if model is None:
        return None
    try:
        can = model.endpoint.capabilities
    except EndpointError as error:
        hint = f" {error.hint}" if error.hint else ""
        draft.notes.append(
            f"The model was not asked: {error.public.rstrip('.')}.{hint} Built-in edits only (tier E)."
        )
        progress.note(f"no model: {error.message}")
        return None
    if can.tier == "E":
        draft.notes.append(f"The model was not asked: {model.endpoint.model} can neither chat nor complete.")
        return None
    progress.note(f"model {model.endpoint.name}, tier {can.tier}")
    draft.environment["model"] = model.endpoint.model
    draft.environment["tier"] = can.tier
    return model


def over_budget(ground: Ground, lab: trial.Lab) -> str:
    """Why no further function is rewritten, or ''."""
    if ground.seconds_left() <= 0:
        return f"the review's {ground.config.budget.seconds:.0f} s were used up (budget.seconds)"
    if lab.executions >= ground.config.budget.executions:
        return f"the review's {ground.config.budget.executions} executions were used up (budget.executions)"
    return ""


def test_changes(ground: Ground) -> tuple[TestChange, ...]:
    """Tests that the branch added, changed, weakened or removed."""
    changes: list[TestChange] = []
    for file in ground.change.files:
        language = next((lang for lang in ground.parts.languages if lang.owns(file.path)), None)
        if language is None or not language.is_test(file.path) or file.binary:
            continue
        base = text_at(ground.base, language, file.old_path)
        head = text_at(ground.head, language, file.path)
        changes += language.test_changes(file.path, base, head)
    return tuple(changes)


def text_at(tree: Tree, language: Language, path: str | None) -> str | None:
    """A file's text, None when the tree has it not or it cannot be read."""
    if path is None:
        return None
    try:
        return language.decode(tree.read(path))
    except (KeyError, Unparsable):
        return None


# ------------------------------------------------------------------------------------------------ the result


class Draft:
    """The review while it is being made; `finish` gives the value."""

    def __init__(self, ground: Ground, lab: trial.Lab, found: Found) -> None:
        self.ground = ground
        self.lab = lab
        self.found = found
        self.evidence: Evidence | None = None
        self.test_changes: tuple[TestChange, ...] = ()
        self.unproven: tuple[Suspicion, ...] = ()
        self.reviewed: list[Reviewed] = []
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.environment: dict[str, str] = {"tryline": __version__}
        self.prepare_seconds = 0.0

    def finish(self) -> Review:
        """The review as a value."""
        if self.evidence is not None:
            self.note_runs(self.evidence)
        elif self.found.functions and not self.problems:
            self.problems.append(Problem("not-run", "the tests were not run"))
        searches = [item.search for item in self.reviewed if item.search is not None]
        model = self.ground.parts.model
        if model is not None and "model" in self.environment:
            self.notes += [without_addresses(note) for note in model.notes()]
        usage = model.accounts.usage if model is not None else Usage()
        # A model that was asked about functions has run, also where nothing was there to be rewritten.
        asked = self.environment.get("tier", "E") if usage.requests or usage.from_cache else "E"
        self.environment["tier"] = min((search.tier for search in searches), default=asked)
        costs = Costs(
            executions=self.lab.executions,
            containers=self.lab.backend.containers,
            seconds=time.monotonic() - self.ground.began,
            prepare_seconds=self.prepare_seconds,
            candidates=sum(search.executions for search in searches),
            verified=sum(len(item.rejected) + (item.rewrite is not None) for item in self.reviewed),
            usage=usage,
        )
        return Review(
            id=uuid.uuid4().hex[:12],
            change=self.ground.change,
            conclusion=self.conclusion(),
            functions=tuple(self.report(function) for function in self.found.functions),
            findings=tuple(self.reviewed),
            not_reviewed=self.found.not_reviewed,
            unproven=self.unproven,
            test_changes=self.test_changes,
            problems=tuple(self.problems),
            costs=costs,
            environment=self.environment,
            suite=self.counts(),
            flaky=tuple(sorted(self.evidence.flaky)) if self.evidence is not None else (),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def note_runs(self, evidence: Evidence) -> None:
        """Problems of the two runs."""
        lost = self.unexplained(evidence)
        for name, run in (("base", evidence.base), ("head", evidence.head)):
            if run.problem is not None:
                self.note_problem(name, run.problem)
            elif (
                run.collected and not any(test.outcome.good for test in run.tests) and not (lost or self.reviewed)
            ):
                text = f"{name}: not one of {len(run.tests)} tests passes, so they tell nothing"
                self.problems.append(Problem("all-red", f"{text} (do they need a service or the network?)"))
        if lost:
            first, many = lost[0], len(lost) > 1
            text = f"{first.id} and {len(lost) - 1} more pass" if many else f"{first.id} passes"
            text += f" at base and {'fail' if many else 'fails'} at head, by no reviewed function alone"
            self.problems.append(Problem("unexplained", text, first.message))
        if not (self.problems or self.reviewed or not self.found.functions) and not any(
            examine.executing_of(f, evidence) for f in self.found.functions
        ):
            text = "no test executes any of the changed functions: nothing was shown about them"
            self.problems.append(Problem("not-executed", text))

    def note_problem(self, name: str, problem: Problem) -> None:
        """One side's problem; what both sides share is said once."""
        for index, known in enumerate(self.problems):
            if (known.slug, known.message) == (problem.slug, f"base: {problem.message}"):
                self.problems[index] = replace(problem, message=f"base and head: {problem.message}")
                return
        self.problems.append(replace(problem, message=f"{name}: {problem.message}"))

    def unexplained(self, evidence: Evidence) -> tuple[TestResult, ...]:
        """Tests that the change breaks each time and that no finding names: a lost import, a changed constant."""
        named = {test for item in self.reviewed for test in item.finding.witness.tests}
        return tuple(
            test
            for test in evidence.head.tests
            if test.id in evidence.confirmed
            and test.id not in named
            and observe.good_before(evidence.base, test.id)
        )

    def conclusion(self) -> Conclusion:
        """One word; a review that could not run what matters is never clean."""
        if self.reviewed:
            return Conclusion.FINDINGS
        if self.problems:
            return Conclusion.NEUTRAL
        return Conclusion.CLEAN if self.found.functions else Conclusion.NOTHING

    def report(self, function: ChangedFunction) -> FunctionReport:
        """What was seen of one function."""
        if self.evidence is None or not self.evidence.head.tests:
            return FunctionReport(function, 0, 0, ())
        head = self.evidence.head
        tests = examine.executing_of(function, self.evidence)
        ran = {n for files in head.covered.values() for n in files.get(function.head.path, ())}
        language = next(lang for lang in self.ground.parts.languages if lang.owns(function.head.path))
        text = text_at(self.ground.head, language, function.head.path) or ""
        code = language.code_lines(text, function.head) if text else frozenset()
        missed = tuple(n for n in function.changed_lines if n in code and n not in ran)
        return FunctionReport(function, len(tests), len(head.calls.get(function.id, ())), missed)

    def counts(self) -> dict[str, Mapping[str, int]]:
        """Outcomes of both suites."""
        if self.evidence is None:
            return {}
        return {"base": counted(self.evidence.base), "head": counted(self.evidence.head)}


def counted(run: SuiteRun) -> dict[str, int]:
    """Outcome -> how many tests."""
    counts: dict[str, int] = {}
    for test in run.tests:
        counts[str(test.outcome)] = counts.get(str(test.outcome), 0) + 1
    return counts


# --------------------------------------------------------------------------------------------------- replay


def replay(
    parts: wiring.Parts,
    workspace: Workspace,
    config: Config,
    progress: Progress,
    *,
    review: Review,
    finding_id: str,
) -> Verdict:
    """Repeats the proof of a saved finding in fresh containers: base, head, and the saved rewrite.

    Raises UsageError when the review has no such finding, or the finding no suggestion.
    """
    saved = next((item for item in review.findings if item.finding.id == finding_id), None)
    if saved is None:
        raise UsageError(f"the review {review.id} has no finding {finding_id}", slug="no-finding")
    if saved.rewrite is None:
        raise UsageError(
            f"finding {finding_id} has no suggestion to prove again",
            hint=f"its witness can be run by hand: {saved.finding.witness.command}",
            slug="no-suggestion",
        )
    change = review.change
    ground = Ground(
        change, workspace.tree(change.base), workspace.tree(change.head), config, parts, time.monotonic()
    )
    lab = trial.Lab(parts.backend, config.limits())
    found = Found((saved.finding.function,), ())
    draft = Draft(ground, lab, found)
    progress.stage("prepare", "an image with the repository's dependencies")
    sides = prepare(ground, draft, progress)
    sides = with_witnesses(sides, review)
    progress.stage("observe", "running the tests of base and head")
    alone = change.base.tree == change.head.tree
    evidence = observed(ground, lab, sides, found, (), progress, alone=alone)
    progress.stage("verify", saved.finding.title)
    bench = bench_of(ground, lab, sides.head, texts_of(ground, found.functions), evidence)
    place = examine.place_of(bench, saved.finding.function)
    if place is None:
        raise UsageError("the function's file is not in the saved tree", slug="no-finding")
    case = verify.Case(
        sides.head,
        place,
        evidence,
        still_red(saved.finding, evidence),
        examine.executing_of(saved.finding.function, evidence),
        saved.finding.function.base,
    )
    candidate = replace(saved.rewrite.candidate, function=saved.finding.function.head)
    outcome = verify.verify(lab, case, candidate, parts.checks, bench.verify, progress)
    return outcome.verdict


def with_witnesses(sides: observe.Sides, review: Review) -> observe.Sides:
    """Both sides with the tests that a model wrote and the review's findings rest on."""
    witnesses = [item.finding.witness for item in review.findings]
    files = {shown.path: shown.code for shown in witnesses if shown.code}
    return observe.Sides(trial.with_files(sides.base, files), trial.with_files(sides.head, files))


def still_red(finding: Finding, evidence: Evidence) -> Finding:
    """The finding, when its witness is red at head again. Raises UsageError when it no longer reproduces."""
    results = evidence.head.by_id()
    gone = [t for t in finding.witness.tests if t in results and not results[t].outcome.bad]
    if gone:
        raise UsageError(
            f"the witness does not reproduce: {gone[0]} passes at head now",
            hint="it may be flaky, or the environment has changed since the review",
            slug="not-reproduced",
        )
    return finding
