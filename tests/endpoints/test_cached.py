"""The cache on disk: one request is sent once, and nothing that is broken or foreign is ever an answer."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fake_endpoint import FakeEndpoint, complete, failing, plain, together
from servers import Scripted, ToyServer

from bot.domain import Usage
from bot.endpoints import Answer, Choice, Endpoint, Message, Request, Token
from bot.endpoints.cached import Cached
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.openai import OpenAI
from bot.errors import EndpointError


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_an_identical_request_is_sent_once(tmp_path: Path) -> None:
    inner = FakeEndpoint()
    first = Cached(inner, tmp_path / "c").send(complete())
    again = Cached(inner, tmp_path / "c").send(replace(complete(), purpose="another"))
    assert len(inner.sent) == 1
    assert first.usage.requests == 1
    assert again == replace(first, usage=Usage(from_cache=1))


def test_everything_in_an_answer_is_kept(tmp_path: Path) -> None:
    token = Token("é\ud800", 7, -0.25, ((7, -0.25), ("x", float("-inf"))))
    answer = Answer((Choice("é\ud800", "length", (token,), 3, (7,)),), Usage(requests=1, money=2.0), "tiny")
    inner = FakeEndpoint(lambda request: answer)
    Cached(inner, tmp_path).send(complete())
    assert Cached(inner, tmp_path).send(complete()) == replace(answer, usage=Usage(from_cache=1))


@pytest.mark.parametrize(
    "other",
    [
        complete("other"),
        complete(max_tokens=21),
        complete(n=2),
        complete(stop=("\n",)),
        complete(seed=1),
        complete(top=1),
        complete(schema={"type": "object"}),
        complete(ids=True),
    ],
)
def test_another_request_is_sent(tmp_path: Path, other) -> None:
    inner = FakeEndpoint()
    cached = Cached(inner, tmp_path)
    cached.send(complete())
    cached.send(other)
    assert len(inner.sent) == 2


def test_models_and_places_do_not_share_answers(tmp_path: Path) -> None:
    for inner in (FakeEndpoint(), FakeEndpoint(model="other"), FakeEndpoint(seat="http://127.0.0.1:2/v1")):
        Cached(inner, tmp_path).send(complete())
        assert len(inner.sent) == 1


def test_random_answers_are_not_kept_unless_the_seed_is_given(tmp_path: Path) -> None:
    inner = FakeEndpoint()
    cached = Cached(inner, tmp_path)
    for _ in range(2):
        cached.send(complete(temperature=0.7))
    assert len(inner.sent) == 2
    for _ in range(2):
        cached.send(complete(temperature=0.7, seed=3))
    assert len(inner.sent) == 3


def test_errors_and_empty_answers_are_not_kept(tmp_path: Path) -> None:
    inner = FakeEndpoint(failing())
    cached = Cached(inner, tmp_path)
    for _ in range(2):
        with pytest.raises(EndpointError):
            cached.send(complete())
    inner.reply = lambda request: Answer(())
    for _ in range(2):
        cached.send(complete())
    assert len(inner.sent) == 4
    assert files(tmp_path) == []


# ------------------------------------------------------------------------------------------------- side by side


def test_identical_requests_at_the_same_time_are_sent_once(tmp_path: Path) -> None:
    inner = FakeEndpoint(seconds=0.05)
    cached = Cached(inner, tmp_path)
    answers = together(12, lambda index: cached.send(complete()))
    assert len(inner.sent) == 1
    assert sorted(answer.usage.from_cache for answer in answers) == [0] + [1] * 11
    assert {answer.choices for answer in answers} == {answers[0].choices}


def test_after_a_failure_the_next_in_line_tries_itself(tmp_path: Path) -> None:
    inner = FakeEndpoint(seconds=0.02)
    inner.reply = lambda request: failing()(request) if len(inner.sent) < 3 else plain(request)
    cached = Cached(inner, tmp_path)
    results = together(6, lambda index: cached.send(complete()))
    assert sum(isinstance(result, EndpointError) for result in results) == 2
    assert len(inner.sent) == 3


def test_different_requests_do_not_wait_for_each_other(tmp_path: Path) -> None:
    inner = FakeEndpoint(seconds=0.05)
    cached = Cached(inner, tmp_path)
    together(4, lambda index: cached.send(complete(f"prompt {index}")))
    assert inner.most_running > 1


WRITER = """
import sys
from pathlib import Path
from fake_endpoint import FakeEndpoint, complete
from bot.endpoints.cached import Cached
inner = FakeEndpoint()
cached = Cached(inner, Path(sys.argv[1]), most_bytes=3000)
for turn in range(60):
    answer = cached.send(complete(f"prompt {turn % 20}"))
    assert answer.choices[0].text == "answer 0"
assert cached.notes == (), cached.notes
"""


def test_processes_share_a_folder(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    running = [subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert sum(file.stat().st_size for file in files(tmp_path)) < 2 * 3000


# -------------------------------------------------------------------------------------------------------- broken


def spoilt(content: bytes, how: str) -> bytes:
    _, _, body = content.partition(b"\n")
    return {
        "empty": b"",
        "cut": content[:-5],
        "other text": content.replace(b"answer", b"attack"),
        "no digest": body,
        "binary": os.urandom(64),
        "garbage after": content + b"x",
    }[how]


@pytest.mark.parametrize("how", ["empty", "cut", "other text", "no digest", "binary", "garbage after"])
def test_broken_entries_are_removed_and_asked_again(tmp_path: Path, how: str) -> None:
    inner = FakeEndpoint()
    Cached(inner, tmp_path).send(complete())
    (place,) = files(tmp_path)
    good = place.read_bytes()
    place.write_bytes(spoilt(good, how))
    broken = Cached(FakeEndpoint(failing()), tmp_path)
    with pytest.raises(EndpointError):
        broken.send(complete())
    assert files(tmp_path) == []
    assert Cached(inner, tmp_path).send(complete()).usage.requests == 1
    assert place.read_bytes() == good


def test_an_answer_under_another_requests_name_is_none(tmp_path: Path) -> None:
    inner = FakeEndpoint()
    cached = Cached(inner, tmp_path)
    cached.send(complete("one"))
    (one,) = files(tmp_path)
    cached.send(complete("two"))
    (two,) = set(files(tmp_path)) - {one}
    two.write_bytes(one.read_bytes())
    cached.send(complete("two"))
    assert [request.prompts[0] for request in inner.sent] == ["one", "two", "two"]


def test_a_folder_that_cannot_be_used_costs_only_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    inner = FakeEndpoint()
    cached = Cached(inner, tmp_path / "file" / "cache")
    for _ in range(2):
        assert cached.send(complete()).choices
    assert len(inner.sent) == 2
    assert len(cached.notes) == 1
    assert "not kept on disk" in cached.notes[0]


# --------------------------------------------------------------------------------------------------- room, rights


def test_files_are_private(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        Cached(FakeEndpoint(), tmp_path / "cache").send(complete())
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "cache").rglob("*") if p.is_dir()}
    assert modes | {stat.S_IMODE((tmp_path / "cache").stat().st_mode)} == {0o700}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files(tmp_path)} == {0o600}


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    inner = FakeEndpoint()
    Cached(inner, tmp_path).send(complete("prompt 0"))
    (first,) = files(tmp_path)
    size = first.stat().st_size
    cached = Cached(inner, tmp_path, most_bytes=10 * size)
    for turn in range(1, 10):
        cached.send(complete(f"prompt {turn}"))
    for age, file in enumerate(sorted(files(tmp_path), key=lambda f: f.stat().st_mtime_ns)):
        os.utime(file, (1000 + age, 1000 + age))
    cached.send(complete("prompt 0"))  # a hit makes it the youngest
    assert len(inner.sent) == 10
    cached.send(complete("prompt 10"))
    left = files(tmp_path)
    assert len(left) == 8
    assert first in left
    for turn in (8, 9, 0, 10):
        cached.send(complete(f"prompt {turn}"))
    assert len(inner.sent) == 11
    cached.send(complete("prompt 1"))
    assert len(inner.sent) == 12


def test_an_answer_larger_than_the_whole_cache_is_not_kept(tmp_path: Path) -> None:
    cached = Cached(FakeEndpoint(), tmp_path, most_bytes=50)
    cached.send(complete())
    assert files(tmp_path) == []
    assert cached.notes == ()


def test_an_answer_that_is_too_large_drives_out_no_others(tmp_path: Path) -> None:
    inner = FakeEndpoint()
    cached = Cached(inner, tmp_path, most_bytes=2000)
    cached.send(complete("small"))
    inner.reply = lambda request: Answer((Choice("x" * 5000),))
    cached.send(complete("large"))
    assert len(files(tmp_path)) == 1


def test_unfinished_files_of_the_dead_are_swept(tmp_path: Path) -> None:
    inner = FakeEndpoint()
    Cached(inner, tmp_path).send(complete("one"))
    (one,) = files(tmp_path)
    old, young = one.parent / ".new-old", one.parent / ".new-young"
    for file in (old, young):
        file.write_text("half")
    os.utime(old, (1000, 1000))
    Cached(inner, tmp_path).send(complete("two"))
    assert not old.exists()
    assert young.exists()


def test_in_a_meter_the_cache_is_free(tmp_path: Path) -> None:
    endpoint: Endpoint = Metered(Cached(FakeEndpoint(), tmp_path), Ledger(), Allowance(requests=2))
    for _ in range(5):
        endpoint.send(complete())
    assert (endpoint.ledger.usage.requests, endpoint.ledger.usage.from_cache) == (1, 4)


def test_a_stopped_server_still_answers_from_the_cache(tmp_path: Path) -> None:
    asked = [
        complete("def f(x):", top=5, ids=True),
        complete("def f(x):", n=3, temperature=1.0, seed=5, top=2),
        Request("chat", messages=(Message("user", "write f"),), max_tokens=9),
        Request("score", prompts=("def f(x):", "x"), top=3),
        Request("tokenize", prompts=("def f(x):",)),
    ]
    with ToyServer(Scripted([("", ["return x", "return 1"])])) as server:
        client = OpenAI(server.url, "toy", None)
        cached = Cached(client, tmp_path)
        said = [cached.send(request) for request in asked]
        sent = len(server.requests)
        assert [cached.send(request).choices for request in asked] == [answer.choices for answer in said]
        assert len(server.requests) == sent
        client.close()
    # Another process, later: the server is gone.
    later = OpenAI(server.url, "toy", None, retries=0)
    again = [Cached(later, tmp_path).send(request) for request in asked]
    assert again == [replace(answer, usage=Usage(from_cache=1)) for answer in said]
    with pytest.raises(EndpointError):
        Cached(later, tmp_path).send(complete("def g(x):"))
    later.close()
