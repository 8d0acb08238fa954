"""From a review and what we said before to what is to be done: nothing twice, nothing wrong left standing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import markers, render, wording
from bot.domain import Conclusion, FileDiff, Review, Reviewed, Severity
from bot.plan import (
    Amended,
    CheckRun,
    Conversation,
    Dialect,
    Inline,
    Mark,
    Memory,
    Plan,
    Posted,
)
from bot.render import Caps
from bot.steps.comment import annotating, bodies, summing
from bot.steps.comment.bodies import Gone
from bot.steps.comment.placing import USUAL, Offer, Place, offer_of, place_of
from bot.steps.comment.remembering import memory_of, stands
from bot.steps.comment.summing import Row


def plan(
    review: Review,
    conversation: Conversation,
    *,
    number: int,
    head: str,
    files: Sequence[FileDiff],
    caps: Caps,
    check: bool,
    run_url: str = "",
    from_fork: bool = False,
    fail_on: Severity | None = None,
    dialect: Dialect = USUAL,
) -> Plan:
    """What to post, edit, delete and keep on pull request `number` after a review of its commit `head`.

    `files` is the pull request's diff as the platform shows it, hunks included. Worst findings first, at most
    `caps.max_inline` of them on lines, those included that are there; the rest stands in the summary. `check` asks
    for a check run, which fails where a finding is at least as severe as `fail_on`. `from_fork` says that the
    review is the saved result of a run without rights; `dialect` is that of the platform. Planning again from the
    conversation that a carried out plan leaves gives nothing to create, edit or delete.
    """
    ignored = {item.finding.id for item in review.findings if item.ignored} | conversation.memory.ignored.keys()
    active = _active(review, ignored)
    shown = render.told(replace(review, findings=active, conclusion=_conclusion(review, active)), caps)
    desk = _Desk(review, conversation, ignored, files, head, dialect)
    desk.merge(active)
    standing = sum(
        1 for posted in desk.posted.values() if desk.remains(posted, {item.finding.id for item in active})
    )
    free = max(0, caps.max_inline - standing)
    for item in active:
        posted = desk.posted.get(item.finding.id)
        if posted is not None:
            desk.meet(item, posted)
        elif item.finding.id in desk.merged:
            desk.row(item, "told with another")
        elif free and desk.create(item):
            free -= 1
        elif not free:
            desk.fold(item, "below, over the limit of comments", f"there are {caps.max_inline} comments already")
    gone = desk.withdraw({item.finding.id for item in active})
    told = summing.Told(
        review=shown,
        rows=tuple(desk.rows),
        gone=tuple(item for item in gone if item.id not in ignored),
        ignored=_ignored(review, conversation.memory, ignored),
        memory=replace(memory_of(review, conversation.memory), head=_head(shown, head, conversation.memory)),
        head=head,
        run_url=run_url,
        from_fork=from_fork,
        dialect=dialect,
    )
    return Plan(
        number=number,
        head=head,
        summary=summing.summary(told),
        summary_if_refused=summing.summary(replace(told, rows=tuple(map(_into_summary, desk.rows)))),
        create=tuple(desk.creations),
        edit=tuple(desk.edits),
        delete=tuple(desk.deletions),
        kept=tuple(desk.kept),
        check=_check(told, fail_on) if check else None,
        log=tuple(desk.log),
    )


def _active(review: Review, ignored: set[str]) -> tuple[Reviewed, ...]:
    """The findings that are told, worst first, each once."""
    once = {item.finding.id: item for item in reversed(render.rank(review.findings))}
    return tuple(item for item in render.rank(tuple(once.values())) if item.finding.id not in ignored)


def _conclusion(review: Review, active: Sequence[Reviewed]) -> Conclusion:
    """The review's, without what is ignored."""
    if review.conclusion is not Conclusion.FINDINGS or active:
        return review.conclusion
    if review.problems:
        return Conclusion.NEUTRAL
    return Conclusion.CLEAN if review.functions else Conclusion.NOTHING


def _head(review: Review, head: str, before: Memory) -> str:
    return before.head if review.conclusion is Conclusion.NEUTRAL else head


def _ignored(review: Review, memory: Memory, ignored: set[str]) -> tuple[Gone, ...]:
    """What is ignored and found again, or remembered by its title."""
    titles = {known.id: known.title for known in memory.findings}
    titles |= {item.finding.id: item.finding.title for item in review.findings}
    return tuple(
        Gone(finding, titles[finding], by=memory.ignored.get(finding, ""))
        for finding in sorted(ignored)
        if finding in titles
    )


def _into_summary(row: Row) -> Row:
    return replace(row, full=True, state="below") if row.fresh else row


@dataclass
class _Desk:
    """The plan while it is made."""

    review: Review
    conversation: Conversation
    ignored: set[str]
    files: Sequence[FileDiff]
    head: str
    dialect: Dialect
    rows: list[Row] = field(default_factory=list)
    creations: list[Inline] = field(default_factory=list)
    edits: list[Amended] = field(default_factory=list)
    deletions: list[int] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    posted: Mapping[str, Posted] = field(init=False)
    """Finding id -> the one comment of ours that counts."""
    also: dict[str, list[Reviewed]] = field(default_factory=dict)
    """Finding id -> those of the same cause that are told with it."""
    merged: set[str] = field(default_factory=set)
    """Ids of the findings that are told with another."""

    def __post_init__(self) -> None:
        best: dict[str, Posted] = {}
        for posted in sorted(self.conversation.comments, key=_worth):
            if not posted.finding:
                continue
            if posted.finding not in best:
                best[posted.finding] = posted
            elif not posted.answered:
                self.deletions.append(posted.key)
                self.log.append(f"{posted.finding}: a second comment on it goes")
        self.posted = best

    def merge(self, active: Sequence[Reviewed]) -> None:
        """Puts findings of one cause together: the worst is told, the others in one line of it.

        One that has a comment already keeps it, and so does one with a rewrite where the worse one has none.
        """
        told: list[Reviewed] = []
        for item in active:
            finding = item.finding
            alone = finding.id in self.posted
            first = next(
                (
                    other
                    for other in told
                    if wording.of_one_cause(other.finding, finding)
                    and (other.rewrite is not None or item.rewrite is None)
                ),
                None,
            )
            if first is None or alone:
                told.append(item)
            else:
                self.also.setdefault(first.finding.id, []).append(item)
                self.merged.add(finding.id)
                self.log.append(f"{finding.id} is told with {first.finding.id}: they are of one cause")

    def body(self, item: Reviewed, offer: Offer) -> str:
        """A comment on the finding, and on those of the same cause."""
        return bodies.finding_body(item, offer, self.also.get(item.finding.id, ()), dialect=self.dialect)

    def row(self, item: Reviewed, state: str, *, full: bool = False, fresh: bool = False) -> None:
        """A row of the summary, which shows a rewrite as something that cannot be clicked."""
        also = tuple(self.also.get(item.finding.id, ()))
        self.rows.append(Row(item, state, self.unclickable(item), full, fresh, also))

    def remains(self, posted: Posted, active: set[str]) -> bool:
        """Whether the comment will still tell of a finding after this plan."""
        if posted.finding in active:
            return True
        return not posted.withdrawn and posted.finding not in self.ignored and self._stands(posted)

    # ------------------------------------------------------------------------------------ findings that are there

    def create(self, item: Reviewed) -> bool:
        """Puts a new comment on lines, where there are some that can bear it."""
        place = place_of(item, self.files)
        if isinstance(place, str):
            self.fold(item, f"below: {place}", place)
            return False
        self._create(item, place)
        self.row(item, "on its lines", fresh=True)
        return True

    def meet(self, item: Reviewed, posted: Posted) -> None:
        """Brings a comment that is there up to date, with as little noise as can be."""
        finding = item.finding.id
        place = place_of(item, self.files)
        if posted.answered:
            self.kept.append(finding)
            said = self.body(item, self.offer(item, None if isinstance(place, str) else place))
            stale = posted.withdrawn or not markers.same(said, posted.body)
            state = "below, and in a thread with answers" if stale else "in a thread with answers"
            self.log.append(f"{finding}: its thread has answers, so it stays as it is")
            self.row(item, state, full=stale)
        elif isinstance(place, str):
            body = self.body(item, self.unclickable(item))
            self._amend(posted, body)
            self.log.append(f"{finding}: its comment stays where it was, since {place}")
            self.row(item, "in an outdated comment")
        elif self._stands_at(posted, place):
            self._amend(posted, self.body(item, self.offer(item, place)))
            self.row(item, "on its lines")
        else:
            self.deletions.append(posted.key)
            self._create(item, place)
            self.log.append(f"{finding}: its lines have moved, so its comment is made anew")
            self.row(item, "on its lines", fresh=True)

    def fold(self, item: Reviewed, state: str, why: str) -> None:
        """Leaves a finding to the summary."""
        self.row(item, state, full=True)
        self.log.append(f"{item.finding.id} is in the summary: {why}")

    def _create(self, item: Reviewed, place: Place) -> None:
        offer = self.offer(item, place)
        if offer.why:
            self.log.append(f"{item.finding.id} has no one-click suggestion: {offer.why}")
        body = self.body(item, offer)
        self.creations.append(Inline(item.finding.id, place.path, place.end, place.start_line, body))

    def _amend(self, posted: Posted, body: str) -> None:
        if markers.same(posted.body, body):
            self.kept.append(posted.finding)
        else:
            self.edits.append(Amended(posted.key, posted.finding, body))

    def offer(self, item: Reviewed, place: Place | None) -> Offer:
        """How its rewrite is shown at this place."""
        return offer_of(item, place, self.files, self.dialect)

    def unclickable(self, item: Reviewed) -> Offer:
        """As the summary shows it, where nothing can be clicked."""
        return self.offer(item, None)

    def _stands_at(self, posted: Posted, place: Place) -> bool:
        """Whether the comment is where it should be. Where blocks have offsets, the last line decides what they
        replace, and a comment whose range was refused stands on that alone."""
        alone = self.dialect.blocks == "offsets" and posted.start_line is None
        here = (posted.path, posted.line) == (place.path, place.end)
        return here and (alone or posted.start_line == place.start_line)

    # ------------------------------------------------------------------------------------- findings that are gone

    def withdraw(self, active: set[str]) -> tuple[Gone, ...]:
        """Withdraws comments whose findings are gone or ignored, and says which findings are gone since."""
        memory = self.conversation.memory
        gone: dict[str, Gone] = {}
        for posted in self.posted.values():
            if posted.finding in active or posted.withdrawn:
                continue
            ignored = posted.finding in self.ignored
            item = Gone(
                posted.finding,
                bodies.title_of(posted, memory),
                posted.answered,
                memory.ignored.get(posted.finding, ""),
            )
            if not ignored and self._stands(posted):
                self.kept.append(posted.finding)
                self.log.append(f"{posted.finding} stays as it is: this review says nothing of it")
                continue
            gone[posted.finding] = item
            if posted.answered:
                self.kept.append(posted.finding)
                self.log.append(f"{posted.finding}: its thread has answers, so it stays as it is")
            else:
                body = bodies.withdrawn_body(posted, item, self.head, ignored=ignored, dialect=self.dialect)
                self.edits.append(Amended(posted.key, posted.finding, body, withdrawn=True))
        for known in memory.findings:
            if known.id not in active | self.ignored | self.posted.keys() and not stands(
                known.function, self.review
            ):
                gone[known.id] = Gone(known.id, known.title)
        return tuple(gone.values())

    def _stands(self, posted: Posted) -> bool:
        known = self.conversation.memory.known(posted.finding)
        return stands(known.function if known is not None else "", self.review)


def _worth(posted: Posted) -> tuple[bool, bool, bool, int]:
    """Of several comments on one finding the one that counts comes first."""
    return not posted.answered, posted.withdrawn, posted.line is None, posted.key


def _check(told: summing.Told, fail_on: Severity | None) -> CheckRun:
    review = told.review
    if review.conclusion is Conclusion.NEUTRAL:
        mark = Mark.NEUTRAL
    elif not review.findings:
        mark = Mark.SUCCESS
    elif fail_on is not None and any(item.finding.severity.rank >= fail_on.rank for item in review.findings):
        mark = Mark.FAILURE
    else:
        mark = Mark.NEUTRAL
    return CheckRun(mark, summing.verdict(told), summing.unmarked(told), annotating.annotations(review))
