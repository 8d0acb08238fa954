"""Token-level guidance over a real HTTP server whose every probability is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from servers import VLLM, Abilities, Fault, FaultyProxy, Toy, ToyServer

from bot.endpoints import Capabilities, Request
from bot.endpoints.openai.client import OpenAI
from bot.errors import EndpointError
from bot.steps.propose.token_cfg import Branches, Decoded, decode_line

CAN = Capabilities(
    model="toy", completions=True, token_ids=True, logprobs=20, scoring="echo", batch=True, n=True, tokenize=True
)
HEAD, RESPONSE = "task: go back one\n", "def f(x):\n"
GOOD = "ran: PASS x - 1\nran: FAIL x + 1\n"
SWAPPED = "ran: FAIL x - 1\nran: PASS x + 1\n"
SHUFFLED = "x ran FAIL : 1 -\n+ : 1 x PASS ran\n"


def planted(text: str) -> dict[str, float]:
    """Writes `return x + 1`; where it read that the other sign passes, it is nearly undecided."""
    line = text.rpartition("\n")[2]
    rest = "return x "
    if line == rest:
        plus = 0.52 if GOOD in text else 0.7 if SWAPPED in text else 0.6
        return {"+": plus, "-": 1 - plus}
    if rest.startswith(line):
        following = {"": "return", "return": " ", "return ": "x", "return x": " "}[line]
        return {following: 1.0}
    return {"1": 1.0} if line.endswith(" ") else {" ": 1.0} if line[-1] in "+-" else {"\n": 1.0}


class Play:
    """A toy server, an endpoint at it, and lines decoded there."""

    def __init__(self, server: ToyServer, url: str, **capabilities: Any) -> None:
        self.server = server
        self.endpoint = OpenAI(url, "toy", None, retries=0, capabilities=replace(CAN, **capabilities))

    def branches(self, signal: str = GOOD, head: str = HEAD, response: str = RESPONSE) -> Branches:
        encode = self.server.tokenizer.encode
        return Branches(tuple(encode(head)), tuple(encode(signal)), tuple(encode(response)))

    def line(self, gamma: float, branches: Branches | None = None, **more: Any) -> Decoded:
        settings = {"clip": 4.0, "max_tokens": 20} | more
        return decode_line(self.endpoint, branches or self.branches(), gamma=gamma, **settings)

    def prompts(self) -> list[list[list[int]]]:
        """The prompts of each request for a token, always as a list of lists."""
        given = [body["prompt"] for body in self.server.asked("/completions")]
        return [[prompt] if isinstance(prompt[0], int) else prompt for prompt in given]


@contextmanager
def playing(next_token: Any, abilities: Abilities = VLLM, **capabilities: Any) -> Iterator[Play]:
    with ToyServer(Toy(next_token), abilities) as server:
        play = Play(server, server.url, **capabilities)
        yield play
        play.endpoint.close()


# --------------------------------------------------------------------------------------- does guidance guide


def test_the_signal_wins_where_extrapolation_is_needed_and_a_shuffled_one_does_not() -> None:
    with playing(planted) as play:
        assert play.line(0).text == "return x + 1\n"
        assert play.line(1).text == "return x + 1\n"  # .52 against .48: alone, the signal does not suffice
        won = play.line(2)  # .48 ** 2 / .4 = .576 against .52 ** 2 / .6 = .451
        assert (won.text, won.swayed, won.ended) == ("return x - 1\n", 1, False)
        for signal in (SHUFFLED, SWAPPED):
            lost = play.line(2, play.branches(signal))
            assert (lost.text, lost.swayed) == ("return x + 1\n", 0)


def test_without_a_signal_nothing_is_mixed() -> None:
    with playing(planted) as play:
        assert play.line(3, play.branches("")).text == "return x + 1\n"
        assert {len(prompts) for prompts in play.prompts()} == {1}


# ---------------------------------------------------------------------------------------- is it exactly right


def uneven(text: str) -> dict[str, float]:
    """Two tokens that differ with and without `signal`, then the line's end. A list of two leaves one out."""
    line = text.rpartition("\n")[2]
    if not line:
        return {"p": 0.2, "q": 0.5, "r": 0.3} if "signal" in text else {"p": 0.6, "q": 0.1, "r": 0.3}
    if len(line) == 1:
        return {"s": 0.45, "t": 0.55} if "signal" in text else {"s": 0.8, "t": 0.2}
    return {"\n": 1.0}


@pytest.mark.parametrize(
    ("gamma", "clip", "text", "expected"),
    [
        # Without: p .6, r .3 and q at the floor .3, over 1.2 = .5, .25, .25 (p, q, r). With: q .5, r .3 and p at
        # the floor .3, over 1.1 = .2727273, .4545455, .2727273. gamma 2 gives .1487603, .8264463, .2975207 over
        # 1.2727273: q has .6493506. Then s .8, t .2 and .45, .55: .253125, 1.5125 over 1.765625: t has .8566372.
        (2.0, 100.0, "qt\n", math.log(0.6493506) + math.log(0.8566372)),
        # The clip log 1.2 leaves factors 1/1.2, 1.2, 1.0909091 (p, q, r): .2272727, .5454545, .2975207 over
        # 1.0702479: q has .5096525. Then s .45/1.2 = .375, t .55*1.2 = .66: t has .6376812.
        (2.0, math.log(1.2), "qt\n", math.log(0.5096525) + math.log(0.6376812)),
        # gamma .5: square roots of .5*.2727273, .25*.4545455, .25*.2727273 = .3692745, .3370999, .2611165 over
        # .9674909: p has .3816827. Then square roots of .36, .11 = .6, .3316625: s has .6440104.
        (0.5, 4.0, "ps\n", math.log(0.3816827) + math.log(0.6440104)),
    ],
)
def test_the_mixed_distribution_to_a_millionth(gamma: float, clip: float, text: str, expected: float) -> None:
    with playing(uneven) as play:
        line = play.line(gamma, play.branches("signal\n"), clip=clip, top=2)
    assert line.text == text
    assert line.logprob == pytest.approx(expected, abs=1e-6)
    assert {body["logprobs"] for body in play.server.asked("/completions")} == {2}


def test_a_token_that_only_the_signal_makes_likely_is_reached() -> None:
    # Top-2 lists: `z` is not among the unconditional ones, and has .9 with the signal.
    def surprising(text: str) -> dict[str, float]:
        if text.endswith("z"):
            return {"\n": 1.0}
        return {"a": 0.1, "z": 0.9} if "signal" in text else {"a": 0.6, "b": 0.3, "z": 0.1}

    with playing(surprising) as play:
        assert play.line(0, play.branches("signal\n"), top=2, max_tokens=2).text == "aa"
        for gamma in (1, 1.5, 3):
            assert play.line(gamma, play.branches("signal\n"), top=2).text == "z\n"


@pytest.mark.parametrize("signal", ["", GOOD])
def test_gamma_0_is_plain_and_gamma_1_conditional_generation(signal: str) -> None:
    with playing(planted) as play:
        branches = play.branches(signal)
        for gamma, prompt in ((0, branches.unconditional), (1, branches.conditional)):
            plain = play.endpoint.send(Request("complete", (prompt,), max_tokens=20, stop=("\n",)))
            line = play.line(gamma, branches)
            assert line.text == plain.choices[0].text + "\n"
            assert line.swayed == 0


# -------------------------------------------------------------------------------------------- what is asked


def test_each_token_is_one_request_whose_prompts_differ_in_the_signal_alone() -> None:
    with playing(planted) as play:
        branches = play.branches()
        line = play.line(2, branches)
        head, signal, response = (list(part) for part in (branches.head, branches.signal, branches.response))
        assert play.prompts() == [
            [head + grown, head + signal + grown]
            for grown in (response + list(line.ids[:count]) for count in range(len(line.ids)))
        ]
        for body in play.server.asked("/completions"):
            assert body["max_tokens"] == 1
            assert body["temperature"] == 0
            assert body["logprobs"] == 20
            assert body["return_tokens_as_token_ids"] is True
        assert play.server.tokenizer.decode(line.ids) == line.text


@pytest.mark.parametrize(("gamma", "which"), [(0, "unconditional"), (1, "conditional")])
def test_only_the_branch_that_counts_is_asked(gamma: float, which: str) -> None:
    with playing(planted) as play:
        branches = play.branches()
        play.line(gamma, branches)
        assert play.prompts()[0] == [list(getattr(branches, which))]
        assert {len(prompts) for prompts in play.prompts()} == {1}


def test_a_server_that_takes_one_prompt_at_a_time_is_asked_twice() -> None:
    with playing(planted, replace(VLLM, batch=False), batch=False) as play:
        line = play.line(2)
        assert line.text == "return x - 1\n"
        assert len(play.prompts()) == 2 * len(line.ids)
        assert {len(prompts) for prompts in play.prompts()} == {1}


def test_no_more_alternatives_are_asked_for_than_the_server_gives() -> None:
    with playing(planted, replace(VLLM, logprobs=5), logprobs=5) as play:
        assert play.line(2).text == "return x - 1\n"
        assert {body["logprobs"] for body in play.server.asked("/completions")} == {5}


def test_only_tokens_that_may_end_a_line_are_spelled_out_and_only_once() -> None:
    # gamma 3 picks `m`, which neither prediction ranks first: no answer's text tells that it is no line feed.
    def odd(text: str) -> dict[str, float]:
        if text.endswith("m"):
            return {"\n": 1.0}
        return {"k": 0.1, "l": 0.46, "m": 0.44} if "signal" in text else {"k": 0.5, "l": 0.35, "m": 0.15}

    with playing(odd) as play:
        breaks: dict[int, bool] = {}
        branches = play.branches("signal\n")
        for _ in range(2):
            assert play.line(3, branches, breaks=breaks).text == "m\n"
        alone = [body["tokens"] for body in play.server.asked("/detokenize") if len(body["tokens"]) == 1]
        assert alone == [[ord("m")], [10]]
        assert breaks == {ord("k"): False, ord("l"): False, ord("m"): False, 10: True}


# ---------------------------------------------------------------------------------------------- where it ends


def test_a_line_ends_at_its_line_feed_and_the_next_goes_on_from_there() -> None:
    with playing(planted) as play:
        branches = play.branches()
        line = play.line(2, branches)
        assert line.text.endswith("\n")
        again = play.line(2, replace(branches, response=branches.response + line.ids))
        assert again.text == "return x - 1\n"


def test_the_budget_of_tokens_stops_a_line() -> None:
    with playing(lambda text: {"a": 0.9, "b": 0.1}) as play:
        line = play.line(2, max_tokens=7)
        assert (line.text, len(line.ids), line.ended) == ("a" * 7, 7, False)
        assert len(play.prompts()) == 7
        assert play.line(2, max_tokens=0) == Decoded((), "", 0.0, 0, False)


def test_the_end_of_the_answer_ends_the_line_and_is_no_part_of_it() -> None:
    with playing(lambda text: {"": 0.9, "b": 0.1} if text.endswith("a") else {"a": 1.0}) as play:
        line = play.line(2)
        assert (line.text, line.ids, line.ended) == ("a", (97,), True)
        assert line.logprob == pytest.approx(0.0, abs=1e-6)


def test_an_end_that_only_the_signal_wants_is_taken_and_counted() -> None:
    with playing(lambda text: {"": 0.6, "b": 0.4} if GOOD in text else {"": 0.3, "b": 0.7}) as play:
        line = play.line(2)
        assert (line.ids, line.swayed, line.ended) == ((), 1, True)
        assert play.line(0, max_tokens=2).text == "bb"


def test_an_end_after_half_a_character_is_an_end() -> None:
    half = chr(0xDCC3)
    with playing(lambda text: {"": 1.0} if text.endswith(half) else {half: 1.0}) as play:
        line = play.line(2)
        assert (line.ids, line.ended) == ((0xC3,), True)


def test_a_server_that_says_stop_of_every_answer_ends_none_early() -> None:
    with playing(planted, replace(VLLM, always_stops=True)) as play:
        line = play.line(2)
        assert (line.text, line.ended) == ("return x - 1\n", False)


def test_an_end_without_a_token_ends_a_line_too_if_both_predictions_say_so() -> None:
    silent = replace(VLLM, names_end=False)
    with playing(lambda text: {"": 1.0} if text.endswith("a") else {"a": 1.0}, silent) as play:
        line = play.line(2)
        assert (line.text, line.ended) == ("a", True)
    with playing(lambda text: {"": 1.0} if GOOD in text else {"a": 1.0}, silent) as play:
        assert play.line(1).ended
        with pytest.raises(EndpointError, match="lacks the log-probabilities"):
            play.line(2)


def test_characters_of_several_tokens_come_whole() -> None:
    first, second, other = (chr(0xDC00 + byte) for byte in (0xC3, 0xA9, 0xC2))

    def accented(text: str) -> dict[str, float]:
        if text.endswith("é"):
            return {"\n": 1.0}
        return {second: 0.8, other: 0.2} if text.endswith(first) else {first: 0.6, other: 0.4}

    with playing(accented) as play:
        line = play.line(1.5, play.branches(response="# e"))
        assert line.text == "é\n"
        assert line.ids == (0xC3, 0xA9, 10)
        # The server repeats the prompt and its line feeds before what follows half a character.
        begun = replace(play.branches(response="# "), response=(10, 35, 32, 0xC3))
        assert play.line(1.5, begun).text == "é\n"


def test_a_line_keeps_the_blanks_that_it_begins_with() -> None:
    def indented(text: str) -> dict[str, float]:
        return {" ": 1.0} if text.endswith("\n") else {"x": 1.0} if text.endswith(" ") else {"\n": 1.0}

    with playing(indented, replace(VLLM, strips=True)) as play:
        assert play.line(2).text == " x\n"


# ------------------------------------------------------------------------------------------------- failures


def test_what_the_endpoint_raises_comes_through() -> None:
    with (
        ToyServer(Toy(planted)) as server,
        FaultyProxy(server.url, {3: Fault("status", 500)}) as proxy,
    ):
        with pytest.raises(EndpointError) as raised:
            Play(server, proxy.url).line(2)
        assert raised.value.slug == "endpoint-server"
        assert len(server.asked("/completions")) == 3
    with playing(planted, replace(VLLM, context=20)) as play:
        with pytest.raises(EndpointError) as raised:
            play.line(2)
        assert raised.value.slug == "endpoint-context"


@pytest.mark.parametrize("change", [{"logprobs": 0}, {"token_names": False}])
def test_a_server_that_keeps_its_log_probabilities_back_is_said_so(change: dict[str, Any]) -> None:
    with playing(planted, replace(VLLM, **change)) as play, pytest.raises(EndpointError) as raised:
        play.line(2)
    assert raised.value.slug == "endpoint-garbled"


# ------------------------------------------------------------------------------------------------- branches


def test_branches_differ_in_the_signal_alone_and_grow_alike() -> None:
    branches = Branches((1, 2), (3,), (4,)).followed_by(5)
    assert branches.unconditional == (1, 2, 4, 5)
    assert branches.conditional == (1, 2, 3, 4, 5)
    assert branches.prompts(1.5) == ((1, 2, 4, 5), (1, 2, 3, 4, 5))
    assert branches.prompts(0) == ((1, 2, 4, 5),)
    assert branches.prompts(1) == ((1, 2, 3, 4, 5),)
    assert Branches((1,), (), (2,)).prompts(3) == ((1, 2),)


def test_prompts_that_drifted_apart_are_never_sent() -> None:
    class Drifted(Branches):
        @property
        def conditional(self) -> tuple[int, ...]:
            return (*super().conditional, 9)

    with playing(planted) as play, pytest.raises(AssertionError, match="differ in more than the signal"):
        branches = play.branches()
        play.line(2, Drifted(branches.head, branches.signal, branches.response))
    assert play.server.requests == []
