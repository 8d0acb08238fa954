"""From a review and a conversation to a plan: what is posted where, kept, edited, withdrawn, and never twice."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_proofs import (
    ALTERED,
    ATTACK_MENDED,
    CRASH_MENDED,
    DIFFERENCES,
    FASTER_MENDED,
    KINDS,
    LEFT_ALONE,
    SLOWER_MENDED,
    UNMENDED,
    suspected,
)
from sample_pulls import ABOVE, BELOW, FILES, HEAD, LATER, Wall, file_diff
from sample_reviews import (
    BASE_SOURCE,
    CANDIDATE,
    CHANGED,
    CLEAN,
    FINDING,
    FOUND,
    FOUND_BY_MODEL,
    FOUND_WITHOUT,
    HEAD_SOURCE,
    NEUTRAL,
    NOTHING,
    PROPOSED,
    VERDICT,
    WITH_REWRITE,
    WITHOUT_REWRITE,
    function,
)

from bot import markers
from bot.domain import (
    FileDiff,
    Finding,
    FunctionReport,
    NotReviewed,
    Probe,
    Problem,
    Replacement,
    Review,
    Reviewed,
    Rewrite,
    Severity,
)
from bot.plan import Conversation, Dialect, Known, Level, Mark, Memory, Plan, Posted, function_digest
from bot.render import Caps
from bot.steps import comment
from bot.steps.comment.placing import Place, offer_of, place_of

GOLDEN = Path(__file__).parent.parent / "golden" / "comments"


def planned(review: Review, wall: Wall | None = None, **how: object) -> Plan:
    given_ = {"number": 7, "head": HEAD, "files": FILES, "caps": Caps(), "check": False, **how}
    return comment.plan(review, (wall or Wall()).conversation(), **given_)


def numbered(count: int, *, rewrite: bool = True) -> tuple[Reviewed, ...]:
    """Findings that differ."""
    base = WITH_REWRITE if rewrite else WITHOUT_REWRITE
    return tuple(
        replace(base, finding=replace(FINDING, rule=f"tests/rule-{n}", title=f"Finding {n}")) for n in range(count)
    )


def with_findings(*items: Reviewed) -> Review:
    return replace(FOUND, findings=items)


def rewritten(change: Replacement, **how: object) -> Reviewed:
    return replace(WITH_REWRITE, rewrite=Rewrite.of(CANDIDATE, VERDICT, change, **how))


# --------------------------------------------------------------------------------------------------- whole texts


def posted_wall(review: Review = FOUND) -> Wall:
    wall = Wall()
    wall.carry_out(planned(review, wall))
    return wall


def folded() -> str:
    low = replace(WITH_REWRITE, finding=replace(FINDING, severity=Severity.LOW, title="Another, | less bad"))
    return planned(with_findings(WITHOUT_REWRITE, low), caps=Caps(max_inline=0)).summary


def withdrawn() -> str:
    (edit,) = planned(CLEAN, posted_wall(), head=LATER).edit
    return edit.body


def ignored_wall() -> Wall:
    wall = posted_wall()
    memory = replace(wall.conversation().memory, ignored={FINDING.id: "ann"})
    wall.summary = markers.signed("x", markers.Marker("summary", memory=memory))
    return wall


def explained() -> str:
    probe = Probe("test", PROPOSED.witness.code, "test_total", "the first price is lost")
    item = replace(WITH_REWRITE, finding=replace(PROPOSED, probe=probe))
    memory = comment.memory_of(with_findings(item), Memory())
    return comment.explained(memory.findings[0], memory)


def without_command(item: Reviewed) -> Finding:
    return replace(item.finding, witness=replace(item.finding.witness, command=""))


def inline(item: Reviewed) -> str:
    (comment_,) = planned(with_findings(item)).create
    return comment_.body


GITLAB = Dialect(noun="merge request", sign="!", blocks="offsets", most_above=100, commands=False)
SPREAD = with_findings(
    rewritten(Replacement("shop/cart.py", 12, 14, "    net = sum(prices)\n")),
)
KNOWN = Known(FINDING.id, "shop/cart.py::total", FINDING.rule, FINDING.title, "def total(prices):\n    return 0\n")


TEXTS: dict[str, Callable[[], str]] = {
    "clean": lambda: planned(CLEAN).summary,
    "nothing": lambda: planned(NOTHING).summary,
    "neutral": lambda: planned(NEUTRAL, run_url="https://example.org/o/r/actions/runs/1").summary,
    "suggestion": lambda: planned(FOUND).create[0].body,
    "summary": lambda: planned(FOUND).summary,
    "refused": lambda: planned(FOUND).summary_if_refused,
    "witness": lambda: planned(FOUND_BY_MODEL).create[0].body,
    "everything": lambda: planned(FOUND_WITHOUT, from_fork=True).summary,
    "folded": folded,
    "withdrawn": withdrawn,
    "fixed": lambda: planned(CLEAN, posted_wall(), head=LATER).summary,
    "ignored": lambda: planned(FOUND, ignored_wall()).summary,
    "ignored_comment": lambda: planned(FOUND, ignored_wall()).edit[0].body,
    "running_first": lambda: comment.running(Conversation(), HEAD, "https://example.org/o/r/actions/runs/1"),
    "running": lambda: comment.running(posted_wall().conversation(), LATER, ""),
    "failed": lambda: comment.failed(posted_wall().conversation(), LATER, "No engine answers, @you.", ""),
    "help": comment.help_text,
    "explained": explained,
    "crash": lambda: inline(CRASH_MENDED),
    "crash_without": lambda: inline(UNMENDED),
    "attack": lambda: inline(ATTACK_MENDED),
    "slower": lambda: inline(SLOWER_MENDED),
    "faster": lambda: inline(FASTER_MENDED),
    "kinds": lambda: planned(KINDS, caps=Caps(suspected=True)).summary,
    "altered": lambda: planned(ALTERED).summary,
    "gitlab_suggestion": lambda: planned(SPREAD, dialect=GITLAB).create[0].body,
    "gitlab_explained": lambda: comment.explained(KNOWN, Memory(findings=(KNOWN,)), dialect=GITLAB),
    "gitlab_unknown": lambda: comment.unknown("ab", Memory(), GITLAB),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_whole_text(name: str) -> None:
    file, text = GOLDEN / f"{name}.md", TEXTS[name]() + "\n"
    if os.environ.get("TRYLINE_REFRESH_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("review", [CLEAN, NOTHING])
def test_with_nothing_to_say_it_says_one_line(review: Review) -> None:
    text = markers.unsigned(planned(review).summary)
    assert "\n" not in text


def test_a_review_that_could_not_run_says_so_first_in_bold_and_nothing_is_green() -> None:
    plan = planned(NEUTRAL, check=True)
    assert plan.summary.startswith("**Could not review")
    assert "found nothing" not in plan.summary
    assert plan.check is not None
    assert plan.check.mark is Mark.NEUTRAL


def test_what_a_fork_ran_is_called_that() -> None:
    assert "fork's own run" not in planned(FOUND).summary
    for review in (FOUND, CLEAN, NEUTRAL):
        assert "fork's own run" in planned(review, from_fork=True).summary


# ------------------------------------------------------------------------------------------ where a comment goes


def test_the_worst_are_on_lines_and_the_rest_is_in_the_summary_with_the_reason() -> None:
    low, *others = numbered(7)
    low = replace(low, finding=replace(low.finding, severity=Severity.LOW))
    plan = planned(with_findings(low, *others))
    assert len(plan.create) == 5
    assert low.finding.id not in {inline.finding for inline in plan.create}
    assert "Finding 0: in full</summary>" in plan.summary
    assert "```suggestion" not in plan.summary
    assert len([line for line in plan.log if "is in the summary: there are 5 comments already" in line]) == 2


def test_those_that_are_there_count() -> None:
    first = numbered(8)
    wall = posted_wall(with_findings(*first[5:]))
    assert len(wall.comments) == 3
    plan = planned(with_findings(*first), wall)
    assert len(plan.create) == 2
    assert len(plan.kept) == 3
    fewer = planned(with_findings(*first), wall, caps=Caps(max_inline=1))
    assert fewer.create == fewer.delete == fewer.edit == ()


PLACES = [
    # (the diff's files, lines of the finding, what is expected)
    (FILES, (13, 13), (13, None)),
    (FILES, (12, 15), (15, 12)),
    (FILES, (15, 40), (18, 15)),
    (FILES, (1, 11), (11, 8)),
    (FILES, (30, 40), "none of its lines"),
    ((), (13, 13), "not in the diff"),
    ((replace(FILES[0], path="other.py"),), (13, 13), "not in the diff"),
    ((replace(FILES[0], hunks=()),), (13, 13), "shows no diff"),
    ((file_diff("shop/cart.py", ABOVE, "# new\n" + ABOVE + HEAD_SOURCE),), (13, 13), "another version"),
]


@pytest.mark.parametrize(("files", "lines", "expected"), PLACES)
def test_a_comment_stands_on_lines_that_the_diff_shows(
    files: tuple[FileDiff, ...], lines: tuple[int, int], expected: tuple[int, int | None] | str
) -> None:
    item = replace(WITHOUT_REWRITE, finding=replace(FINDING, start_line=lines[0], end_line=lines[1]))
    plan = planned(with_findings(item), files=files)
    if isinstance(expected, str):
        assert plan.create == ()
        assert "in full</summary>" in plan.summary
        assert expected in " ".join(plan.log)
    else:
        (inline,) = plan.create
        assert (inline.line, inline.start_line) == expected


LONG = "".join(f"    x{n} = {n}\n" for n in range(30))
WIDE = HEAD_SOURCE + LONG
TWO_HUNKS = (
    file_diff(
        "shop/cart.py",
        ABOVE + BASE_SOURCE + LONG.replace("x25 = 25", "x25 = 0") + BELOW,
        ABOVE + WIDE + BELOW,
    ),
)


def wide(change: Replacement) -> Reviewed:
    changed = replace(CHANGED, head=function(WIDE))
    finding = replace(FINDING, function=changed, start_line=change.start_line, end_line=change.end_line)
    return replace(rewritten(change), finding=finding)


def test_a_range_over_two_hunks_is_cut_to_one_and_has_no_block() -> None:
    assert len(TWO_HUNKS[0].hunks) == 2
    item = wide(Replacement("shop/cart.py", 13, 41, "    pass\n"))
    (inline,) = planned(with_findings(item), files=TWO_HUNKS).create
    assert (inline.start_line, inline.line) == (13, 18)
    assert "```suggestion" not in inline.body
    assert "Not a one-click suggestion: its lines are not all in the diff." in inline.body
    assert "```diff\n--- a/shop/cart.py" in inline.body


@given(st.integers(1, 60), st.integers(0, 40), st.booleans())
def test_the_server_never_finds_a_wrong_line(start: int, more: int, second: bool) -> None:
    files = TWO_HUNKS if second else FILES
    changed = replace(CHANGED, head=function(WIDE)) if second else CHANGED
    item = replace(
        WITHOUT_REWRITE,
        finding=replace(FINDING, function=changed, start_line=start, end_line=start + more),
    )
    for inline in planned(with_findings(item), files=files).create:
        first = inline.start_line if inline.start_line is not None else inline.line
        assert inline.start_line is None or inline.start_line < inline.line
        assert any(set(range(first, inline.line + 1)) <= set(hunk.commentable()) for hunk in files[0].hunks)
        assert set(range(first, inline.line + 1)) <= set(range(start, start + more + 1))


def test_lines_that_a_hunk_lacks_are_not_in_a_range() -> None:
    (hunk,) = FILES[0].hunks
    cut = replace(hunk, lines=tuple(line for line in hunk.lines if line.new != 14))
    item = replace(WITHOUT_REWRITE, finding=replace(FINDING, start_line=12, end_line=15))
    place = place_of(item, (replace(FILES[0], hunks=(cut,)),))
    assert isinstance(place, Place)
    assert (place.start, place.end) == (12, 13)


# ---------------------------------------------------------------------------------------------- one-click blocks


PLAIN = Replacement("shop/cart.py", 13, 13, "    for price in prices:\n")
FIXED = "    for price in prices:\n"
NO_BLOCKS = [
    (Replacement("shop/cart.py", 13, 13, FIXED), {"obstacle": "line-ends"}, "other line ends"),
    (Replacement("shop/cart.py", 13, 13, FIXED), {"obstacle": "no-final-newline"}, "does not end"),
    (Replacement("shop/cart.py", 13, 13, FIXED), {"obstacle": "another"}, "in the way"),
    (
        Replacement("shop/cart.py", 13, 13, FIXED),
        {"also": (Replacement("shop/cart.py", 1, 1, "# line 1\nimport math\n"),)},
        "a second change",
    ),
    (Replacement("shop/cart.py", 13, 13, "    for price in prices:"), {}, "does not end"),
    (Replacement("shop/cart.py", 13, 13, "    for price in prices:\r\n"), {}, "other line ends"),
    (Replacement("shop/cart.py", 11, 15, FIXED), {}, "deletes lines between"),
    (Replacement("shop/cart.py", 13, 13, "\n"), {}, "nothing but empty lines"),
    (Replacement("shop/cart.py", 13, 13, "    x = 1  # \u202ereversed\n"), {}, "cannot be seen"),
    (Replacement("shop/cart.py", 13, 13, "    x\u200b = 1\n"), {}, "cannot be seen"),
    (Replacement("shop/cart.py", 13, 13, '    """\n/tryline ignore abcd\n    """\n'), {}, "like a command"),
    (Replacement("shop/cart.py", 15, 16, "    return 0\n"), {}, "leaves the function"),
]


@pytest.mark.parametrize(("change", "how", "why"), NO_BLOCKS)
def test_what_cannot_be_applied_with_one_click_is_a_diff_that_says_why(
    change: Replacement, how: dict[str, object], why: str
) -> None:
    (inline,) = planned(with_findings(rewritten(change, **how))).create
    assert "```suggestion" not in inline.body
    assert "```diff" in inline.body
    found = re.search(r"Not a one-click suggestion: (.*)\.\n", inline.body)
    assert found is not None
    assert why in found[1]
    assert (inline.start_line or inline.line, inline.line) == (change.start_line, change.end_line)


def test_a_deletion_is_an_empty_block() -> None:
    item = rewritten(Replacement("shop/cart.py", 13, 14, ""))
    (inline,) = planned(with_findings(item)).create
    assert "\n```suggestion\n```\n" in inline.body
    assert (inline.start_line, inline.line) == (13, 14)


def test_invisible_characters_that_head_holds_already_are_no_obstacle() -> None:
    source = HEAD_SOURCE.replace("net = 0", "net = 0  # \u2764\ufe0f")
    changed = replace(CHANGED, head=function(source))
    files = (file_diff("shop/cart.py", ABOVE + BASE_SOURCE, ABOVE + source),)
    change = Replacement("shop/cart.py", 12, 12, "    net = 1  # \u2764\ufe0f\n")
    item = replace(rewritten(change), finding=replace(FINDING, function=changed, start_line=12, end_line=12))
    (inline,) = planned(with_findings(item), files=files).create
    assert "\n```suggestion\n    net = 1  # \u2764\ufe0f\n```" in inline.body


def test_a_secret_is_in_no_block_and_in_no_diff() -> None:
    token = "ghp_" + "a1B2c3D4" * 5
    for secret in (token, token[:9] + "\u200b" + token[9:]):
        item = rewritten(Replacement("shop/cart.py", 13, 13, f'    key = "{secret}"\n'))
        plan = planned(with_findings(item))
        assert "It is not shown: it holds what looks like a secret." in plan.create[0].body
        for text in (plan.create[0].body, plan.summary, plan.summary_if_refused):
            assert token[9:] not in text


def test_what_head_holds_already_is_not_suggested() -> None:
    item = rewritten(Replacement("shop/cart.py", 13, 13, "    for price in prices[1:]:\n"))
    (inline,) = planned(with_findings(item)).create
    assert "```suggestion" not in inline.body
    assert "It is not shown: the file holds it already." in inline.body


def test_a_rewrite_that_is_too_long_is_left_out_and_never_cut() -> None:
    long = "".join(f"    x{n} = {n}\n" for n in range(6000))
    (inline,) = planned(with_findings(rewritten(Replacement("shop/cart.py", 13, 13, long)))).create
    assert "It is not shown: it is too long for a comment." in inline.body
    assert "x17 = 17" not in inline.body
    near = "    x = 1\n" * 6420
    (inline,) = planned(with_findings(rewritten(Replacement("shop/cart.py", 13, 13, near)))).create
    assert len(inline.body) <= 65_000
    assert f"```suggestion\n{near}```" in inline.body
    assert "| test |" not in inline.body, "the proof has given way"
    assert "Shortened:" in inline.body


# ------------------------------------------------------------------------------------------------ further pushes


def test_planning_again_changes_nothing() -> None:
    wall = posted_wall(with_findings(*numbered(4), replace(WITHOUT_REWRITE)))
    before = wall.written
    again = planned(with_findings(*numbered(4), replace(WITHOUT_REWRITE)), wall)
    assert again.create == again.edit == again.delete == ()
    assert len(again.kept) == 5
    assert wall.written == before


def test_platforms_may_change_line_ends() -> None:
    wall = posted_wall()
    wall.change([1], body=wall.comments[1].body.replace("\n", "\r\n") + "\r\n")
    assert planned(FOUND, wall).edit == ()


def test_another_text_at_the_same_place_is_an_edit() -> None:
    plan = planned(FOUND_WITHOUT, posted_wall())
    assert plan.create == plan.delete == ()
    (edit,) = plan.edit
    assert (edit.key, edit.finding, edit.withdrawn) == (1, FINDING.id, False)
    assert "No rewrite" in edit.body


@pytest.mark.parametrize("how", [{"line": None}, {"line": 15}, {"start_line": 11}])
def test_a_comment_whose_lines_have_moved_is_made_anew(how: dict[str, object]) -> None:
    wall = posted_wall()
    wall.change([1], **how)
    plan = planned(FOUND, wall)
    assert plan.delete == (1,)
    assert [inline.line for inline in plan.create] == [13]
    wall.carry_out(plan)
    assert list(wall.comments) == [2]


def test_an_outdated_comment_that_has_no_new_place_is_edited_where_it_is() -> None:
    wall = posted_wall()
    wall.change([1], line=None)
    plan = planned(FOUND, wall, files=())
    assert plan.create == plan.delete == ()
    (edit,) = plan.edit
    assert "```suggestion" not in edit.body
    wall.carry_out(plan)
    wall.change([1], line=None)
    assert planned(FOUND, wall, files=()).edit == ()


@pytest.mark.parametrize("how", [{}, {"line": None}, {"line": 15}])
@pytest.mark.parametrize("review", [FOUND, FOUND_WITHOUT, CLEAN])
def test_a_thread_with_answers_is_never_touched(how: dict[str, object], review: Review) -> None:
    wall = posted_wall()
    wall.change([1], answered=True, **how)
    plan = planned(review, wall, head=LATER)
    assert plan.create == plan.edit == plan.delete == ()
    assert plan.kept == (FINDING.id,)
    if review is CLEAN:
        assert "No longer there at `ddddddd`" in plan.summary
        assert "its thread has answers and stays as it is" in plan.summary
    elif review is FOUND_WITHOUT:
        assert "below, and in a thread with answers" in plan.summary
        assert "in full</summary>" in plan.summary
    else:
        assert "| in a thread with answers |" in plan.summary


def test_what_is_gone_is_withdrawn_once_and_cannot_be_clicked() -> None:
    wall = posted_wall()
    plan = planned(CLEAN, wall, head=LATER)
    (edit,) = plan.edit
    assert edit.withdrawn
    assert edit.body.startswith("#### ~~`total` leaves out the first price~~\n\n**Fixed in `ddddddd`.**")
    assert "suggestion" not in re.sub("one-click suggestion", "", edit.body)
    assert markers.read(edit.body) == markers.Marker("finding", FINDING.id, withdrawn=True)
    assert "No longer there at `ddddddd`" in plan.summary
    wall.carry_out(plan)
    again = planned(CLEAN, wall, head=LATER)
    assert again.edit == again.create == again.delete == ()
    assert markers.unsigned(again.summary).count("\n") == 0, "it is told once"


def test_what_stood_in_the_summary_alone_is_told_as_gone_as_well() -> None:
    wall = Wall()
    wall.carry_out(planned(FOUND, wall, files=()))
    plan = planned(CLEAN, wall, head=LATER)
    assert "No longer there" in plan.summary
    assert FINDING.id in plan.summary


def test_what_comes_back_is_edited_back_or_moved() -> None:
    wall = posted_wall()
    body = wall.comments[1].body
    wall.carry_out(planned(CLEAN, wall, head=LATER))
    (edit,) = planned(FOUND, wall).edit
    assert (edit.body, edit.withdrawn) == (body, False)
    wall.change([1], line=None)
    plan = planned(FOUND, wall)
    assert (plan.delete, len(plan.create)) == ((1,), 1)


STANDING = [
    replace(NEUTRAL, findings=()),
    replace(CLEAN, functions=(FunctionReport(CHANGED, 4, 9, (), whole=False),)),
    replace(
        CLEAN,
        functions=(),
        not_reviewed=(NotReviewed("shop/cart.py", "total", (13,), "over-budget", "more than 25"),),
    ),
]


@pytest.mark.parametrize("review", STANDING)
def test_a_review_that_says_nothing_of_a_finding_leaves_it(review: Review) -> None:
    wall = posted_wall()
    plan = planned(review, wall, head=LATER)
    assert plan.edit == plan.delete == plan.create == ()
    assert plan.kept == (FINDING.id,)
    assert "No longer there" not in plan.summary
    memory = markers.read(plan.summary).memory  # type: ignore[union-attr]
    assert memory is not None
    assert memory.known(FINDING.id) is not None
    wall.summary = ""  # and so where nothing is remembered
    assert planned(review, wall, head=LATER).edit == ()


def test_a_comment_that_stands_counts_towards_the_limit() -> None:
    wall = posted_wall()
    other = replace(CHANGED, head=replace(function(), qualname="other", path="b.py"))
    more = tuple(
        replace(item, finding=replace(item.finding, function=other), rewrite=None) for item in numbered(5)
    )
    files = (*FILES, replace(FILES[0], path="b.py"))
    half = replace(FOUND, findings=more, functions=(FunctionReport(CHANGED, 4, 9, (), whole=False),))
    assert len(planned(half, wall, files=files).create) == 4
    assert len(planned(replace(half, functions=()), wall, files=files).create) == 5, "a withdrawn one does not"


def test_a_second_comment_on_one_finding_goes() -> None:
    wall = posted_wall()
    wall.comments[2] = replace(wall.comments[1], key=2)
    wall.comments[3] = replace(wall.comments[1], key=3, answered=True)
    plan = planned(FOUND, wall)
    assert sorted(plan.delete) == [1, 2]
    assert plan.create == plan.edit == ()
    assert plan.kept == (FINDING.id,)


def test_a_finding_that_is_there_twice_is_told_once() -> None:
    assert len(planned(with_findings(WITH_REWRITE, WITH_REWRITE)).create) == 1


@pytest.mark.thorough
@settings(deadline=None, max_examples=60)
@given(st.lists(st.sets(st.integers(0, 8)), min_size=1, max_size=8), st.sets(st.integers(1, 12)))
def test_over_many_pushes_nothing_is_there_twice_and_nothing_wrong_stands(
    pushes: list[set[int]], answered: set[int]
) -> None:
    items = numbered(9)
    wall = Wall()
    for number, present in enumerate(pushes):
        chosen = tuple(items[n] for n in sorted(present))
        review = replace(FOUND, findings=chosen) if chosen else CLEAN
        head = f"{number:040x}"
        plan = planned(review, wall, head=head)
        wall.carry_out(plan)
        wall.change([key for key in wall.comments if key in answered], answered=True)
        told = [posted.finding for posted in wall.comments.values()]
        assert len(told) == len(set(told))
        for posted in wall.comments.values():
            there = posted.finding in {item.finding.id for item in chosen}
            assert posted.answered or posted.withdrawn is not there
        for item in chosen:
            assert item.finding.title in wall.summary
        again = planned(review, wall, head=head)
        assert again.create == again.edit == again.delete == ()


# ------------------------------------------------------------------------------------------------------ ignoring


def test_what_is_ignored_is_neither_posted_nor_counted_but_listed() -> None:
    other = replace(WITHOUT_REWRITE, finding=replace(FINDING, rule="tests/crash", title="Another"))
    wall = ignored_wall()
    plan = planned(with_findings(WITH_REWRITE, other), wall, check=True, fail_on=Severity.LOW)
    assert [inline.finding for inline in plan.create] == [other.finding.id]
    assert plan.summary.startswith("**1 finding in 1 changed function, none with a rewrite.**")
    assert plan.summary.count("\nIgnored, and no part of the verdict: ") == 1
    assert f"({FINDING.id}, by ann)" in plan.summary.replace("`", "")
    (edit,) = plan.edit
    assert edit.withdrawn
    assert "**Ignored by `ann`.**" in edit.body
    assert plan.check is not None
    assert {note.finding for note in plan.check.annotations} == {other.finding.id}


def test_where_all_is_ignored_the_check_is_green() -> None:
    for review in (FOUND, with_findings(replace(WITH_REWRITE, ignored=True))):
        wall = ignored_wall() if review is FOUND else Wall()
        plan = planned(review, wall, check=True, fail_on=Severity.LOW)
        assert plan.check is not None
        assert plan.check.mark is Mark.SUCCESS
        assert plan.create == ()
        assert "that is not ignored" in plan.summary
        wall.carry_out(plan)
        assert planned(review, wall).edit == ()


def test_ignoring_reaches_a_comment_also_where_the_review_could_not_run() -> None:
    (edit,) = planned(NEUTRAL, ignored_wall()).edit
    assert "**Ignored by `ann`.**" in edit.body


# -------------------------------------------------------------------------------------------------------- checks


@pytest.mark.parametrize(
    ("review", "fail_on", "mark"),
    [
        (CLEAN, Severity.LOW, Mark.SUCCESS),
        (NOTHING, None, Mark.SUCCESS),
        (NEUTRAL, Severity.LOW, Mark.NEUTRAL),
        (replace(NEUTRAL, findings=FOUND.findings), Severity.LOW, Mark.NEUTRAL),
        (FOUND, None, Mark.NEUTRAL),
        (FOUND, Severity.CRITICAL, Mark.NEUTRAL),
        (FOUND, Severity.HIGH, Mark.FAILURE),
        (FOUND, Severity.LOW, Mark.FAILURE),
    ],
)
def test_how_a_check_ends(review: Review, fail_on: Severity | None, mark: Mark) -> None:
    check = planned(review, check=True, fail_on=fail_on).check
    assert check is not None
    assert check.mark is mark
    assert "<!--" not in check.summary
    assert "\n" not in check.title
    assert planned(review).check is None


def test_annotations_are_plain_text_on_the_findings_lines() -> None:
    token = "ghp_" + "a1B2c3D4" * 5
    loud = replace(FINDING, title="a\x1b[31mb\nc", message=f"key {token}", severity=Severity.MEDIUM, end_line=14)
    (note,) = comment.annotations(with_findings(replace(WITH_REWRITE, finding=loud)))
    assert (note.path, note.start_line, note.end_line, note.level) == ("shop/cart.py", 13, 14, Level.WARNING)
    assert note.title == "ab c"
    assert token not in note.message
    assert "passed 24 tests" in note.message
    assert note.finding == loud.id
    assert comment.annotations(with_findings(replace(WITH_REWRITE, ignored=True))) == ()


# -------------------------------------------------------------------------------------------------------- memory


def test_what_is_remembered_of_a_review() -> None:
    probe = Probe("test", "code", "test_it", "claim")
    candidate = replace(CANDIDATE, imports=("import math",), proposer="toy", rung="plain")
    rewrite = Rewrite.of(candidate, VERDICT, Replacement("shop/cart.py", 13, 13, FIXED))
    item = replace(WITH_REWRITE, finding=replace(FINDING, probe=probe), rewrite=rewrite)
    memory = comment.memory_of(with_findings(item), Memory("b", {"x::y": "1"}, ignored={"ff": "ann"}))
    assert (memory.head, memory.ignored) == ("c" * 40, {"ff": "ann"})
    assert memory.functions == {"shop/cart.py::total": function_digest(CHANGED), "x::y": "1"}
    (known,) = memory.findings
    assert (known.id, known.function, known.rule, known.title) == (
        FINDING.id,
        "shop/cart.py::total",
        FINDING.rule,
        FINDING.title,
    )
    assert (known.source, known.imports, known.edits) == (candidate.source, ("import math",), ("drop-slice",))
    assert (known.proposer, known.rung, known.probe) == ("toy", "plain", probe)
    plan = planned(with_findings(item))
    assert markers.read(plan.summary).memory == comment.memory_of(with_findings(item), Memory())  # type: ignore[union-attr]


def test_what_we_make_ourselves_is_found_anew_and_not_remembered() -> None:
    review = replace(FOUND, findings=(CRASH_MENDED, ATTACK_MENDED))
    memory = comment.memory_of(review, Memory())
    assert [known.probe for known in memory.findings] == [None, None]
    assert set(memory.functions) == {CHANGED.id}, "and its function counts as reviewed"


def test_a_function_that_was_not_reviewed_as_a_whole_is_not_remembered_as_reviewed() -> None:
    before = Memory("b", {"shop/cart.py::total": "old"})
    half = replace(CLEAN, functions=(FunctionReport(CHANGED, 4, 9, (), whole=False),))
    assert comment.memory_of(half, before).functions == {}


def test_no_secret_is_remembered_and_what_is_lost_by_it_is_reviewed_again() -> None:
    token = "ghp_" + "a1B2c3D4" * 5
    rewrite = Rewrite.of(replace(CANDIDATE, source=f"def f(): '{token}'\n"), VERDICT, PLAIN)
    probe = Probe("test", f"x = '{token}'", "test_it", "claim")
    for item in (
        replace(WITH_REWRITE, rewrite=rewrite),
        replace(WITH_REWRITE, finding=replace(FINDING, probe=probe)),
        replace(WITH_REWRITE, finding=replace(FINDING, title=f"f({token})")),
    ):
        memory = comment.memory_of(with_findings(item), Memory())
        assert token not in repr(memory)
        assert len(memory.findings) == 1
        lost = memory.findings[0].source == "" or item.finding.probe is not None
        assert ("shop/cart.py::total" in memory.functions) is not lost


def test_a_review_that_could_not_run_changes_no_memory_but_adds_what_it_found() -> None:
    before = Memory("b", {"x::y": "1"}, comment.memory_of(FOUND, Memory()).findings, {"ff": "ann"})
    assert comment.memory_of(NEUTRAL, before) == before
    found = comment.memory_of(replace(NEUTRAL, findings=numbered(1)), before)
    assert (found.head, found.functions, len(found.findings)) == ("b", before.functions, 2)
    wall = posted_wall()
    kept = markers.read(planned(NEUTRAL, wall, head=LATER).summary)
    assert kept is not None
    assert kept.memory == wall.conversation().memory


def test_what_is_ignored_keeps_its_title_and_its_rewrite() -> None:
    before = replace(comment.memory_of(FOUND, Memory()), ignored={FINDING.id: "ann"})
    ignored = replace(WITHOUT_REWRITE, ignored=True)
    assert comment.memory_of(with_findings(ignored), before).findings == before.findings
    assert comment.memory_of(CLEAN, before).findings == before.findings


# ------------------------------------------------------------------------------------------- while it is running


def test_while_it_runs_the_memory_and_the_last_result_stay() -> None:
    wall = posted_wall()
    last = markers.unsigned(wall.summary)
    memory = wall.conversation().memory
    for _ in range(3):
        for text in (
            comment.running(wall.conversation(), LATER, ""),
            comment.failed(wall.conversation(), LATER, "no engine", ""),
            comment.running(wall.conversation(), LATER, ""),
        ):
            wall.summary = text
            assert wall.conversation().memory == memory
            assert text.count(last) == 1
            assert text.count("The last result") == 1


def test_what_is_ignored_while_it_runs_is_not_forgotten() -> None:
    wall = posted_wall()
    last = markers.unsigned(wall.summary)
    wall.summary = comment.running(wall.conversation(), LATER, "")
    conversation = wall.conversation()
    known = conversation.memory.findings[0]
    wall.carry_out(comment.ignoring(conversation, known, "ann", number=7, head=LATER))
    assert wall.comments[1].withdrawn
    wall.summary = comment.failed(wall.conversation(), LATER, "no engine", "")
    assert wall.summary.count(last) == 1
    assert wall.summary.count("by `ann`") == 1
    assert wall.conversation().memory.ignored == {known.id: "ann"}


def test_the_first_time_it_is_one_line() -> None:
    text = comment.running(Conversation(), HEAD, "")
    assert markers.unsigned(text) == "Tryline is reviewing `ccccccc`."
    again = Conversation(Posted(1, text))
    assert "<details>" not in comment.running(again, LATER, "")
    assert "<details>" not in comment.failed(again, LATER, "no engine", "")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://e.org/a) [x](https://evil", "https://e.org/ a", "x", "https://e.org/<b>"],
)
def test_an_odd_address_is_no_link(url: str) -> None:
    for text in (comment.running(Conversation(), HEAD, url), planned(NEUTRAL, run_url=url).summary):
        assert "](" not in text
    assert "[run](https://e.org/r/1?a=b)" in comment.running(Conversation(), HEAD, "https://e.org/r/1?a=b")


# ---------------------------------------------------------------------------------------------------------- room


@pytest.mark.thorough
def test_every_body_fits_whatever_there_is_to_say() -> None:
    big = replace(
        FINDING,
        title="&" * 5000,
        message="& @you `x` " * 5000,
        witness=replace(FINDING.witness, command="& " * 9000, failure="<&>\n" * 90_000, code="x = '&'\n" * 90_000),
    )
    items = tuple(
        replace(
            WITHOUT_REWRITE if n % 2 else WITH_REWRITE,
            finding=replace(big, rule=f"r{n}"),
            why_no_rewrite="&" * 9000,
        )
        for n in range(60)
    )
    review = replace(
        FOUND,
        findings=items,
        problems=tuple(Problem("slug", "&" * 9000, "log\n" * 90_000) for _ in range(40)),
        not_reviewed=tuple(
            NotReviewed("a" * 400, "b" * 400, tuple(range(0, 90_000, 2)), "x", "&" * 9000) for _ in range(90)
        ),
        notes=("& " * 9000,) * 90,
        flaky=("t" * 500,) * 90,
        environment={"a": "&" * 9000},
    )
    for conclusion in (FOUND.conclusion, NEUTRAL.conclusion):
        plan = planned(replace(review, conclusion=conclusion), check=True, from_fork=True)
        assert plan.check is not None
        bodies = [plan.summary, plan.summary_if_refused, plan.check.summary, *(c.body for c in plan.create)]
        assert max(map(len, bodies)) <= 65_000
        for body in bodies:
            fences = re.findall(r"(?m)^(`{3,})[a-z]*$", body)
            assert len(fences) % 2 == 0
            assert body.count("<details>") == body.count("</details>")
        assert "Shortened: not all" in plan.summary
        wall = Wall()
        wall.carry_out(plan)
        assert len(comment.running(wall.conversation(), LATER, "")) <= 65_000
        for edit in planned(CLEAN, wall, head=LATER).edit:
            assert len(edit.body) <= 65_000


@pytest.mark.parametrize("item", [CRASH_MENDED, UNMENDED, ATTACK_MENDED, SLOWER_MENDED, FASTER_MENDED])
@pytest.mark.parametrize("code", [1_000, 19_000, 90_000])
def test_so_does_every_kind_of_finding(item: Reviewed, code: int) -> None:
    witness = replace(
        item.finding.witness,
        command="& " * 9000,
        failure="<&>\n" * 90_000,
        code="x = '&'\n" * (code // 8) if item.finding.witness.code else "",
        payload="`|\n@" * 90_000,
        sink="&" * 9000,
        stack=item.finding.witness.stack * 900,
    )
    finding = replace(item.finding, title="&" * 5000, message="& @you `x` " * 5000, witness=witness)
    many = tuple(replace(item, finding=replace(finding, anchor=str(n))) for n in range(12))
    (report,) = ALTERED.functions
    rows = tuple(replace(row, arguments="[" * 9000, head="`|" * 9000) for row in DIFFERENCES) * 30
    functions = tuple(replace(report, differences=rows, left_alone="&" * 9000) for _ in range(90))
    plan = planned(replace(with_findings(*many), functions=functions), check=True)
    assert plan.check is not None
    assert len(plan.create) == 1, "they are of one cause"
    for body in (plan.summary, plan.summary_if_refused, plan.check.summary, *(c.body for c in plan.create)):
        assert len(body) <= 65_000
        assert body.count("<details>") == body.count("</details>")
        assert len(re.findall(r"(?m)^(`{3,})[a-z]*$", body)) % 2 == 0


# ------------------------------------------------------------------------------------------------------- answers


def test_answers_to_commands() -> None:
    memory = comment.memory_of(with_findings(*numbered(2), WITH_REWRITE), Memory())
    known = memory.known(FINDING.id)
    assert known is not None
    assert "drop-slice" in comment.explained(known, memory)
    assert "Ignored by `ann`" in comment.explained(known, replace(memory, ignored={known.id: "ann"}))
    gone = Posted(1, "", known.id, withdrawn=True)
    assert "Withdrawn:" in comment.explained(known, memory, gone)
    assert "names no one finding" in comment.unknown("ffff", memory)
    assert "None is known" in comment.unknown("ffff", Memory())
    assert "asked by `ann`" in comment.ignored(known, "ann")
    assert "does not fail at `ddddddd` any more" in comment.verified(known, None, LATER)
    still = comment.verified(known, WITH_REWRITE, LATER)
    assert "Still there at `ddddddd`" in still
    assert "```diff" in still
    assert "No rewrite" in comment.verified(known, WITHOUT_REWRITE, LATER)
    assert "says nothing about it" in comment.unverified(known, "no engine")
    assert comment.refused("it is @closed") == "Not done: it is @\u200bclosed"


def test_a_place_is_asked_for_a_block_only_by_a_comment_on_lines() -> None:
    place = place_of(WITH_REWRITE, FILES)
    assert isinstance(place, Place)
    assert offer_of(WITH_REWRITE, place, FILES).kind == "block"
    assert offer_of(WITH_REWRITE, None, FILES).kind == "diff"
    assert offer_of(WITHOUT_REWRITE, place, FILES).kind == "none"


# ---------------------------------------------------------------------------- one cause, other answers, suspicions


def test_what_is_of_one_cause_is_told_once_and_named_there() -> None:
    review, wall = with_findings(FASTER_MENDED, SLOWER_MENDED, ATTACK_MENDED), Wall()
    plan = planned(review, wall)
    assert [one.finding for one in plan.create] == [ATTACK_MENDED.finding.id, SLOWER_MENDED.finding.id]
    assert f"Also in these lines: `total` can be 3.2 times as fast (`{FASTER_MENDED.finding.id}`)." in (
        plan.create[1].body
    )
    assert "| told with another |" in plan.summary
    assert "Also in these lines" in plan.summary_if_refused, "where no comment can be made, it is said there"
    wall.carry_out(plan)
    again = planned(review, wall)
    assert (again.create, again.edit, again.delete) == ((), (), ())


def test_what_was_told_with_another_gets_a_comment_when_that_one_is_gone() -> None:
    wall = Wall()
    wall.carry_out(planned(with_findings(FASTER_MENDED, SLOWER_MENDED), wall))
    plan = planned(with_findings(FASTER_MENDED), wall, head=LATER)
    assert [one.finding for one in plan.create] == [FASTER_MENDED.finding.id]
    assert [(one.finding, one.withdrawn) for one in plan.edit] == [(SLOWER_MENDED.finding.id, True)]


def test_a_comment_that_is_there_stays_when_something_worse_of_its_cause_comes() -> None:
    wall = Wall()
    wall.carry_out(planned(with_findings(FASTER_MENDED), wall))
    plan = planned(with_findings(FASTER_MENDED, SLOWER_MENDED), wall)
    assert [one.finding for one in plan.create] == [SLOWER_MENDED.finding.id]
    assert plan.kept == (FASTER_MENDED.finding.id,)
    assert "Also in these lines" not in plan.create[0].body


@pytest.mark.parametrize(
    "other",
    [
        replace(FASTER_MENDED, finding=replace(FASTER_MENDED.finding, start_line=14, end_line=14)),
        replace(FASTER_MENDED, finding=replace(FASTER_MENDED.finding, category=CRASH_MENDED.finding.category)),
        replace(
            FASTER_MENDED,
            finding=replace(
                FASTER_MENDED.finding, function=replace(CHANGED, head=replace(CHANGED.head, qualname="sum_up"))
            ),
        ),
    ],
)
def test_other_lines_kinds_and_functions_are_other_causes(other: Reviewed) -> None:
    assert len(planned(with_findings(other, SLOWER_MENDED)).create) == 2


def test_a_rewrite_is_not_lost_to_something_worse_that_has_none() -> None:
    worse = replace(SLOWER_MENDED, rewrite=None)
    plan = planned(with_findings(worse, FASTER_MENDED))
    assert len(plan.create) == 2
    assert "```suggestion" in plan.create[1].body


def test_tests_of_the_repository_stand_for_themselves() -> None:
    assert len(planned(with_findings(*numbered(3))).create) == 3


def test_many_other_answers_are_folded_and_counted() -> None:
    (report,) = ALTERED.functions
    rows = tuple(replace(DIFFERENCES[0], arguments=f"[{n}]") for n in range(23))
    text = planned(replace(ALTERED, functions=(replace(report, differences=rows),))).summary
    assert "<details><summary>This change alters what 1 function answers: 23 inputs</summary>" in text
    assert text.count("| `total` |") == 10
    assert "And 13 more." in text


def test_what_was_left_alone_makes_no_review_longer_that_has_nothing_to_say() -> None:
    assert planned(LEFT_ALONE).summary == planned(CLEAN).summary
    review = replace(with_findings(CRASH_MENDED), functions=LEFT_ALONE.functions)
    assert "- its answers differ from run to run: `shop/cart.py::total`" in planned(review).summary


def test_answers_that_tests_demand_are_folded() -> None:
    (report,) = ALTERED.functions
    text = planned(replace(ALTERED, functions=(replace(report, differences=DIFFERENCES[1:2]),))).summary
    assert "<details><summary>This change alters what 1 function answers: 1 input</summary>" in text


def test_a_crash_that_a_finding_tells_is_no_row_as_well() -> None:
    (report,) = ALTERED.functions
    crash = replace(DIFFERENCES[0], kind="crash", head="raises IndexError")
    functions = (replace(report, differences=(crash,), unexecuted_lines=()),)
    assert "raises IndexError" in planned(replace(ALTERED, functions=functions)).summary
    review = replace(with_findings(CRASH_MENDED), functions=functions)
    assert "This change alters" not in planned(review).summary


def test_suspicions_are_listed_once_and_only_where_they_are_asked_for() -> None:
    many = tuple(suspected("ruff/B006", f"default {n // 2}") for n in range(50))
    review = replace(CLEAN, unproven=many)
    assert planned(review).summary == planned(CLEAN).summary, "no line more than without"
    text = planned(review, caps=Caps(suspected=True)).summary
    assert "<summary>Suspected, not proven: 25</summary>" in text
    assert text.count("(`ruff/B006`)") == 10
    assert "- and 15 more" in text


def test_annotations_name_the_weakness_and_the_interval() -> None:
    attack, slower = comment.annotations(with_findings(SLOWER_MENDED, ATTACK_MENDED))
    assert attack.title.endswith(" (CWE-78)")
    assert "Measured: head takes 9.6 times as long as base (99% interval: 9.1 to 10.3)." in slower.message
    assert "Run: tryline review --function" in slower.message
    (bare,) = comment.annotations(with_findings(replace(SLOWER_MENDED, finding=without_command(SLOWER_MENDED))))
    assert "Run:" not in bare.message, "no line of a command that is not there"
    assert "```console" not in inline(replace(SLOWER_MENDED, finding=without_command(SLOWER_MENDED)))
