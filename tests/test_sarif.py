"""A review as SARIF: valid by the published schema, exact in its fixes, harmless in its texts, within limits."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_proofs import ATTACK, CRASH, FASTER, KINDS, SLOWER
from sample_reviews import (
    CANDIDATE,
    CLEAN,
    FINDING,
    FOUND,
    FOUND_BY_MODEL,
    FOUND_WITHOUT,
    NEUTRAL,
    NOTHING,
    REWRITE,
    VERDICT,
    WITH_REWRITE,
)

from bot import __version__
from bot import sarif as module
from bot.cli import destinations, show
from bot.domain import (
    Category,
    ChangedFunction,
    Finding,
    Frame,
    Function,
    NotReviewed,
    Problem,
    Replacement,
    Review,
    Reviewed,
    Rewrite,
    Severity,
)
from bot.forges.local import Local
from bot.languages.python.language import Python
from bot.render import Caps
from bot.sarif import MAX_FIX, MAX_RESULTS, sarif
from bot.steps.verify import hunks
from bot.trial import Place

ROOT = Path(__file__).parent
SCHEMA = json.loads((ROOT / "samples/sarif-2.1.0.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
URI = "https://github.com/acme/shop"


def log(review: Review, **more: str) -> dict[str, Any]:
    """The log, which must be valid."""
    text = sarif(review, **more)
    assert text.endswith("}\n")
    data: dict[str, Any] = json.loads(text.encode("utf-8"))
    errors = [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(data)]
    assert errors == []
    return data


def run_of(review: Review, **more: str) -> dict[str, Any]:
    (only,) = log(review, **more)["runs"]
    assert isinstance(only, dict)
    return only


def with_findings(*findings: Finding) -> Review:
    return replace(FOUND, findings=tuple(replace(WITH_REWRITE, finding=finding) for finding in findings))


# ------------------------------------------------------------------------------------------------- the whole log


@pytest.mark.parametrize(
    ("name", "review"),
    [
        ("rewrite", FOUND),
        ("no_rewrite", FOUND_WITHOUT),
        ("witness", FOUND_BY_MODEL),
        ("neutral", NEUTRAL),
        ("kinds", KINDS),
    ],
)
def test_the_whole_log(name: str, review: Review) -> None:
    log(review, repository_uri=URI)
    written = sarif(review, repository_uri=URI).replace(f'ersion": "{__version__}"', 'ersion": "VERSION"')
    golden = ROOT / f"golden/sarif_{name}.json"
    if os.environ.get("TRYLINE_REFRESH_GOLDEN"):
        golden.write_text(written, "utf-8")
    assert written == golden.read_text("utf-8")


@pytest.mark.parametrize("review", [CLEAN, NOTHING])
def test_nothing_found_is_an_empty_list_and_a_success(review: Review) -> None:
    run = run_of(review)
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    assert "versionControlProvenance" not in run


def test_a_review_that_could_not_run_is_no_success() -> None:
    (invocation,) = run_of(NEUTRAL)["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert (told["level"], told["descriptor"]["id"]) == ("error", "no-tests")
    assert "No tests were found at base" in told["message"]["text"]


def test_where_it_was_reviewed_is_told_only_where_it_is_known() -> None:
    (known,) = run_of(FOUND, repository_uri=URI)["versionControlProvenance"]
    assert known == {"repositoryUri": URI, "revisionId": "c" * 40}
    tree = replace(FOUND, change=replace(FOUND.change, head=replace(FOUND.change.head, commit=None)))
    run = run_of(tree, repository_uri=URI)
    assert "versionControlProvenance" not in run
    assert "commit" not in run["properties"]


def test_the_tool_s_page_is_told_where_there_is_one() -> None:
    assert run_of(FOUND, information_uri=URI)["tool"]["driver"]["informationUri"] == URI
    assert "informationUri" not in run_of(FOUND)["tool"]["driver"]


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        (Severity.CRITICAL, "error"),
        (Severity.HIGH, "error"),
        (Severity.MEDIUM, "warning"),
        (Severity.LOW, "note"),
    ],
)
def test_severity_makes_the_level(severity: Severity, level: str) -> None:
    (result,) = run_of(with_findings(replace(FINDING, severity=severity)))["results"]
    assert result["level"] == level


def test_only_weaknesses_have_a_security_severity_that_of_the_worst() -> None:
    weak = replace(FINDING, rule="model/security", category=Category.SECURITY, severity=Severity.LOW)
    run = run_of(with_findings(FINDING, weak, replace(weak, severity=Severity.CRITICAL)))
    first, second = run["tool"]["driver"]["rules"]
    assert (first["id"], "security-severity" in first["properties"]) == ("model/security", True)
    assert first["properties"]["security-severity"] == "9.5"
    assert first["properties"]["tags"] == ["security"]
    assert "security-severity" not in second["properties"]


def test_a_weakness_has_its_number_and_severity_as_github_reads_them() -> None:
    other = replace(ATTACK, cwe=1333, severity=Severity.LOW, anchor="other")
    (rule,) = run_of(with_findings(other, ATTACK))["tool"]["driver"]["rules"]
    assert rule["name"] == "CommandInjection"
    assert rule["properties"]["tags"] == ["security", "external/cwe/cwe-078", "external/cwe/cwe-1333"]
    assert rule["properties"]["security-severity"] == "9.5"
    assert rule["helpUri"] == "https://cwe.mitre.org/data/definitions/78.html"


@pytest.mark.parametrize(
    "rule",
    [
        *("behaviour/new-crash", "behaviour/new-hang", "behaviour/undefined-name"),
        *("performance/slower", "performance/growth", "performance/more-queries"),
        *("performance/memory", "performance/faster", "security/sql-injection"),
    ],
)
def test_rules_of_what_running_shows_say_what_the_proof_is(rule: str) -> None:
    (found,) = run_of(with_findings(replace(CRASH, rule=rule)))["tool"]["driver"]["rules"]
    assert found["id"] == rule
    assert re.fullmatch(r"[A-Z][A-Za-z]+", found["name"])
    assert "with a witness that was run" not in found["fullDescription"]["text"], "it has words of its own"


def test_times_are_never_without_their_interval() -> None:
    (result,) = run_of(with_findings(replace(SLOWER, witness=replace(SLOWER.witness, command=""))))["results"]
    assert (
        "Measured: head takes 9.6 times as long as base (99% interval: 9.1 to 10.3)." in result["message"]["text"]
    )
    assert "Witness:" not in result["message"]["text"], "there is no command"


def test_the_way_of_an_attack_is_in_the_properties() -> None:
    hostile = replace(ATTACK, witness=replace(ATTACK.witness, payload="x\n::error::\x1b[31m"))
    (result,) = run_of(with_findings(hostile))["results"]
    witness = result["properties"]["witness"]
    assert witness["payload"] == "x\\n::error::\\x1b[31m"
    assert witness["stack"] == ["shop/cart.py:14 total", "shop/shell.py:8 run"]


def test_a_result_names_its_rule() -> None:
    rules = ["tests/crash", "tests/regression", "calls/crash", "odd rule\n", "tests/crash"]
    run = run_of(with_findings(*(replace(FINDING, rule=rule) for rule in rules)))
    known = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(known) == len(set(known)) == 4
    for result in run["results"]:
        assert known[result["ruleIndex"]] == result["ruleId"]


def test_a_finding_is_known_again_wherever_its_lines_move() -> None:
    (one,) = run_of(FOUND)["results"]
    moved = replace(FINDING, start_line=40, end_line=41, title="Other words")
    (other,) = run_of(with_findings(moved))["results"]
    assert one["partialFingerprints"] == other["partialFingerprints"]
    assert one["partialFingerprints"]["trylineFinding/v1"] == FINDING.id
    assert one["partialFingerprints"]["primaryLocationLineHash"].startswith(FINDING.id)


def test_what_somebody_ignores_is_counted_and_not_told() -> None:
    run = run_of(replace(FOUND, findings=(replace(WITH_REWRITE, ignored=True),)))
    assert run["results"] == []
    texts = [told["message"]["text"] for told in run["invocations"][0]["toolExecutionNotifications"]]
    assert "1 finding not told: ignored on request." in texts


def test_a_witness_that_a_model_wrote_is_in_the_log() -> None:
    (result,) = run_of(FOUND_BY_MODEL)["results"]
    witness = result["properties"]["witness"]
    assert "assert got == 7" in witness["code"]
    assert witness["path"].endswith(".py")


# ------------------------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("see [this](https://evil.example)", r"\]\("),
        ("see [this]: https://evil.example", r"\]:|https:"),
        ("ask @admin, close #12", r"@admin|#12"),
        ("<img src=x>", "<img"),
        ("go to www.evil.example", r"www\."),
        ("\x1b[31mred\u202e", "[\x1b\u202e]"),
        ("ghp_" + "a1B2" * 9, "ghp_"),
    ],
)
def test_a_message_has_no_link_mention_or_secret(text: str, absent: str) -> None:
    review = with_findings(replace(FINDING, title=text, message=text))
    review = replace(
        review, problems=(Problem("odd", text),), not_reviewed=(NotReviewed("a.py", None, (), "odd", text),)
    )
    run = run_of(review)
    texts = [run["results"][0]["message"]["text"]]
    texts += [told["message"]["text"] for told in run["invocations"][0]["toolExecutionNotifications"]]
    assert len(texts) == 3
    for shown in texts:
        assert not re.search(absent, shown)


def test_braces_are_no_placeholders() -> None:
    (result,) = run_of(with_findings(replace(FINDING, title="f({0}) is {'a': 1}")))["results"]
    assert result["message"]["text"].startswith("f({{0}}) is {{'a': 1}}. ")
    for place in ("{", "}"):
        assert re.sub(re.escape(place * 2), "", result["message"]["text"]).count(place) == 0


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b/c#d?.py", "a%20b/c%23d%3F.py"),
        ("c:d.py", "c%3Ad.py"),
        ("ä/100%.py", "%C3%A4/100%25.py"),
        ("\udcff.py", "%FF.py"),
    ],
)
def test_a_path_is_a_uri(path: str, uri: str) -> None:
    function = replace(FINDING.function.head, path=path)
    finding = replace(FINDING, function=replace(FINDING.function, head=function))
    rewrite = replace(REWRITE, suggestion=replace(REWRITE.suggestion, path=path))
    (result,) = run_of(replace(FOUND, findings=(Reviewed(finding, rewrite, None),)))["results"]
    places = re.findall(r'"uri": "([^"]*)"', json.dumps(result))
    assert places == [uri, uri]


TEXT = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    ["\ud800", "\x00", "](", "{0}", "::error::", "%SRCROOT%", "\u2028", "//x", "../..", "a\\b"]
)


@st.composite
def reviews(draw: st.DrawFn) -> Review:
    """Reviews whose every foreign text is anything at all."""
    items = []
    for _ in range(draw(st.integers(0, 3))):
        function = replace(FINDING.function.head, path=draw(TEXT), qualname=draw(TEXT), source=draw(TEXT))
        of_its_kind = draw(st.sampled_from([FINDING, CRASH, ATTACK, SLOWER, FASTER]))
        witness = replace(
            of_its_kind.witness,
            command=draw(TEXT),
            failure=draw(TEXT),
            code=draw(TEXT),
            tests=(draw(TEXT),),
            payload=draw(TEXT),
            sink=draw(TEXT),
            stack=(Frame(draw(TEXT), 3, draw(TEXT)),),
        )
        finding = replace(
            FINDING,
            rule=draw(TEXT | st.sampled_from(["tests/crash", "security/x-y", "performance/faster"])),
            cwe=draw(st.integers(0, 99_999)),
            category=draw(st.sampled_from(Category)),
            severity=draw(st.sampled_from(Severity)),
            start_line=draw(st.integers(0, 50)),
            end_line=draw(st.integers(0, 50)),
            function=ChangedFunction(function, None, (), "added"),
            title=draw(TEXT),
            message=draw(TEXT),
            witness=witness,
        )
        hunk = Replacement(draw(TEXT), draw(st.integers(1, 40)), draw(st.integers(0, 40)), draw(TEXT))
        rewrite = Rewrite.of(
            CANDIDATE,
            replace(VERDICT, selection=draw(TEXT)),
            hunk,
            tuple(draw(st.lists(st.just(hunk), max_size=1))),
        )
        items.append(Reviewed(finding, draw(st.sampled_from([rewrite, None])), None, why_no_rewrite=draw(TEXT)))
    return replace(
        draw(st.sampled_from([CLEAN, FOUND, NEUTRAL])),
        id=draw(TEXT),
        findings=tuple(items),
        problems=(Problem(draw(TEXT), draw(TEXT)),),
        not_reviewed=(NotReviewed(draw(TEXT), None, (), draw(TEXT), draw(TEXT)),),
    )


@given(reviews())
def test_any_review_is_a_valid_log(review: Review) -> None:
    run = run_of(review, repository_uri=URI)
    assert len(run["results"]) == len(review.findings)
    assert not re.search(r"[\ud800-\udfff]", json.dumps(run, ensure_ascii=False))


# ------------------------------------------------------------------------------------------------------- fixes

BODY = """\
import os

def before():
    return 0

def total(prices):
    net = 0
    for price in prices[1:]:
        net += price
    return net

def after():
    return 1
"""
FIXED = """\
def total(prices):
    net = 0
    for price in prices:
        net += price
    return math.fsum([net])
"""
TAIL = "    net = 0\n    for price in prices[1:]:\n        net += price\n    return net\n"


def applied(text: str, changes: list[dict[str, Any]]) -> str:
    """What SARIF's specification (3.30, 3.57) says that a fix does: lines end at CRLF or LF, columns count.

    Column n + 1 of a line of n characters is its end; column 1 of the next line lies behind its line end.
    """
    (change,) = changes
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def place(line: int, column: int) -> int:
        assert 1 <= line <= max(1, len(lines)), "a line that is not there"
        content = lines[line - 1].rstrip("\r\n") if line <= len(lines) else ""
        assert 1 <= column <= len(content) + 1, "a column that is not there"
        return starts[line - 1] + column - 1

    done, shift, behind = text, 0, 0
    for one in change["replacements"]:
        region = one["deletedRegion"]
        start = place(region["startLine"], region.get("startColumn", 1))
        end_line = region.get("endLine", region["startLine"])
        end = place(end_line, region["endColumn"])
        assert behind <= start <= end, "hunks overlap or are out of order"
        behind = end
        new = one.get("insertedContent", {"text": ""})["text"]
        done = done[: start + shift] + new + done[end + shift :]
        shift += len(new) - (end - start)
    return done


def fix_of(
    text: str, name: str, source: str, imports: tuple[str, ...] = ()
) -> tuple[str, list[dict[str, Any]] | None]:
    """(the verified file, the changes that SARIF tells), the hunks made as a review makes them."""
    language = Python()
    target = next(one for one in language.functions("a.py", text) if one.qualname == name)
    verified = language.splice(text, target, source, imports)
    suggestion, also = hunks(Place(language, text, target, language.unit(text, target)), verified)
    return verified, changes_of(target, suggestion, also)


def changes_of(
    target: Function, suggestion: Replacement, also: tuple[Replacement, ...] = ()
) -> list[dict[str, Any]] | None:
    rewrite = Rewrite.of(CANDIDATE, VERDICT, suggestion, also)
    finding = replace(FINDING, function=ChangedFunction(target, None, (), "added"))
    (result,) = run_of(replace(FOUND, findings=(Reviewed(finding, rewrite, None),)))["results"]
    changes = result["fixes"][0]["artifactChanges"] if "fixes" in result else None
    assert changes is None or isinstance(changes, list)
    return changes


LAST = BODY[: BODY.index("def after")].rstrip("\n") + "\n"
FIRST = BODY[BODY.index("def total") :]


@pytest.mark.parametrize("imports", [(), ("import math",), ("import math", "import itertools")])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        BODY,
        LAST,
        LAST.rstrip("\n"),
        FIRST,
        '"""Doc."""\n' + FIRST,
        "x = '\x0c\u2028\x85'\n" + BODY,
        "# ä 😀\n" + BODY,
    ],
)
@pytest.mark.parametrize(
    "source",
    [
        FIXED,
        "def total(prices):\n    return sum(prices)\n",
        "def total(prices):\n    net = 0\n    for price in prices[1:]:\n        net += price\n",
        "def total(prices):\n    '''😀'''\n" + TAIL,
        "def total(prices):\n" + TAIL.replace("return net", "return net or 0\n    # ä"),
    ],
)
def test_a_fix_makes_the_file_that_was_verified(
    text: str, ends: str, source: str, imports: tuple[str, ...]
) -> None:
    text = text.replace("\n", ends)
    verified, changes = fix_of(text, "total", source, imports)
    assert changes is not None
    assert applied(text, changes) == verified != text


def test_mixed_line_ends_are_told_as_they_are() -> None:
    text = LAST.replace("net = 0\n", "net = 0\r\n").replace("return 0\n", "return 0\r\n")
    verified, changes = fix_of(text, "total", FIXED, ("import math",))
    assert changes is not None
    assert applied(text, changes) == verified
    assert verified.count("\r\n") == 2


def test_a_last_line_that_changes_its_line_end_is_no_fix() -> None:
    _, changes = fix_of(LAST.replace("return net\n", "return net\r\n"), "total", FIXED)
    assert changes is None


def test_an_insertion_and_a_deletion_by_themselves() -> None:
    target = Python().functions("a.py", BODY)[1]
    assert target.qualname == "total"
    changes = changes_of(target, Replacement("a.py", target.start_line, target.start_line - 1, "# new\n"))
    assert changes is not None
    assert applied(BODY, changes) == BODY.replace("def total", "# new\ndef total")
    changes = changes_of(target, Replacement("a.py", target.end_line, target.end_line, ""))
    assert changes is not None
    assert applied(BODY, changes) == BODY.replace("    return net\n", "")


def test_what_cannot_be_said_exactly_is_no_fix() -> None:
    target = Python().functions("a.py", BODY)[1]
    for text in ("    x\r    y\n", "    x = '\udcff'\n", "x" * (MAX_FIX + 1)):
        assert changes_of(target, Replacement("a.py", 6, 6, text)) is None


def test_another_file_s_hunk_is_a_change_of_its_own() -> None:
    target = Python().functions("a.py", BODY)[1]
    also = (Replacement("b.py", 1, 1, "import x\n"), Replacement("a.py", 1, 1, "import math\n"))
    changes = changes_of(target, Replacement("a.py", 7, 7, "    net = 1\n"), also)
    assert changes is not None
    assert [(one["artifactLocation"]["uri"], len(one["replacements"])) for one in changes] == [
        ("a.py", 2),
        ("b.py", 1),
    ]
    assert [one["deletedRegion"]["startLine"] for one in changes[0]["replacements"]] == [1, 7]


# ------------------------------------------------------------------------------------------------------ limits


def many(count: int, size: int = 0) -> Review:
    severities = list(Severity)
    items = []
    for number in range(count):
        function = replace(FINDING.function.head, qualname=f"f{number}")
        finding = replace(
            FINDING,
            function=replace(FINDING.function, head=function),
            severity=severities[number % 4],
            message="ä " * size,
        )
        items.append(Reviewed(finding, None, None))
    return replace(FOUND, findings=tuple(items))


@pytest.mark.parametrize("limit", [4_000, 8_000, 15_000, 20_000, 30_000, 60_000])
def test_what_is_too_much_is_left_out_least_severe_first_and_said(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    review = many(20, 100)
    whole = len(run_of(review)["results"])
    monkeypatch.setattr(module, "MAX_BYTES", limit)
    text = sarif(review)
    assert len(text.encode()) <= limit
    run = run_of(review)
    results = run["results"]
    assert whole == 20
    assert (len(results) == 20) == (limit == 60_000)
    if len(results) < 20:
        told = [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]
        assert any(re.match(rf"{20 - len(results)} findings? left out", text) for text in told)
        # One more would not have fitted.
        assert limit - len(text.encode()) < 4_000
    levels = ["error", "warning", "note"]
    ranks = [levels.index(result["level"]) for result in results]
    assert ranks == sorted(ranks)


def test_no_more_results_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_RESULTS == 25_000
    assert module.MAX_BYTES == 10_000_000
    monkeypatch.setattr(module, "MAX_RESULTS", 3)
    run = run_of(many(5))
    assert [result["level"] for result in run["results"]] == ["error", "error", "warning"]
    assert any(
        "2 findings left out" in one["message"]["text"]
        for one in run["invocations"][0]["toolExecutionNotifications"]
    )


# ---------------------------------------------------------------------------------------------- the command


def test_the_command_writes_it_by_suffix_and_by_format(tmp_path: Path) -> None:
    assert destinations(["x.sarif", "y.SARIF"], None) == {Path("x.sarif"): "sarif", Path("y.SARIF"): "sarif"}
    assert destinations(["x.json"], "sarif") == {Path("x.json"): "sarif"}
    target = tmp_path / "out/x.sarif"
    Local(destinations([str(target)], None), Caps()).publish(FOUND)
    assert target.read_text("utf-8") == sarif(FOUND)
    stream = io.StringIO()
    show(FOUND, "sarif", stream, Caps(), color=False)
    assert stream.getvalue() == sarif(FOUND)
