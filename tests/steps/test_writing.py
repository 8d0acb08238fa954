"""What a model is asked, by the kind of server, and how its words become lines of the function."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from rewriting import IDLE, ROOMY, Counted, by_lines, served
from sample_briefs import LABEL, TOTAL
from servers import HOSTED, LLAMA_CPP, PREFIXED, REASONING, TRANSFORMERS, Abilities, Scripted, Tokenizer, Toy

from bot.domain import Brief
from bot.endpoints import Answer, Choice, Request
from bot.languages.python.language import Python
from bot.signal import Counter
from bot.steps.propose.writing import Guidance, Writer, after_prefix, tail_logprob

HEAD = TOTAL.function.source
BEGUN = "".join(HEAD.splitlines(keepends=True)[:2])
REST = HEAD.removeprefix(BEGUN)
BLOCK = "candidate 1: raises AssertionError\n    net = 0\ncall(prices=[3, 4]) returned 4"


@contextmanager
def writing(
    model: Toy, abilities: Abilities = ROOMY, brief: Brief = TOTAL, guidance: Guidance | None = None
) -> Iterator[tuple[Writer, Counted]]:
    with served(model, abilities) as (_, endpoint):
        yield Writer(endpoint, brief, guidance or Guidance(), Python(), Counter(endpoint)), endpoint


def answers(*codes: str) -> Toy:
    return Scripted([("You repair one Python function", [f"```python\n{code}```\n" for code in codes])], IDLE.next)


SERVERS = [
    pytest.param(ROOMY, "complete", id="vllm"),
    pytest.param(LLAMA_CPP, "complete", id="llama.cpp"),
    pytest.param(PREFIXED, "prefix", id="prefixed"),
    pytest.param(HOSTED, "chat", id="hosted"),
    pytest.param(REASONING, "chat", id="reasoning"),
    pytest.param(TRANSFORMERS, "complete", id="transformers"),
]


@pytest.mark.parametrize(("abilities", "shape"), SERVERS)
def test_every_server_goes_on_from_the_first_lines(abilities: Abilities, shape: str) -> None:
    with writing(answers(HEAD), abilities) as (writer, endpoint):
        drafts = writer.continuations(BEGUN, "", 2, 0.7)
        assert writer.shape() == shape
        request = endpoint.of("continue")[0]
    assert drafts
    # As far as it goes it is the function's rest: by whole lines, or to the end.
    for draft in drafts:
        assert REST.startswith(draft.text) and draft.text.count("\n") >= 1
        assert not draft.ended or draft.text == REST.rstrip("\n")
    assert request.kind == ("complete" if shape == "complete" else "chat")
    assert bool(request.prefix) is (shape == "prefix")
    assert request.prefix in ("", "```python\n" + BEGUN)


@pytest.mark.parametrize(("abilities", "shape"), SERVERS)
def test_every_server_writes_the_whole_function(abilities: Abilities, shape: str) -> None:
    with writing(answers(HEAD), abilities) as (writer, _):
        drafts = writer.rewrites(1, 0.0)
    assert [Python().answered(draft.text, TOTAL.function).source for draft in drafts] == [HEAD]


@pytest.mark.parametrize(("abilities", "shape"), SERVERS)
def test_the_signal_stands_in_one_branch_only(abilities: Abilities, shape: str) -> None:
    with writing(answers(HEAD), abilities) as (writer, endpoint):
        writer.continuations(BEGUN, "", 1, 0.7)
        writer.continuations(BEGUN, BLOCK, 1, 0.7)
        plain, led = [text_of(request, writer) for request in endpoint.of("continue")]
    assert BLOCK not in plain and led.count(BLOCK) == 1
    before, _, behind = led.partition(BLOCK)
    assert plain.startswith(before[: before.index("\n\nWays to go on")])
    assert plain.endswith(behind[behind.index("</data-") + len("</data-00000000>") :])


def text_of(request: Request, writer: Writer) -> str:
    """A request's prompt in words, whatever its kind."""
    if request.kind == "chat":
        return "".join(message.content for message in request.messages) + request.prefix
    prompt = request.prompts[0]
    if isinstance(prompt, str):
        return prompt
    return writer.endpoint.send(Request("detokenize", (prompt,))).choices[0].text


def test_an_answer_that_does_not_keep_the_decided_lines_is_dropped() -> None:
    other = HEAD.replace("net = 0", "net = 1")
    with writing(answers(other), HOSTED) as (writer, _):
        assert writer.continuations(BEGUN, "", 2, 0.7) == ()
    with writing(answers(HEAD), HOSTED) as (writer, _):
        assert len(writer.continuations(BEGUN, "", 2, 0.7)) == 2


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        ("```python\na\nb\nc\n```\n", "c"),
        ("Here:\n```python\na\nb\nc\nd\n```\nDone.", "c\nd"),
        ("a\r\nb\r\nc\r\n", "c"),
        ("a  \nb\t\nc  \n", "c"),
        ("a\nx\na\nb\nc", "c"),
        ("a\nb", ""),
        ("a\nx\nb\nc", None),
        ("b\nc", None),
        ("", None),
    ],
)
def test_the_lines_behind_the_decided_ones(answer: str, rest: str | None) -> None:
    assert after_prefix(answer, "a\nb\n") == rest


@pytest.mark.parametrize(
    ("text", "finish", "lines", "ended"),
    [
        ("    x = 1\n    y = 2\n    z", "length", "    x = 1\n    y = 2", False),
        ("    x = 1", "length", "", False),
        ("    x = 1\n", "length", "    x = 1", False),
        ("    return x", "stop", "    return x", True),
        ("    return x\n```\nThat is all.", "length", "    return x", True),
        ("    x = (\n    1,\n)\n    y = 2\n", "length", "    x = (\n    1,\n)\n    y = 2", False),
        ("    return x\n\n\ndef other():\n    pass\n", "length", "    return x\n\n", True),
        ("    return x\nprint(total([1]))\n", "length", "    return x", True),
        ("", "stop", "", True),
        ("", "length", "", False),
    ],
)
def test_a_continuation_as_lines(text: str, finish: str, lines: str, ended: bool) -> None:
    with writing(IDLE) as (writer, _):
        draft = writer.following(Choice(text, finish))
    assert (draft.text.rstrip("\n"), draft.ended) == (lines.rstrip("\n"), ended)


def test_a_method_ends_where_its_class_goes_on() -> None:
    with writing(IDLE, brief=LABEL) as (writer, _):
        draft = writer.following(Choice("        return 1\n\n    def other(self):\n        return 2\n", "length"))
    assert (draft.text.rstrip("\n"), draft.ended) == ("        return 1", True)


def test_seeds_differ_from_request_to_request_and_are_the_same_in_each_run() -> None:
    def asked(seed: int) -> list[int | None]:
        with writing(answers(HEAD), guidance=Guidance(seed=seed)) as (writer, endpoint):
            for _ in range(3):
                writer.continuations(BEGUN, "", 2, 0.7)
            writer.rewrites(1, 0.0)
            return [request.seed for request in endpoint.requests if request.kind == "complete"]

    first = asked(0)
    assert first == asked(0) and len(set(first)) == 4
    assert not set(first) & set(asked(1))


def test_the_beginning_of_every_prompt_is_the_same() -> None:
    with writing(answers(HEAD)) as (writer, endpoint):
        writer.rewrites(1, 0.0)
        writer.continuations(BEGUN, "", 1, 0.0)
        writer.continuations(BEGUN, BLOCK, 1, 0.0)
        writer.scores(BEGUN, BLOCK, ["    return 1\n"])
        sent = [
            prompt for request in endpoint.requests for prompt in request.prompts if not isinstance(prompt, str)
        ]
        head = writer.ids(writer.segments(writer.head(), "", "")[0], first=True)
    assert len(sent) == 5 and all(prompt[: len(head)] == head for prompt in sent)


SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
KEYED = replace(
    TOTAL, function=replace(TOTAL.function, source=HEAD.replace("net = 0", f'key = "{SECRET}"\n    net = 0'))
)


def test_a_secret_is_not_sent_and_comes_back_where_its_line_was_kept() -> None:
    shown = KEYED.function.source.replace(SECRET, "[redacted GitHub token]")
    with writing(answers(shown), brief=KEYED) as (writer, endpoint):
        drafts = writer.rewrites(1, 0.0)
        begun = "".join(KEYED.function.source.splitlines(keepends=True)[:2])
        writer.continuations(begun, "", 1, 0.7)
        writer.scores(begun, f"candidate 1\n    key = '{SECRET}'", [f'    key = "{SECRET}"\n'])
        sent = "".join(str(request.prompts) for request in endpoint.requests)
        sent += "".join(
            writer.endpoint.send(Request("detokenize", (prompt,))).choices[0].text
            for request in list(endpoint.requests)
            for prompt in request.prompts
            if not isinstance(prompt, str)
        )
    assert SECRET in drafts[0].text and "redacted" not in drafts[0].text
    assert SECRET not in sent and "[redacted GitHub token]" in sent


# -------------------------------------------------------------------------------------------------- how likely


def known(text: str) -> dict[str, float]:
    """The second line is one of two, and rather the one that the signal shows."""
    if text.endswith(BEGUN):
        led = 0.7 if BLOCK in text else 0.2
        return {"    for price in prices:\n": led, "    for price in prices[1:]:\n": 1 - led}
    return {"```\n": 1.0}


@pytest.mark.parametrize("by_ids", [True, False])
def test_scores_are_the_models_own(by_ids: bool) -> None:
    abilities = ROOMY if by_ids else replace(ROOMY, tokenize=False)
    long, short = "    for price in prices[1:]:\n", "    for price in prices:\n"
    with writing(by_lines(known), abilities) as (writer, endpoint):
        # Without ids the template is not known either: chat would be the way in, and lines are not scored there.
        assert writer.by_ids is by_ids and writer.tier == ("A" if by_ids else "B")
        rows = writer.scores(BEGUN, BLOCK, [long, short])
        alone = writer.scores(BEGUN, "", [long, short])
        requests = endpoint.of("score")
    assert [(row.plain, row.conditional) for row in rows] == [
        pytest.approx((math.log(0.8), math.log(0.3)), abs=1e-6),
        pytest.approx((math.log(0.2), math.log(0.7)), abs=1e-6),
    ]
    assert [(row.plain, row.conditional) for row in alone] == [
        pytest.approx((math.log(share), math.log(share)), abs=1e-6) for share in (0.8, 0.2)
    ]
    encode = Tokenizer().encode
    assert [row.tokens for row in rows] == [len(encode(long)), len(encode(short))]
    assert [len(request.prompts) for request in requests] == [4, 2]


def test_what_was_not_answered_is_as_unlikely_as_can_be() -> None:
    class Half:
        """An endpoint whose answers lack the first prompt."""

        def __init__(self, inner: Counted) -> None:
            self.inner = inner
            self.name, self.model, self.seat = inner.name, inner.model, inner.seat
            self.capabilities = inner.capabilities

        def send(self, request: Request) -> Answer:
            answer = self.inner.send(request)
            if request.kind != "score":
                return answer
            return replace(answer, choices=tuple(choice for choice in answer.choices if choice.prompt))

    with served(by_lines(known)) as (_, endpoint):
        writer = Writer(Half(endpoint), TOTAL, Guidance(), Python(), Counter(endpoint))
        rows = writer.scores(BEGUN, "", ["    for price in prices[1:]:\n", "    for price in prices:\n"])
    assert rows[0].plain == -math.inf and rows[1].plain == pytest.approx(math.log(0.2), abs=1e-6)


def test_the_tail_begins_where_the_prompt_ended() -> None:
    with served(by_lines(known)) as (server, endpoint):
        start = tuple(server.tokenizer.encode("You repair one Python function\n" + BEGUN))
        line = tuple(server.tokenizer.encode("    for price in prices:\n"))
        choice = endpoint.send(Request("score", (start + line,), top=0, ids=True)).choices[0]
    assert tail_logprob(choice, start) == (pytest.approx(math.log(0.2), abs=1e-6), len(line))
