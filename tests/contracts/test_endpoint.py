"""What every endpoint promises: the client at servers of several kinds, and each wrapper around it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from servers import HOSTED, LLAMA_CPP, PREFIXED, REASONING, TRANSFORMERS, VLLM, Abilities, Scripted, ToyServer

from bot.domain import Usage
from bot.endpoints import Answer, Capabilities, Endpoint, Message, Request
from bot.endpoints.cached import Cached
from bot.endpoints.cassette import Player, Recorder
from bot.endpoints.fallback import Fallback
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.openai.client import OpenAI
from bot.errors import EndpointError

KEY = "sk-test-4f1b9c"
CODE = "def f(x):\n    return x + 1\n"
OTHER = "def f(x):\n    return x\n"


def pairs(text: str) -> dict[str, float]:
    """After an `a` mostly `b`; else mostly `a`."""
    return {"b": 0.75, "c": 0.25} if text.endswith("a") else {"a": 0.5, "b": 0.25, "\n": 0.25}


WORDS = "alpha bravo charlie delta echo foxtrot"
MODEL = Scripted(
    [
        ("write f", [CODE, OTHER]),
        ("as JSON", ['{"kind": "tide"}']),
        *((f"say {word}", [word]) for word in WORDS.split()),
        ("alpha bravo", [WORDS]),
        ("sea", ["It is."]),
    ],
    pairs,
)


class Replayed:
    """Records each request, and answers from the recording."""

    def __init__(self, inner: Endpoint, file: Path) -> None:
        self._recorder = Recorder(inner, file, [KEY])
        self._file = file
        self.name, self.model, self.seat = inner.name, inner.model, inner.seat

    @property
    def capabilities(self) -> Capabilities:
        found = self._recorder.capabilities
        assert Player(self._file).capabilities == found
        return found

    def send(self, request: Request) -> Answer:
        with suppress(EndpointError):
            self._recorder.send(request)
        return Player(self._file).send(request)


Wrap = Callable[[Endpoint, Path], Endpoint]
WRAPPERS: dict[str, Wrap] = {
    "plain": lambda inner, folder: inner,
    "metered": lambda inner, folder: Metered(inner, Ledger(), Allowance()),
    "cached": lambda inner, folder: Cached(inner, folder / "cache"),
    "recorded": lambda inner, folder: Recorder(inner, folder / "cassette.jsonl", [KEY]),
    "replayed": lambda inner, folder: Replayed(inner, folder / "cassette.jsonl"),
    "fallback": lambda inner, folder: Fallback([inner]),
}
SERVERS: dict[str, Abilities] = {
    "vllm": VLLM,
    "scoring-by-prompt-logprobs": replace(VLLM, echo="refused"),
    "llama.cpp": LLAMA_CPP,
    "transformers": TRANSFORMERS,
    "hosted": HOSTED,
    "reasoning": REASONING,
    "prefixed": PREFIXED,
}
ROWS = [("vllm", wrapper) for wrapper in WRAPPERS] + [(server, "plain") for server in SERVERS if server != "vllm"]


@dataclass(frozen=True)
class Seat:
    """One endpoint, and the server behind it."""

    endpoint: Endpoint
    server: ToyServer
    make: Callable[[str], Endpoint]
    """Another endpoint at the same server with another key."""

    def can(self) -> Capabilities:
        return self.endpoint.capabilities

    @property
    def greedy(self) -> bool:
        """Whether temperature 0 can be had: some hosted models take no temperature."""
        return "temperature" not in self.server.abilities.refuses

    def written(self) -> tuple[str, ...]:
        """What a greedy request to write `f` may bring."""
        return (CODE,) if self.greedy else (CODE, OTHER)


@pytest.fixture(scope="module", params=ROWS, ids=[f"{server}-{wrapper}" for server, wrapper in ROWS])
def seat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat]:
    server_name, wrapper = request.param
    clients: list[OpenAI] = []

    def make(key: str) -> Endpoint:
        clients.append(OpenAI(server.url, "toy", key, retries=0, timeout=30))
        return WRAPPERS[wrapper](clients[-1], tmp_path_factory.mktemp("endpoint"))

    with ToyServer(MODEL, SERVERS[server_name], key=KEY) as server:
        yield Seat(make(KEY), server, make)
        for client in clients:
            client.close()


def ask(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


def test_it_names_itself_without_its_key(seat: Seat) -> None:
    endpoint = seat.endpoint
    assert endpoint.model == "toy"
    assert endpoint.seat == seat.server.url
    assert endpoint.name == f"toy at {seat.server.url}"
    assert KEY not in repr(endpoint)


def test_it_knows_what_it_can_do(seat: Seat) -> None:
    can = seat.can()
    expected = {
        "vllm": "A",
        "llama.cpp": "B",
        "transformers": "D",
        "hosted": "C",
        "reasoning": "D",
        "prefixed": "B",
    }
    known = {abilities: expected.get(name, "A") for name, abilities in SERVERS.items()}
    assert can.tier == known[seat.server.abilities]
    assert can.model == "toy"
    before = len(seat.server.requests)
    assert seat.can() == can
    assert len(seat.server.requests) == before


def test_chat_answers_what_the_model_says(seat: Seat) -> None:
    answer = seat.endpoint.send(Request("chat", messages=ask("write f"), max_tokens=60))
    assert [choice.text in seat.written() for choice in answer.choices] == [True]
    assert answer.choices[0].finish == "stop"
    assert answer.model == "toy"
    assert answer.usage.requests == 1
    assert 0 < answer.usage.tokens_out <= 60
    assert answer.usage.tokens_in > 0
    cut = seat.endpoint.send(Request("chat", messages=ask("write f"), max_tokens=3)).choices[0]
    assert (cut.text, cut.finish) == ("def f", "length")


def test_equal_greedy_requests_have_equal_answers(seat: Seat) -> None:
    if not seat.greedy:
        return
    request = Request("chat", messages=ask("write f again"), max_tokens=60)
    first, second = (seat.endpoint.send(request).choices for _ in range(2))
    assert first == second


def test_several_choices_are_really_different(seat: Seat) -> None:
    asked = Request("chat", messages=ask("write f"), max_tokens=60, n=12, temperature=1.0, seed=1)
    choices = seat.endpoint.send(asked).choices
    assert len(choices) == 12
    assert {choice.text for choice in choices} == {CODE, OTHER}


def test_a_stop_string_is_no_part_of_the_text(seat: Seat) -> None:
    choice = seat.endpoint.send(Request("chat", messages=ask("write f"), max_tokens=60, stop=(" +",))).choices[0]
    assert choice.text.removesuffix("\n") == "def f(x):\n    return x"
    assert choice.finish == "stop"


def test_a_begun_answer_is_continued_where_the_server_can(seat: Seat) -> None:
    if not seat.can().prefix:
        assert seat.server.abilities.continuing == ""
        return
    request = Request("chat", messages=ask("write f"), prefix="def f(x):\n", max_tokens=60)
    assert seat.endpoint.send(request).choices[0].text == "    return x + 1\n"


SCHEMA = {
    "type": "object",
    "properties": {"line": {"type": "integer"}},
    "required": ["line"],
    "additionalProperties": False,
}


def test_structured_output_is_what_the_capabilities_say(seat: Seat) -> None:
    request = Request("chat", messages=ask("as JSON"), max_tokens=60, schema=SCHEMA)
    said = json.loads(seat.endpoint.send(request).choices[0].text)
    assert said == ({"line": 0} if seat.can().schema == "json_schema" else {"kind": "tide"})


def test_chats_log_probabilities_are_the_models(seat: Seat) -> None:
    request = Request("chat", messages=ask("hi"), max_tokens=2, top=3)
    choice = seat.endpoint.send(request).choices[0]
    if not seat.can().chat_logprobs:
        assert choice.tokens == ()
        assert choice.logprob is None
        return
    assert [token.text for token in choice.tokens] == ["a", "b"]
    assert choice.logprob == pytest.approx(math.log(0.5 * 0.75))
    values = [value for _, value in choice.tokens[0].top]
    assert values == sorted(values, reverse=True)
    assert dict(choice.tokens[1].top)["c"] == pytest.approx(math.log(0.25))


# -------------------------------------------------------------------------------------------- completions


def refused(seat: Seat, request: Request) -> None:
    """The server cannot do it: an error says so, and nothing is sent."""
    seat.can()
    before = len(seat.server.requests)
    with pytest.raises(EndpointError) as raised:
        seat.endpoint.send(request)
    assert raised.value.slug == "endpoint-refused"
    assert not raised.value.dead
    assert len(seat.server.requests) == before


def test_each_prompt_is_continued_and_named_by_its_index(seat: Seat) -> None:
    request = Request("complete", ("x a", "x ", "write f"), max_tokens=1)
    if not seat.can().completions:
        refused(seat, request)
        return
    choices = seat.endpoint.send(request).choices
    assert [(choice.prompt, choice.text) for choice in choices] == [(0, "b"), (1, "a"), (2, "def")]


def test_several_choices_for_each_of_several_prompts(seat: Seat) -> None:
    if not seat.can().completions:
        return
    choices = seat.endpoint.send(
        Request("complete", ("x a", "x "), max_tokens=1, n=16, temperature=1.0, seed=4)
    ).choices
    assert [choice.prompt for choice in choices] == [0] * 16 + [1] * 16
    assert {choice.text for choice in choices[:16]} <= {"b", "c"}
    # Where the server knows no seed this is chance: so many that two texts alone come up once in millions of runs.
    assert len({choice.text for choice in choices}) > 2


def test_generated_tokens_have_the_models_log_probabilities(seat: Seat) -> None:
    if not seat.can().completions:
        return
    choice = seat.endpoint.send(Request("complete", ("x ",), max_tokens=3, top=2)).choices[0]
    if not seat.can().logprobs:
        assert choice.tokens == ()
        return
    assert [token.text for token in choice.tokens] == ["a", "b", "a"]
    assert [token.logprob for token in choice.tokens] == pytest.approx([math.log(p) for p in (0.5, 0.75, 0.5)])
    assert dict(choice.tokens[1].top) == pytest.approx({"b": math.log(0.75), "c": math.log(0.25)})


def test_tokens_are_named_by_id_where_that_is_known(seat: Seat) -> None:
    prompt = (120, 32)
    if not seat.can().token_ids:
        refused(seat, Request("complete", (prompt,), max_tokens=1, ids=True))
        return
    choice = seat.endpoint.send(Request("complete", (prompt,), max_tokens=2, top=3, ids=True)).choices[0]
    assert choice.text == "ab"
    assert choice.ids == (97, 98)
    assert [token.id for token in choice.tokens] == [97, 98]
    assert {name for name, _ in choice.tokens[0].top} == {97, 98, 10}


def test_chosen_tokens_have_their_log_probabilities(seat: Seat) -> None:
    if not seat.can().chosen_ids:
        return
    request = Request("complete", ((120, 32),), max_tokens=1, top=1, ids=True, chosen_ids=(98, 10))
    assert dict(seat.endpoint.send(request).choices[0].tokens[0].top) == pytest.approx(
        {97: math.log(0.5), 98: math.log(0.25), 10: math.log(0.25)}
    )


def test_a_given_text_is_scored_and_nothing_generated(seat: Seat) -> None:
    if not seat.can().scoring:
        refused(seat, Request("score", ("x ab",), top=0))
        return
    ids = [(120, 32, 97, 98), (120, 32, 97, 99)]
    scored = seat.endpoint.send(Request("score", tuple(ids), top=0, ids=True)).choices
    for choice, prompt, last in zip(scored, ids, (0.75, 0.25), strict=True):
        assert choice.ids == prompt
        assert [token.id for token in choice.tokens] == list(prompt)
        assert [token.logprob for token in choice.tokens[2:]] == pytest.approx([math.log(0.5), math.log(last)])


def test_text_becomes_ids_and_comes_back(seat: Seat) -> None:
    text = "def é():\n\treturn 10  # 日本\n"
    if not seat.can().tokenize:
        refused(seat, Request("tokenize", (text,)))
        return
    first, second = seat.endpoint.send(Request("tokenize", (text, "x"), special=False)).choices
    assert (first.prompt, second.prompt) == (0, 1)
    assert second.ids == (120,)
    back = seat.endpoint.send(Request("detokenize", (second.ids, first.ids))).choices
    assert [choice.text for choice in back] == ["x", text]


def test_the_template_lets_completions_be_asked_like_chat(seat: Seat) -> None:
    template = seat.can().template
    if template is None:
        assert not seat.server.abilities.tokenize
        return
    prompt = template[0] + "write f" + template[1]
    assert seat.endpoint.send(Request("complete", (prompt,), max_tokens=60)).choices[0].text == CODE


# --------------------------------------------------------------------------------------- together, and badly


def test_requests_from_several_threads_get_their_own_answers(seat: Seat) -> None:
    words = WORDS.split() * 3
    requests = [Request("chat", messages=ask(f"say {word}"), max_tokens=1) for word in words]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(seat.endpoint.send, requests))
    assert [answer.choices[0].text for answer in answers] == words


def test_usage_adds_up_to_what_the_server_saw(seat: Seat) -> None:
    before = len(seat.server.requests)
    total = Usage()
    for index in range(3):
        answer = seat.endpoint.send(Request("chat", messages=ask(f"usage {index} write f"), max_tokens=5))
        total = total.plus(answer.usage)
    assert total.requests == len(seat.server.requests) - before == 3
    assert total.tokens_out == 15
    assert total.tokens_in == sum(
        len(seat.server.tokenizer.encode(f"<|user|>\nusage {index} write f<|turn|>\n<|assistant|>\n"))
        for index in range(3)
    )
    assert total.estimated == 0


def test_a_prompt_that_is_too_long_is_said_so_and_kills_nothing(seat: Seat) -> None:
    if seat.server.abilities.style == "transformers":
        return  # takes any length
    with pytest.raises(EndpointError) as raised:
        seat.endpoint.send(Request("chat", messages=ask("long " * 3000), max_tokens=5))
    assert raised.value.slug == "endpoint-context"
    assert not raised.value.dead
    short = seat.endpoint.send(Request("chat", messages=ask("write f"), max_tokens=60))
    assert short.choices[0].text in seat.written()


def test_a_wrong_key_is_the_end_and_is_not_shown(seat: Seat) -> None:
    wrong = seat.make("sk-wrong-7d20aa")
    with pytest.raises(EndpointError) as raised:
        wrong.send(Request("chat", messages=ask("write f"), max_tokens=5))
    assert raised.value.slug == "endpoint-auth"
    assert raised.value.dead
    assert "sk-wrong-7d20aa" not in f"{raised.value.message} {raised.value.hint}"
