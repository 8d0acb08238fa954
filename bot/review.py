"""One change, from its two revisions to what is said about it: the journey that reads like a table of contents."""

from __future__ import annotations

import functools
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot import examine, further, quicken, trial, wiring
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
    Suspicion,
    Target,
    TestChange,
)
from bot.draft import Draft, Ground, text_at
from bot.endpoints import Model
from bot.errors import EndpointError, SandboxError, TrylineError, UsageError, without_addresses
from bot.languages import Language
from bot.plan import Known, Memory
from bot.progress import Progress, Tally
from bot.recall import Recall
from bot.sandboxes import Contents
from bot.steps import ask, observe, propose, prove, suspect, verify, witness
from bot.steps.find import find, find_function
from bot.workspace import Workspace

Keep = Callable[[Review], object]
"""Takes a review that is not done yet; raises OSError or UsageError where it cannot be kept."""


@dataclass(frozen=True)
class Given:
    """What a part of an audit is given: its tree was prepared and observed once, for all parts."""

    sides: observe.Sides
    evidence: Evidence


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
    memory: Memory | None = None,
    target: Target | None = None,
    everything: bool = False,
    keep: Keep | None = None,
) -> Review:
    """Reviews what lies between two revisions. Infrastructure that fails makes the review neutral, not an error.

    `memory` is what earlier reviews of the same pull request, `target`, left behind: the tests are run and
    findings proven all the same, but of a function that is as it was nothing is asked again, and its findings'
    rewrites are proven anew instead of searched for. With `everything` all is done anew; what is ignored stays so.
    `keep` takes the review as it stands whenever something was proven, so that a run that is killed loses nothing.
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
    recall = Recall.of(memory, found.functions, everything=everything)
    found = within_budget(found, config, recall.unchanged)
    progress.note(f"changed functions: {len(found.functions)}; parts left out: {len(found.not_reviewed)}")
    return reviewed(ground, found, progress, recall=recall, target=target, keep=keep)


def attempt(
    parts: wiring.Parts,
    workspace: Workspace,
    config: Config,
    progress: Progress,
    *,
    target: str,
    head: str | None,
    keep: Keep | None = None,
) -> Review:
    """Works on one function whatever the change: its failing tests are the finding, there is no base."""
    began = time.monotonic()
    progress.stage("find", target)
    tip = workspace.change(head, head) if head is not None else workspace.change("HEAD", None)
    tree = workspace.tree(tip.head)
    change = Change(tip.head, tip.head, ())
    ground = Ground(change, tree, tree, config, parts, began)
    function = find_function(tree, parts.languages, target)
    return reviewed(ground, Found((function,), ()), progress, alone=True, keep=keep)


def within_budget(found: Found, config: Config, unchanged: frozenset[str] = frozenset()) -> Found:
    """As many functions as the budget allows, those with the most changed lines first; the rest is listed. Those
    that are as an earlier review left them cost little, and do not count."""
    most = config.budget.functions
    ranked = sorted((f for f in found.functions if f.id not in unchanged), key=lambda f: -len(f.changed_lines))
    if len(ranked) <= most:
        return found
    kept = unchanged | {f.id for f in ranked[:most]}
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


def reviewed(
    ground: Ground,
    found: Found,
    progress: Progress,
    *,
    alone: bool = False,
    recall: Recall | None = None,
    target: Target | None = None,
    keep: Keep | None = None,
    given: Given | None = None,
) -> Review:
    """Prepare, observe, suspect, prove, propose, verify; then the review.

    `alone` says that there is no base to compare with. With `given`, a part of an audit, nothing is prepared and
    observed, and the engine is left open for the next part.
    """
    lab = trial.Lab(ground.parts.backend, ground.config.limits(), progress)
    draft = Draft(ground, lab, found, target)
    if found.functions or changes_code(ground, found):
        recalled = recall or Recall()
        try:
            Journey(ground, lab, found, draft, progress, recalled, alone=alone, keep=keep, given=given).go()
        except SandboxError as problem:
            hint = f" ({problem.hint})" if problem.hint else ""
            draft.problems.append(Problem(problem.slug, f"{problem.message}{hint}"))
            draft.unfinished |= {function.id for function in found.functions}
        finally:
            if given is None:
                ground.parts.backend.close()
    return draft.finish()


class Journey:
    """From two trees to findings with their rewrites; what is seen on the way goes into the draft."""

    def __init__(
        self,
        ground: Ground,
        lab: trial.Lab,
        found: Found,
        draft: Draft,
        progress: Progress,
        recall: Recall,
        *,
        alone: bool,
        keep: Keep | None,
        given: Given | None = None,
    ) -> None:
        self.ground = ground
        self.lab = lab
        self.found = found
        self.draft = draft
        self.progress = progress
        self.recall = recall
        self.alone = alone
        self.keep = keep
        self.given = given
        self.model = functools.cache(self.wake)
        """The model, woken when it is first needed: a review that has nothing to ask makes no request."""

    def go(self) -> None:
        """All of it. Raises SandboxError when the engine fails."""
        begun = Tally(
            functions=0, of=len(self.found.functions), findings=0, seconds_left=self.ground.seconds_left()
        )
        self.progress.tally(begun)
        sides = self.sides()
        evidence = self.look(sides)
        if not evidence.head.tests:
            return
        texts = texts_of(self.ground, self.found.functions)
        findings = self.proof(sides, texts, evidence)
        ours = self.further(sides, texts, evidence, findings)
        witnessed = self.witnessed(sides, texts, evidence, findings, ours)
        self.rewritten(sides, texts, findings, witnessed)
        self.timed(sides, texts, witnessed)
        found = [item.finding for item in self.draft.reviewed]
        self.draft.unproven = further.still_unproven(self.draft.unproven, found)
        if self.lab.broken:
            # What a step made of it was its own container's matter, as long as the engine still gives another.
            with self.lab.open(sides.head):
                pass

    def sides(self) -> observe.Sides:
        """Both sides, ready to be run; one and the same where there is no base."""
        if self.given is not None:
            return self.given.sides
        self.progress.stage("prepare", "an image with the repository's dependencies")
        return prepare(self.ground, self.draft, self.progress, alone=self.alone)

    def saved(self) -> None:
        """Hands on what is known so far. That it cannot be kept is no reason to end a review."""
        self.progress.tally(Tally(findings=len(self.draft.proven)))
        if self.keep is None:
            return
        try:
            self.keep(self.draft.so_far())
        except (OSError, UsageError) as problem:
            self.progress.note(f"what was found so far cannot be saved: {problem}")
            self.keep = None

    def look(self, sides: observe.Sides) -> Evidence:
        """Runs base and head, where that is not done yet."""
        if self.given is not None:
            self.draft.evidence = self.given.evidence
            return self.given.evidence
        which = "head" if self.alone else "base and head"
        self.progress.stage("observe", f"running the tests of {which}")
        changes = test_changes(self.ground)
        evidence = observed(self.ground, self.lab, sides, self.found, changes, self.progress, alone=self.alone)
        self.draft.evidence = evidence
        self.draft.test_changes = changes
        return evidence

    def proof(self, sides: observe.Sides, texts: prove.Texts, evidence: Evidence) -> tuple[Finding, ...]:
        """What failing tests show."""
        self.progress.stage("prove", "which change breaks which test")
        proven = prove.prove(
            self.lab,
            sides.head,
            texts,
            suspect.suspect(self.found.functions, evidence, self.ground.parts.detectors),
            evidence,
            seconds=self.ground.config.test.seconds,
            progress=self.progress,
            others=any(row.slug not in SAME_CODE for row in self.found.not_reviewed),
        )
        self.draft.unproven = proven.unproven
        self.draft.proven += proven.findings
        self.saved()
        self.progress.note(f"findings proven: {len(proven.findings)}")
        return proven.findings

    def further(
        self, sides: observe.Sides, texts: prove.Texts, evidence: Evidence, findings: Sequence[Finding]
    ) -> tuple[Suspicion, ...]:
        """What we suspect ourselves, with witnesses still to be run."""
        named = {finding.function.id for finding in findings}
        if not self.found.functions or self.ground.seconds_left() <= 0:
            return ()
        return further.suspected(
            self.ground,
            self.lab,
            sides,
            texts,
            self.found.functions,
            evidence,
            named,
            self.draft,
            self.progress,
        )

    def witnessed(
        self,
        sides: observe.Sides,
        texts: prove.Texts,
        evidence: Evidence,
        findings: Sequence[Finding],
        ours: Sequence[Suspicion],
    ) -> witness.Witnessed:
        """What witnesses show: our own, those of a model in earlier reviews, and those of what it suspects now."""
        config = self.ground.config
        known = self.recall.suspicions(
            self.found.functions, self.shown(findings), config.guidance.review_suspicions
        )
        asked = self.asked(texts, evidence, {finding.function.id for finding in findings})
        if known and self.ground.seconds_left() <= 0:
            self.draft.unfinished |= {suspicion.function.id for suspicion in known}
            known = ()
        suspected = (*ours, *known, *asked)
        with self.draft.spending(*dict.fromkeys(suspicion.function.id for suspicion in suspected)):
            witnessed = witness.run_witnesses(
                self.lab,
                sides,
                suspected,
                evidence,
                texts,
                seconds=min(config.test.seconds, max(10.0, self.ground.seconds_left())),
                repeats=config.repeats,
                progress=self.progress,
            )
        if asked:
            fallen = Counter(row.reason for row in witnessed.left if any(row.suspicion is s for s in asked))
            self.draft.notes.append(told_of(len(asked), len(asked) - fallen.total(), fallen))
        witnessed = replace(witnessed, findings=further.merged(witnessed.findings))
        self.draft.proven += witnessed.findings
        self.saved()
        return witnessed

    def shown(self, findings: Sequence[Finding]) -> dict[str, frozenset[str]]:
        """Function id -> texts of the test files that prove a finding of it."""
        texts: dict[str, frozenset[str]] = {}
        paths = frozenset(self.ground.head.paths())
        for finding in findings:
            files = [path for path in trial.files_of(finding.witness.tests) if path in paths]
            data = {self.ground.head.read(path).decode("utf-8", "replace").strip() for path in files}
            texts[finding.function.id] = texts.get(finding.function.id, frozenset()) | data
        return texts

    def asked(self, texts: prove.Texts, evidence: Evidence, named: Collection[str]) -> tuple[Suspicion, ...]:
        """What the model suspects of the functions in which no test shows a problem (`named`: those with one)."""
        config, draft = self.ground.config, self.draft
        looked_for = not self.alone or self.given is not None
        if self.ground.parts.model is None or not config.guidance.review or not looked_for:
            return ()
        # What fails tests already is found, and need not be named again.
        open_ = [function for function in self.found.functions if function.id not in named]
        functions = [function for function in open_ if not self.recall.asked(function)]
        if spared := len(open_) - len(functions):
            what = (
                "1 function unchanged since {} was"
                if spared == 1
                else f"{spared} functions unchanged since {{}} were"
            )
            draft.notes.append(f"{what.format(self.recall.since)} not asked about again.")
        before = frozenset(draft.unfinished)
        # What is not asked now is to be asked next time.
        draft.unfinished |= {function.id for function in functions}
        if not functions or self.ground.seconds_left() <= 0 or (model := self.model()) is None:
            return ()
        self.progress.stage("suspect", f"{model.endpoint.name} names problems, each with a witness to be run")
        briefs = {
            function.id: brief_of(
                function,
                texts.language[function.head.path],
                texts.text[function.head.path],
                self.ground.head,
                None,
                evidence,
                examine.executing_of(function, evidence),
            )
            for function in functions
        }
        asked = ask.ask(
            functions,
            briefs,
            ask.Code(texts.text, texts.language, self.ground.head),
            model.endpoint,
            most=config.guidance.review_suspicions,
            concurrency=config.endpoint.concurrency,
            progress=self.progress,
        )
        skipped = {name for name, _ in asked.skipped}
        draft.unfinished -= {f.id for f in functions if f.id not in skipped and f.id not in before}
        draft.notes += [f"The model said nothing usable of {name}: {why}" for name, why in asked.skipped]
        return asked.suspicions

    def rewritten(
        self,
        sides: observe.Sides,
        texts: prove.Texts,
        findings: Sequence[Finding],
        witnessed: witness.Witnessed,
    ) -> None:
        """A rewrite for each finding, or why there is none."""
        head = trial.with_files(sides.head, witnessed.files)
        bench = bench_of(self.ground, self.lab, head, texts, witnessed.evidence, self.model)
        spared = 0
        for finding in (*findings, *witnessed.findings):
            known = self.recall.known(finding)
            with self.draft.spending(finding.function.id):
                item = self.outcome(bench, finding, known)
            self.draft.reviewed.append(item)
            self.saved()
            spared += known is not None and item.search is None and not item.ignored
        if spared:
            what = "For 1 finding" if spared == 1 else f"For {spared} findings"
            where = f"in what is unchanged since {self.recall.since}"
            self.draft.notes.append(f"{what} {where} no rewrite was searched for again.")

    def timed(self, sides: observe.Sides, texts: prove.Texts, witnessed: witness.Witnessed) -> None:
        """What got slower, and what can be had faster: each with a rewrite that was timed, where there is one."""
        config = self.ground.config
        functions = [f for f in self.found.functions if not self.recall.quiet(f)]
        if not config.prove.performance or not functions or self.ground.seconds_left() <= 0:
            return
        head = trial.with_files(sides.head, witnessed.files)
        bench = bench_of(self.ground, self.lab, head, texts, witnessed.evidence, self.model)
        wrong = {item.finding.function.id for item in self.draft.reviewed}
        slow = {}
        if not self.alone:
            steady = [f for f in functions if f.id not in wrong]
            found = further.slowed(
                self.ground, self.lab, sides, texts, steady, witnessed.evidence, self.draft, self.progress
            )
            slow = {finding.function.id: finding for finding in found}
            self.draft.proven += (finding for finding in found if not self.recall.ignored_by(finding))
        for number, function in enumerate(functions, 1):
            self.progress.tally(Tally(functions=number))
            # What is wrong is not made faster: its repair comes first.
            if function.id in wrong or function.id in self.draft.left_alone or over_budget(self.ground, self.lab):
                continue
            finding = slow.get(function.id)
            if finding is not None and (who := self.recall.ignored_by(finding)):
                self.draft.reviewed.append(
                    Reviewed(finding, None, None, why_no_rewrite=f"ignored by {who}", ignored=True)
                )
                continue
            with self.draft.spending(function.id):
                item = quickened(self.ground, bench, function, finding, self.draft, self.progress)
            if item is not None and not self.recall.ignored_by(item.finding):
                self.draft.reviewed.append(item)
                self.saved()

    def outcome(self, bench: examine.Bench, finding: Finding, known: Known | None) -> Reviewed:
        """What becomes of one finding."""
        if who := self.recall.ignored_by(finding):
            return Reviewed(finding, None, None, why_no_rewrite=f"ignored by {who}", ignored=True)
        if over := over_budget(self.ground, self.lab):
            self.draft.unfinished.add(finding.function.id)
            return Reviewed(finding, None, None, why_no_rewrite=over)
        left = replace(bench, search=replace(bench.search, wall=self.ground.seconds_left()))
        return examined(left, finding, self.draft, self.progress, known)

    def wake(self) -> Model | None:
        """The model, if there is one that answers."""
        return awake(self.ground.parts.model, self.draft, self.progress)


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


def examined(
    bench: examine.Bench, finding: Finding, draft: Draft, progress: Progress, known: Known | None = None
) -> Reviewed:
    """What becomes of one finding. A defect of ours in it costs its rewrite, never the proven finding."""
    try:
        item = examine.examine(bench, finding, progress, known)
        if item.rewrite is None and item.why_no_rewrite.startswith(examine.BROKEN):
            draft.unfinished.add(finding.function.id)
        return item
    except TrylineError:
        raise
    except Exception as bug:
        text = f"a defect of Tryline itself while {finding.function.id} was rewritten: {type(bug).__name__}: {bug}"
        draft.unfinished.add(finding.function.id)
        draft.problems.append(Problem("bug", text, traceback.format_exc()[-4000:]))
        return Reviewed(finding, None, None, why_no_rewrite="a defect of Tryline itself; please report it")


def quickened(
    ground: Ground,
    bench: examine.Bench,
    function: ChangedFunction,
    finding: Finding | None,
    draft: Draft,
    progress: Progress,
) -> Reviewed | None:
    """What becomes of a function's time. A broken engine or a defect of ours costs no more than the rewrite."""
    before = function.base
    text = text_at(ground.base, bench.languages[function.head.path], before.path) if before is not None else None
    try:
        return quicken.quicken(bench, function, finding, progress, text or "")
    except SandboxError as problem:
        why = f"could not time it: {problem.message}"
    except TrylineError:
        raise
    except Exception as bug:
        text = f"a defect of Tryline itself while {function.id} was timed: {type(bug).__name__}: {bug}"
        draft.problems.append(Problem("bug", text, traceback.format_exc()[-4000:]))
        why = "a defect of Tryline itself; please report it"
    return Reviewed(finding, None, None, why_no_rewrite=why) if finding is not None else None


def prepare(ground: Ground, draft: Draft, progress: Progress, *, alone: bool = False) -> observe.Sides:
    """Both sides with their images; one image when base and head depend on the same things. `alone`: head is both
    of them."""
    began = time.monotonic()
    sides = []
    images: dict[str, Image] = {}
    made: dict[str, str] = {}
    language = ground.parts.languages[0]
    for name, tree in (("base", ground.base), ("head", ground.head))[alone:]:
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
        sides.append(trial.Side(tree, Contents(tar), images[key], plan))
        made[name] = f"{recipe.summary}; {images[key].origin}"
    draft.environment.update({"image": made["head"]} if len(images) == 1 else made_apart(made))
    draft.environment["python"] = ".".join(map(str, sides[-1].image.python))
    draft.environment["suite"] = sides[-1].plan.summary
    draft.environment.update(ground.parts.backend.describe())
    draft.prepare_seconds = time.monotonic() - began
    return observe.Sides(sides[0], sides[-1])


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
    wake: Callable[[], Model | None] = examine.nobody,
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
            seconds=config.verify.seconds,
            sample=config.verify.sample,
            seed=config.search.seed,
            race_seconds=verify.RACE_SECONDS if config.prove.performance else 0.0,
            least_gain=config.prove.least_gain,
        ),
        seconds_left=ground.seconds_left,
        wake=wake,
        guidance=guidance_of(config),
        mutants=config.prove.mutants,
        symbolic=config.prove.symbolic,
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
