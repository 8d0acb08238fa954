"""The terminal: what is shown while a review runs and at its end, and that nothing foreign is obeyed."""

from __future__ import annotations

import io
import os
import pty
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from sample_proofs import ALTERED, ATTACK, KINDS, LEFT_ALONE, suspected
from sample_reviews import (
    CLEAN,
    FINDING,
    FOUND,
    FOUND_BY_MODEL,
    FOUND_WITHOUT,
    NEUTRAL,
    REFUSED,
    VERDICT,
    WITH_REWRITE,
)

from bot.console import TerminalProgress, print_diagnosis, print_review, print_verdict
from bot.domain import Review
from bot.render import Caps
from bot.sandboxes import Diagnosis

HOSTILE = "\x1b[31m[bold]x[/bold] :smile: \u202e\x07"


def shown(review: Review, caps: Caps | None = None) -> str:
    stream = io.StringIO()
    print_review(review, stream, caps=caps)
    return stream.getvalue()


def test_a_witness_that_no_file_holds_is_shown_whole() -> None:
    text = shown(FOUND_BY_MODEL)
    assert "as tests/test_tryline_0f0f0f0f.py:" in text
    lines = [line.rstrip() for line in text.splitlines()]
    start = lines.index("    def test_total():")
    assert lines[start + 1 : start + 3] == ["        got = total([3, 4])", "        assert got == 7"]
    assert "written for this review" not in shown(FOUND)


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_progress_is_lines_with_elapsed_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    with TerminalProgress(stream, clock=clock) as progress:
        progress.stage("find", "2 functions")
        clock.now += 1.5
        progress.note("[bold]as it is[/bold]")
        progress.tick("too soon")
        clock.now += 60
        progress.tick("still there")
    assert stream.getvalue().splitlines() == [
        "   0.0 s  find     2 functions",
        "   1.5 s           [bold]as it is[/bold]",
        "  61.5 s           still there",
    ]


def test_on_a_terminal_the_spinner_is_gone_at_the_end() -> None:
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as stream, TerminalProgress(stream, color=False) as progress:
        progress.stage("prepare", "image")
        progress.tick("a very short-lived state")
        progress.stage("observe")
    text = b"".join(chunks(reader)).decode()
    assert "prepare  image" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1, "the cursor is hidden once and shown again"


def chunks(reader: int) -> Iterator[bytes]:
    """All that was written to a terminal whose other end is closed."""
    with os.fdopen(reader, "rb", buffering=0) as stream, suppress(OSError):
        while chunk := stream.read(4096):
            yield chunk


def test_progress_outlives_its_reader() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream)
    stream.close()
    progress.stage("find")
    progress.note("nobody reads this")


def test_the_report_of_a_finding() -> None:
    text = shown(FOUND)
    assert text.splitlines()[0] == "1 finding in 1 changed function, 1 with a rewrite that passed the tests."
    for line in (
        "  shop/cart.py:13 total [tests/regression]",
        "  $ python -m pytest tests/test_cart.py::test_total",
        "    E       assert 4 == 7",
        "  -    for price in prices[1:]:",
        "  +    for price in prices:",
        "  Rewrite: passed 24 tests (whole suite) in a fresh container; 4 execute the function",
        "  Found by built-in edits",
        f"  Replay: tryline replay {FINDING.id}",
        "  shop/table.py (3-4, 9): Only functions are reviewed.",
    ):
        assert line in [shown_line.rstrip() for shown_line in text.splitlines()]
    assert re.search(r"test_cart.py::test_total +passed +failed +passed", text)
    assert re.search(r"2 other tests +same +same +same", text)


def test_a_tree_as_it_stands_has_no_base_and_changed_nothing() -> None:
    item = FOUND.findings[0]
    assert item.rewrite is not None
    rows = tuple(replace(row, base=None) for row in item.rewrite.verdict.matrix)
    alone = replace(item, rewrite=replace(item.rewrite, verdict=replace(item.rewrite.verdict, matrix=rows)))
    change = replace(FOUND.change, base=FOUND.change.head)
    text = shown(replace(FOUND, change=change, findings=(alone,)))
    assert re.search(r"test +head +rewrite *\n", text)
    assert re.search(r"test_cart.py::test_total +failed +passed", text)
    assert "changed function" not in text and "Changed lines" not in text


def test_the_report_without_a_rewrite_says_why() -> None:
    text = shown(FOUND_WITHOUT)
    assert "  No rewrite: no candidate passed every check.\n" in text
    assert "  Refused in the cold run: same-results: answers 2 of 5 recorded calls otherwise than base\n" in text
    assert "test_two: weakened: 3 assertions became 1" in text
    assert "test_new" not in text


def test_a_review_that_could_not_run_shows_why_and_the_log() -> None:
    text = shown(NEUTRAL)
    assert text.startswith("Could not review this change")
    assert "  No tests were found at base; set `test.paths`. [no-tests]\n    collected 0 items" in text


def test_what_is_over_the_cap_is_one_line_each() -> None:
    text = shown(replace(FOUND, findings=(WITH_REWRITE,) * 3), Caps(max_inline=1))
    assert text.count("Replay: ") == 1
    assert "2 more findings\n" in text


def test_what_each_kind_of_finding_shows() -> None:
    text = shown(KINDS)
    for line in (
        "shop/cart.py:13 total [security/command-injection] CWE-78",
        "payload  x'; touch `landed` | cat @admin #",
        "reaches  subprocess.Popen",
        "shop/shell.py:8 run",
        "head takes 9.6 times as long as base (99% interval: 9.1 to 10.3)",
        "grows with the size n as: base n^1.0, head n^2.0",
        "rewrite is 3.2 times as fast as head (99% interval: 2.9 to 3.6)",
        "SQL statements: head 800, rewrite 1",
        "Weakly tested: the tests notice only 1 of 12 altered versions of these lines.",
    ):
        assert line in text
    assert "2.1 ms at base, 20 ms at head" not in text, "no number without its interval"


def test_a_long_exploit_is_named_and_not_printed() -> None:
    witness = replace(ATTACK.witness, code="x = 1\n" * 61)
    text = shown(replace(FOUND, findings=(replace(WITH_REWRITE, finding=replace(ATTACK, witness=witness)),)))
    assert "with the test of 61 lines" in text
    assert "x = 1" not in text
    assert "landed: {" not in text


def test_other_answers_are_a_table_and_what_was_left_alone_a_list() -> None:
    text = shown(ALTERED)
    assert "This change alters what 1 function answers" in text
    assert re.search(r"total +\[-1\] +returns -1 +raises ValueError +refuses it +tests/test_cart", text)
    assert "its answers differ from run to run: shop/cart.py::total" in shown(KINDS)
    assert shown(LEFT_ALONE) == shown(CLEAN), "a review that finds nothing stays as short as it is"
    assert len(shown(CLEAN).splitlines()) == 1


def test_suspicions_are_listed_where_they_are_asked_for() -> None:
    review = replace(CLEAN, unproven=(suspected("ruff/B006", "a mutable default"),))
    assert shown(review) == shown(CLEAN)
    assert "a mutable default [ruff/B006]" in shown(review, Caps(suspected=True))


@pytest.mark.parametrize("review", [FOUND, FOUND_WITHOUT, KINDS])
def test_foreign_text_is_not_obeyed(review: Review) -> None:
    head = replace(FINDING.function.head, path=HOSTILE, qualname=HOSTILE, source=HOSTILE + "\n")
    finding = replace(
        FINDING,
        title=HOSTILE,
        message=HOSTILE,
        function=replace(FINDING.function, head=head),
        witness=replace(FINDING.witness, command=HOSTILE, failure=HOSTILE),
    )
    text = shown(replace(review, findings=(replace(review.findings[0], finding=finding),)))
    assert "[bold]x[/bold] :smile:" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_a_verdict_names_every_check() -> None:
    for verdict, word in ((VERDICT, "accepted"), (REFUSED, "refused")):
        stream = io.StringIO()
        print_verdict(verdict, stream)
        assert stream.getvalue().startswith(f"Verdict: {word}\n")
        for judgement in verdict.judgements:
            assert f"{'ok' if judgement.ok else 'no'}   {judgement.check}: {judgement.detail}" in stream.getvalue()


def test_a_diagnosis_shows_the_remedy_of_what_is_missing() -> None:
    stream = io.StringIO()
    print_diagnosis(
        [Diagnosis("git", True, "2.39", "unused"), Diagnosis("engine", False, "none", "start it")], stream
    )
    assert stream.getvalue() == "ok      git: 2.39\nmissing engine: none\n        start it\n"
