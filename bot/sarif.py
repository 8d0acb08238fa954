"""A review as a SARIF 2.1.0 log, for code scanning and editors: findings with their witness, rewrites as fixes.

A fix is exact or absent: deleted lines and inserted text turn head's file into the one that was verified. All
other text is cleaned, secrets are taken out, and what a reader would take for a link or a placeholder is broken.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import __version__, wording
from bot.domain import (
    Category,
    Conclusion,
    Finding,
    Function,
    Replacement,
    Review,
    Reviewed,
    Rewrite,
    Severity,
    Verdict,
)
from bot.guarding import redact
from bot.record import replay_command
from bot.render import counted, found_by, headline, one_line, plain, rank, suites

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

MAX_RESULTS = 25_000
"""Of one run that GitHub takes."""
MAX_BYTES = 10_000_000
"""Of a log. GitHub allows as much after compression; this keeps clear of it."""
MAX_FIX = 500_000
"""Characters that one fix may insert."""
_LISTED = 50
"""Tests and things not reviewed that are named one by one."""
_BREAK = "\u200b"
"""Zero-width space: put into what a platform would turn into a mention, a reference or a link."""

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.5"}
"""Within the bounds by which GitHub names them: over 9.0 critical, 7.0 high, 4.0 medium."""


@dataclass(frozen=True)
class Rule:
    """What findings of one kind have in common."""

    name: str
    short: str
    full: str
    severity: Severity = Severity.HIGH


RULES: Mapping[str, Rule] = {
    "tests/regression": Rule(
        "BrokenTests",
        "The change breaks tests",
        "Tests that pass at base fail at head, each time they were run; the changed function is what broke them.",
    ),
    "tests/crash": Rule(
        "NewCrash",
        "The changed function raises where it did not",
        "Tests that pass at base end at head in an exception that the changed function raises.",
    ),
    "tests/new-test-fails": Rule(
        "FailingNewTest",
        "A test that the change brings fails",
        "A test that is new or changed here fails at head, each time it was run: it or the function is wrong.",
        Severity.MEDIUM,
    ),
    "tests/failing": Rule(
        "FailingTests",
        "The function fails its tests",
        "Tests that execute the function fail, each time they were run; no other version was run to compare with.",
    ),
    "calls/crash": Rule(
        "CallNowRaises",
        "A recorded call raises where it returned",
        "A call that tests make returns at base and raises at head.",
        Severity.MEDIUM,
    ),
    "behaviour/new-crash": Rule(
        "CrashOnAnInput",
        "The changed function raises for an input that base answers",
        "A call with an input that base answers by returning ends at head in an exception, and no `raise` of the "
        "function asks for it. A regression test shows it: red at head, green at base.",
    ),
    "behaviour/new-hang": Rule(
        "HangOnAnInput",
        "The changed function does not end for an input that base answers",
        "A call with an input that base answers by returning does not end at head. A regression test shows it: "
        "red at head, green at base.",
    ),
    "behaviour/undefined-name": Rule(
        "UndefinedName",
        "The changed function uses a name that is not there",
        "A call ends in an exception that is never meant, such as NameError. A test shows it.",
    ),
    "performance/slower": Rule(
        "Slower",
        "The changed function takes longer",
        "With equal answers, calls take longer than at base: interleaved pairs in fresh processes, each with a "
        "99% interval that excludes chance.",
        Severity.LOW,
    ),
    "performance/growth": Rule(
        "GrowsFaster",
        "The changed function's time grows faster with its input",
        "With equal answers, time grows with a higher power of the input's size than at base, measured at several "
        "sizes in fresh processes.",
        Severity.MEDIUM,
    ),
    "performance/more-queries": Rule(
        "MoreQueries",
        "The changed function reaches out more often",
        "One call makes more statements, connections or file accesses than at base, and more with a larger input.",
        Severity.MEDIUM,
    ),
    "performance/memory": Rule(
        "MoreMemory",
        "The changed function takes more memory",
        "With equal answers, the peak of memory of one call is at least twice that at base.",
        Severity.LOW,
    ),
    "performance/faster": Rule(
        "CanBeFaster",
        "The changed function can be faster",
        "A rewrite answers alike, passes the tests, and takes less time: interleaved pairs in fresh processes, "
        "each with a 99% interval that excludes chance.",
        Severity.LOW,
    ),
    "model/correctness": Rule(
        "ProvenWrongResult",
        "A model's witness shows a wrong result",
        "A model named the problem and wrote a test, which was run and fails at head for the reason it gives.",
        Severity.MEDIUM,
    ),
    "model/security": Rule(
        "ProvenWeakness",
        "A model's witness shows a weakness",
        "A model named the weakness and wrote a test, which was run and fails at head for the reason it gives.",
    ),
    "model/performance": Rule(
        "ProvenSlowness",
        "A model's witness shows wasted work",
        "A model named the problem and wrote a test, which was run and fails at head for the reason it gives.",
        Severity.LOW,
    ),
}


def sarif(review: Review, *, repository_uri: str = "", information_uri: str = "") -> str:
    """The review as a SARIF log, ending in a line feed.

    `repository_uri` is the web address of the repository, for the log's provenance; `information_uri` that of
    Tryline. Findings that somebody asked to ignore are counted, not told. Where the log would be larger than
    GitHub takes, the least severe findings are left out, and a notification says how many.
    """
    told = [item for item in rank(review.findings) if not item.ignored]
    # With all rules and all of it left out: more than what is around the results takes in the end.
    room = MAX_BYTES - len(_written(_log(review, told, len(told), repository_uri, information_uri, results=0)))
    count = 0
    for item in told[:MAX_RESULTS]:
        size = _written(_result(item, len(told)))
        room -= len(size) + size.count(b"\n") * _DEPTH + 2
        if room < 0:
            break
        count += 1
    log = _log(review, told[:count], len(told) - count, repository_uri, information_uri)
    return _written(log).decode()


_DEPTH = 8
"""Spaces before each line of a result."""


def _written(value: object) -> bytes:
    # No half of a character pair may reach the file: a reader of JSON would refuse it all.
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _log(
    review: Review,
    told: Sequence[Reviewed],
    left_out: int,
    repository_uri: str,
    information_uri: str,
    results: int | None = None,
) -> dict[str, Any]:
    """The log of these findings; with `results=0` all but the results themselves."""
    rules = sorted({_identifier(item.finding.rule) for item in told})
    driver: dict[str, Any] = {"name": "Tryline", "version": __version__, "semanticVersion": __version__}
    if information_uri:
        driver["informationUri"] = information_uri
    driver["rules"] = [
        _rule(rule, [item.finding for item in told if _identifier(item.finding.rule) == rule]) for rule in rules
    ]
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"tryline/{_identifier(review.id)}"},
        "invocations": [
            {
                "executionSuccessful": review.conclusion is not Conclusion.NEUTRAL,
                "toolExecutionNotifications": list(_notifications(review, left_out)),
            }
        ],
    }
    commit = review.change.head.commit
    if commit and repository_uri:
        run["versionControlProvenance"] = [{"repositoryUri": repository_uri, "revisionId": commit}]
    run |= {
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n"],
        "results": [_result(item, rules.index(_identifier(item.finding.rule))) for item in told[:results]],
        "properties": {
            "conclusion": review.conclusion.value,
            "headline": _data(headline(review)),
            **({"commit": commit} if commit else {}),
            **({"suites": _data(suites(review))} if review.suite else {}),
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


# ------------------------------------------------------------------------------------------------------ rules


def _rule(rule: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The descriptor of a rule. GitHub reads a weakness's severity here: it is that of the worst finding."""
    category = findings[0].category
    known = RULES.get(rule) or (_attack(rule) if rule.startswith("security/") else _other(rule, category))
    weaknesses = sorted({finding.cwe for finding in findings if finding.cwe})
    tags = [category.value, *(f"external/cwe/cwe-{number:03d}" for number in weaknesses)]
    properties: dict[str, Any] = {"tags": tags, "precision": "very-high"}
    if category is Category.SECURITY:
        worst = max((finding.severity for finding in findings), key=lambda severity: severity.rank)
        properties["security-severity"] = _SCORES[worst]
    return {
        "id": rule,
        "name": known.name,
        "shortDescription": {"text": f"{known.short}."},
        "fullDescription": {"text": known.full},
        "help": {"text": f"{known.full} `tryline replay ID` runs the proof of a finding's rewrite again."},
        **({"helpUri": wording.weakness_url(weaknesses[0])} if weaknesses else {}),
        "defaultConfiguration": {"level": _LEVELS[known.severity]},
        "properties": properties,
    }


def _other(rule: str, category: Category) -> Rule:
    return Rule(
        _camel(rule) or "Finding",
        f"A proven problem of {category.value}",
        f"A problem of {category.value} with a witness that was run and shows it at head.",
        Severity.MEDIUM,
    )


def _attack(rule: str) -> Rule:
    """A weakness that a payload showed: `security/sql-injection` is named after itself."""
    what = rule.removeprefix("security/").replace("-", " ")
    return Rule(
        _camel(rule.removeprefix("security/")) or "Weakness",
        f"A payload lands: {what}",
        "A payload that is given to the changed function reaches what it must not reach; at base, where there is "
        "one, it does not. A test shows it, harmless to run. Whether strangers can choose the argument is not "
        "shown.",
    )


def _camel(rule: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", rule.title())


def _notifications(review: Review, left_out: int) -> Iterator[dict[str, Any]]:
    """What the reader must know of how the review ran."""
    bad = "error" if review.conclusion is Conclusion.NEUTRAL else "warning"
    for problem in review.problems:
        yield _notification(bad, problem.slug, problem.message)
    if left_out:
        yield _notification("warning", "results-left-out", f"{counted(left_out, 'finding')} left out: too many.")
    ignored = sum(1 for item in review.findings if item.ignored)
    if ignored:
        yield _notification("note", "ignored", f"{counted(ignored, 'finding')} not told: ignored on request.")
    for gap in review.not_reviewed[:_LISTED]:
        yield _notification("note", gap.slug, gap.reason) | {
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(gap.path)}}]
        }
    more = len(review.not_reviewed) - _LISTED
    if more > 0:
        yield _notification("note", "not-reviewed", f"{counted(more, 'more place')} not reviewed.")


def _notification(level: str, slug: str, message: str) -> dict[str, Any]:
    return {"level": level, "descriptor": {"id": _identifier(slug)}, "message": {"text": _text(message)}}


# ---------------------------------------------------------------------------------------------------- results


def _result(item: Reviewed, index: int) -> dict[str, Any]:
    finding = item.finding
    result: dict[str, Any] = {
        "ruleId": _identifier(finding.rule),
        "ruleIndex": index,
        "kind": "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(item)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(finding.function.head.path),
                    "region": {
                        "startLine": max(1, finding.start_line),
                        "endLine": max(1, finding.start_line, finding.end_line),
                    },
                },
                "logicalLocations": [
                    {"fullyQualifiedName": one_line(finding.function.head.qualname), "kind": "function"}
                ],
            }
        ],
        # GitHub knows a finding again by the second name alone, whatever lines have moved.
        "partialFingerprints": {"trylineFinding/v1": finding.id, "primaryLocationLineHash": f"{finding.id}:1"},
    }
    changes = _changes(finding.function.head, item.rewrite) if item.rewrite is not None else None
    if item.rewrite is not None and changes is not None:
        result["fixes"] = [
            {"description": {"text": _proof(item.rewrite.verdict)}, "artifactChanges": changes},
        ]
    result["properties"] = _properties(item)
    return result


def _message(item: Reviewed) -> str:
    """What happens, how to see it, what was proven: a sentence to begin with, then a line each."""
    finding = item.finding
    lines = [f"{_text(finding.title).rstrip('.')}. {_text(finding.message, 1500)}"]
    if finding.witness.command.strip():
        lines.append(f"Witness: {_text(finding.witness.command)}")
    if finding.witness.measured is not None:
        old, new = wording.sides(finding)
        lines.append(f"Measured: {new} {wording.pace(finding.witness.measured, old)}.")
    if item.rewrite is not None:
        lines.append(f"{_proof(item.rewrite.verdict)} Once more: {replay_command(finding.id)}")
    elif item.why_no_rewrite:
        lines.append(f"No rewrite: {_text(item.why_no_rewrite)}")
    return "\n".join(lines)


def _proof(verdict: Verdict) -> str:
    passed = (
        f"A rewrite {wording.verified(verdict)}passed {counted(verdict.tests_run, 'test')} in a fresh container, "
        f"of which {verdict.tests_executing} execute the function ({_text(verdict.selection)})."
    )
    return " ".join(filter(None, (passed, wording.besides(verdict))))


def _properties(item: Reviewed) -> dict[str, Any]:
    finding, witness = item.finding, item.finding.witness
    shown: dict[str, Any] = {
        "category": finding.category.value,
        "severity": finding.severity.value,
        "witness": {
            "kind": one_line(witness.kind),
            "command": _data(witness.command),
            "tests": [_data(test) for test in witness.tests[:_LISTED]],
            "testCount": len(witness.tests),
            "failure": _data(witness.failure, 1500),
            "repeats": witness.repeats,
        },
        "replay": replay_command(finding.id),
    }
    if witness.code:
        shown["witness"] |= {"path": _data(witness.path), "code": plain(redact(witness.code))}
    if witness.kind == "attack":
        shown["witness"] |= {
            "payload": _data(wording.exact(witness.payload)),
            "sink": _data(witness.sink),
            "stack": [_data(f"{f.path}:{f.line} {f.function}") for f in witness.stack[-_LISTED:]],
        }
    if witness.measured is not None:
        shown["witness"]["measured"] = [_data(line) for line in wording.numbers(finding)]
    if finding.cwe:
        shown["cwe"] = wording.weakness(finding.cwe)
    if item.rewrite is not None:
        verdict = item.rewrite.verdict
        shown["rewrite"] = {
            "label": item.rewrite.label,
            "foundBy": _data(found_by(item)),
            "testsRun": verdict.tests_run,
            "testsExecuting": verdict.tests_executing,
            "level": verdict.level.value,
            "testsApart": verdict.tests_apart,
            "selection": _data(verdict.selection),
            "checks": [one_line(judgement.check) for judgement in verdict.judgements],
        }
    elif item.why_no_rewrite:
        shown["whyNoRewrite"] = _data(item.why_no_rewrite)
    return shown


# ------------------------------------------------------------------------------------------------------- fixes


def _changes(function: Function, rewrite: Rewrite) -> list[dict[str, Any]] | None:
    """The rewrite as changes of files, hunks in order; None where SARIF cannot say it exactly."""
    hunks = (rewrite.suggestion, *rewrite.also)
    texts = (function.source, *(hunk.replacement for hunk in hunks))
    # A reader may end lines at a lone carriage return, and half of a character pair is no text; a byte order mark
    # counts as a character for some.
    if any(re.search(r"\r(?!\n)|[\ud800-\udfff\ufeff]", text) for text in texts):
        return None
    if sum(len(hunk.replacement) for hunk in hunks) > MAX_FIX:
        return None
    changes: dict[str, list[dict[str, Any]]] = {hunk.path: [] for hunk in hunks}
    for hunk in sorted(hunks, key=lambda hunk: hunk.start_line):
        replacement = _replacement(function, hunk)
        if replacement is None:
            return None
        changes[hunk.path].append(replacement)
    return [
        {"artifactLocation": _artifact(path), "replacements": replacements}
        for path, replacements in changes.items()
    ]


def _replacement(function: Function, hunk: Replacement) -> dict[str, Any] | None:
    """Whole lines are deleted: up to the first column of the line behind them. None where that cannot be said.

    A function may end its file, where no line is behind it: its last line is deleted up to its end, and its line
    end stays for the new text, or is taken for that of the line before.
    """
    region = {"startLine": hunk.start_line, "startColumn": 1}
    text = hunk.replacement
    if hunk.end_line < hunk.start_line:  # nothing is deleted
        region |= {"endLine": hunk.start_line, "endColumn": 1}
    elif hunk.path != function.path or hunk.end_line != function.end_line:
        region |= {"endLine": hunk.end_line + 1, "endColumn": 1}
    else:
        lines = [_split(line) for line in re.findall(r"[^\n]*\n|[^\n]+", function.source)]
        last, line_end = lines[-1] if lines else ("", "")
        before = hunk.start_line - 1 - function.start_line
        region |= {"endLine": hunk.end_line, "endColumn": len(last) + 1}
        if text and _split(text)[1] == line_end:
            text = _split(text)[0]
        elif not text and 0 <= before < len(lines) and lines[before][1] == line_end:
            region |= {"startLine": hunk.start_line - 1, "startColumn": len(lines[before][0]) + 1}
        elif line_end:
            return None
    change: dict[str, Any] = {"deletedRegion": region}
    if text:
        change["insertedContent"] = {"text": text}
    return change


def _split(line: str) -> tuple[str, str]:
    """The line and its line end; empty where it has none."""
    bare = line.removesuffix("\n")
    bare = bare.removesuffix("\r") if bare != line else bare
    return bare, line[len(bare) :]


# -------------------------------------------------------------------------------------------------------- text


def _artifact(path: str) -> dict[str, str]:
    """A file of the repository; names that are not UTF-8 keep their bytes."""
    try:
        name = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no name that git gave
        name = path.encode("utf-8", "replace")
    return {"uri": urllib.parse.quote(name, safe="/"), "uriBaseId": "%SRCROOT%"}


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._/-]", "-", text)[:100] or "unknown"


def _data(text: str, limit: int = 500) -> str:
    """Foreign text on one line for a property, which nobody renders."""
    return one_line(redact(text), limit)


def _text(text: str, limit: int = 500) -> str:
    """Foreign text on one line of a message: no placeholder, link, mention or reference comes out of it."""
    line = _data(text, limit)
    line = re.sub(r"([@#])(?=\w)", rf"\1{_BREAK}", line)
    line = re.sub(r"\](?=[(\[:])", f"]{_BREAK}", line)
    line = re.sub(r"(?i)\b(https?|ftp|mailto|javascript|data):", rf"\1{_BREAK}:", line)
    line = re.sub(r"(?i)\bwww\.", f"www{_BREAK}.", line)
    line = re.sub(r"<(?=[A-Za-z/!?])", f"<{_BREAK}", line)
    return line.replace("{", "{{").replace("}", "}}")
