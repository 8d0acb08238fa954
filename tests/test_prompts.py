"""Prompts as documents: golden texts, one beginning for every rung, and hostile text that stays in its block."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import pytest
from sample_briefs import BARE, LABEL, TOTAL

from bot import prompts, signal, templating
from bot.domain import Brief, Call, Shown, Signature, Surroundings

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "prompts"
SIGNAL = "candidate 1: passes\n    net += price  # net=3; 7"

DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "task": lambda: prompts.task(TOTAL),
    "task_method": lambda: prompts.task(LABEL),
    "task_bare": lambda: prompts.task(BARE),
    "guided": lambda: prompts.task(TOTAL) + prompts.evidence(SIGNAL),
    "continued": lambda: prompts.continued(TOTAL, "def total(prices, *, rate=0.0):\n    net = 0\n"),
    "retry": lambda: prompts.retry(TOTAL, TOTAL.function.source, TOTAL.failures, SIGNAL),
    "retry_silent": lambda: prompts.retry(LABEL, LABEL.function.source, (), ""),
    "review": lambda: prompts.review(TOTAL, 3),
    "review_method": lambda: prompts.review(LABEL, 1),
    "repair": lambda: prompts.repair("problems[0].line: 'ten' is not of type 'integer'"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_whole_text(name: str) -> None:
    file, text = GOLDEN / f"{name}.txt", DOCUMENTS[name]() + "\n"
    if os.environ.get("TRYLINE_REFRESH_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


# ----------------------------------------------------------------------------------------------- composition


def test_the_beginning_is_the_same_for_every_rung() -> None:
    task = prompts.task(TOTAL)
    again = prompts.task(replace(TOTAL))
    assert task.encode() == again.encode()
    guided = task + prompts.evidence(SIGNAL)
    assert guided.startswith(task)
    assert guided.removeprefix(task) == prompts.evidence(SIGNAL)
    for rest in (
        prompts.evidence(SIGNAL),
        prompts.continued(TOTAL, "x"),
        prompts.retry(TOTAL, "x", (), ""),
    ):
        assert rest.startswith("\n\n")
        assert not rest.endswith("\n")


@pytest.mark.parametrize("empty", ["", " \n"])
def test_no_signal_adds_nothing(empty: str) -> None:
    assert prompts.evidence(empty) == ""


def test_the_fence_outgrows_every_run_of_backticks() -> None:
    assert (prompts.opening(TOTAL), prompts.closing(TOTAL)) == ("```python\n", "```")
    assert (prompts.opening(LABEL), prompts.closing(LABEL)) == ("````python\n", "````")
    quoted = replace(TOTAL.function, source='def f():\n    return "`````"\n')
    assert prompts.closing(replace(TOTAL, base=quoted)) == "``````", "what base holds may come back too"
    for brief in (TOTAL, LABEL):
        assert f"opens with the line {prompts.opening(brief)[:-1]} and closes" in prompts.task(brief)


def test_base_is_shown_where_it_differs() -> None:
    assert TOTAL.base is not None
    assert "Before the change under review" in prompts.task(TOTAL)
    moved = replace(TOTAL.function, source=TOTAL.function.source.replace("\n", "\r\n"))
    for same in (None, moved):
        assert "Before the change under review" not in prompts.task(replace(TOTAL, base=same))


def test_the_calls_of_a_new_function_are_not_called_right() -> None:
    assert "before the change, and what came out" in prompts.task(TOTAL)
    assert "what came out may be wrong" in prompts.task(replace(TOTAL, base=None))


def test_suspicious_lines_are_named_while_they_are_few() -> None:
    assert "Most suspicious:\n    for price in prices[1:]:\n" in prompts.task(TOTAL)
    assert TOTAL.finding is not None
    everywhere = replace(TOTAL.finding, suspicious_lines=dict.fromkeys(range(11, 16), 1.0))
    assert "Most suspicious" not in prompts.task(replace(TOTAL, finding=everywhere))
    elsewhere = replace(TOTAL.finding, suspicious_lines={5: 1.0, 900: 1.0})
    assert "Most suspicious" not in prompts.task(replace(TOTAL, finding=elsewhere))


def test_the_reviewer_sees_the_lines_of_the_file() -> None:
    text = prompts.review(LABEL, 2)
    assert '\n 98|     @property\n 99|     def label(self) -> str:\n100|         """What' in text
    assert "at most 2 problems" in text


def test_a_secret_of_many_lines_moves_no_number() -> None:
    body = "\n".join("MIIEowIBAAKCAQEA" + chr(65 + i) * 48 for i in range(12))
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    source = f'def total():\n    key = """{key}"""\n    first = 1\n    return first\n'
    text = prompts.review(replace(TOTAL, function=replace(TOTAL.function, source=source)), 3)
    assert "MIIEow" not in text
    lines = source.split("\n")
    assert "\n11| def total():\n12|     key" in text
    assert f"\n{11 + lines.index('    first = 1')}|     first = 1\n" in text


def test_a_hidden_secret_is_spoken_of() -> None:
    source = f"def f():\n    return '{SECRET}'\n"
    text = prompts.task(replace(TOTAL, function=replace(TOTAL.function, source=source)))
    assert SECRET not in text
    assert "leave such a line as it is" in text
    assert "leave such a line as it is" not in prompts.task(TOTAL)


def test_long_tests_lose_whole_lines_in_the_middle() -> None:
    lines = [f"    assert total([{i}]) == {i}" for i in range(500)]
    long = "def test_total():\n" + "\n".join(lines) + "\n"
    brief = replace(TOTAL, tests=(("t::test_total", long), ("t::test_other", long)))
    first, second = [block for block in parsed(prompts.task(brief)).blocks if block.label == "test"]
    assert 1400 < len(first.text) <= prompts.MAX_TEST + 40
    assert 600 < len(second.text) <= prompts.MAX_FURTHER_TEST + 40
    for block in (first, second):
        shown = block.text.split("\n")[1:]
        (cut,) = [at for at, line in enumerate(shown) if re.fullmatch(r"# \.\.\. \d+ more lines", line)]
        assert shown[:cut] == long.split("\n")[:cut]
        assert shown[cut + 1 :] == lines[-len(shown[cut + 1 :]) :]
        assert cut + int(re.findall(r"\d+", shown[cut])[0]) + len(shown) - cut - 1 == 501


def test_a_huge_brief_gives_a_bounded_prompt() -> None:
    huge = "x = 1\n" * 20_000
    brief = replace(
        TOTAL,
        surroundings=Surroundings((huge,), huge, (Signature("a", huge),) * 20, (huge,) * 20),
        tests=((huge, huge),) * 3,
        calls=(Call("t", huge, huge, "", ""),) * 20,
        failures=((huge, huge),) * 20,
    )
    assert len(prompts.task(brief)) < 20_000
    assert len(prompts.retry(brief, huge, brief.failures, huge)) < 200_000


def test_a_template_refuses_a_name_that_does_not_exist() -> None:
    with pytest.raises(jinja2.UndefinedError):
        prompts._environment().from_string("{{ nothing }}").render()
    with pytest.raises(TypeError, match="not text"):
        prompts._environment().from_string("{{ thing }}").render(thing=None)
    for file in sorted((HERE.parent / "templates" / "prompts").glob("*.md.j2")):
        if file.name != "about.md.j2":
            # What is undefined is no text to the guard either.
            with pytest.raises((jinja2.UndefinedError, TypeError)):
                prompts._environment().get_template(f"prompts/{file.name}").render()


# ---------------------------------------------------------------------------------------------------- schema

ANSWER: dict[str, list[dict[str, Any]]] = {
    "problems": [
        {
            "category": "correctness",
            "severity": "high",
            "line": 13,
            "title": "The first price is left out",
            "explanation": "The loop starts at the second price.",
            "witness": {"kind": "call", "call": "total([3, 4])", "expected": "7", "code": "", "raises": ""},
            "fixed": "def total(prices):\n    return sum(prices)\n",
        }
    ]
}


def test_the_schema_takes_what_the_prompt_asks_for() -> None:
    jsonschema.Draft202012Validator.check_schema(prompts.REVIEW_SCHEMA)
    jsonschema.validate(ANSWER, prompts.REVIEW_SCHEMA)
    jsonschema.validate({"problems": []}, prompts.REVIEW_SCHEMA)
    form = prompts.review(TOTAL, 3).rpartition("\n")[2]
    filled = json.loads(re.sub(r'("\w+")(?: \| "\w+")+', r"\1", form))
    jsonschema.validate(filled, prompts.REVIEW_SCHEMA)
    assert list(filled["problems"][0]) == list(ANSWER["problems"][0]), "the prompt shows the schema's own order"


@pytest.mark.parametrize(
    "change",
    [
        {"line": "ten"},
        {"line": 0},
        {"line": 10**30},
        {"category": "style"},
        {"severity": "blocker"},
        {"title": "x" * 121},
        {"extra": 1},
        {"witness": {}},
        {"witness": {**ANSWER["problems"][0]["witness"], "kind": "hunch"}},
    ],
)
def test_the_schema_refuses_everything_else(change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"problems": [{**ANSWER["problems"][0], **change}]}, prompts.REVIEW_SCHEMA)


# ------------------------------------------------------------------------------------------------ injections

SECRET = "ghp_" + "aB3dE5fG7hI9kL1mN3pQ5rS7tU9vW1xY3zA5"


@dataclass(frozen=True)
class Block:
    """One block of foreign text, as a reader of the prompt finds it."""

    label: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """A prompt taken apart."""

    outside: str
    """Our own words, a `#` where each block stood."""
    blocks: tuple[Block, ...]


class Escaped(AssertionError):
    """Foreign text got out of its block."""


def parsed(text: str) -> Prompt:
    """Finds the blocks of a prompt, each from its marker to the marker of the same digest. Raises Escaped."""
    outside: list[str] = []
    blocks: list[Block] = []
    opened: tuple[str, str] | None = None
    inside: list[str] = []
    for line in text.split("\n"):
        if opened is not None:
            if line == f"</data-{opened[0]}>":
                blocks.append(Block(opened[1], "\n".join(inside)))
                outside.append("#")
                opened = None
            elif re.search(r"</?data-[0-9a-f]{4}", line):
                raise Escaped(f"another marker inside {opened[1]}: {line}")
            else:
                inside.append(line)
        elif found := re.fullmatch(r'<data-([0-9a-f]{8}) label="([^"<>\n]*)">', line):
            opened, inside = (found[1], found[2]), []
        else:
            outside.append(line)
    if opened is not None:
        raise Escaped(f"{opened[1]} is never closed")
    return Prompt("\n".join(outside), tuple(blocks))


def hostile(carry: Callable[[str], str]) -> Brief:
    """A brief in which every foreign text carries something: `carry` is told where it stands."""
    function, base, finding = TOTAL.function, TOTAL.base, TOTAL.finding
    assert base is not None
    assert finding is not None
    code = "def total(prices):\n    '''{}'''\n    # {}\n    return 1\n"
    source = code.format(carry("docstring"), carry("comment"))
    return Brief(
        function=replace(function, source=source, path=carry("path"), qualname=carry("qualname")),
        surroundings=Surroundings(
            imports=(carry("import"),),
            header=f"class A:\n    '''{carry('header')}'''",
            helpers=(Signature(carry("helper name"), f"def h():\n    '''{carry('helper')}'''"),),
            constants=(f"KEY = '{carry('constant')}'",),
        ),
        base=replace(base, source=code.format(carry("base docstring"), carry("base comment"))),
        finding=replace(
            finding, title=carry("title"), message=carry("message"), suspicious_lines={function.start_line: 1.0}
        ),
        tests=((carry("test id"), f"def test_a():\n    '''{carry('test')}'''\n"),),
        calls=(
            Call("t", carry("arguments"), carry("result"), "", "a"),
            Call("t", "2", "", carry("raised"), "b"),
        ),
        failures=((carry("failing id"), carry("failure")),),
    )


def signal_of(carry: Callable[[str], str]) -> str:
    """The signal of a candidate in which everything carries something."""
    shown = Shown(
        lines=f"    # {carry('candidate')}",
        outcome=carry("outcome"),
        message=carry("candidate failure"),
        trace=(
            (0, (("call", "", carry("traced arguments")),)),
            (2, ()),
            (3, ((carry("traced name"), "str", carry("traced value")),)),
            (0, (("raise", carry("traced class"), carry("traced message")),)),
        ),
        tests={carry("traced test"): "failed"},
    )
    return signal.render([shown], None, budget=100_000, count=len).text


def every_prompt(carry: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """All prompt functions, all carriers: (name, text) with our own fence made equal."""
    brief = hostile(carry)
    fence = prompts.closing(brief)
    told = {
        "task": prompts.task(brief),
        "evidence": prompts.evidence(carry("raw trace")),
        "signal": prompts.evidence(signal_of(carry)),
        "continued": prompts.continued(brief, f"def total(prices):\n    # {carry('accepted')}\n"),
        "retry": prompts.retry(
            brief, carry("attempt"), [(carry("failing id"), carry("failure"))], carry("retry trace")
        ),
        "review": prompts.review(brief, 3),
        "repair": prompts.repair(carry("error")),
    }
    for name, text in told.items():
        ours = re.sub(rf"(?<=line ){fence}(?=python|$)", "FENCE", text, flags=re.MULTILINE)
        yield name, ours.replace("- `[redacted ...]` hides a secret: leave such a line as it is.\n", "")


def injections() -> list[Path]:
    return sorted((HERE / "samples" / "injections").glob("*.json"))


def text_of(file: Path) -> str:
    """An injection's text. JSON, so that what cannot be seen is spelt out in the repository."""
    sample = json.loads(file.read_text("utf-8"))
    text: str = sample["text"] * sample.get("times", 1)
    return text.replace("SECRET", SECRET)


HARMLESS = dict(every_prompt(lambda where: f"harmless {where}"))

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""What steers a terminal or cannot be seen."""
CHAT = re.compile(r"<\|[^|\n]{1,40}\|>|<\uff5c|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|</?think>")
"""Tokens by which chat templates part the speakers."""


def weaknesses(name: str, text: str) -> list[str]:
    """What hostile text achieved in a prompt; empty when it is only data."""
    found = []
    try:
        mine, theirs = parsed(HARMLESS[name]), parsed(text)
    except Escaped as error:
        return [str(error)]
    if [block.label for block in theirs.blocks] != [block.label for block in mine.blocks]:
        found.append("other blocks than ours")
    if theirs.outside != mine.outside:
        found.append("it stands outside of blocks")
    if unseen := UNSEEN.search(text):
        found.append(f"unseen character {ord(unseen[0]):x}")
    if token := CHAT.search(text):
        found.append(f"chat token {token[0]}")
    if SECRET in text:
        found.append("a secret")
    return found


def test_the_corpus_is_large() -> None:
    assert len(injections()) >= 25


@pytest.mark.parametrize("file", injections(), ids=lambda file: file.stem)
def test_hostile_text_stays_in_its_block(file: Path) -> None:
    text = text_of(file)
    told = dict(every_prompt(lambda where: f"{text} ({where})"))
    assert {name: found for name, prompt in told.items() if (found := weaknesses(name, prompt))} == {}


def test_every_carrier_reaches_a_prompt() -> None:
    """Without this, a carrier that is dropped would look safe."""
    asked: list[str] = []

    def carry(where: str) -> str:
        asked.append(where)
        return f"carried {where}!"

    told = "\n".join(text for _, text in every_prompt(carry))
    # A helper is known by its text; its name is not shown again.
    assert [where for where in dict.fromkeys(asked) if f"carried {where}!" not in told] == ["helper name"]


def naive(text: str, label: str) -> str:
    """A fence as one would make it at first."""
    return f'<data-00000000 label="{label}">\n{text}\n</data-00000000>'


def test_a_naive_fence_would_not_hold() -> None:
    """The corpus finds what is wrong with a constant marker and text that nobody cleaned."""
    environment = templating.environment({"data": naive}, {})
    template = environment.get_template("prompts/evidence.md.j2")
    mine = template.render(block="harmless trace").rstrip("\n")
    assert parsed(mine).outside == parsed(HARMLESS["evidence"]).outside
    got_out = {
        file.stem: found
        for file in injections()
        if (found := weaknesses("evidence", template.render(block=text_of(file)).rstrip("\n")))
    }
    said = " ".join(word for found in got_out.values() for word in found)
    for weakness in ("outside", "other blocks", "another marker", "unseen", "chat token", "a secret"):
        assert weakness in said
    assert len(got_out) > len(injections()) / 2
