"""Line by line with a model: what the signal may change, what it is asked for, and what is taken back."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rewriting import Case, Counted, Workbench, by_lines, served, workbench
from servers import Tokenizer, ToyServer

from bot import prompts
from bot.domain import LineStep, Search, Status, Turn
from bot.steps.propose import lines as walking
from bot.steps.propose.judging import NOTHING
from bot.steps.propose.lines import LineGuided, Option, Run
from bot.steps.propose.writing import Guidance

pytestmark = pytest.mark.engine

TEXT = '''\
def spread(items):
    """How far apart the smallest and the largest are."""
    low = 0
    high = 0
    return high - low
'''
TESTS = """\
def test_two():
    assert spread([3, 5]) == 2


def test_three():
    assert spread([4, 9, 6]) == 5
"""
SPREAD = Case("spread", TEXT, TESTS)
# Executed by failing tests, as coverage would tell: all of it, or only the second statement.
SECOND = replace(SPREAD, suspicious={4: 1.0})
CASES = (SPREAD,)

# Each takes most of the 40 tokens of one line, so that no continuation holds the whole function.
WHY = "  # what the others are measured from, whatever they are, one by one\n"
RIGHT = f"    low = min(items){WHY}"
WRONG = f"    low = len(items){WHY}"
HIGH = "    high = max(items)  # and what is the most that any of them comes to\n"
END = "    return high - low\n"
TOKENS = len(Tokenizer().encode(RIGHT))
HEADER = TEXT[: TEXT.index("    low")]
ONE_LINE = Guidance(rungs=("line-guided",), horizon=0, samples=8)
TRUE = re.compile(
    r"candidate \d+: [^\n]*\n    low = min\(items\)(?:(?!candidate).)*?\n"
    r"call\(items=\[3, 5\]\)(?:(?!candidate|\ncall).)*?low=3",
    re.DOTALL,
)
"""What running the right line showed, with the right line."""


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with workbench(*CASES) as made:
        yield made


def blocks(text: str) -> list[str]:
    """The signals in a prompt."""
    return re.findall(r'<data-[0-9a-f]{8} label="execution">\n(.*?)\n</data-', text, re.DOTALL)


def planted(text: str) -> dict[str, float]:
    """Writes the wrong line rather than the right one; where it read what running them showed, it is undecided."""
    if text.endswith(HEADER):
        signal = "".join(blocks(text))
        right = 0.48 if TRUE.search(signal) else 0.4
        return {WRONG: 1 - right, RIGHT: right}
    if text.endswith((RIGHT, WRONG)):
        return {HIGH: 1.0}
    return {END: 1.0} if text.endswith(HIGH) else {"```\n": 1.0}


def at(search: Search, line: int) -> list[LineStep]:
    """The decisions about one line, in order."""
    return [step for step in search.steps if step.line == line and step.turn is not Turn.BACK]


def decoded(server: ToyServer, prompt: Any) -> str:
    return server.tokenizer.decode(prompt)


def told(server: ToyServer, purpose: str) -> list[list[str]]:
    """The prompts of each completion request as text: `score` those that generate nothing, else the others."""
    found = []
    for body in server.asked("/completions"):
        many = [body["prompt"]] if isinstance(body["prompt"][0], int) else body["prompt"]
        if bool(body.get("echo") or body.get("prompt_logprobs") is not None) is (purpose == "score"):
            found.append([decoded(server, prompt) for prompt in many])
    return found


# ---------------------------------------------------------------------------------------- does guidance guide


@pytest.mark.parametrize(("gamma", "chosen"), [(1.5, RIGHT), (3.0, RIGHT), (0.0, WRONG), (1.0, WRONG)])
def test_the_trace_makes_guidance_choose_the_right_line(bench: Workbench, gamma: float, chosen: str) -> None:
    # log .48 + .5 log(.48 / .4) = -.6428 against log .52 + .5 log(.52 / .6) = -.7254; alone (gamma 1) .48 < .52.
    with served(by_lines(planted)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, replace(ONE_LINE, gamma=gamma))
        seen = visits(endpoint, server)
    first = at(search, 3)[0]
    assert first.text + "\n" == chosen
    assert {trial.result.status for trial in first.trials if trial.proposal.operator == "sample"} == {Status.OTHER}
    swayed = int(chosen == RIGHT)
    assert search.rungs[0].note.endswith(f"at {swayed} the signal changed the choice")
    # A wrong first line is found out by running, and taken back: guidance is about how soon.
    assert [c.source for c in search.candidates] == [HEADER + RIGHT + HIGH + END]
    assert len(at(search, 3)) == 1 and ((HEADER + WRONG) in seen) is (chosen == WRONG)


def true_block(bench: Workbench) -> str:
    """The signal of the first line, as a guided search makes it."""
    with served(by_lines(planted)) as (server, endpoint):
        bench.search(SPREAD, endpoint, ONE_LINE)
        held = [block for request in told(server, "score") for text in request for block in blocks(text)]
    assert TRUE.search(held[0])
    return held[0]


@pytest.mark.parametrize("kind", ["shuffled", "foreign", "empty"])
def test_a_signal_that_says_something_else_does_not(bench: Workbench, kind: str) -> None:
    block = true_block(bench)
    placebo = {
        # Each line with what the other one did.
        "shuffled": re.sub("min|len", lambda found: {"min": "len", "len": "min"}[found[0]], block),
        "foreign": block.replace("low", "found").replace("items", "words"),
        "empty": "",
    }[kind]
    assert kind == "empty" or len(placebo) > 0.9 * len(block)
    guidance = replace(ONE_LINE, evidence="placebo", placebo=(placebo,) if placebo else ())
    with served(by_lines(planted)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, guidance)
        shown = {block for request in told(server, "score") for text in request for block in blocks(text)}
    assert at(search, 3)[0].text + "\n" == WRONG
    assert search.rungs[0].note.endswith("at 0 the signal changed the choice")
    assert len(shown) == (0 if kind == "empty" else 1)


def test_the_placebo_is_as_long_as_what_it_stands_for(bench: Workbench) -> None:
    block = true_block(bench)
    other = block.replace("low", "found").replace("items", "words")
    sizes = (other[: len(other) // 3], other + "  ", other * 2)
    with served(by_lines(planted)) as (server, endpoint):
        bench.search(SPREAD, endpoint, replace(ONE_LINE, evidence="placebo", placebo=sizes))
        first = next(iter(told(server, "score")))
        traced = [blocks(text) for text in first if blocks(text)]
    assert traced and all(shown == [other.strip()] or shown == [other + "  "] for shown in traced)


# ---------------------------------------------------------------------------------------- is it exactly right

BLOCK = "candidate 1: raises AssertionError\n    low = min(items)\ncall(items=[3, 5]) returned 2\n  4| low=3"


def option(line: str, reward: float = 0.0) -> Run:
    lines = tuple(line.rstrip("\n").split("\n")) if line else ()
    return Run(Option(lines, HEADER + line, (), False, True, "toy", "sample"), NOTHING, reward)


@pytest.mark.parametrize(
    ("gamma", "clip", "weight", "right", "wrong"),
    [
        (0.0, 4.0, 0.0, math.log(0.4), math.log(0.6)),
        (1.0, 4.0, 0.0, math.log(0.48), math.log(0.52)),
        (0.5, 4.0, 0.0, math.log(math.sqrt(0.4 * 0.48)), math.log(math.sqrt(0.6 * 0.52))),
        (1.5, 4.0, 0.0, math.log(0.48 * math.sqrt(1.2)), math.log(0.52 * math.sqrt(0.52 / 0.6))),
        (3.0, 4.0, 0.0, math.log(0.48 * 1.2**2), math.log(0.52 * (0.52 / 0.6) ** 2)),
        # The clip is for each token of the line: it leaves TOKENS times .001 nats of the difference.
        (2.0, 0.001, 0.0, math.log(0.48) + 0.001 * TOKENS, math.log(0.52) - 0.001 * TOKENS),
        # What running showed counts beside: +.5 for the right line, -.5 for the wrong one, twice.
        (1.5, 4.0, 2.0, math.log(0.48 * math.sqrt(1.2)), math.log(0.52 * math.sqrt(0.52 / 0.6))),
    ],
)
def test_scores_to_a_millionth(
    bench: Workbench, gamma: float, clip: float, weight: float, right: float, wrong: float
) -> None:
    guidance = replace(ONE_LINE, gamma=gamma, clip=clip, reward=weight)
    with served(by_lines(planted)) as (server, endpoint):
        walk = LineGuided(bench.searcher(SPREAD), bench.writer(SPREAD, endpoint, guidance))
        rows = walk.scored(
            tuple(HEADER.rstrip("\n").split("\n")), [option(RIGHT, 0.5), option(WRONG, -0.5)], BLOCK
        )
        asked = told(server, "score")
    long = TOKENS**0.7
    for (mixed, plain, before), expected, share, sign in zip(
        rows, (right, wrong), (0.4, 0.6), (1, -1), strict=True
    ):
        assert mixed == pytest.approx(expected / long + weight * 0.5 * sign, abs=1e-6)
        assert plain == pytest.approx(math.log(share) / long + weight * 0.5 * sign, abs=1e-6)
        assert before == pytest.approx(math.log(share) / long, abs=1e-6)
    assert [len(request) for request in asked] == [4]


def test_the_end_of_the_function_is_scored_like_a_line(bench: Workbench) -> None:
    def ending(text: str) -> dict[str, float]:
        return {"```\n": 0.25, END: 0.75} if text.endswith(HIGH) else planted(text)

    with served(by_lines(ending)) as (_, endpoint):
        walk = LineGuided(bench.searcher(SPREAD), bench.writer(SPREAD, endpoint, replace(ONE_LINE, reward=0.0)))
        accepted = tuple((HEADER + RIGHT + HIGH).rstrip("\n").split("\n"))
        rows = walk.scored(accepted, [option(""), option(END)], "")
    fence = len(Tokenizer().encode("```\n"))
    assert rows[0] == pytest.approx([math.log(0.25) / fence**0.7] * 3, abs=1e-6)
    assert rows[1] == pytest.approx([math.log(0.75) / len(Tokenizer().encode(END)) ** 0.7] * 3, abs=1e-6)


# ---------------------------------------------------------------------------------------- what it is asked for


def visits(endpoint: Counted, server: ToyServer) -> dict[str, dict[str, list[str]]]:
    """Beginning of the answer -> `plain` and `led` continuations and `score` requests with their signals."""
    found: dict[str, dict[str, list[str]]] = {}
    for request in [r for r in endpoint.requests if r.purpose in ("continue", "score")]:
        texts = [decoded(server, prompt) for prompt in request.prompts]
        for text in texts if request.kind == "complete" else texts[-1:]:
            response = text.rpartition("```python\n")[2]
            lines = response.count("\n") - (request.kind == "score")
            start = "".join(response.splitlines(keepends=True)[:lines])
            signal = blocks(text)
            kind = "score" if request.kind == "score" else "led" if signal else "plain"
            found.setdefault(start, {}).setdefault(kind, []).append("".join(signal))
    return found


def test_a_line_has_one_signal(bench: Workbench) -> None:
    with served(by_lines(planted)) as (server, endpoint):
        bench.search(SPREAD, endpoint, ONE_LINE)
        seen = visits(endpoint, server)
        for request in endpoint.of("score"):
            signals = [blocks(decoded(server, prompt)) for prompt in request.prompts]
            half = len(signals) // 2
            assert not any(signals[:half]) and len({tuple(s) for s in signals[half:]}) == 1
    contested = {start: asked for start, asked in seen.items() if "score" in asked}
    assert contested
    for asked in seen.values():
        assert len(asked["plain"]) == 1
    for asked in contested.values():
        assert len(asked["led"]) == len(asked["score"]) == 1
        assert asked["led"] == asked["score"] != [""]


def test_beginnings_that_are_cut_are_told_apart_by_their_traces(bench: Workbench) -> None:
    # All that a cut beginning comes to is its end, so outcomes are the same: what it did on the way is not.
    with served(by_lines(planted)) as (server, endpoint):
        walk = LineGuided(bench.searcher(SPREAD), bench.writer(SPREAD, endpoint, ONE_LINE))
        accepted = tuple(HEADER.rstrip("\n").split("\n"))
        assert walk.next_line(accepted, (), (), synced=False) is not None
        signal = blocks(decoded(server, endpoint.of("score")[0].prompts[-1]))[0]
    assert "low = min(items)" in signal and "low = len(items)" in signal
    assert TRUE.search(signal) and "low=2" in signal


@pytest.mark.parametrize("guidance", [replace(ONE_LINE, evidence="none"), replace(ONE_LINE, evidence="placebo")])
def test_an_empty_signal_asks_for_nothing_more(bench: Workbench, guidance: Guidance) -> None:
    with served(by_lines(planted)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, guidance)
        seen = visits(endpoint, server)
        scores = endpoint.of("score")
    for asked in seen.values():
        assert len(asked.get("plain", ())) <= 1 and "led" not in asked and len(asked.get("score", ())) <= 1
    assert len(endpoint.of("continue")) == len(seen) <= len(search.steps) + 2
    # Without a signal there is one branch: no prompt twice.
    assert scores and all(len(set(request.prompts)) == len(request.prompts) for request in scores)


def test_both_branches_are_the_same_ids_but_for_the_signal(bench: Workbench) -> None:
    with served(by_lines(planted)) as (server, endpoint):
        bench.search(SPREAD, endpoint, ONE_LINE)
        writer = bench.writer(SPREAD, endpoint, ONE_LINE)
        head = list(server.tokenizer.encode("<|user|>\n" + writer.head()))
        pairs = [body["prompt"] for body in server.asked("/completions") if body.get("echo")]
    assert pairs
    for prompts_ in pairs:
        half = len(prompts_) // 2
        for plain, led in zip(prompts_[:half], prompts_[half:], strict=True):
            more = len(led) - len(plain)
            signal = decoded(server, led[len(head) : len(head) + more])
            assert plain[: len(head)] == led[: len(head)] == head
            assert plain[len(head) :] == led[len(head) + more :]
            assert signal == prompts.evidence(
                f'<data-00000000 label="execution">\n{blocks(signal)[0]}\n</data-00000000>'
            )


class Greedy(Tokenizer):
    """A tokenizer that takes a line feed and the next line's indentation for one token, as large vocabularies do:
    the ids of a text are not the beginning of those of a longer one."""

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for part in re.findall(r"\n[ \t]+|[^\n]+|\n", text):
            ids += [self.id(part.encode())] if part[0] == "\n" else super().encode(part)
        return ids


def test_what_was_accepted_keeps_its_ids(bench: Workbench) -> None:
    with served(by_lines(planted)) as (server, endpoint):
        greedy = Greedy()
        server.tokenizer = server._reader.tokenizer = greedy
        assert greedy.encode("a\n    b")[:2] != greedy.encode("a\n")
        search = bench.search(SPREAD, endpoint, ONE_LINE)
        starts = [
            body["prompt"]
            for body in server.asked("/completions")
            if body.get("n") and not blocks(decoded(server, body["prompt"]))
        ]
        texts = [body["prompt"] for body in server.asked("/tokenize") if "prompt" in body]
    assert [c.source for c in search.candidates] == [HEADER + RIGHT + HIGH + END]
    assert len(starts) >= 2
    for before, after in itertools.pairwise(starts):
        assert len(after) > len(before) and after[: len(before)] == before
    # Each line was turned into ids by itself; none of the answer's lines twice, none with another.
    own = [text for text in texts if text in (RIGHT, WRONG, HIGH, END)]
    assert len(own) == len(set(own)) >= 2
    assert not any(RIGHT in text and text != RIGHT and "label=" not in text for text in texts)


def test_a_line_that_no_failing_run_executes_asks_nothing(bench: Workbench) -> None:
    def second(text: str) -> dict[str, float]:
        low = "    low = 0\n"
        if text.endswith(HEADER + low):
            return {HIGH: 0.6, HIGH.replace("max", "sum"): 0.4}
        return {END: 1.0} if text.endswith((HIGH, HIGH.replace("max", "sum"))) else {"```\n": 1.0}

    with served(by_lines(second)) as (server, endpoint):
        search = bench.search(SECOND, endpoint, ONE_LINE)
        seen = visits(endpoint, server)
    assert list(seen) and all(start.startswith(HEADER + "    low = 0\n") for start in seen)
    assert {
        step.line for step in search.steps if any(trial.proposal.rung == "line-guided" for trial in step.trials)
    } <= {4, 5, 6}
    assert not at(search, 3)


def test_a_line_on_which_all_samples_agree_is_taken_unscored(bench: Workbench) -> None:
    with served(by_lines(planted)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, replace(ONE_LINE, gamma=0.0))
        seen = visits(endpoint, server)
    agreed = seen[HEADER + WRONG]
    assert len(agreed["plain"]) == 1 and "led" not in agreed and "score" not in agreed
    assert "score" in seen[HEADER]
    assert search.candidates


MIDDLE = "    low = sum(items)\n"


def last_line(text: str) -> dict[str, float]:
    """Two beginnings; what then comes is right behind one of them, which a model that read the traces writes."""
    if text.endswith(HEADER):
        return {RIGHT: 1.0}
    if text.endswith(RIGHT):
        return {HIGH: 1.0} if blocks(text) else {MIDDLE: 0.5, "    high = sum(items)\n": 0.5}
    return {END: 1.0} if text.endswith(HIGH) else {"```\n": 1.0}


def test_where_the_first_samples_pass_nothing_more_is_asked(bench: Workbench) -> None:
    def knowing(text: str) -> dict[str, float]:
        if text.endswith(HEADER):
            return {RIGHT: 1.0}
        if text.endswith(RIGHT):
            return {HIGH: 0.5, MIDDLE: 0.5}
        return {END: 1.0}

    with served(by_lines(knowing)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, ONE_LINE)
        seen = visits(endpoint, server)
    assert [c.source for c in search.candidates] == [HEADER + RIGHT + HIGH + END]
    assert [request.purpose for request in endpoint.requests if request.kind == "complete"] == ["continue"] * 2
    assert not endpoint.of("score")
    assert not any("led" in asked for asked in seen.values())
    # The line is in the record, with what its candidates did, and nothing is said to have swayed it.
    final = at(search, 4)[0]
    assert final.text + "\n" == HIGH and len(final.trials) >= 2
    assert final.trials[final.chosen or 0].result.status is Status.PASSED
    assert search.rungs[0].note == "1 contested lines, at 0 the signal changed the choice"


def test_where_samples_with_the_traces_pass_nothing_is_scored(bench: Workbench) -> None:
    with served(by_lines(last_line)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, ONE_LINE)
        seen = visits(endpoint, server)
    assert [c.source for c in search.candidates] == [HEADER + RIGHT + HIGH + END]
    assert len(seen[HEADER + RIGHT]["led"]) == 1
    assert not endpoint.of("score")
    assert at(search, 4)[0].text + "\n" == HIGH


def test_a_statement_without_a_rival_is_not_scored(bench: Workbench) -> None:
    with served(by_lines(planted)) as (_, endpoint):
        walk = LineGuided(bench.searcher(SPREAD), bench.writer(SPREAD, endpoint, ONE_LINE))
        accepted = tuple(HEADER.rstrip("\n").split("\n"))
        alone = walk.choose(accepted, (), [option(WRONG, -0.5)], BLOCK)
        assert alone is not None and alone.option.lines == option(WRONG).option.lines
        assert not endpoint.requests and walk.swayed == 0 and not walk.branches
        assert [trial.score for trial in at_last(walk).trials] == [-0.5]
        assert walk.choose(accepted, (), [option(WRONG), option(RIGHT)], BLOCK) is not None
        # The ids of both lines were asked for in one request.
        turned = [request.prompts for request in endpoint.of("tokenize")]
        assert [row for row in turned if WRONG in row or RIGHT in row] == [(WRONG, RIGHT)]
        assert len(endpoint.of("score")) == 1


def at_last(walk: LineGuided) -> LineStep:
    """The last decision of a walk."""
    return walk.searcher.steps[-1]


# ---------------------------------------------------------------------------------------------------- roll-back


def greedy(text: str) -> dict[str, float]:
    """Prefers a wrong beginning by far, whatever it reads."""
    return {WRONG: 0.8, RIGHT: 0.2} if text.endswith(HEADER) else planted(text)


@pytest.mark.parametrize("most", [0, 3])
def test_roll_back_finds_what_greedy_choice_misses(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(walking, "ROLL_BACKS", most)
    with served(by_lines(greedy)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, replace(ONE_LINE, samples=16))
        seen = visits(endpoint, server)
    assert at(search, 3)[0].text + "\n" == WRONG
    assert [c.source for c in search.candidates] == ([HEADER + RIGHT + HIGH + END] if most else [])
    # The line itself is not asked for again: only what follows the branch that was not taken.
    assert seen[HEADER]["plain"] == [""] and len(seen[HEADER]["led"]) == 1
    assert ((HEADER + RIGHT) in seen) is bool(most)


def test_it_goes_back_three_times_and_no_more(bench: Workbench) -> None:
    firsts = [f"    low = {name}(items){WHY}" for name in ("len", "sum", "sorted", "list", "tuple", "str")]

    def hopeless(text: str) -> dict[str, float]:
        if text.endswith(HEADER):
            return dict.fromkeys(firsts, 1 / len(firsts))
        return {HIGH: 1.0} if text.endswith(tuple(firsts)) else planted(text)

    with served(by_lines(hopeless)) as (server, endpoint):
        search = bench.search(SPREAD, endpoint, replace(ONE_LINE, samples=24))
        seen = visits(endpoint, server)
    assert not search.candidates
    assert len([start for start in seen if start.count("\n") == HEADER.count("\n") + 1]) == 1 + 3
    taken = [trial.proposal for step in at(search, 3) for trial in step.trials]
    assert len(taken) > 1 + 3
