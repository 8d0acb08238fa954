"""The door to GitHub's API: where the token goes, proxies and certificates, and answers that are none."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import logging
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from servers.scripted import Reply, Scripted, Time

from bot.errors import ForgeError, UsageError
from bot.forges.github.client import Client
from bot.forges.github.shapes import Permission, User
from bot.forges.http import TRIES, Call, asked_wait, proxies

pytestmark = pytest.mark.thorough

TOKEN = "ghs_" + "q7" * 18  # a form that GitHub uses, and no secret


@pytest.fixture
def servers() -> Iterator[list[Scripted]]:
    running: list[Scripted] = []
    yield running
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def serve(servers: list[Scripted]) -> Any:
    def start(*replies: Reply) -> Scripted:
        servers.append(Scripted(*replies))
        return servers[-1]

    return start


def client(url: str, watch: Time | None = None, environ: Mapping[str, str] | None = None, **more: Any) -> Client:
    watch = watch or Time()
    more = {"timeout": 5, **more}
    return Client(token=TOKEN, api_url=url, environ=environ or {}, clock=watch.clock, sleep=watch.sleep, **more)


def reading(path: str = "/user", **query: str | int) -> Call:
    return Call("ask who we are", "metadata: read", "GET", path, query)


def writing(*, again: bool, verb: str = "POST") -> Call:
    return Call("post a comment", "pull-requests: write", verb, "/x", {}, {"body": "b"}, again)


# -------------------------------------------------------------------------------------------- where the token goes


def test_a_request_carries_the_token_and_what_github_asks_for(serve: Any) -> None:
    server = serve(Reply())
    assert client(server.url + "/api/v3/").read(reading(page=2), User).login == "octo"
    ((verb, path, headers),) = server.seen
    assert (verb, path) == ("GET", "/api/v3/user?page=2")
    assert headers["Authorization"] == f"token {TOKEN}"
    assert headers["User-Agent"] == "tryline"
    assert headers["Accept"] == "application/vnd.github+json"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_followed_nowhere(serve: Any, status: int) -> None:
    thief = serve(Reply())
    for target in (thief.url + "/user", "/elsewhere"):
        server = serve(Reply(status, "{}", {"location": target}))
        with pytest.raises(ForgeError) as caught:
            client(server.url).read(reading(), User)
        assert caught.value.slug == "forge-missing"
        assert "moved" in caught.value.hint
        assert len(server.seen) == 1
    assert thief.seen == []


def test_neither_netrc_nor_the_environment_of_the_process_is_used(
    serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trap, server = serve(Reply()), serve(Reply())
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login thief password thief\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", trap.url)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing"))
    client(server.url).read(reading(), User)
    assert trap.seen == []
    assert server.seen[0][2]["Authorization"] == f"token {TOKEN}"


def test_a_proxy_of_the_environment_that_is_passed_gets_the_request(serve: Any) -> None:
    proxy = serve(Reply())
    assert client("http://github.example/api/v3", environ={"HTTP_PROXY": proxy.url}).read(reading(), User)
    assert proxy.seen[0][1] == "http://github.example:80/api/v3/user" or proxy.seen[0][1].startswith(
        "http://github.example"
    )


@pytest.mark.parametrize(
    ("no_proxy", "host", "direct"),
    [
        ("", "github.example", False),
        ("*", "github.example", True),
        ("github.example", "github.example", True),
        ("example", "github.example", True),
        (".example", "github.example", True),
        ("hub.example", "github.example", False),
        ("other.example, github.example", "github.example", True),
        ("github.example:8443", "github.example", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.0.0.0/8", "github.example", False),
        ("nonsense/99", "10.1.2.3", False),
    ],
)
def test_no_proxy(no_proxy: str, host: str, direct: bool) -> None:
    found = proxies("https", host, 8443, {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy})
    assert found == ({} if direct else {"https": "http://proxy:3128"})


def test_which_proxy_variable_counts() -> None:
    assert proxies("https", "h", None, {"HTTP_PROXY": "http://p"}) == {}
    assert proxies("https", "h", None, {"ALL_PROXY": "http://p"}) == {"https": "http://p"}
    assert proxies("https", "h", None, {"https_proxy": "p:1", "HTTPS_PROXY": "http://q"}) == {
        "https": "http://p:1"
    }


def authority(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, with its key, as one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "private")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    file = folder / "both.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    return file


def test_a_private_authority_is_trusted_where_the_environment_names_it(serve: Any, tmp_path: Path) -> None:
    file = authority(tmp_path)
    server = serve(Reply())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http:", "https:")
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        assert client(url, environ={variable: str(file)}).read(reading(), User).login == "octo"
    with pytest.raises(ForgeError) as caught:
        client(url).read(reading(), User)
    assert caught.value.slug == "forge-server"
    assert "certificate" in caught.value.message
    assert "SSL_CERT_FILE" in caught.value.hint
    with pytest.raises(ForgeError, match="missing.pem"):
        client(url, environ={"SSL_CERT_FILE": str(tmp_path / "missing.pem")}).read(reading(), User)


@pytest.mark.parametrize("token", ["", "  ", "ghp_abc\n", "ghp abc", "ghp_\x00", "ghp_ä"])
def test_what_can_be_no_token_is_told_without_showing_it(token: str) -> None:
    with pytest.raises(ForgeError) as caught:
        Client(token=token, api_url="https://api.github.com", environ={})
    assert caught.value.slug == "forge-auth"
    assert "ghp" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "url",
    ["", "api.github.com", "ftp://h/", "https://", "https://u:p@h/", "https://h/?a=b", "https://h:x/", "http://["],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        client(url)


def test_a_token_of_no_known_form_is_taken_out_of_github_s_words(serve: Any) -> None:
    server = serve(Reply(422, '{"message": "no, plain-words-7"}'))
    odd = Client(token="plain-words-7", api_url=server.url, environ={})
    with pytest.raises(ForgeError) as caught:
        odd.read(reading(), User)
    assert "plain-words-7" not in caught.value.message
    assert "[token]" in caught.value.message


def test_the_token_is_in_no_log_and_no_error(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "github.Requester")
    echo = json.dumps({"message": f"who is {TOKEN}?", "errors": [TOKEN, {"message": TOKEN}]})
    for status in (400, 401, 403, 404, 422, 500):
        server = serve(Reply(status, echo))
        with pytest.raises(ForgeError) as caught:
            client(server.url).read(reading(), User)
        assert TOKEN not in caught.value.message + caught.value.hint + repr(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
        assert all(TOKEN not in path for _, path, _ in server.seen)
    assert caplog.records
    assert "Authorization" in caplog.text
    # The echo of a server is the one thing that PyGithub would log at DEBUG, which nothing of ours turns on.
    assert f"token {TOKEN}" not in caplog.text


# ----------------------------------------------------------------------------------------------- asking again


@pytest.mark.parametrize(
    "bad",
    [
        Reply(500, '{"message": "Server Error"}'),
        Reply(502, "<html>Bad Gateway</html>", {"content-type": "text/html"}),
        Reply(503, ""),
        Reply(close=True),
        Reply(promised=500),
        Reply(chunks=-3),
        Reply(200, "<html>a proxy</html>"),
        Reply(200, '{"login": "oc'),
        Reply(200, "[" * 100_000),
        Reply(200, b"\xff\xfe", {"content-type": "application/json"}),
        Reply(200, '{"login": "octo"}', {"content-encoding": "gzip"}),
    ],
)
def test_a_read_is_tried_again_and_given_up(serve: Any, bad: Reply) -> None:
    watch = Time()
    good = serve(bad, bad, Reply())
    assert client(good.url, watch).read(reading(), User).login == "octo"
    assert watch.slept == [1.0, 2.0]
    never = serve(bad)
    with pytest.raises(ForgeError) as caught:
        client(never.url, watch).read(reading(), User)
    cut = bad.close or bad.promised or bad.chunks or "content-encoding" in bad.headers
    assert caught.value.slug == ("forge-garbled" if bad.status == 200 and not cut else "forge-server")
    assert not caught.value.sent
    assert caught.value.message.startswith("Could not ask who we are")
    assert caught.value.hint
    assert len(never.seen) == TRIES


@pytest.mark.parametrize(
    "bad", [Reply(500), Reply(502), Reply(close=True), Reply(promised=500), Reply(200, "<html>"), Reply(late=2)]
)
def test_what_may_not_be_done_twice_is_sent_once_and_says_so(serve: Any, bad: Reply) -> None:
    server = serve(bad)
    with pytest.raises(ForgeError) as caught:
        client(server.url, timeout=1).write(writing(again=False), User)
    assert caught.value.sent
    assert len(server.seen) == 1


def test_what_may_be_done_twice_is_tried_again(serve: Any) -> None:
    server = serve(Reply(502), Reply())
    assert client(server.url).write(writing(again=True, verb="PATCH"), User).login == "octo"
    assert len(server.seen) == 2


def test_a_connection_that_cannot_be_made_says_that_nothing_was_sent(serve: Any) -> None:
    proxy = serve(Reply())
    proxy.shutdown()
    proxy.server_close()
    with pytest.raises(ForgeError) as caught:
        client("http://github.example", environ={"http_proxy": proxy.url}).write(writing(again=False), User)
    assert (caught.value.slug, caught.value.sent) == ("forge-server", False)


def test_an_answer_that_never_ends_is_cut_off(serve: Any) -> None:
    server = serve(Reply(drip=0.4))
    began = time.monotonic()
    with pytest.raises(ForgeError) as caught:
        client(server.url, timeout=1).write(writing(again=False), User)
    assert caught.value.sent
    assert "did not answer" in caught.value.message
    assert time.monotonic() - began < 5


def test_an_answer_may_come_in_chunks_and_compressed(serve: Any) -> None:
    login = "o" * 300_000
    packed = gzip.compress(json.dumps({"login": login}).encode())
    for headers, body in (({}, json.dumps({"login": login}).encode()), ({"content-encoding": "gzip"}, packed)):
        for chunks in (0, 7):
            server = serve(Reply(200, body, headers, chunks=chunks))
            door = client(server.url)
            assert door.read(reading(), User).login == login
            assert door.read(reading(), User).login == login


def test_an_answer_that_is_too_large_is_not_kept(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.forges.http.MAX_BYTES", 1000)
    packed = gzip.compress(b'{"login": "' + b"o" * 10_000_000)
    server = serve(Reply(200, packed, {"content-encoding": "gzip"}))
    with pytest.raises(ForgeError) as caught:
        client(server.url).read(reading(), User)
    assert caught.value.slug == "forge-server"


def test_a_long_text_that_is_not_declared_is_utf8(serve: Any) -> None:
    server = serve(Reply(200, '{"login": "Jürgen ✓"}'.encode(), {"content-type": "application/json"}))
    assert client(server.url).read(reading(), User).login == "Jürgen ✓"


# ----------------------------------------------------------------------------------------------------- limits

SECONDARY = json.dumps({"message": "You have exceeded a secondary rate limit. Please wait a few minutes."})


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_within_patience_is_waited_for_also_by_a_write(serve: Any, status: int) -> None:
    watch = Time()
    server = serve(Reply(status, SECONDARY, {"retry-after": "7"}), Reply())
    assert client(server.url, watch).write(writing(again=False), User).login == "octo"
    assert watch.slept == [7.0]


def test_a_limit_beyond_patience_ends_it_at_once(serve: Any) -> None:
    watch = Time()
    server = serve(Reply(403, SECONDARY, {"retry-after": "121"}))
    with pytest.raises(ForgeError) as caught:
        client(server.url, watch, patience=120).write(writing(again=False), User)
    assert (caught.value.slug, caught.value.sent, watch.slept) == ("forge-limit", False, [])
    assert "until about" in caught.value.message
    assert len(server.seen) == 1


def test_the_primary_limit_is_read_by_the_servers_clock(serve: Any) -> None:
    watch = Time(now=5.0)  # wrong by decades
    primary = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-limit": "1000",
        "x-ratelimit-reset": str(int(time.time()) + 30),
    }
    server = serve(Reply(403, '{"message": "API rate limit exceeded for installation"}', primary), Reply())
    client(server.url, watch).read(reading(), User)
    assert 29 <= watch.slept[0] <= 32


def test_a_date_in_retry_after_is_understood(serve: Any) -> None:
    watch = Time(now=5.0)
    after = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 20))
    server = serve(Reply(429, "{}", {"retry-after": after}), Reply())
    client(server.url, watch).read(reading(), User)
    assert 18 <= watch.slept[0] <= 21


def test_a_limit_that_names_no_time_is_waited_for_a_minute_then_two(serve: Any) -> None:
    watch = Time()
    server = serve(Reply(403, SECONDARY), Reply(403, SECONDARY), Reply())
    client(server.url, watch, patience=180).read(reading(), User)
    assert watch.slept == [60.0, 120.0]


def test_patience_is_for_all_waits_of_one_piece_of_work(serve: Any) -> None:
    watch = Time()
    server = serve(Reply(429, "{}", {"retry-after": "60"}), Reply(), Reply(429, "{}", {"retry-after": "70"}))
    tired = client(server.url, watch, patience=120)
    tired.read(reading(), User)
    with pytest.raises(ForgeError, match="rate limit"):
        tired.read(reading(), User)
    server.replies = [Reply(429, "{}", {"retry-after": "70"}), Reply()]
    tired.renew()
    assert tired.read(reading(), User)


def test_a_server_that_asks_for_no_wait_is_not_asked_for_ever(serve: Any) -> None:
    server = serve(Reply(429, "{}", {"retry-after": "0"}))
    with pytest.raises(ForgeError) as caught:
        client(server.url).read(reading(), User)
    assert caught.value.slug == "forge-limit"
    assert len(server.seen) == TRIES + 1


@given(st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset", "date"]), st.text(max_size=40)))
def test_headers_never_break_the_arithmetic(headers: dict[str, str]) -> None:
    wait = asked_wait({**headers, "x-ratelimit-remaining": "0"}, 1e9)
    assert wait is None or wait >= 0


def test_writes_are_a_second_apart_and_reads_are_not(serve: Any) -> None:
    watch = Time()
    server = serve(Reply())
    door = client(server.url, watch)
    for _ in range(3):
        door.read(reading(), User)
        door.write(writing(again=False), User)
    assert watch.slept == [1.0, 1.0]
    watch.now += 10
    door.write(writing(again=False), User)
    assert watch.slept == [1.0, 1.0]


# ----------------------------------------------------------------------------------------- what a failure means


@pytest.mark.parametrize(
    ("status", "body", "slug", "words"),
    [
        (401, {"message": "Bad credentials"}, "forge-auth", "wrong or has expired"),
        (403, {"message": "Resource not accessible by integration"}, "forge-auth", "metadata: read"),
        (404, {"message": "Not Found"}, "forge-missing", "may not see it"),
        (410, {"message": "Gone"}, "forge-missing", "not there"),
        (409, {"message": "Conflict"}, "forge-refused", "does not accept"),
        (
            422,
            {"message": "Validation Failed", "errors": [{"field": "line", "code": "invalid"}, "x"]},
            "forge-refused",
            "does not accept",
        ),
        (418, [], "forge-refused", "does not accept"),
    ],
)
def test_a_refusal_is_not_repeated_and_is_explained(
    serve: Any, status: int, body: object, slug: str, words: str
) -> None:
    server = serve(Reply(status, json.dumps(body)))
    with pytest.raises(ForgeError) as caught:
        client(server.url).read(reading(), User)
    assert caught.value.slug == slug
    assert f"answered {status}" in caught.value.message
    assert words in caught.value.hint
    if isinstance(body, dict):
        assert body["message"] in caught.value.message
        assert ("line invalid; x" in caught.value.message) == ("errors" in body)
    assert len(server.seen) == 1


def test_single_sign_on_is_told(serve: Any) -> None:
    server = serve(Reply(403, '{"message": "Resource protected"}', {"x-github-sso": "required; url=https://x"}))
    with pytest.raises(ForgeError) as caught:
        client(server.url).read(reading(), User)
    assert "single sign-on" in caught.value.hint


def test_a_message_cannot_steer_a_terminal_or_a_job(serve: Any) -> None:
    server = serve(Reply(422, json.dumps({"message": "\x1b[31m\n::error::x\r\u202e" + "y" * 10_000})))
    with pytest.raises(ForgeError) as caught:
        client(server.url).read(reading(), User)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("body", ['{"login": 7}', "[]", "null", "{}", '"octo"', "NaN"])
def test_another_shape_than_documented_is_garbled(serve: Any, body: str) -> None:
    server = serve(Reply(200, body))
    with pytest.raises(ForgeError) as caught:
        client(server.url).read(reading(), User)
    assert caught.value.slug == "forge-garbled"
    assert "GITHUB_API_URL" in caught.value.hint


def test_a_rate_header_that_is_no_number_is_no_crash(serve: Any) -> None:
    server = serve(Reply(headers={"x-ratelimit-remaining": "many", "x-ratelimit-limit": "more"}))
    with pytest.raises(ForgeError):
        client(server.url).read(reading(), User)


# ------------------------------------------------------------------------------------------------------- pages


def test_pages_are_read_to_the_end_without_asking_an_address_of_the_answer(serve: Any) -> None:
    elsewhere = serve(Reply())
    link = {"link": f'<{elsewhere.url}/x?page=2>; rel="next"'}
    page = json.dumps([{"login": "a"}])
    server = serve(Reply(200, page, link), Reply(200, page, link), Reply(200, page, {"link": '<x>; rel="first"'}))
    found = client(server.url).pages(reading("/users", state="open"), User)
    assert len(found) == 3
    assert [path for _, path, _ in server.seen] == [f"/users?page={n}&per_page=100&state=open" for n in (1, 2, 3)]
    assert elsewhere.seen == []


def test_pages_without_links_are_read_until_one_is_not_full(serve: Any) -> None:
    full = json.dumps([{"permission": "read"}] * 100)
    server = serve(Reply(200, full), Reply(200, full), Reply(200, "[]"))
    assert len(client(server.url).pages(reading("/x"), Permission)) == 200


def test_a_list_that_never_ends_is_none(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.forges.http.MAX_PAGES", 3)
    server = serve(Reply(200, '[{"login": "a"}]', {"link": '<x>; rel="next"'}))
    with pytest.raises(ForgeError) as caught:
        client(server.url).pages(reading("/x"), User)
    assert caught.value.slug == "forge-garbled"


def test_deleting_what_is_gone_is_done(serve: Any) -> None:
    server = serve(Reply(204, ""), Reply(404, "{}"), Reply(403, "{}"))
    door = client(server.url)
    gone = Call("delete", "x", "DELETE", "/x")
    assert door.delete(gone)
    assert not door.delete(gone)
    with pytest.raises(ForgeError):
        door.delete(gone)
