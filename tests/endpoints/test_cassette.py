"""Recordings: what passed through an endpoint comes back offline, exactly; keys never get in."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from fake_endpoint import ABLE, FakeEndpoint, complete, failing, plain, together
from servers import Scripted, ToyServer

from bot.domain import Usage
from bot.endpoints import Answer, Choice, Message, Request, Token
from bot.endpoints.cached import Cached
from bot.endpoints.cassette import Player, Recorder
from bot.endpoints.fallback import Fallback
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.openai import OpenAI
from bot.endpoints.wire_form import error_form
from bot.errors import BudgetSpent, EndpointError, UsageError

KEY = "sk-0123456789abcdef"


def counted(inner: FakeEndpoint):
    """Replies that tell the turns apart."""
    return lambda request: replace(plain(request), choices=(Choice(f"turn {len(inner.sent)}"),))


def test_a_session_comes_back_offline(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    token = Token("é\ud800", 7, -0.25, ((7, -0.25), ("x", float("-inf"))))
    answer = Answer((Choice("é\ud800", "length", (token,), 0, (7,)),), Usage(requests=1, seconds=0.5), "tiny")
    inner = FakeEndpoint(lambda request: answer)
    recorder = Recorder(inner, file)
    asked = [
        complete(),
        Request(
            "chat", messages=(Message("user", "hello"),), prefix="Sure", max_tokens=5, schema={"type": "object"}
        ),
        Request("score", prompts=((1, 2), (3,)), top=5, ids=True),
    ]
    able = recorder.capabilities
    said = [recorder.send(request) for request in asked]
    player = Player(file)
    assert [player.send(request) for request in reversed(asked)] == said[::-1]
    assert player.capabilities == able == ABLE
    assert (player.name, player.model, player.seat) == (inner.name, inner.model, inner.seat)


def test_repeats_come_in_order_and_the_last_stays(tmp_path: Path) -> None:
    inner = FakeEndpoint()
    inner.reply = counted(inner)
    recorder = Recorder(inner, tmp_path / "c")
    for request in (complete(), complete("other"), complete()):
        recorder.send(request)
    player = Player(tmp_path / "c")
    texts = [player.send(complete()).choices[0].text for _ in range(4)]
    assert texts == ["turn 1", "turn 3", "turn 3", "turn 3"]
    assert player.send(replace(complete("other"), purpose="not sent")).choices[0].text == "turn 2"


def test_errors_come_back(tmp_path: Path) -> None:
    inner = FakeEndpoint(failing("endpoint-busy", message="later"))
    recorder = Recorder(inner, tmp_path / "c")
    with pytest.raises(EndpointError):
        recorder.send(complete("one"))
    inner.reply = failing("endpoint-auth", dead=True)
    with pytest.raises(EndpointError):
        recorder.send(complete("two"))
    inner.reply = lambda request: BudgetSpent("spent", scope="function", which="budget.function_requests")
    with pytest.raises(BudgetSpent):
        recorder.send(complete("three"))
    player = Player(tmp_path / "c")
    with pytest.raises(EndpointError) as one:
        player.send(complete("one"))
    assert (one.value.message, one.value.slug, one.value.dead) == ("later", "endpoint-busy", False)
    with pytest.raises(EndpointError) as two:
        player.send(complete("two"))
    assert two.value.dead
    with pytest.raises(BudgetSpent) as three:
        player.send(complete("three"))
    assert (three.value.scope, three.value.which) == ("function", "budget.function_requests")


def test_unknown_abilities_come_back_as_such(tmp_path: Path) -> None:
    inner = FakeEndpoint(able=EndpointError("nobody there", slug="endpoint-unreachable", dead=True))
    recorder = Recorder(inner, tmp_path / "c")
    with pytest.raises(EndpointError):
        recorder.capabilities  # noqa: B018
    with pytest.raises(EndpointError, match="nobody there") as caught:
        Player(tmp_path / "c").capabilities  # noqa: B018
    assert caught.value.dead
    inner.able = ABLE
    assert recorder.capabilities == ABLE
    assert Player(tmp_path / "c").capabilities == ABLE
    Recorder(FakeEndpoint(), tmp_path / "d").send(complete())
    with pytest.raises(EndpointError, match="nobody asked") as caught:
        Player(tmp_path / "d").capabilities  # noqa: B018
    assert caught.value.slug == "endpoint-offline"


def test_threads_write_whole_lines_whose_order_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "c"
    inner = FakeEndpoint(lambda request: Answer((Choice(str(request.prompts[0]) * 500),)), seconds=0.002)
    recorder = Recorder(inner, file)
    assert recorder.capabilities == ABLE
    together(16, lambda index: recorder.send(complete(f"prompt {index} ")))
    lines = file.read_text().splitlines(keepends=True)
    assert len(lines) == 17
    random.Random(1).shuffle(lines)
    file.write_text("".join(lines))
    player = Player(file)
    answers = together(16, lambda index: player.send(complete(f"prompt {index} ")))
    assert [answer.choices[0].text for answer in answers] == [f"prompt {index} " * 500 for index in range(16)]


def test_a_recording_is_continued(tmp_path: Path) -> None:
    for text in ("one", "two"):
        recorder = Recorder(FakeEndpoint(), tmp_path / "c")
        assert recorder.capabilities == ABLE
        recorder.send(complete(text))
    assert len((tmp_path / "c").read_text().splitlines()) == 3
    player = Player(tmp_path / "c")
    for text in ("one", "two"):
        player.send(complete(text))


def test_another_models_recording_is_not_continued(tmp_path: Path) -> None:
    Recorder(FakeEndpoint(), tmp_path / "c").send(complete())
    before = (tmp_path / "c").read_text()
    for other in (FakeEndpoint(model="other"), FakeEndpoint(seat="http://127.0.0.1:2/v1")):
        with pytest.raises(UsageError, match="is a recording of tiny at") as caught:
            Recorder(other, tmp_path / "c").send(complete())
        assert caught.value.slug == "cassette"
    assert (tmp_path / "c").read_text() == before


def test_the_next_endpoint_is_recorded_too(tmp_path: Path) -> None:
    """A recorder around endpoints in order: the replay is the first, then the second, as the run was."""
    one, two = FakeEndpoint(model="one"), FakeEndpoint(model="two", able=replace(ABLE, scoring=""))
    both = Fallback([one, two])

    def run(endpoint) -> list[object]:
        told: list[object] = []
        for request in (complete("a"), Request("complete", prompts=((1, 2),), max_tokens=3), complete("b")):
            told += [endpoint.capabilities, endpoint.model, endpoint.name]
            try:
                told.append(endpoint.send(request))
            except EndpointError as error:
                told.append(error_form(error))
            one.reply = failing(dead=True)
        return [*told, endpoint.capabilities, endpoint.model]

    first = run(Recorder(both, tmp_path / "c"))
    assert [told for told in first if told in ("one", "two")] == ["one", "one", "two", "two"]
    assert run(Player(tmp_path / "c")) == first
    # A further run may begin with any of them, and with no other.
    Recorder(two, tmp_path / "c").send(complete("c"))
    with pytest.raises(UsageError, match="is a recording of one at"):
        Recorder(FakeEndpoint(model="three"), tmp_path / "c").send(complete("c"))
    assert Player(tmp_path / "c").send(complete("c")).choices


# ------------------------------------------------------------------------------------------------ what is missing


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            complete("def f(x):\n    return x + 2"),
            r"(line 2) differs in prompts: `prompts[0]` from character 25 on",
        ),
        (
            complete("def f(x):\n    return x + 1", max_tokens=9),
            "differs in max_tokens: `max_tokens` is 20 there, 9",
        ),
        (complete("def f(x):\n    return x + 1", seed=4), "differs in seed: `seed` is not given there, 4 here"),
        (complete("def f(x):\n    return x + 1", n=2, top=3), "differs in n, top: `n` is not given there, 2 here"),
        (
            Request("chat", messages=(Message("user", "hallo"),), max_tokens=5),
            "(line 3) differs in messages: `messages[0].content` from character 1 on, there 'hello', here 'hallo'",
        ),
        (
            Request("chat", messages=(Message("user", "hello"), Message("user", "x")), max_tokens=5),
            "`messages` has 1 entries there, 2 here",
        ),
        (Request("detokenize", prompts=((1,),)), "differs in kind"),
        # Nearer by its text is the tokenization; but that is another question.
        (Request("score", prompts=("far",)), "(line 5) differs in prompts, top: `prompts[0]` from character 0 on"),
    ],
)
def test_what_was_not_recorded_says_what_differs(tmp_path: Path, asked: Request, said: str) -> None:
    recorder = Recorder(FakeEndpoint(), tmp_path / "c")
    recorder.send(complete("def f(x):\n    return x + 1", purpose="rewrite"))
    recorder.send(Request("chat", messages=(Message("user", "hello"),), max_tokens=5))
    recorder.send(Request("tokenize", prompts=("far",)))
    recorder.send(Request("score", prompts=("near",), top=3))
    player = Player(tmp_path / "c")
    assert player.notes == ()
    with pytest.raises(EndpointError) as caught:
        player.send(asked)
    assert (caught.value.slug, caught.value.dead) == ("endpoint-offline", False)
    assert player.notes == (f"This run is not the recorded one: {caught.value.message}.",)
    assert said in caught.value.message
    assert len(caught.value.message) < 600 + len(str(tmp_path))


def test_an_empty_session_says_so(tmp_path: Path) -> None:
    Recorder(FakeEndpoint(), tmp_path / "c").capabilities  # noqa: B018
    with pytest.raises(EndpointError, match="holds no request at all"):
        Player(tmp_path / "c").send(complete())


# --------------------------------------------------------------------------------------------------------- secrets


def test_keys_never_get_in(tmp_path: Path) -> None:
    token = Token(KEY[:4], 1, -1.0)
    leaking = Answer((Choice(f"your key is {KEY}.", tokens=(token,), ids=(1, 2)), Choice("fine", tokens=(token,))))
    inner = FakeEndpoint(lambda request: leaking, seat=f"http://me:{KEY}@127.0.0.1:1/v1", model="tiny")
    recorder = Recorder(inner, tmp_path / "c", secrets=[KEY, ""])
    assert recorder.capabilities == ABLE
    request = Request("chat", messages=(Message("user", f"Bearer {KEY}"),), max_tokens=5, schema={KEY: KEY})
    assert recorder.send(request) == leaking
    inner.reply = failing(message=f"{KEY} is not valid")
    with pytest.raises(EndpointError):
        recorder.send(complete(KEY))
    text = (tmp_path / "c").read_text()
    assert KEY not in text
    assert "me:" not in text
    assert text.count("[secret]") == 6
    player = Player(tmp_path / "c", secrets=[KEY])
    told = player.send(request)
    assert told.choices[0] == Choice("your key is [secret].")
    assert told.choices[1] == leaking.choices[1]
    assert player.seat == "http://127.0.0.1:1/v1"
    with pytest.raises(EndpointError, match="not valid"):
        player.send(complete(KEY))


def test_placeholders_are_no_secrets(tmp_path: Path) -> None:
    recorder = Recorder(FakeEndpoint(), tmp_path / "c", secrets=["EMPTY"])
    recorder.send(complete("if EMPTY:"))
    assert Player(tmp_path / "c").send(complete("if EMPTY:")).choices


# --------------------------------------------------------------------------------------------------- broken files


def lines_of(tmp_path: Path) -> list[str]:
    recorder = Recorder(FakeEndpoint(), tmp_path / "good")
    assert recorder.capabilities == ABLE
    recorder.send(complete("one"))
    recorder.send(complete("two"))
    return (tmp_path / "good").read_text().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("spoil", "line", "said"),
    [
        (lambda ls: [], 0, "no line says whose recording it is"),
        (lambda ls: ls[1:], 2, "no line says whose recording it is"),
        (lambda ls: [*ls[:2], ls[2][:-20]], 3, "the line is cut off"),
        (lambda ls: [ls[0], "{\n", *ls[1:]], 2, "no JSON"),
        (lambda ls: [ls[0], "[1]\n"], 2, "not an object"),
        (lambda ls: [ls[0], "\n"], 2, "no JSON"),
        (lambda ls: [ls[0], '{"a": 1}\n'], 2, "neither a header nor a request"),
        (lambda ls: [ls[0], ls[1].replace('"answer"', '"respond"', 1)], 2, "neither a header nor a request"),
        (lambda ls: [ls[0], ls[1].replace('"kind":"complete"', '"kind":"sing"')], 2, "Request.kind"),
        (lambda ls: [ls[0], ls[1].replace('"max_tokens"', '"most_tokens"')], 2, "'most_tokens' is not known"),
        (lambda ls: [ls[0].replace('recording":1', 'recording":2')], 1, "version 2; this program reads version 1"),
        (lambda ls: [ls[0].replace('"model":"tiny"', '"model":3', 1)], 1, "the header does not name model"),
        (lambda ls: [*ls, ls[0].replace('"model":"tiny"', '"model":"huge"', 1)], 4, "another endpoint"),
        (lambda ls: [ls[0], ls[1].replace('"by":0', '"by":1')], 2, "no line says whose recording it is"),
        (lambda ls: [ls[0], ls[1].replace('"by":0', '"by":true')], 2, "an endpoint's number is none"),
        (lambda ls: [ls[0].replace('"number":0', '"number":-1'), ls[1]], 1, "an endpoint's number is none"),
        (lambda ls: [ls[0], "é\n"], 2, "not ASCII"),
        (lambda ls: [ls[0], "\x1b[31m" * 99 + "\n"], 2, "no JSON"),
    ],
)
def test_broken_and_foreign_files_are_named_with_the_line(tmp_path: Path, spoil, line: int, said: str) -> None:
    file = tmp_path / "bad"
    file.write_text("".join(spoil(lines_of(tmp_path))), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        Player(file)
    assert caught.value.slug == "cassette"
    assert caught.value.message.startswith(f"{file}, line {line}: ")
    assert said in caught.value.message
    assert caught.value.message.isprintable()
    if file.stat().st_size:
        with pytest.raises(UsageError):
            Recorder(FakeEndpoint(), file)


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    for use in (lambda: Player(tmp_path / "none"), lambda: Recorder(FakeEndpoint(), tmp_path)):
        with pytest.raises(UsageError) as caught:
            use()
        assert caught.value.slug == "cassette"
    with pytest.raises(UsageError, match="No such file") as caught:
        Recorder(FakeEndpoint(), tmp_path / "no" / "folder").send(complete())


# ---------------------------------------------------------------------------------------- with the other wrappers


def test_a_replay_books_what_the_recording_did(tmp_path: Path) -> None:
    """Budgets lower max_tokens, so a replay that booked less would ask other things."""
    allowance = Allowance(tokens_out=60, price_out=2.0)
    work = [complete("one", max_tokens=30), complete("one", max_tokens=30), complete("two", max_tokens=30)]
    work += [complete(f"three {turn}", max_tokens=30) for turn in range(9)]

    def run(endpoint) -> tuple[list[str], Ledger]:
        metered, told = Metered(endpoint, Ledger(lambda: 0.0), allowance), []
        for request in work:
            try:
                told.append(repr(metered.send(request).choices))
            except BudgetSpent as error:
                told.append(error.message)
        return told, metered.ledger

    out = FakeEndpoint(lambda request: replace(plain(request), usage=Usage(requests=1, tokens_in=1, tokens_out=7)))
    first, booked = run(Recorder(Cached(out, tmp_path / "cache"), tmp_path / "c"))
    again, replayed = run(Player(tmp_path / "c"))
    assert again == first
    assert replayed.usage == booked.usage
    assert any(request.max_tokens < 30 for request in out.sent)
    assert booked.usage.from_cache == 1


def test_lines_are_plain_json(tmp_path: Path) -> None:
    header, *takes = (json.loads(line) for line in lines_of(tmp_path))
    assert header["tryline-recording"] == 1
    assert header["capabilities"]["logprobs"] == 20
    assert [sorted(take) for take in takes] == [["answer", "by", "request"]] * 2


def test_a_model_that_the_server_was_to_name_may_be_unknown_at_first(tmp_path: Path) -> None:
    inner = FakeEndpoint(failing("endpoint-unreachable"))
    inner.model_ = EndpointError("nobody there", slug="endpoint-unreachable")
    recorder = Recorder(inner, tmp_path / "c")
    with pytest.raises(EndpointError, match="it failed"):
        recorder.send(complete())
    assert Player(tmp_path / "c").model == ""
    inner.model_, inner.reply = "tiny", plain
    recorder.send(complete())
    assert recorder.capabilities == ABLE
    inner.model_ = EndpointError("nobody there", slug="endpoint-unreachable")
    inner.reply = failing()
    with pytest.raises(EndpointError):
        recorder.send(complete())
    player = Player(tmp_path / "c")
    assert (player.model, player.capabilities) == ("tiny", ABLE)
    for outcome in (EndpointError, Answer, EndpointError):
        try:
            got: object = player.send(complete())
        except EndpointError as error:
            got = error
        assert type(got) is outcome
    with pytest.raises(UsageError, match="is a recording of"):
        Recorder(FakeEndpoint(model="other"), tmp_path / "c").send(complete())


def test_traffic_with_a_real_server_is_replayed_without_it(tmp_path: Path) -> None:
    asked = [
        complete("def f(x):", top=5, ids=True),
        complete("def f(x):", temperature=1.0, n=2, top=2),
        complete("def f(x):", temperature=1.0, n=2, top=2),
        Request("chat", messages=(Message("user", "write f"),), max_tokens=9, top=3, prefix="def"),
        Request("score", prompts=("def f(x):", "x"), top=3),
        Request("tokenize", prompts=("def f(x):",)),
        complete("x " * 5000),
        complete("é\n", stop=("\n",), top=0),
    ]

    def run(endpoint) -> list[object]:
        told: list[object] = [endpoint.capabilities, endpoint.model, endpoint.seat, endpoint.name]
        for request in asked:
            try:
                told.append(endpoint.send(request))
            except EndpointError as error:
                told.append((error.slug, error.message, error.hint, error.dead))
        return told

    with ToyServer(Scripted([("", ["return x", "return 1"])]), key=KEY) as server:
        client = OpenAI(server.url, None, KEY)
        first = run(Recorder(client, tmp_path / "c", secrets=[KEY]))
        client.close()
    assert run(Player(tmp_path / "c")) == first
    assert first[1] == "toy"
    assert [item[0] for item in first[4:] if isinstance(item, tuple)] == ["endpoint-context"]
    assert KEY not in (tmp_path / "c").read_text()
