"""The report as a document: valid, whole, linked, ordered, bounded, and no stranger's text more than text."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import html5lib
import pytest
import sample_proofs
import sample_reviews
from sample_reports import ATTACKS, FULL, audit, page, poisoned

from bot import report
from bot.audited import Audit
from bot.domain import Conclusion, Review
from bot.report import picture, plots, texts, views

REVIEWS = {
    "full": FULL,
    "kinds": sample_proofs.KINDS,
    "found": sample_reviews.FOUND,
    "without": sample_reviews.FOUND_WITHOUT,
    "neutral": sample_reviews.NEUTRAL,
    "clean": sample_reviews.CLEAN,
    "nothing": sample_reviews.NOTHING,
}
PAGES = {
    **{name: page(review) for name, review in REVIEWS.items()},
    "audit": page(of=audit()),
}


def parsed(text: str) -> Any:
    """The document. Raises html5lib's ParseError where the text is not valid."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def name_of(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


THOROUGH = pytest.mark.thorough  # a parser written in Python takes a second for a page
LONG = ("full", "audit", "kinds")


@pytest.mark.parametrize("name", [pytest.param(name, marks=THOROUGH if name in LONG else ()) for name in PAGES])
def test_each_page_is_valid_and_hangs_together(name: str) -> None:
    tree = parsed(PAGES[name])
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert [one for one, count in Counter(ids).items() if count > 1] == []
    for element in tree.iter():
        for attribute in ("aria-labelledby", "for"):
            assert element.get(attribute) is None or element.get(attribute) in ids
        href = element.get("href")
        if href is not None:
            assert href[1:] in ids if href.startswith("#") else href.startswith("https://cwe.mitre.org/"), href
    levels = [int(name_of(e)[1]) for e in tree.iter() if re.fullmatch(r"h[1-6]", name_of(e))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert [name_of(e) for e in tree.iter() if name_of(e) in ("main", "header", "footer", "nav")] == [
        "header",
        "nav",
        "main",
        "footer",
    ]
    for table in (e for e in tree.iter() if name_of(e) == "table"):
        assert table.find("caption") is not None and table.find(".//th") is not None
    for scroll in (e for e in tree.iter() if "scroll" in (e.get("class") or "").split()):
        assert scroll.get("tabindex") == "0" and scroll.get("aria-label")


@pytest.mark.thorough
def test_the_policy_lets_in_our_style_and_script_alone() -> None:
    text = PAGES["full"]
    tree = parsed(text)
    policy = next(m.get("content") for m in tree.iter() if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy and "http" not in policy
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert not any(
        attribute.startswith("on") or attribute == "style" for e in tree.iter() for attribute in e.attrib
    )
    assert not re.search(r"(?:src|href|url\()=?[\"']?(?:https?:)?//(?!cwe\.mitre\.org)", text)


@pytest.mark.thorough
def test_it_says_what_the_review_says() -> None:
    text = "".join(parsed(PAGES["full"]).itertext())
    for said in (
        "runs commands from its argument",
        "subprocess.Popen",
        "answers 2 of 5 recorded calls otherwise than base",
        "for price in prices:",
        "tryline replay",
        "9.6 (9.1 to 10.3)",
        "Only functions are reviewed.",
        "3 assertions became 1",
        "No tests were found at base",
        "Nothing led on.",
        "committed",
        "behaves as no.",
        "said 3 times",
        "likely before",
    ):
        assert said in text, said
    night = "".join(parsed(PAGES["audit"]).itertext())
    assert "Functions by risk" in night and "lost a key" in night and "not reached" in night
    assert "5 findings in 24 functions: 2 new, 1 fixed since; 12 functions could not be looked at yet." in night


def test_a_neutral_review_is_no_pass_and_a_clean_one_says_so() -> None:
    assert "not a pass" in PAGES["neutral"] and "Nothing was found" not in PAGES["neutral"]
    assert "Nothing was found." in PAGES["clean"]


def test_silence_says_what_it_rests_on() -> None:
    rests = "What the silence rests on: 24 tests ran; 1 of 1 function executed by a test"
    assert f"{rests}; no model was asked." in PAGES["clean"]
    noted = replace(sample_reviews.CLEAN, notes=("Looked for: tests that fail, payloads; no model was asked.",))
    assert f"{rests}. Looked for: tests that fail, payloads; no model was asked." in page(noted)
    assert not any("What the silence" in PAGES[name] for name in ("full", "neutral", "nothing"))


def test_an_audit_that_found_nothing_says_so_in_words() -> None:
    night = replace(audit(), findings=(), fixed=(), functions=audit().functions[:2])
    night = replace(night, review=replace(night.review, findings=(), conclusion=Conclusion.CLEAN))
    assert "Nothing was found in 2 functions." in page(of=night)
    failed = replace(night, review=replace(night.review, conclusion=Conclusion.NEUTRAL))
    assert "this is not a pass" in page(of=failed) and "Nothing was found in" not in page(of=failed)


def test_a_mark_on_every_line_is_none() -> None:
    finding = FULL.findings[0].finding
    assert any("changed" in row.note for row in views.code(finding))
    everything = replace(finding.function, changed_lines=tuple(range(11, 16)))
    assert not any("changed" in row.note for row in views.code(replace(finding, function=everything)))


# ---------------------------------------------------------------------------------------------------- the picture


def test_the_picture_holds_odds_values_reasons_and_roll_backs() -> None:
    shown = picture.picture(FULL.findings[0].search, 11, sample_reviews.HEAD_SOURCE, sample_reviews.FIXED_SOURCE)
    whole, line, back, again = shown.steps
    assert (whole.where, line.where, back.turn, again.turn) == ("function", "line 13", "roll-back", "widened")
    first = line.tried[0]
    assert first.committed and first.final and (first.before, first.after) == ("33%", "100%")
    assert [(value.where, value.name, value.states) for value in first.values] == [
        ("", "call", ("[3, 4]",)),
        ("12", "net", ("0",)),
        ("14", "net", ("4", "7")),
    ]
    assert [one.merged for one in line.tried] == [None, None, 2]
    assert back.tried == () and back.why == "Nothing led on."
    assert again.why and again.outcome == "kept as it stands"


def test_shares_add_up_and_what_is_impossible_has_none() -> None:
    step = sample_reviews.SEARCH.steps[0]
    shares = picture._shares([trial.score for trial in step.trials])
    assert abs(sum(shares) - 1) < 1e-9 and shares[2] == 0.0
    assert picture._shares([float("-inf")]) == [0.0]


# -------------------------------------------------------------------------------------------------------- attacks


def shape(text: str) -> set[tuple[str, str]]:
    """Every element of a page with each attribute that it has."""
    found = set()
    for element in parsed(text).iter():
        found.add((name_of(element), ""))
        found |= {(name_of(element), attribute) for attribute in element.attrib}
    return found


def unpacked(text: str) -> list[str]:
    """The HTML that is packed into a page."""
    packs = re.findall(r'data-pack="\d+">([^<]*)<', text)
    return [one for pack in packs for one in json.loads(gzip.decompress(base64.b64decode(pack)))]


@functools.cache
def harmless() -> set[tuple[str, str]]:
    """What pages have that nobody attacked."""
    return shape(PAGES["audit"]) | shape(page(poisoned(FULL, "words")))


UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.thorough
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_becomes_markup(attack: str) -> None:
    bad: Audit = poisoned(audit(), attack)
    text = page(of=bad)
    assert shape(text) - harmless() == set()
    hrefs = set(re.findall(r'href="([^"]*)"', text))
    assert all(href.startswith(("#", "https://cwe.mitre.org/")) for href in hrefs)
    assert not UNSEEN.search(text) and not UNSEEN.search(page(bad.review))


def test_what_is_hidden_is_shown_and_secrets_are_not() -> None:
    assert texts.shown("a\u202eb") == "a\\u202eb" and texts.shown("a\x1b[31mb") == "ab"
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    finding = replace(FULL.findings[0].finding, message=f"The token is {secret}.")
    source = f'token = "{secret}"\n'
    head = replace(finding.function.head, source=finding.function.head.source + source)
    finding = replace(finding, function=replace(finding.function, head=head))
    text = page(replace(FULL, findings=(replace(FULL.findings[0], finding=finding),)))
    assert secret not in text and secret[8:30] not in text and text.count("[redacted") >= 2


def test_prose_keeps_an_unpaired_backtick() -> None:
    assert texts.prose("`a` and `b") == "<code>a</code> and `b"
    assert texts.prose("<b>`<i>`") == "&lt;b&gt;<code>&lt;i&gt;</code>"


def test_code_has_as_many_lines_as_its_text_whatever_it_is() -> None:
    for source in (
        "def f(:\n  '''\n x\n",
        'x = f"{a!r:>{w}}"\n',
        "\tif x:\n\n\n    y\n",
        "",
        "\\\n",
        "'''a\nb'''\nc",
    ):
        rows = texts.code(source)
        assert len(rows) == len(source.removesuffix("\n").split("\n")), source
        assert [re.sub(r"<[^>]*>", "", row) for row in rows] == [
            str(texts.escape(line)) for line in source.removesuffix("\n").split("\n")
        ]


# ---------------------------------------------------------------------------------------------------------- bounds


@pytest.mark.thorough
def test_later_findings_are_packed_and_the_last_are_brief() -> None:
    many = audit(many=25)
    text = page(of=many)
    assert text.count("<article") == 125
    packed = unpacked(text)
    assert len(packed) == 125 - report.IN_FULL and all("Line by line" in one for one in packed)
    assert [int(n) for n in re.findall(r'data-place="(\d+)"', text)] == list(range(25))
    brief = page(of=many, room=100_000)
    assert len(brief) < len(text) and "told in brief" in brief
    parsed(brief)
    for one in packed[:3]:
        html5lib.HTMLParser(strict=True).parseFragment(one)


@pytest.mark.thorough
def test_long_texts_and_long_functions_are_bounded() -> None:
    item = FULL.findings[0]
    long = replace(item.finding.function.head, source="def f():\n" + "    x = 1  # y\n" * 5000, end_line=5011)
    finding = replace(
        item.finding,
        message="m" * 10**6,
        title="t" * 10**6,
        function=replace(item.finding.function, head=long),
        witness=replace(item.finding.witness, failure="f\n" * 10**6, tests=("t" * 10**5,) * 1000),
    )
    text = page(replace(FULL, findings=(replace(item, finding=finding),)))
    assert len(text) < 400_000
    parsed(text)


@pytest.mark.thorough
def test_the_cost_of_a_page_grows_with_its_findings_alone() -> None:
    sizes = [len(page(of=audit(many=many))) for many in (10, 20, 40)]
    first, second = sizes[1] - sizes[0], sizes[2] - sizes[1]
    assert second < 2.4 * first


@pytest.mark.thorough
def test_equal_reviews_make_equal_pages() -> None:
    assert page(of=audit(many=30)) == page(of=audit(many=30))


# ----------------------------------------------------------------------------------------------------------- plots


def test_bars_are_to_scale_and_their_figures_beside_them() -> None:
    plot = plots.by_kind(list(FULL.findings))
    assert plot is not None
    assert [(bar.label, bar.value) for bar in plot.bars] == [
        ("correctness", "2 high"),
        ("security", "1 critical"),
        ("performance", "1 medium, 1 low"),
    ]
    assert [[float(s.width) for s in bar.segments] for bar in plot.bars] == [[99.75], [49.75], [49.75, 49.75]]


def test_times_that_ran_side_by_side_are_told_as_such() -> None:
    slow = replace(FULL, costs=replace(FULL.costs, seconds=5.0, prepare_seconds=4.9))
    plot = plots.times(slow)
    assert plot is not None and "side by side" in plot.note
    assert plots.times(replace(slow, costs=replace(slow.costs, seconds=0.0))) is None


def test_tokens_are_told_by_rung_and_cached_ones_apart() -> None:
    plot = plots.tokens(FULL)
    assert plot is not None and plot.bars[0].value == "4,500 read (1,500 cached), 400 written"
    assert plots.tokens(sample_reviews.FOUND) is None


@pytest.mark.parametrize(
    ("amount", "said"), [(0.02, "20 ms"), (90, "90 s"), (130, "2 min 10 s"), (5400, "90 min"), (7500, "2 h 5 min")]
)
def test_durations_for_people(amount: float, said: str) -> None:
    assert plots.seconds(amount) == said


def test_the_matrix_has_no_base_where_nothing_ran_there() -> None:
    review: Review = FULL
    assert views.matrix([("a", item) for item in review.findings]).sides == ("base", "head", "rewrite")
    alone = [
        replace(i, finding=replace(i.finding, function=replace(i.finding.function, base=None)))
        for i in review.findings[:2]
    ]
    assert views.matrix([("a", item) for item in alone]).sides == ("head", "rewrite")


def test_time_by_function_is_what_the_review_measured_where_it_did() -> None:
    plot = plots.by_function(FULL, None, {})
    assert plot is not None and plot.title == "Search and proof by function"
    timed = replace(FULL, functions=(replace(FULL.functions[0], seconds=42.0), *FULL.functions[1:]))
    plot = plots.by_function(timed, None, {})
    assert plot is not None and (plot.title, plot.bars[0].value) == ("Time by function", "42 s · 15 runs")
