"""One change, from its two revisions to what is said about it: the journey that reads like a table of contents."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot import examine, trial, wiring
from bot.brief import brief_of
from bot.config import Config
from bot.domain import (
    Change,
    ChangedFunction,
    Evidence,
    Finding,
    Found,
    Image,
    NotReviewed,
    Problem,
    Review,
    Reviewed,
    TestChange,
)
from bot.draft import Draft, Ground, text_at
from bot.endpoints import Model
from bot.errors import EndpointError, SandboxError, TrylineError, without_addresses
from bot.languages import Language
from bot.progress import Progress
from bot.steps import ask, observe, propose, prove, suspect, verify, witness
from bot.steps.find import find, find_function
from bot.workspace import Workspace

CODE_OUTSIDE = ("outside-functions", "unparsable", "undecodable", "deleted-function", "deleted-file")
"""Reasons for which code is not reviewed and can break a test nevertheless."""

SAME_CODE = ("test-file", "comments-only", "mode-only", "empty-file")
"""Reasons for which a changed file cannot be what breaks a test that base has."""


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
        said = "; ".join(note for note in can.notes if note.startswith(("chat:", "completions:")))
        why = f"{model.endpoint.model} can neither chat nor complete" + (f" ({said})" if said else "")
        draft.notes.append(without_addresses(f"The model was not asked: {why}. Built-in edits only (tier E)."))
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
