"""The review as Markdown: golden texts for each kind of review, and hostile text that stays harmless."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_proofs import ALTERED, KINDS
from sample_reviews import (
    CANDIDATE,
    CLEAN,
    FINDING,
    FOUND,
    FOUND_BY_MODEL,
    FOUND_WITHOUT,
    NEUTRAL,
    NOTHING,
    SEARCH,
    VERDICT,
    WITH_REWRITE,
)

from bot import render
from bot.domain import MatrixRow, NotReviewed, Outcome, Problem, ProofLevel, Replacement, Review, Rewrite, Severity
from bot.render import (
    MAX_LISTED,
    MAX_MATRIX,
    Caps,
    cell,
    code,
    diff,
    fence,
    found_by,
    headline,
    markdown,
    matrix,
    one_line,
    plain,
    prose,
    ranges,
    rank,
    visible,
)
from bot.sarif import sarif

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = (
    "\x1b[31m<script>@admin\u202e #1 ![x](http://evil/) [y](//z) `` ``` \n# big\n/close https://evil www.evil"
)


@pytest.mark.parametrize(
    ("name", "review"),
    [
        ("clean", CLEAN),
        ("rewrite", FOUND),
        ("no_rewrite", FOUND_WITHOUT),
        ("witness", FOUND_BY_MODEL),
        ("kinds", KINDS),
        ("altered", ALTERED),
        ("neutral", NEUTRAL),
        ("nothing", NOTHING),
    ],
)
def test_the_whole_text(name: str, review: Review) -> None:
    file = GOLDEN / f"{name}.md"
    if os.environ.get("TRYLINE_REFRESH_GOLDEN"):
        file.write_text(markdown(review), encoding="utf-8")
    assert markdown(review) == file.read_text(encoding="utf-8")


def test_a_clean_review_is_one_line() -> None:
    assert markdown(CLEAN).count("\n") == 1


def test_a_review_that_could_not_run_says_so_first_and_never_looks_clean() -> None:
    text = markdown(NEUTRAL)
    assert text.startswith("**Could not review")
    assert "found nothing" not in text


def test_what_is_over_the_cap_is_folded_worst_first() -> None:
    low = replace(WITH_REWRITE, finding=replace(FINDING, severity=Severity.LOW, title="small"))
    critical = replace(WITH_REWRITE, finding=replace(FINDING, severity=Severity.CRITICAL, title="big"))
    review = replace(FOUND, findings=(low, WITH_REWRITE, critical))
    assert [item.finding.severity for item in rank(review.findings)] == ["critical", "high", "low"]
    text = markdown(review, Caps(max_inline=1))
    assert text.count("```suggestion") == 1
    assert text.index("### big") < text.index("2 more findings") < text.index("- small: ")
    assert "```suggestion" not in markdown(review, Caps(max_inline=0))


def test_the_suggestion_is_byte_for_byte_what_was_verified() -> None:
    exact = "    x = '```'\t# \u00e9 @you #1 <b>\n    y = `z`\n"
    rewrite = Rewrite.of(CANDIDATE, VERDICT, Replacement("shop/cart.py", 13, 13, exact))
    text = markdown(replace(FOUND, findings=(replace(WITH_REWRITE, rewrite=rewrite),)))
    assert f"\n````suggestion\n{exact}````\n" in text


def test_imports_are_shown_beside_the_suggestion() -> None:
    also = (Replacement("shop/cart.py", 1, 1, "import math\n"),)
    rewrite = Rewrite.of(CANDIDATE, VERDICT, Replacement("shop/cart.py", 13, 13, "x\n"), also)
    text = markdown(replace(FOUND, findings=(replace(WITH_REWRITE, rewrite=rewrite),)))
    assert "It also needs, at line 1 of `shop/cart.py`:\n\n```python\nimport math\n```" in text
    assert "+import math" in diff(FINDING, rewrite)


def test_a_revert_is_called_one() -> None:
    rewrite = Rewrite.of(replace(CANDIDATE, is_revert=True), VERDICT, Replacement("shop/cart.py", 13, 13, "x\n"))
    text = markdown(replace(FOUND, findings=(replace(WITH_REWRITE, rewrite=rewrite),)))
    assert "Restoring the function as it is at base passed 24 tests" in text


def test_what_ran_apart_is_called_verified() -> None:
    proof = replace(VERDICT, level=ProofLevel.APART, tests_apart=4)
    rewrite = Rewrite.of(CANDIDATE, proof, Replacement("shop/cart.py", 13, 13, "x\n"))
    review = replace(FOUND, findings=(replace(WITH_REWRITE, rewrite=rewrite),))
    said = "is verified against 4 tests with the function in a process of its own, and passed 24 tests"
    assert f"This rewrite of line 13 {said} (whole suite)" in markdown(review)
    assert f"A rewrite {said}" in sarif(review, repository_uri="https://example.org/x")
    assert "is verified" not in markdown(FOUND)


@pytest.mark.parametrize(
    ("rung", "tier", "words"),
    [
        ("plain", "D", "the model's plain rewrite (tier D)"),
        ("best-of-n", "B", "the best of several rewrites by the model (tier B)"),
        ("self-debug", "C", "the model's self-debugging (tier C)"),
        ("line-guided", "A", "the model's line-by-line rewriting (tier A)"),
        ("line-guided", "B", "the model's line-by-line rewriting (tier B)"),
        ("line-guided", "C", "execution-conditioned sampling (tier C)"),
        ("line-guided", "D", "execution-conditioned sampling (tier D)"),
        ("token-cfg", "A", "token-level classifier-free guidance (tier A)"),
    ],
)
def test_what_found_a_rewrite_is_said_without_claiming_more(rung: str, tier: str, words: str) -> None:
    candidate = replace(CANDIDATE, proposer="toy at http://127.0.0.1:8000/v1", rung=rung)
    rewrite = Rewrite.of(candidate, VERDICT, Replacement("shop/cart.py", 13, 13, "x\n"))
    item = replace(WITH_REWRITE, rewrite=rewrite, search=replace(SEARCH, tier=tier))
    assert found_by(item) == words
    text = markdown(replace(FOUND, findings=(item,)))
    assert f" Found by {words}.\n" in text
    assert "toy at" not in text


def test_built_in_edits_are_named_on_every_tier() -> None:
    assert found_by(replace(WITH_REWRITE, search=replace(SEARCH, tier="A"))) == "built-in edits"
    assert found_by(replace(WITH_REWRITE, rewrite=None)) == ""


def test_the_diff_counts_lines_as_the_file_does() -> None:
    assert WITH_REWRITE.rewrite is not None
    assert "@@ -11,5 +11,5 @@ total\n" in diff(FINDING, WITH_REWRITE.rewrite)


def test_the_matrix_names_what_decides_and_counts_the_rest() -> None:
    passed, failed = Outcome.PASSED, Outcome.FAILED
    rows = [MatrixRow(f"t::same{i}", passed, passed, passed) for i in range(7)]
    rows += [MatrixRow(f"t::differs{i:02}", passed, failed, passed) for i in range(MAX_MATRIX + 3)]
    rows += [MatrixRow("t::red", failed, failed, failed), MatrixRow("t::skip", *[Outcome.SKIPPED] * 3)]
    found = matrix(replace(VERDICT, matrix=tuple(rows)), ["t::differs05"])
    assert found.deciding[0].test == "t::differs05", "the witness comes first"
    assert (len(found.deciding), found.more, found.same) == (MAX_MATRIX, 4, 8)


def test_long_lists_are_cut_and_counted() -> None:
    many = tuple(NotReviewed(f"a{i}.py", None, (), "binary", "It is binary.") for i in range(MAX_LISTED + 5))
    text = markdown(replace(CLEAN, not_reviewed=many))
    assert text.count("It is binary.") == MAX_LISTED
    assert "- and 5 more" in text
    assert "Not reviewed: 25" in text


def test_hostile_text_stays_text_everywhere() -> None:
    finding = replace(
        FINDING,
        title=HOSTILE,
        message=HOSTILE,
        witness=replace(FINDING.witness, tests=(HOSTILE,), command=HOSTILE, failure=HOSTILE),
        function=replace(FINDING.function, head=replace(FINDING.function.head, path=HOSTILE, qualname=HOSTILE)),
    )
    verdict = replace(VERDICT, matrix=(MatrixRow(HOSTILE + "|", Outcome.PASSED, Outcome.FAILED, Outcome.PASSED),))
    rewrite = Rewrite.of(CANDIDATE, verdict, Replacement("a", 1, 1, "x\n"))
    text = markdown(
        replace(
            FOUND,
            findings=(replace(WITH_REWRITE, finding=finding, rewrite=rewrite),),
            not_reviewed=(NotReviewed(HOSTILE, HOSTILE, (), HOSTILE, HOSTILE),),
            problems=(Problem(HOSTILE, HOSTILE, HOSTILE),),
            flaky=(HOSTILE,),
            environment={HOSTILE: HOSTILE},
        )
    )
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    outside = without_code(text)
    for dangerous in ("<script", "@admin", " #1", "](", "https://", "www.", "\n# ", "\n/close"):
        assert dangerous not in outside, dangerous


def without_code(text: str) -> str:
    """Markdown without fenced blocks and code spans, by CommonMark's rules for both."""
    text = re.sub(r"(?ms)^(`{3,})[^`\n]*\n.*?^\1`*$", "", text)
    out, at = [], 0
    while at < len(text):
        run = re.compile(r"`+").match(text, at)
        if text[at] == "\\" and text[at + 1 : at + 2] in set("\\`*_~|[]!{}"):
            at += 2
        elif run is None:
            out.append(text[at])
            at += 1
        else:
            end = re.compile(rf"(?<!`){run[0]}(?!`)").search(text, run.end())
            at = end.end() if end else run.end()
    return "".join(out)


def test_prose_keeps_code_spans_and_escapes_the_rest() -> None:
    assert prose("`f([1])` returns <b> & *x*") == "`f([1])` returns &lt;b&gt; &amp; \\*x\\*"
    assert prose("a\n\n- b") == "a - b"
    assert prose("# head")[0] == "\u200b"
    assert prose("1. item") == "\u200b1. item"


@given(st.text(alphabet="`a |\n"))
def test_a_code_span_ends_where_it_should(text: str) -> None:
    span = code(text)
    ticks = len(span) - len(span.lstrip("`"))
    inner = span[ticks:-ticks]
    assert "\n" not in span
    assert ticks not in {len(run) for run in re.findall(r"`+", inner)}


@given(st.text(alphabet="`a\n~"))
def test_a_fence_outgrows_its_content(text: str) -> None:
    block = fence(text).split("\n")
    assert block[0] == block[-1]
    assert all(len(run) < len(block[0]) for run in re.findall(r"`+", "\n".join(block[1:-1])))


@given(st.text())
def test_plain_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", plain(text))
    assert "\n" not in one_line(text)


def test_what_is_hidden_in_code_is_shown() -> None:
    assert visible("a\u202eb\x1b[0m\tc\r\n") == "a\\u202eb\\u001b[0m\tc\n"


def test_a_bar_does_not_end_a_cell() -> None:
    assert cell("a|b") == "`a\\|b`"


def test_line_ranges() -> None:
    assert ranges((9, 3, 4, 5, 4)) == "3-5, 9"
    assert ranges(()) == ""


def test_the_headline_tells_neutral_with_findings() -> None:
    assert "1 finding" in headline(replace(NEUTRAL, findings=(WITH_REWRITE,)))


def test_a_template_refuses_a_name_that_does_not_exist() -> None:
    environment = render._environment()
    with pytest.raises(jinja2.UndefinedError):
        environment.from_string("{{ nothing }}").render()
    with pytest.raises(TypeError, match="not text"):
        environment.from_string("{{ thing }}").render(thing=None)
