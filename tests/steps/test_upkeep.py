"""From audits to one issue, over time: what is new, still there, fixed, ignored, and when people hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
import test_safe_text as safe
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_audits import AUDITED, COMMIT, NEUTRAL, OVER_BUDGET, audit, finding
from sample_reviews import function

from bot import upkeep_markers
from bot.audited import Audit, Standing
from bot.domain import Conclusion, Problem, Replacement, Reviewed, Rewrite
from bot.plan import Issue, IssueText, Proposed
from bot.render import MAX_BODY
from bot.steps import upkeep
from bot.steps.upkeep import Content, Links
from bot.upkeep_markers import Memory, read_draft, read_issue, read_news

A, B, C = (finding(name, rewrite=name != "b") for name in "abc")
LINKS = Links()


@dataclass
class Board:
    """The platform: our issue, what is commented on it, and whether it was closed or opened by us."""

    present: Issue | None = None
    news: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def keep(self, text: IssueText) -> IssueText:
        if self.present is None and not text.open:
            return text
        if text.news:
            self.news.append(upkeep_markers.unsigned(text.news))
            self.keys.append(read_news(text.news))
        self.present = Issue(1, text.title, text.body, text.open)
        return text

    def after(self, found: Audit) -> IssueText:
        return self.keep(upkeep.issue_text(found, self.present, LINKS))

    def by_hand(self, **change: object) -> None:
        assert self.present is not None
        self.present = replace(self.present, **change)  # type: ignore[arg-type]

    def tick(self, item: Reviewed, on: bool = True) -> None:
        assert self.present is not None
        off, ticked = f"- [ ] `{item.finding.id}`", f"- [x] `{item.finding.id}`"
        old, new = (off, ticked) if on else (ticked, off)
        assert old in self.present.body
        # A browser sends other line ends.
        self.by_hand(body=self.present.body.replace(old, new).replace("\n", "\r\n"))

    @property
    def memory(self) -> Memory:
        assert self.present is not None
        memory = read_issue(self.present.body)
        assert memory is not None
        return memory


def ids(*items: Reviewed) -> tuple[str, ...]:
    return tuple(item.finding.id for item in items)


# -------------------------------------------------------------------------------------------------- over time


def test_ten_audits() -> None:
    board = Board()
    assert board.after(audit()).open is False
    assert board.present is None, "nothing found is no reason for an issue"

    first = board.after(audit(A, B))
    assert (first.title, first.news, first.open) == ("Tryline's audit: 2 findings", "", True)
    assert "2 findings stand: 2 new." in first.body

    same = board.after(audit(A, B, old=(A, B)))
    assert "2 findings stand: 2 still there." in same.body and same.news == ""

    third = board.after(audit(A, B, C, old=(A, B)))
    assert "3 findings stand: 1 new, 2 still there." in third.body
    assert board.news == [f"**1 new finding**\n\n- high: {C.finding.title} (`shop/cart.py:13`), with a rewrite that passed the tests"]  # fmt: skip  # noqa: E501

    fourth = board.after(audit(B, C, old=(B, C), gone=(A,)))
    assert "2 still there, 1 fixed" in fourth.body and f"`{A.finding.id}`" in fourth.body
    assert len(board.news) == 1, "one that is fixed is no reason to notify anybody"

    board.tick(B)
    fifth = board.after(audit(B, C, old=(B, C)))
    assert "1 finding stands: 1 still there." in fifth.body
    assert f"- [x] `{B.finding.id}`" in fifth.body

    board.by_hand(open=False)
    sixth = board.after(audit(B, C, old=(B, C)))
    assert sixth.open is False, "a person has closed it, and nothing is new"

    seventh = board.after(audit(A, B, C, old=(B, C)))
    assert seventh.open and len(board.news) == 2 and A.finding.title in board.news[1]

    eighth = board.after(audit(B, old=(B,), gone=(A, C)))
    assert (
        eighth.open is False and board.news[2] == "All that this issue told of is fixed, but for what is ignored."
    )
    assert eighth.title == "Tryline's audit: nothing found"
    assert board.after(audit(B, old=(B,))).news == ""

    ninth = board.after(audit(A, B, old=(B,)))
    assert ninth.open and len(board.news) == 4, "what was fixed and comes back is news"
    assert len(set(board.keys)) == 4

    board.tick(B, on=False)
    tenth = board.after(audit(A, B, old=(A, B)))
    assert "2 findings stand: 2 still there." in tenth.body and len(board.news) == 4


def test_a_lost_state_is_no_flood() -> None:
    board = Board()
    board.after(audit(A, B))
    text = board.after(audit(A, B))
    assert [one.standing for one in audit(A, B).findings] == [Standing.NEW] * 2
    assert (text.news, "2 still there" in text.body) == ("", True)


def test_what_was_not_looked_at_again_is_not_fixed() -> None:
    board = Board()
    board.after(audit(A, B))
    text = board.after(audit(A, functions=(AUDITED, OVER_BUDGET)))
    assert board.memory.told == ids(A, B)
    assert "not looked at again by this audit" in text.body and f"`{B.finding.id}`" in text.body
    assert "the audit's time was spent: `shop/cart.py::total`" in text.body
    assert board.after(audit(functions=(AUDITED, OVER_BUDGET))).open
    assert board.after(audit(A, B)).news == "", "nor new when it is seen again"


def test_a_part_of_the_repository_says_nothing_of_the_rest() -> None:
    board = Board()
    board.after(audit(A, B))
    board.after(replace(audit(A), paths=("shop",)))
    assert board.memory.told == ids(A, B)


def test_an_audit_that_could_not_run_closes_nothing() -> None:
    board = Board()
    board.after(audit(A))
    text = board.after(NEUTRAL)
    assert text.open and board.memory.told == ids(A)
    assert text.body.startswith("**The last audit could not run, or not on all of the repository; this is not a")
    assert "No container engine answers." in text.body
    assert Board().after(NEUTRAL).open is False


def test_an_audit_that_could_not_run_keeps_it_as_it_is() -> None:
    board = Board()
    board.after(audit(A))
    fixed_only = replace(NEUTRAL, functions=(AUDITED,), fixed=audit(gone=(A,)).fixed)
    text = board.after(fixed_only)
    assert text.open and text.news == "" and text.title == "Tryline's audit: could not run"
    assert board.after(audit()).open is False and len(board.news) == 1


def test_gone_without_a_trace_is_fixed_where_all_was_audited() -> None:
    board = Board()
    board.after(audit(A, B))
    text = board.after(audit(A))
    assert board.memory.told == ids(A)
    assert f"- `{B.finding.id}`" in text.body


def test_opened_again_by_hand_it_stays_open() -> None:
    board = Board()
    board.after(audit(A))
    board.after(audit(gone=(A,)))
    board.by_hand(open=True)
    assert board.after(audit()).open
    assert len(board.news) == 1


def test_taking_a_tick_away_opens_it_again() -> None:
    board = Board()
    board.after(audit(A))
    board.tick(A)
    assert board.after(audit(A, old=(A,))).open is False
    board.tick(A, on=False)
    assert board.after(audit(A, old=(A,))).open


def test_ignored_findings_are_remembered_without_their_boxes() -> None:
    board = Board()
    board.after(audit(A, B))
    board.tick(A)
    board.after(audit(A, B))
    assert board.present is not None
    at = board.present.body.index("<details><summary>Ignore findings")
    board.by_hand(body=board.present.body[:at] + upkeep_markers.issue(board.memory))
    assert upkeep.ignored_in(board.present) == ids(A)
    board.after(audit(B, gone=(A,)))
    assert board.after(audit(A, B)).news == "", "and come back in silence"


def test_boxes_in_code_above_are_nobodys_tick() -> None:
    trap = f"<details><summary>Ignore findings: tick a box</summary>\n\n- [x] `{A.finding.id}` x\n\n</details>"
    item = replace(A, finding=replace(A.finding, witness=replace(A.finding.witness, failure=trap)))
    text = upkeep.issue_text(audit(item), None, LINKS)
    assert trap.splitlines()[2] in text.body
    assert upkeep.ignored_in(Issue(1, text.title, text.body, True)) == ()
    bare = upkeep_markers.unsigned(text.body)
    cut = bare[: bare.rindex("<details>")] + upkeep_markers.issue(Memory())
    assert upkeep.ignored_in(Issue(1, text.title, cut, True)) == ()


def test_a_run_that_did_not_come_about_leaves_what_was_said() -> None:
    board = Board()
    board.after(audit(A))
    assert board.present is not None
    before = board.present.body
    once = board.keep(upkeep.failed(board.present, COMMIT, "No engine.", "https://x.example/run/1"))
    assert once.body.startswith(
        "**The audit of `cccccccccccc` could not run; this is not a pass.** No engine. ([run]("
    )
    assert once.body.endswith(before) and once.news == "" and once.open
    again = board.keep(upkeep.failed(board.present, "e" * 40, "No engine."))
    assert again.body.count("could not run") == 1 and again.body.endswith(before)
    assert "could not run" not in board.after(audit(A)).body


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sets(st.integers(0, 5)),
            st.sampled_from(["", "", "close", "open", "tick", "untick", "incomplete", "neutral"]),
            st.integers(0, 5),
        ),
        max_size=12,
    )
)
@pytest.mark.thorough
def test_over_many_audits_nothing_is_told_twice(story: Sequence[tuple[set[int], str, int]]) -> None:
    items = [finding(str(number)) for number in range(6)]
    board = Board()
    standing: set[int] = set()
    told = 0
    for present, what, which in story:
        if board.present is not None:
            if what in ("close", "open"):
                board.by_hand(open=what == "open")
            if what in ("tick", "untick") and f"- [{' ' if what == 'tick' else 'x'}] `{items[which].finding.id}`" in board.present.body:  # fmt: skip  # noqa: E501
                board.tick(items[which], on=what == "tick")
        opened = board.present is not None and board.present.open
        if what == "neutral":
            board.after(NEUTRAL)
        else:
            functions = (AUDITED, OVER_BUDGET) if what == "incomplete" else (AUDITED,)
            board.after(audit(*(items[number] for number in sorted(present)), functions=functions))
        fresh = {number for number in present if what != "neutral"} - standing
        ignored = set(upkeep.ignored_in(board.present))
        loud = {number for number in fresh if items[number].finding.id not in ignored}
        if not loud and len(board.news) > told:
            assert opened and board.present is not None and not board.present.open, "news without anything new"
        told = len(board.news)
        if what == "neutral":
            continue
        standing = present | (standing if what == "incomplete" else set())
        if loud:
            assert board.present is not None and board.present.open
        if board.present is not None:
            assert set(board.memory.told) >= {items[number].finding.id for number in present}
        # Saying it again says nothing more.
        again = upkeep.issue_text(
            audit(*(items[n] for n in sorted(present)), functions=functions), board.present, LINKS
        )
        assert again.news == ""


# ------------------------------------------------------------------------------------------- texts and bounds


def test_an_issue_of_thousands_fits() -> None:
    items = tuple(finding(f"{number:04}") for number in range(1500))
    board = Board()
    text = board.after(audit(*items))
    assert len(text.body) <= MAX_BODY
    assert len(board.memory.told) == 1000
    assert text.body.startswith("**1500 findings stand.**") and "1400 more |" in text.body
    assert board.after(audit(*items)).news == "", "what cannot be remembered is not told again and again"


def test_links_lead_to_the_audited_commit_and_nowhere_else() -> None:
    base = f"https://git.example/octo/hello/blob/{COMMIT}"
    text = upkeep.issue_text(audit(A), None, Links(base, "https://git.example/run/1", "https://git.example/a/2"))
    assert f"[`shop/cart.py:13`]({base}/shop/cart.py#L13)" in text.body
    assert "[Run](https://git.example/run/1)" in text.body and "[Report](https://git.example/a/2)" in text.body
    assert telling_url(base, "a)b/c d.py") == f"{base}/a%29b/c%20d.py#L1"
    for bad in ("javascript:x", "https://x.example/)(", "https://x.example/a b", ""):
        assert telling_url(bad, "a.py") == ""


def telling_url(base: str, path: str) -> str:
    return upkeep.telling.blob_url(base, path, 1)


def test_a_proposed_rewrite_is_named() -> None:
    proposed = (Proposed(A.finding.id, 4, open=False), Proposed(C.finding.id, 5, open=True))
    text = upkeep.issue_text(audit(A, B, C), None, LINKS, proposed=proposed)
    assert "4 of the function: #4, closed |" in text.body and "4 of the function: #5 |" in text.body


def test_the_document_says_it_all() -> None:
    found = audit(A, B, old=(B,), gone=(C,), functions=(AUDITED, OVER_BUDGET))
    text = upkeep.markdown(found, run_url="https://git.example/run/1")
    for part in (
        "**2 findings in 1 function, 1 with a rewrite that passed the tests.**",
        "| new, 2026-11-16 |",
        "| still, 2026-11-09 |",
        f"- {C.finding.title} (`{C.finding.id}`)",
        "| 0.62 | `shop/cart.py::total` | churn 0.90, complexity 0.70 | 4 | 2026-11-16 |",
        "the audit's time was spent",
        "A result for 1 of 2 functions.",
    ):
        assert part in text
    assert upkeep.markdown(NEUTRAL).startswith(
        "**Could not audit this repository, or not all of it; this is not a"
    )
    assert upkeep.markdown(audit()).startswith("**Tryline found nothing in 1 function.**")


@pytest.mark.thorough
@pytest.mark.parametrize("text", safe.HOSTILE, ids=lambda text: repr(text[:30]))
def test_hostile_text_is_text_in_an_issue_and_in_a_draft(text: str) -> None:
    words = safe.poisoned(audit(A, B, gone=(C,), functions=(AUDITED, OVER_BUDGET)), text)
    problem = Problem("slug", text, text)
    found = replace(words, review=replace(words.review, problems=(problem,), notes=(text,)))
    issue = upkeep.issue_text(found, Issue(1, "", upkeep_markers.issue(Memory()), True), Links(text, text, text))
    assert read_issue(issue.body) is not None
    safe.check("issue", upkeep_markers.unsigned(issue.body), None)
    safe.check("news", upkeep_markers.unsigned(issue.news), None)
    failed = upkeep.failed(Issue(1, "", issue.body, True), text, text, text)
    safe.check("failed", upkeep_markers.unsigned(failed.body), None)
    keep = frozenset({"path", "source", "replacement", "function", "label"})
    found = safe.poisoned(audit(A), text, keep=keep)
    (draft,) = drafted(found).drafts
    assert read_draft(draft.body) == draft.finding
    safe.check("draft", upkeep_markers.unsigned(draft.body), None)
    for line in (draft.title, *draft.message.splitlines()):
        assert "\n" not in line and not safe.LIVE.search(line)


# ---------------------------------------------------------------------------------------------------- markers


def test_a_marker_is_read_back() -> None:
    memory = Memory(open=False, news=3, told=ids(A, B), ignored=ids(C))
    body = f"text\n\n{upkeep_markers.issue(memory)}\r\n"
    assert read_issue(body) == memory
    assert upkeep_markers.unsigned(body) == "text"
    assert read_issue(f"{body}more") is None
    assert (read_news(upkeep_markers.news("abcd")), read_draft(upkeep_markers.draft("abcd"))) == ("abcd", "abcd")
    assert (read_draft(upkeep_markers.news("abcd")), read_issue("")) == ("", None)
    with pytest.raises(ValueError, match="no id"):
        upkeep_markers.draft("../x")


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=200))
def test_any_text_is_read_without_harm(text: str) -> None:
    for read in (read_issue, read_news, read_draft, upkeep_markers.unsigned):
        read(text)


# ----------------------------------------------------------------------------------------------------- drafts

FILE = ("#\n" * 10 + function().source).encode()


def drafted(found: Audit, *proposed: Proposed, most: int = 3, content: Content | None = None, **how: object) -> upkeep.Drafts:  # fmt: skip  # noqa: E501
    held = content or Content(FILE)
    return upkeep.drafts(
        found,
        {"shop/cart.py": held}.get,
        proposed,
        most=most,
        branch="main",
        **how,  # type: ignore[arg-type]
    )


def other(name: str, change: str) -> Reviewed:
    """A finding with a rewrite of its own."""
    item = finding(name)
    assert item.rewrite is not None
    replaced = Replacement("shop/cart.py", 13, 13, change)
    return replace(item, rewrite=Rewrite.of(item.rewrite.candidate, item.rewrite.verdict, replaced))


def test_a_draft_holds_the_bytes_that_were_verified() -> None:
    (draft,) = drafted(audit(A, B)).drafts
    assert draft.files == {"shop/cart.py": FILE.replace(b"prices[1:]", b"prices")}
    assert (draft.branch, draft.base, draft.base_ref) == (f"tryline/{A.finding.id}", COMMIT, "main")
    assert draft.title == "Fix: total is wrong: a"
    for part in (
        "passed 24 tests (whole suite) at `cccccccccccc` in a fresh container",
        f"tryline replay {A.finding.id}",
        "executions",
    ):
        assert part in draft.body
    assert read_draft(draft.body) == A.finding.id
    assert drafted(audit(A), content=Content(FILE, executable=True)).drafts[0].executable == {"shop/cart.py"}


def test_imports_belong_to_it() -> None:
    assert A.rewrite is not None
    more = (Replacement("shop/cart.py", 1, 1, "#\nimport math\n"),)
    rewrite = Rewrite.of(A.rewrite.candidate, A.rewrite.verdict, A.rewrite.suggestion, more)
    (draft,) = drafted(audit(replace(A, rewrite=rewrite))).drafts
    assert draft.files["shop/cart.py"] == b"#\nimport math\n" + FILE[2:].replace(b"prices[1:]", b"prices")


def test_never_more_than_asked_for_and_never_twice() -> None:
    items = [other(name, f"    for price in prices:  # {name}\n") for name in "xyz"]
    found = audit(*items)
    assert len(drafted(found, most=2).drafts) == 2
    assert drafted(found, most=0).drafts == ()
    first = items[0].finding.id
    again = drafted(found, Proposed(first, 4, open=True), most=2).drafts
    assert len(again) == 1 and again[0].finding != first
    declined = drafted(found, Proposed(first, 4, open=False), most=3).drafts
    assert first not in {draft.finding for draft in declined} and len(declined) == 2
    assert len(drafted(upkeep.with_ignored(found, (first,)), most=3).drafts) == 2


def test_one_remedy_of_two_findings_is_proposed_once() -> None:
    assert len(drafted(audit(A, C)).drafts) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (Content(FILE, moved=True), "has changed since"),
        (Content(b"x = 1\n" + FILE), "not where they were verified"),
        (Content(FILE.replace(b"prices[1:]", b"prices")), "not where they were verified"),
        (Content(b""), "not where they were verified"),
    ],
    ids=["moved", "shifted", "mended", "empty"],
)
def test_what_does_not_stand_is_left_out_with_a_reason(content: Content, why: str) -> None:
    left = drafted(audit(A), content=content)
    assert left.drafts == () and why in left.reasons[0]


def test_reverts_and_findings_without_a_rewrite_are_not_proposed() -> None:
    assert A.rewrite is not None
    revert = replace(A, rewrite=replace(A.rewrite, label="revert"))
    assert drafted(audit(B, revert)).drafts == ()
    assert drafted(replace(audit(A), revision=replace(audit(A).revision, commit=None))).drafts == ()


def test_a_file_keeps_its_encoding_and_its_line_ends() -> None:
    from_old = "# coding: latin-1\r\nx = 'é'\r\ny = 1".encode("latin-1")
    change = Replacement("a.py", 3, 3, "y = 'ü'")
    assert upkeep.drafting.applied(from_old, [change]) == "# coding: latin-1\r\nx = 'é'\r\ny = 'ü'".encode(
        "latin-1"
    )
    assert upkeep.drafting.applied(from_old, [replace(change, replacement="y = '€'")]) is None
    assert upkeep.drafting.applied(from_old, [replace(change, end_line=4)]) is None
    assert upkeep.drafting.applied(from_old, [change, replace(change, start_line=2)]) is None
    assert upkeep.drafting.applied(from_old, [Replacement("a.py", 2, 3, "")]) == b"# coding: latin-1\r\n"


# --------------------------------------------------------------------------------------------------- ignoring


def test_ignored_findings_are_no_part_of_what_an_audit_comes_to() -> None:
    found = upkeep.with_ignored(audit(A, B), ids(A))
    assert [item.ignored for item in found.review.findings] == [True, False]
    assert [one.item.ignored for one in found.findings] == [True, False]
    assert found.review.conclusion is Conclusion.FINDINGS
    assert upkeep.with_ignored(audit(A), ids(A)).review.conclusion is Conclusion.CLEAN
    assert upkeep.with_ignored(audit(A), ()) == audit(A)
    assert upkeep.with_ignored(NEUTRAL, ids(A)).review.conclusion is Conclusion.NEUTRAL
