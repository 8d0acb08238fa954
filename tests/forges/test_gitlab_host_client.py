"""The door to GitLab's API: where the token goes, what is never sent twice, and what each failure is called."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from servers.scripted import Reply, Scripted, Time

from bot.errors import ForgeError, UsageError
from bot.forges.gitlab.client import Client, is_job_token, quoted
from bot.forges.gitlab.shapes import User
from bot.forges.http import TRIES, Call, asked_wait

TOKEN = "glpat-" + "q7" * 10  # a form that GitLab uses, and no secret
ME = '{"id": 7, "username": "tryline-bot"}'
pytestmark = pytest.mark.thorough


@pytest.fixture
def serve() -> Iterator[Any]:
    running: list[Scripted] = []

    def start(*replies: Reply) -> Scripted:
        running.append(Scripted(*replies))
        return running[-1]

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def client(url: str, watch: Time | None = None, environ: Mapping[str, str] | None = None, **more: Any) -> Client:
    watch = watch or Time()
    more = {"timeout": 5, "token": TOKEN, **more}
    return Client(api_url=f"{url}/api/v4", environ=environ or {}, clock=watch.clock, sleep=watch.sleep, **more)


def reading(path: str = "/user", **query: str | int) -> Call:
    return Call("ask who we are", "scope `read_user`", "GET", path, query)


def writing(*, again: bool, verb: str = "POST") -> Call:
    return Call("post a comment", "role Developer", verb, "/x", {}, {"body": "b"}, again)


def failed(server: Scripted, call: Call | None = None, **more: Any) -> ForgeError:
    with pytest.raises(ForgeError) as caught:
        client(server.url, **more).read(call or reading(), User)
    return caught.value


# -------------------------------------------------------------------------------------------- where the token goes


def test_a_token_goes_into_its_own_header_under_any_prefix(serve: Any) -> None:
    server = serve(Reply(body=ME))
    found = client(f"{server.url}/gitlab").read(reading(page=2), User)
    assert found.username == "tryline-bot"
    ((verb, path, headers),) = server.seen
    assert (verb, path) == ("GET", "/gitlab/api/v4/user?page=2")
    assert headers["PRIVATE-TOKEN"] == TOKEN
    assert headers["User-Agent"] == "tryline"
    assert not {"Authorization", "JOB-TOKEN"} & headers.keys()


@pytest.mark.parametrize("environ", [{"CI_JOB_TOKEN": TOKEN}, {}])
def test_a_jobs_token_is_told_from_others(serve: Any, environ: Mapping[str, str]) -> None:
    server = serve(Reply(body=ME))
    token = TOKEN if environ else "glcbt-64_abc"
    door = client(server.url, environ=environ, token=token)
    door.read(reading(), User)
    assert door.job
    assert server.seen[0][2]["JOB-TOKEN"] == token
    assert "PRIVATE-TOKEN" not in server.seen[0][2]
    assert not is_job_token(TOKEN, {"CI_JOB_TOKEN": "another"})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_followed_nowhere(serve: Any, status: int) -> None:
    thief = serve(Reply())
    server = serve(Reply(status, "{}", {"location": f"{thief.url}/user"}))
    error = failed(server)
    assert (error.slug, len(server.seen), thief.seen) == ("forge-missing", 1, [])
    assert "moved" in error.hint


def test_neither_netrc_nor_the_environment_of_the_process_is_used(
    serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trap, server = serve(Reply()), serve(Reply(body=ME))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login thief password thief\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", trap.url)
    monkeypatch.setenv("no_proxy", "")
    client(server.url).read(reading(), User)
    assert "Authorization" not in server.seen[0][2]
    assert trap.seen == []


def test_a_proxy_of_the_environment_that_is_passed_gets_the_request(serve: Any) -> None:
    proxy = serve(Reply(body=ME))
    door = client("http://gitlab.example", environ={"HTTP_PROXY": proxy.url})
    assert door.read(reading(), User).id == 7
    assert proxy.seen[0][1] == "http://gitlab.example/api/v4/user"
    assert failed(proxy, environ={"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "10.0.0.0/8"}).slug == (
        "forge-server"
    )


@pytest.mark.parametrize("token", ["", " ", f"{TOKEN}\n", "a b", "ü"])
def test_what_can_be_no_token_is_told_without_showing_it(token: str) -> None:
    with pytest.raises(ForgeError) as caught:
        client("http://127.0.0.1:9", token=token)
    assert caught.value.slug == "forge-auth"
    assert "GITLAB_TOKEN" in caught.value.hint
    assert TOKEN not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "url", ["", "gitlab.com/api/v4", "ftp://h/api/v4", "https://u:p@h/api/v4", "https://h", "https://h/api/v4?x=1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="GitLab's API is none"):
        Client(token=TOKEN, api_url=url, environ={})


def test_the_token_is_in_no_log_and_no_error(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words = json.dumps({"message": f"401 {TOKEN}\x1b[31m\n::error::x"})
    for reply in (Reply(401, words), Reply(500, words), Reply(400, words), Reply(200, "no"), Reply(close=True)):
        error = failed(serve(reply))
        text = f"{error} {error.message} {error.hint} {error!r}"
        assert TOKEN not in text
        assert "\x1b" not in text
        assert "\n" not in error.message
    assert TOKEN not in caplog.text


# ------------------------------------------------------------------------------------------------ once, or again

BAD = (
    Reply(502, "<html>"),
    Reply(500, '{"message": "500 Internal Server Error"}'),
    Reply(200, '{"id": 7, "user'),
    Reply(200, ME, promised=900),
    Reply(close=True),
    Reply(409, '{"message": "Resource lock"}'),
)


@pytest.mark.parametrize("bad", BAD)
def test_a_read_is_tried_again_and_given_up(serve: Any, bad: Reply) -> None:
    watch = Time()
    server = serve(bad, bad, Reply(body=ME))
    assert client(server.url, watch).read(reading(), User).id == 7
    assert watch.slept == [1.0, 2.0]
    server = serve(bad)
    assert failed(server).slug in {"forge-server", "forge-garbled"}
    assert len(server.seen) == TRIES


@pytest.mark.parametrize("bad", BAD)
def test_what_may_not_be_done_twice_is_sent_once_and_says_so(serve: Any, bad: Reply) -> None:
    server = serve(bad)
    error = failed(server, writing(again=False))
    assert (len(server.seen), error.sent) == (1, bad.status != 409)


def test_deletions_and_publications_have_an_empty_answer(serve: Any) -> None:
    server = serve(Reply(204, ""))
    client(server.url).write(writing(again=False), object)
    assert client(server.url).delete(writing(again=True, verb="DELETE"))
    server = serve(Reply(404, '{"message": "404 Note Not Found"}'))
    assert not client(server.url).delete(writing(again=True, verb="DELETE"))


def test_an_answer_that_is_too_large_is_not_kept(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.forges.http.MAX_BYTES", 1000)
    assert failed(serve(Reply(body=json.dumps({"x": "y" * 2000})))).slug == "forge-server"


def test_an_answer_that_never_ends_is_cut_off(serve: Any) -> None:
    error = failed(serve(Reply(body=" " * 200, drip=0.1)), writing(again=False), timeout=1)
    assert (error.slug, error.sent) == ("forge-server", True)


def test_a_limit_is_waited_for_also_by_what_creates(serve: Any) -> None:
    watch = Time()
    server = serve(Reply(429, "Retry later", {"retry-after": "9", "content-type": "text/plain"}), Reply(body=ME))
    client(server.url, watch).read(writing(again=False), User)
    assert watch.slept == [9.0]


def test_a_limit_is_read_by_the_servers_clock_and_not_waited_for_without_an_end(serve: Any) -> None:
    headers = {"ratelimit-remaining": "0", "ratelimit-reset": "1800000030"}
    # The scripted server sends a date of its own, so that the arithmetic is looked at alone.
    assert asked_wait({**headers, "date": "Fri, 15 Jan 2027 08:00:10 GMT"}, 0.0, "ratelimit") == 21.0
    assert asked_wait(headers, 1_800_000_000.0, "ratelimit") == 31.0
    error = failed(serve(Reply(429, "{}", {"retry-after": "3600"})))
    assert error.slug == "forge-limit"


# ----------------------------------------------------------------------------------------- what a failure means


@pytest.mark.parametrize(
    ("status", "body", "slug", "words"),
    [
        (401, {"message": "401 Unauthorized"}, "forge-auth", "401 Unauthorized"),
        (
            401,
            {"error": "invalid_token", "error_description": "Token was revoked."},
            "forge-auth",
            "Token was revoked.",
        ),
        (403, {"error": "insufficient_scope", "scope": "api"}, "forge-auth", "insufficient_scope"),
        (404, {"message": "404 Project Not Found"}, "forge-missing", "404 Project Not Found"),
        (405, {"message": "405 Method Not Allowed"}, "forge-missing", "405"),
        (400, {"message": {"base": ["too long"], "line_code": ["can't be blank"]}}, "forge-refused", "line_code"),
        (400, {"message": 'Note {:line_code=>["can\'t be blank"]}'}, "forge-refused", "can't be blank"),
        (422, {"message": ["a", {"b": "c"}]}, "forge-refused", "a; b: c"),
        (409, {"message": "Another open merge request already exists"}, "forge-refused", "Another"),
        (400, [[[[[["deep"]]]]]], "forge-refused", "deep"),
    ],
)
def test_a_refusal_is_not_repeated_and_is_explained(
    serve: Any, status: int, body: object, slug: str, words: str
) -> None:
    server = serve(Reply(status, json.dumps(body)))
    error = failed(server, writing(again=True))
    assert (error.slug, len(server.seen)) == (slug, 1)
    assert words in error.message
    assert error.hint


def test_where_a_jobs_token_cannot_it_says_which_can(serve: Any) -> None:
    for status in (401, 403, 404):
        server = serve(Reply(status, '{"message": "no"}'))
        error = failed(server, environ={"CI_JOB_TOKEN": TOKEN})
        assert "GITLAB_TOKEN" in error.hint
        assert "GITLAB_TOKEN" not in failed(server).hint


@pytest.mark.parametrize("body", ["[]", "null", '{"id": "7", "username": "x"}', '{"id": 7}', "", "[" * 100_000])
def test_another_shape_than_documented_is_garbled(serve: Any, body: str) -> None:
    assert failed(serve(Reply(body=body))).slug == "forge-garbled"


# ------------------------------------------------------------------------------------------------------- pages


def test_pages_are_read_to_the_end_without_asking_an_address_of_the_answer(serve: Any) -> None:
    link = '<http://127.0.0.1:9/api/v4/user?page=2>; rel="next"'
    first, last = {"x-next-page": "2", "link": link}, {"x-next-page": ""}
    server = serve(Reply(200, f"[{ME}]", first), Reply(200, f"[{ME}]", last))
    assert len(client(server.url).pages(reading(a="b"), User)) == 2
    assert [path for _, path, _ in server.seen] == [
        "/api/v4/user?a=b&per_page=100&page=1",
        "/api/v4/user?a=b&per_page=100&page=2",
    ]


def test_pages_without_headers_are_read_until_one_is_not_full(serve: Any) -> None:
    server = serve(Reply(body=f"[{','.join([ME] * 100)}]"), Reply(body="[]"))
    assert len(client(server.url).pages(reading(), User)) == 100
    assert len(server.seen) == 2


def test_a_path_is_one_segment() -> None:
    assert quoted("group/sub.x/na-me") == "group%2Fsub.x%2Fna-me"
    assert quoted("ü/?") == "%C3%BC%2F%3F"
