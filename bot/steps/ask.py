"""Ask: a model names problems of each changed function, each with a witness that can be run.

What comes back is text from outside: it is read as bounded JSON, checked field by field, and asked for once more
where it does not fit. A suspicion that comes of it says nothing yet; `bot/steps/witness.py` runs its witness.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from bot import guarding, prompts, wire
from bot.domain import Brief, Category, ChangedFunction, Probe, Severity, Suspicion, Usage
from bot.endpoints import Capabilities, Endpoint, Message, Request
from bot.errors import BudgetSpent, EndpointError
from bot.languages import Files, Language, Unparsable
from bot.plan import Known
from bot.progress import Progress

MOST_CHARACTERS = 100_000
"""Of an answer; a longer one is not read."""
MOST_SHOWN = 8_000
"""Characters of a refused answer that go back to the model."""
MOST_WORDS = 500
"""Characters of a validator's complaint."""
MOST_NAME = 100
"""Characters of a model's name that a memory may give."""
MODEL = "model/"
"""What the rules begin with that a model suspects by; its category follows."""
TOKENS = 4096
"""Of one answer, by default."""
LIMITS = {
    "title": 200,
    "explanation": 2000,
    "code": 12_000,
    "call": 2000,
    "expected": 2000,
    "raises": 200,
    "fixed": 24_000,
    "stub": 24_000,
    "import": 2000,
}
"""Most characters of each text: twice what the schema asks for, since not every server enforces it."""
FENCED = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Asked:
    """What a model suspects of the functions that it was asked about."""

    suspicions: tuple[Suspicion, ...]
    """Each with a probe that has not run, in the order of the functions."""
    skipped: tuple[tuple[str, str], ...]
    """(function id, why) of the functions that it was not asked about, or gave no usable answer for."""
    usage: Usage
    counts: Mapping[str, int]
    """`asked`, `answered`, `repaired`: functions; `problems`, `malformed`, `surplus`: what answers named."""


@dataclass(frozen=True)
class Code:
    """The head files of the functions: text and language by path, and the tree that they lie in."""

    text: Mapping[str, str]
    language: Mapping[str, Language]
    files: Files


@dataclass
class Told:
    """What came of one function; filled by the thread that asks about it."""

    suspicions: list[Suspicion] = field(default_factory=list)
    why: str = ""
    usage: Usage = field(default_factory=Usage)
    counts: Counter[str] = field(default_factory=Counter)


class Refused(Exception):
    """An answer, or a problem in it, that does not fit; its text goes back to the model."""


def ask(
    functions: Sequence[ChangedFunction],
    briefs: Mapping[str, Brief],
    code: Code,
    endpoint: Endpoint,
    *,
    most: int,
    concurrency: int,
    progress: Progress,
    tokens: int = TOKENS,
) -> Asked:
    """Asks about every function that has a brief (by function id), `concurrency` at a time; names at most `most`
    problems of each. `tokens` bounds one answer.

    Raises nothing of the endpoint's: one that is dead, or a review's budget that is spent, ends the asking, and
    `skipped` says so of every function that is left.
    """
    asking = Asking(code, endpoint, most, tokens)
    try:
        asking.can = endpoint.capabilities
    except EndpointError as error:
        asking.over = error.public
    progress.tick(f"asking {endpoint.model} about {len(functions)} functions")
    with ThreadPoolExecutor(max(1, concurrency), thread_name_prefix="tryline-ask") as pool:
        told = list(pool.map(lambda f: asking.about(f, briefs.get(f.id)), functions))
    usage, counts = Usage(), Counter[str]()
    for one in told:
        usage = usage.plus(one.usage)
        counts.update(one.counts)
    suspicions = tuple(suspicion for one in told for suspicion in one.suspicions)
    skipped = tuple((f.id, one.why) for f, one in zip(functions, told, strict=True) if one.why)
    progress.note(f"{endpoint.model} suspects {len(suspicions)} problems in {counts['answered']} functions")
    names = ("asked", "answered", "repaired", "problems", "malformed", "surplus")
    return Asked(suspicions, skipped, usage, {name: counts[name] for name in names})


class Asking:
    """One round of questions to one endpoint; may be used by several threads."""

    def __init__(self, code: Code, endpoint: Endpoint, most: int, tokens: int) -> None:
        self.code = code
        self.endpoint = endpoint
        self.most = most
        self.tokens = tokens
        self.can = Capabilities()
        self.over = ""
        """Why nobody is asked any more."""
        self._lock = threading.Lock()

    def about(self, function: ChangedFunction, brief: Brief | None) -> Told:
        """What the model says of one function. Raises nothing of the endpoint's."""
        told = Told()
        if brief is None:
            told.why = "nothing is known of it that could be told"
        elif self.over:
            told.why = self.over
        elif not (self.can.chat or self.can.completions):
            told.why = "the endpoint answers neither chat nor completions"
        else:
            try:
                self.talk(told, function, prompts.review(brief, self.most))
            except EndpointError as error:
                told.why = error.public
                if error.dead or (isinstance(error, BudgetSpent) and error.scope == "review"):
                    with self._lock:
                        self.over = self.over or error.public
        return told

    def talk(self, told: Told, function: ChangedFunction, question: str) -> None:
        """Question and answer, and once more with what does not fit. Raises EndpointError."""
        told.counts["asked"] += 1
        turns = [Message("user", question)]
        answer = self.send(told, turns)
        best = self.read(function, answer)
        if best.complaint:
            shown = guarding.clip(answer, MOST_SHOWN) or "(nothing)"
            turns += [Message("assistant", shown), Message("user", prompts.repair(best.complaint))]
            try:
                again = self.read(function, self.send(told, turns))
            except EndpointError as error:
                if not best.suspicions:
                    raise
                # What the first answer named well stands, whatever became of the second.
                again = Reading(complaint=error.message)
            if not again.complaint:
                told.counts["repaired"] += 1
            if not again.complaint or len(again.suspicions) > len(best.suspicions):
                best = again
        if best.complaint and not best.suspicions:
            told.why = f"the model's answer does not fit, nor did it when asked again: {best.complaint}"
            told.counts["malformed"] += best.malformed
            return
        told.counts.update(answered=1, problems=best.named, malformed=best.malformed, surplus=best.surplus)
        told.suspicions += best.suspicions

    def send(self, told: Told, turns: Sequence[Message]) -> str:
        """The text of the answer to a conversation. Raises EndpointError."""
        schema = prompts.REVIEW_SCHEMA if self.can.schema else None
        if self.can.chat:
            request = Request(
                "chat", messages=tuple(turns), max_tokens=self.tokens, schema=schema, purpose="review"
            )
        else:
            text = "\n\n".join(turn.content for turn in turns) + "\n\n"
            request = Request("complete", (text,), max_tokens=self.tokens, schema=schema, purpose="review")
        answer = self.endpoint.send(request)
        told.usage = told.usage.plus(answer.usage)
        return answer.choices[0].text if answer.choices else ""

    def read(self, function: ChangedFunction, answer: str) -> Reading:
        """The suspicions in an answer, and what does not fit."""
        try:
            problems = problems_in(answer)
        except Refused as error:
            return Reading(complaint=clipped(str(error)))
        found, wrong = [], []
        for index, problem in enumerate(problems[: self.most]):
            try:
                found.append(self.suspicion(function, problem))
            except (Refused, Unparsable) as error:
                wrong.append(f"problems[{index}]{'.' if isinstance(error, Refused) else ': '}{error}")
        return Reading(
            tuple(found),
            clipped("; ".join(wrong)),
            named=min(len(problems), self.most),
            malformed=len(wrong),
            surplus=max(0, len(problems) - self.most),
        )

    def suspicion(self, function: ChangedFunction, problem: object) -> Suspicion:
        """One problem of an answer as a suspicion with its probe. Raises Refused, Unparsable."""
        head, path = function.head, function.head.path
        row = mapping(problem, "")
        category = Category(word(row, "category", [str(c) for c in Category]))
        severity = Severity(word(row, "severity", [str(s) for s in Severity]))
        line = row.get("line")
        if isinstance(line, bool) or not isinstance(line, int):
            raise Refused("line: must be a whole number")
        title, explanation = text(row, "title"), text(row, "explanation")
        witness = mapping(row.get("witness"), "witness")
        kind = word(witness, "kind", ["test", "call"])
        raises = text(witness, "raises").strip()
        if raises and not NAME.fullmatch(raises):
            raise Refused("witness.raises: must be the name of an exception class")
        language = self.code.language[path]
        call = expected = stub = ""
        if kind == "call":
            call, expected = (guarding.restore(text(witness, name)).strip() for name in ("call", "expected"))
            module = language.call_test(head, self.code.text[path], self.code.files, call, expected, raises)
            stub = stubbed(language, function, expected)
        else:
            module = guarding.restore(text(witness, "code"))
        if guarding.REDACTED.search(module):
            raise Refused("witness: a redacted value is not known, so nothing can be asked of it")
        fixed, imports = self.fixed(function, guarding.restore(text(row, "fixed")))
        claim = wire.clean(f"{title.strip().rstrip('.')}. {explanation.strip()}".strip(), MOST_WORDS)
        probe = Probe(
            kind=kind,
            code=module,
            test=language.test_name(module),
            claim=claim,
            raises=raises,
            source=self.endpoint.model,
            severity=severity,
            line=line - head.start_line + 1 if head.start_line <= line <= head.end_line else 0,
            call=call,
            expected=expected,
            fixed=fixed,
            imports=imports,
            stub=stub,
        )
        lines = {line: 1.0} if probe.line else {}
        return Suspicion(f"{MODEL}{category}", category, function, claim, (), lines, 0.0, probe)

    def fixed(self, function: ChangedFunction, answer: str) -> tuple[str, tuple[str, ...]]:
        """(the function as the model would have it, imports that it needs); empty where it cannot stand there."""
        path = function.head.path
        language = self.code.language[path]
        if not answer.strip() or guarding.REDACTED.search(answer):
            return "", ()
        try:
            given = language.answered(answer, function.head)
            language.splice(self.code.text[path], function.head, given.source, given.imports)
        except Unparsable:
            return "", ()
        return given.source, given.imports


@dataclass(frozen=True)
class Reading:
    """What one answer holds."""

    suspicions: tuple[Suspicion, ...] = ()
    complaint: str = ""
    """What does not fit, for the model to read; empty where all does."""
    named: int = 0
    malformed: int = 0
    surplus: int = 0


MOST_IMPORTS = 50
"""Import statements that a remembered repair may need."""


def remembered(known: Known, function: ChangedFunction) -> Suspicion | None:
    """What an earlier review found by a model's witness, suspected once more; None where there is nothing to run.

    A memory is kept where others can write: it is read like an answer that has just come in. Whether its witness
    counts is for the gates to say that every proposed witness passes.
    """
    probe, head = known.probe, function.head
    if probe is None or known.function != function.id:
        return None
    try:
        named = word({"rule": known.rule}, "rule", [f"{MODEL}{category}" for category in Category])
        word(vars(probe), "kind", ["test", "call"])
        for name in ("code", "call", "expected", "raises", "fixed", "stub"):
            text(vars(probe), name)
        for statement in probe.imports:
            text({"import": statement}, "import")
    except Refused:
        return None
    if len(probe.imports) > MOST_IMPORTS or (probe.raises and not NAME.fullmatch(probe.raises)):
        return None
    line = probe.line if 1 <= probe.line <= head.end_line - head.start_line + 1 else 0
    probe = replace(
        probe, claim=wire.clean(probe.claim, MOST_WORDS), source=wire.clean(probe.source, MOST_NAME), line=line
    )
    lines = {head.start_line + line - 1: 1.0} if line else {}
    category = Category(named.removeprefix(MODEL))
    return Suspicion(named, category, function, probe.claim, (), lines, 0.0, probe)


def stubbed(language: Language, function: ChangedFunction, expected: str) -> str:
    """The function giving just what is expected; empty where it cannot be written so."""
    try:
        return language.stub(function.head, expected)
    except Unparsable:
        return ""


# ------------------------------------------------------------------------------------------------ reading JSON


def problems_in(answer: str) -> list[object]:
    """The list of problems in an answer: the whole text as JSON, its last fenced block, or its outermost braces.

    Raises Refused with words for the model.
    """
    if len(answer) > MOST_CHARACTERS:
        raise Refused(f"the answer is longer than {MOST_CHARACTERS} characters")
    said = answer.rpartition("</think>")[2].strip()
    blocks = FENCED.findall(said)
    inside = said[said.find("{") : said.rfind("}") + 1]
    complaint = "the answer holds no JSON object"
    for piece in (said, *blocks[-1:], inside):
        if not piece.lstrip().startswith("{"):
            continue
        try:
            value = json.loads(piece, object_pairs_hook=without_repeats, parse_constant=no_constant)
        except RecursionError:
            complaint = "the JSON is nested too deeply"
        except ValueError as error:
            complaint = f"not valid JSON: {error}"
        else:
            problems = value.get("problems")
            if isinstance(problems, list):
                return problems
            complaint = "`problems` must be a list"
    raise Refused(complaint)


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; one that gives a key twice says two things. Raises ValueError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice in one object")
    return found


def no_constant(name: str) -> float:
    """Refuses `NaN` and `Infinity`, which JSON does not have. Raises ValueError."""
    raise ValueError(f"{name} is no JSON number")


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """A JSON object. Raises Refused."""
    if not isinstance(value, dict):
        raise Refused(f"{where or 'it'}: must be an object")
    return value


def word(row: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str:
    """One of some words. Raises Refused."""
    value = row.get(name)
    if not isinstance(value, str) or value not in allowed:
        raise Refused(f"{name}: must be one of {', '.join(allowed)}")
    return value


def text(row: Mapping[str, Any], name: str) -> str:
    """A text of bounded length; what is missing is empty. Raises Refused."""
    value = row.get(name, "")
    if not isinstance(value, str):
        raise Refused(f"{name}: must be a text")
    if len(value) > LIMITS[name]:
        raise Refused(f"{name}: is longer than {LIMITS[name]} characters")
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise Refused(f"{name}: holds characters that no source file may hold")
    return value


def clipped(words: str) -> str:
    """A complaint, short enough for a prompt."""
    return wire.clean(words, MOST_WORDS)
