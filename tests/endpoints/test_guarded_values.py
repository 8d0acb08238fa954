"""Repairs that keep what a value may do: formulas, pickles, temporary files, pages and addresses."""

from __future__ import annotations

import base64
import datetime
import os
import pickle
import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bot.languages.python.policy import violations
from tests.endpoints.remedied import Proposed, one, proposed

# ------------------------------------------------------------------------------------------------- formulas

PRICE = '''
class BadPrice(ValueError):
    pass


def f(rule, row):
    """What a discount rule makes of a row."""
    try:
        return eval(rule, {"__builtins__": {}, "half": lambda x: x / 2}, row)
    except Exception as error:
        raise BadPrice(rule) from error
'''
FILTER = '''
LIMITS = {"most": 10}


def f(items, expression=""):
    """The items for which an expression holds; all without one."""
    found = []
    for item in items:
        if expression:
            if not eval(expression, dict(), item):
                continue
        found.append(item)
    return found
'''
HOSTILE = (
    "__import__('os').getcwd()",
    "().__class__.__base__.__subclasses__()",
    "[x for x in (1, 2)]",
    "(lambda: 1)()",
    "max(['os'], key=__import__)",
    "f'{__import__}'",
    "(y := 1)",
)


def test_a_formula_over_names_is_computed_as_before_and_nothing_else_is() -> None:
    mended = one(PRICE, "not a plain expression", cwe=95)
    assert mended.refused == ()
    price = mended.run()
    assert price("half(total) - 1 if total >= 10 and not staff else total", {"total": 10, "staff": False}) == 4
    assert price("  -total ** 2 % 7", {"total": 3}) == -9 % 7
    for bad in (*HOSTILE, "abs(total)", "1 +", "unknown", "1 / 0"):
        with pytest.raises(Exception, match=".") as caught:
            price(bad, {"total": 3})
        assert type(caught.value).__name__ == "BadPrice"


def test_what_may_be_called_is_what_was_in_reach_and_only_computes() -> None:
    found = one(FILTER, "not a plain expression", cwe=95).run()
    items = [{"n": 3, "tags": ["a"]}, {"n": 30, "tags": []}]
    assert found(items, "n > 5 or 'a' in tags") == items
    assert found(items, "len(tags) == 1 and max(n, 4) == 4 and tags[0] == 'a'") == items[:1]
    assert found(items) == items
    for bad in HOSTILE:
        with pytest.raises(ValueError, match="plain"):
            found(items, bad)
    with pytest.raises(SyntaxError, match="<string>"):
        found(items, "n >")


@pytest.mark.parametrize(
    "line",
    [
        "return x and eval(x)",  # a text that is empty is not evaluated
        "return [eval(one) for one in x]",
        "return eval(x, {'math': math})",  # formulas ask a module for its attributes
        "return eval(x, space)",  # nobody knows what may be called
        "return eval(x, {'run': eval})",
        "return eval(read(x))",  # it would be read twice
        "return eval(compile(x, '', 'eval'))",
    ],
)
def test_where_it_cannot_be_told_what_formulas_may_do_there_is_no_guard(line: str) -> None:
    every = proposed(f"import math\nfrom m import read, space\ndef f(x):\n    {line}\n", cwe=95)
    assert "plain-expression" not in {rewrite.operator for rewrite in every}


def test_a_literal_comes_before_a_guard_only_where_there_are_no_names() -> None:
    alone = proposed("def f(x):\n    return eval(x)\n", cwe=95)
    assert [rewrite.operator for rewrite in alone[:2]] == ["safe-loader", "plain-expression"]
    named = proposed("def f(x, names):\n    return eval(x, {'__builtins__': {}}, names)\n", cwe=95)
    assert named[0].operator == "plain-expression"


# -------------------------------------------------------------------------------------------------- pickles


class Gadget:
    """Pickled, it says: call this."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.path.basename, ("landed",)


COOKIE = '''
import base64
import pickle


def f(text):
    """The settings in a cookie; none where it is not ours."""
    try:
        return pickle.loads(base64.b64decode(text), fix_imports=False)
    except (ValueError, pickle.UnpicklingError):
        return {}
'''
CACHE = """
from pickle import load as read


def f(path):
    with open(path, "rb") as stream:
        return read(stream)
"""
PLAIN = {
    "n": [1, 2.5, None, True, b"x", "é"],
    "when": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    "set": {1, 2},
}


def test_pickled_data_are_read_as_before_and_objects_are_not_made() -> None:
    mended = one(COOKIE, "PlainUnpickler", cwe=502)
    assert mended.refused == ()
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        plain = PLAIN if protocol > 2 else {"a": [1, "x"]}
        assert mended.run()(base64.b64encode(pickle.dumps(plain, protocol))) == plain
    assert mended.run()(base64.b64encode(pickle.dumps(Gadget()))) == {}


def test_a_stream_of_pickles_is_read_by_the_same_rule(tmp_path: Path) -> None:
    mended = one(CACHE, "PlainUnpickler", cwe=502)
    assert mended.refused == ()
    (tmp_path / "a").write_bytes(pickle.dumps(PLAIN))
    (tmp_path / "b").write_bytes(pickle.dumps(Gadget()))
    assert mended.run()(tmp_path / "a") == PLAIN
    with pytest.raises(pickle.UnpicklingError, match="basename"):
        mended.run()(tmp_path / "b")


def test_pickles_that_the_module_writes_itself_may_hold_anything() -> None:
    module = COOKIE + "\n\ndef dump(value):\n    return base64.b64encode(pickle.dumps(value))\n"
    assert proposed(module, cwe=502) == []


def test_no_class_is_read_by_name_that_the_original_did_not_read() -> None:
    before = "def f(x):\n    return json.loads(x)\n"
    after = "def f(x):\n    return pickle.Unpickler(x).load()\n"
    assert violations(before, after, ("import pickle",), "import json\n") != ()


# ------------------------------------------------------------------------------------------ temporary files

NAMES = [
    ('os.path.join(tempfile.gettempdir(), f"{x}-list.csv")', "may-list-", ".csv", ""),
    ('tempfile.gettempdir() + "/build_" + x', "build_", "may", ""),
    ('os.path.join(tempfile.gettempdir(), x + ".tar.gz")', "may-", ".tar.gz", ""),
    ('os.path.join(tempfile.gettempdir(), "made", "%s.log" % x)', "may-", ".log", "made"),
]


@pytest.mark.parametrize(("path", "begins", "ends", "folder"), NAMES, ids=[row[0] for row in NAMES])
def test_a_name_nobody_foresees_begins_and_ends_as_before(
    path: str, begins: str, ends: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "made").mkdir()
    rewrite = one(f"import os, tempfile\ndef f(x):\n    return {path}\n", "NamedTemporaryFile", cwe=377)
    assert rewrite.refused == ()
    made, other = rewrite.run()("may"), rewrite.run()("may")
    assert made != other
    assert Path(made).parent == tmp_path / folder
    assert Path(made).name.startswith(begins)
    assert made.endswith(ends)
    assert Path(made).stat().st_mode & 0o077 == 0


def test_a_name_that_callers_choose_stays_whole_in_a_folder_of_our_own() -> None:
    module = (
        "import os, tempfile\n"
        "def f(x):\n"
        "    with open(os.path.join('/tmp', x), 'w') as out:\n"
        "        out.write('')\n"
    )
    rewrite = one(module, "mkdtemp", cwe=377)
    assert rewrite.refused == ()
    assert "os.path.join(tempfile.mkdtemp(dir='/tmp'), x)" in rewrite.source


def test_a_file_that_others_look_for_keeps_its_name() -> None:
    assert not [r for r in proposed("def f():\n    return '/tmp/app.lock'\n", cwe=377) if "tempfile" in r.source]


def test_a_folder_of_our_own_gives_no_leave_to_open_another_file() -> None:
    before = "def f(x):\n    with open('/tmp/' + x, 'w') as out:\n        out.write(x)\n"
    after = before.replace("'/tmp/' + x", "os.path.join(tempfile.mkdtemp(), {})")
    needs = ("import os", "import tempfile")
    assert violations(before, after.format("x"), needs, "") == ()
    assert violations(before, after.format("'/etc/passwd'"), needs, "") != ()
    assert violations(before, after.format("x + x"), needs, "") != ()


# ------------------------------------------------------------------------------------------------- contexts


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("owner", ["context", "self.context"])
@pytest.mark.parametrize("protocol", ["", "ssl.PROTOCOL_TLS_CLIENT"])
def test_a_bare_context_looks_at_certificates_and_knows_authorities(owner: str, protocol: str) -> None:
    module = (
        "import ssl\n"
        "def f(self):\n"
        f"    {owner} = ssl.SSLContext({protocol})\n"
        f"    {owner}.check_hostname = False\n"
        f"    {owner}.verify_mode = ssl.CERT_NONE\n"
        f"    return {owner}\n"
    )

    class Holder:
        context: Any = None

    made = []
    for rewrite in proposed(module, cwe=295):
        assert rewrite.refused == ()
        made.append(rewrite.run()(Holder()))
        assert "load_default_certs" in rewrite.source or "create_default_context" in rewrite.source
    safe = [c for c in made if c.check_hostname and c.verify_mode == ssl.CERT_REQUIRED]
    assert safe, "a context that asks for certificates"


# ---------------------------------------------------------------------------------------- pages and addresses


def test_a_value_is_escaped_wherever_it_stands_and_what_was_made_of_tags_is_not() -> None:
    module = (
        "import html\n"
        "def f(name, rows):\n"
        '    cells = "".join(f"<td>{html.escape(row)}</td>" for row in rows)\n'
        '    return f\'<tr id="{name}" title="{name}">{cells}</tr>\'\n'
    )
    best: Proposed = proposed(module, cwe=79)[0]
    assert best.refused == ()
    assert best.run()('a"', ["<"]) == '<tr id="a&quot;" title="a&quot;"><td>&lt;</td></tr>'


def test_a_text_that_was_trimmed_is_escaped_as_it_is() -> None:
    module = "import html\ndef f(name):\n    who = name.strip()\n    return f'<b>{who}</b>, <i>{who}</i>'\n"
    assert "<b>{html.escape(who)}</b>, <i>{html.escape(who)}</i>" in proposed(module, cwe=79)[0].source


FETCH = '''
import urllib.request


def f(url):
    """{}"""
    return urllib.request.urlopen(url, timeout=3).read()
'''
INNER = (
    "http://127.0.0.1/",
    "http://localhost:8500/",
    "http://localhost./",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://[::1]/",
    "http://10.0.0.5/",
    "http://169.254.169.254/latest",
    "http://intranet/",
    "file:///etc/passwd",
    "ftp://example.com/",
)


def test_an_address_of_somebody_outside_leads_outside() -> None:
    mended = proposed(FETCH.format("Calls the webhook of a customer."), cwe=918)[0]
    assert mended.refused == ()
    asked: list[str] = []

    class Answer:
        def read(self) -> bytes:
            return b"ok"

    class Request:
        @staticmethod
        def urlopen(url: str, timeout: int) -> Answer:
            asked.append(url)
            return Answer()

    class Urllib:
        request = Request

    call = mended.run(urllib=Urllib)
    outer = (
        "https://example.com:8443/a?b=c",
        "http://93.184.216.34/",
        "https://a.example.co.uk",
        "http://[2606:4700::1]/",
    )
    assert [call(url) for url in outer] == [b"ok"] * 4
    for url in INNER:
        with pytest.raises(ValueError, match="web"):
            call(url)
    assert asked == list(outer)


def test_without_a_word_of_somebody_outside_hosts_within_may_be_meant() -> None:
    best = proposed(FETCH.format("The page at an address."), cwe=918)[0]
    assert 'scheme not in ("http", "https")' in best.source
    assert "is_global" not in best.source
