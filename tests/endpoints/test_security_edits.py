"""Rewrites for security: what is proposed for many spellings, that the policy lets it pass, and what it does."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import os
import re
import sqlite3
import ssl
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from bot.domain import Category
from bot.endpoints.edits.regexes import alternatives
from bot.endpoints.edits.security import fitting
from bot.endpoints.edits.weights import OPERATORS
from tests.endpoints.remedied import loaded, one, proposed

# Imports and one line of `def f(...)` -> a piece of the rewrite, and the operator that makes it.
LINES = [
    # queries
    (
        "import sqlite3",
        "c, x",
        "return c.execute(f\"SELECT * FROM t WHERE a = '{x}'\")",
        'a = ?", (x,))',
        "query-parameters",
    ),
    (
        "import sqlite3",
        "c, x",
        "return c.execute('SELECT * FROM t WHERE a = %s' % x)",
        'a = ?", (x,))',
        "query-parameters",
    ),
    (
        "import sqlite3",
        "c, x",
        "return c.execute(\"SELECT * FROM t WHERE a = '{}'\".format(x))",
        'a = ?", (x,))',
        "query-parameters",
    ),
    (
        "import sqlite3",
        "c, x",
        "return c.execute('DELETE FROM t WHERE a = \\'' + x + '\\'')",
        'a = ?", (x,))',
        "query-parameters",
    ),
    (
        "import psycopg2",
        "c, x",
        "return c.execute(f\"SELECT * FROM t WHERE a = '{x}'\")",
        'a = %s", (x,))',
        "query-parameters",
    ),
    (
        "import pymysql",
        "c, x",
        "return c.execute(\"SELECT * FROM t WHERE a LIKE '%%%s%%'\" % x)",
        'LIKE %s", (f"%{x}%",))',
        "query-parameters",
    ),
    (
        "import asyncpg",
        "c, x, y",
        "return c.fetch(f'SELECT * FROM t WHERE a = {x} AND b = {y}')",
        'a = $1 AND b = $2", x, y)',
        "query-parameters",
    ),
    (
        "from sqlalchemy import text",
        "c, x",
        "return c.execute(text(f\"SELECT 1 FROM t WHERE a = '{x}'\"))",
        'a = :value1"), {"value1": x})',
        "query-parameters",
    ),
    (
        "import sqlite3",
        "c, x, y",
        "return c.execute(f'SELECT * FROM t WHERE a = {x} AND b = ?', (y,))",
        "(x, y))",
        "query-parameters",
    ),
    (
        "import sqlite3",
        "c, x, y",
        "return c.execute(f'SELECT * FROM t WHERE b = ? AND a = {x}', (y,))",
        "(y, x))",
        "query-parameters",
    ),
    (
        "import sqlite3",
        "c, x, p",
        "return c.execute(f'SELECT * FROM t WHERE b = ? AND a = {x}', p)",
        "(*p[:1], x, *p[1:]))",
        "query-parameters",
    ),
    (
        "import sqlite3",
        "c, x",
        "return c.execute(f'SELECT * FROM t ORDER BY {x}')",
        "if not x.isidentifier():",
        "query-name",
    ),
    ("import sqlite3", "c, x", "return c.execute('SELECT * FROM ' + x)", "if not x.isidentifier():", "query-name"),
    (
        "import sqlite3",
        "c, x, d",
        "return c.execute(f'SELECT * FROM t ORDER BY {x} {d}')",
        'd.upper() not in ("", "ASC", "DESC")',
        "query-name",
    ),
    # commands
    ("import os", "x", "return os.system('ls ' + x)", 'os.system(f"ls {shlex.quote(x)}")', "quote-argument"),
    (
        "from os import system",
        "x",
        "return system(f'ls \"{x}\"')",
        'system(f"ls {shlex.quote(x)}")',
        "quote-argument",
    ),
    ("from os import system", "x", "return system(f'ls \"d/{x}\"')", "shlex.quote(f'd/{x}')", "quote-argument"),
    (
        "import os",
        "x",
        "return os.popen('ls %s | wc' % x).read()",
        'os.popen(f"ls {shlex.quote(x)} | wc")',
        "quote-argument",
    ),
    (
        "import subprocess as sp",
        "x",
        "return sp.run(f'ls -l {x}', shell=True)",
        'sp.run(["ls", "-l", x])',
        "argument-list",
    ),
    (
        "from subprocess import check_output",
        "x",
        "return check_output('ls %s' % x, shell=True, text=True)",
        'check_output(["ls", x], text=True)',
        "argument-list",
    ),
    (
        "import subprocess",
        "x",
        "return subprocess.call(args=f'ls {x}', shell=True)",
        'subprocess.call(args=["ls", x])',
        "argument-list",
    ),
    (
        "import subprocess",
        "x, n=3",
        "return subprocess.run(f'head -n {n} {x}', shell=True)",
        '["head", "-n", str(n), x]',
        "argument-list",
    ),
    (
        "import subprocess",
        "x",
        "return subprocess.run(['sh', '-c', 'ls ' + x])",
        "shlex.quote(x)",
        "quote-argument",
    ),
    (
        "import subprocess",
        "x",
        "return subprocess.run(x, shell=True)",
        "subprocess.run(shlex.split(x))",
        "argument-list",
    ),
    (
        "import subprocess",
        "x",
        "return subprocess.run(['tar', '-xf', x])",
        "['tar', '-xf', \"--\", x]",
        "end-of-options",
    ),
    (
        "import subprocess",
        "x",
        "return subprocess.run(['tar', '-xf', x])",
        'if str(x).startswith("-"):',
        "refuse-option",
    ),
    # data that is read
    ("import yaml", "x", "return yaml.load(x, Loader=yaml.Loader)", "yaml.safe_load(x)", "safe-loader"),
    ("from yaml import load, Loader", "x", "return load(x, Loader)", "yaml.safe_load(x)", "safe-loader"),
    ("import yaml", "x", "return yaml.load(x, Loader=yaml.Loader)", "Loader=yaml.SafeLoader", "safe-loader"),
    ("import pickle", "x", "return pickle.loads(x)", "PlainUnpickler(io.BytesIO(x)).load()", "plain-data"),
    ("from pickle import load", "x", "return load(x)", "PlainUnpickler(x).load()", "plain-data"),
    ("", "x", "return eval(x)", "ast.literal_eval(x)", "safe-loader"),
    ("", "x, ast", "return eval(x)", "ast_.literal_eval(x)", "safe-loader"),
    (
        "import xml.etree.ElementTree as ET",
        "x",
        "return ET.fromstring(x)",
        "defusedxml.ElementTree.fromstring(x)",
        "safe-xml",
    ),
    (
        "from lxml import etree",
        "x",
        "return etree.parse(x)",
        "parser=etree.XMLParser(resolve_entities=False, no_network=True)",
        "safe-xml",
    ),
    (
        "from lxml import etree",
        "x",
        "return etree.XML(x, etree.XMLParser(load_dtd=True))",
        "load_dtd=False, resolve_entities=False",
        "safe-xml",
    ),
    ("", "p, x", "p.setFeature(x, True)", "p.setFeature(x, False)", "safe-xml"),
    # paths and archives
    (
        "import os",
        "b, x",
        "return open(os.path.join(b, x))",
        "if not Path(os.path.join(b, x)).resolve().is_relative_to(Path(b).resolve()):",
        "inside-folder",
    ),
    (
        "",
        "b, x",
        "return (b / x).read_text()",
        "if not (b / x).resolve().is_relative_to(Path(b).resolve()):",
        "inside-folder",
    ),
    ("", "x", "return open(f'up/{x}.txt')", 'is_relative_to(Path("up").resolve())', "inside-folder"),
    ("", "b, x", "return open(b + '/' + x)", "is_relative_to(Path(b).resolve())", "inside-folder"),
    ("import os", "b, x", "return open(os.path.join(b, x))", '".." in PurePosixPath(x).parts', "plain-name"),
    (
        "import os",
        "b, x",
        "return os.path.realpath(x).startswith(b)",
        'startswith(os.path.join(b, ""))',
        "inside-folder",
    ),
    ("import tarfile", "x, d", "tarfile.open(x).extractall(d)", 'extractall(d, filter="data")', "safe-members"),
    (
        "import shutil",
        "x, d",
        "shutil.unpack_archive(x, d)",
        'unpack_archive(x, d, filter="data")',
        "safe-members",
    ),
    # connections
    (
        "import requests",
        "x",
        "return requests.get(x, verify=False, timeout=3)",
        "requests.get(x, timeout=3)",
        "verify-peer",
    ),
    ("import ssl", "x", "return ssl._create_unverified_context()", "ssl.create_default_context()", "verify-peer"),
    ("import requests", "x", "return requests.get(x)", "requests.get(x, timeout=10)", "add-timeout"),
    ("", "x", "return x.startswith('https://a.org')", 'startswith("https://a.org/")', "same-host"),
    ("", "x", "return 'a.org' in x", "urlsplit(x).hostname == 'a.org'", "same-host"),
    ("", "h", "return h.endswith('a.org')", 'h == "a.org" or h.endswith(".a.org")', "same-host"),
    (
        "from flask import redirect",
        "x",
        "return redirect(x)",
        "if urlsplit(x).scheme or urlsplit(x).netloc",
        "local-redirect",
    ),
    ("import requests", "x", "return requests.get(f'https://a.org{x}')", "a.org/{str(x).lstrip('/')}", "own-host"),
    (
        "import requests",
        "x",
        "return requests.get('https://a.org/v1/' + x)",
        'urlsplit("https://a.org/").netloc',
        "own-host",
    ),
    ("import requests", "x", "return requests.get(f'https://{x}.a.org/')", "quote(str(x), safe='')", "own-host"),
    ("import requests", "x", "return requests.get(x)", "is_global", "outer-address"),
    ("import urllib.request", "x", "return urllib.request.urlopen(x)", 'not in ("http", "https")', "web-address"),
    (
        "import jwt",
        "t, k",
        "return jwt.decode(t, k, options={'verify_signature': False})",
        'jwt.decode(t, k, algorithms=["HS256"])',
        "verify-token",
    ),
    (
        "import jwt",
        "t, k",
        "return jwt.decode(t, k, algorithms=['none', 'RS256'])",
        "algorithms=['RS256']",
        "verify-token",
    ),
    (
        "",
        "x",
        "return open('/tmp/report.csv', 'w')",
        'prefix="report-", suffix=".csv", dir="/tmp", delete=False).name',
        "unique-file",
    ),
    (
        "import os, tempfile",
        "x",
        "return os.path.join(tempfile.gettempdir(), f'a-{x}.csv')",
        "delete=False).name",
        "unique-file",
    ),
    (
        "from urllib.parse import urlsplit",
        "x",
        "if urlsplit(x).scheme: x = '/'\n    return x",
        'x.replace("\\\\", "/").startswith("//")',
        "local-redirect",
    ),
    ("", "x", "return x if x.startswith('/') else '/'", 'x.startswith("/") and not x.replace(', "local-redirect"),
    (
        "",
        "urls, hosts",
        "return [u for u in urls if any(host in u for host in hosts)]",
        "urlsplit(u).hostname == host",
        "same-host",
    ),
    (
        "",
        "d, token",
        "return bool(token) and d.get(1) == token",
        "d.get(1) is not None and hmac.compare_digest(d.get(1), token)",
        "constant-time",
    ),
    # secrets
    ("import random", "x", "return random.choice(x)", "secrets.choice(x)", "unpredictable"),
    ("from random import randint", "x", "return randint(0, 9)", "secrets.randbelow(10)", "unpredictable"),
    (
        "import random",
        "x",
        "return random.randint(1, x) * 2",
        "(1 + secrets.randbelow(x - 1 + 1)) * 2",
        "unpredictable",
    ),
    ("import random", "x", "return f'{random.randrange(x)}'", "secrets.randbelow(x)", "unpredictable"),
    (
        "import random",
        "x",
        "return ''.join(random.choices(x, k=8))",
        "[secrets.choice(x) for _ in range(8)]",
        "unpredictable",
    ),
    ("import random", "x", "return random.sample(x, 2)", "secrets.SystemRandom().sample(x, 2)", "unpredictable"),
    (
        "import hashlib, time",
        "",
        "return hashlib.md5(str(time.time()).encode()).hexdigest()",
        "secrets.token_hex(16)",
        "unpredictable",
    ),
    ("import hashlib", "x", "return hashlib.md5(x).hexdigest()", "hashlib.sha256(x)", "strong-digest"),
    ("from hashlib import sha1 as digest", "x", "return digest(x)", "hashlib.sha256(x)", "strong-digest"),
    ("import hashlib", "x", "return hashlib.new('md5', x)", 'hashlib.new("sha256", x)', "strong-digest"),
    ("import hmac, hashlib", "k, x", "return hmac.new(k, x, hashlib.md5)", "hashlib.sha256)", "strong-digest"),
    (
        "import hashlib",
        "password, salt",
        "return hashlib.sha256(salt + password).hexdigest()",
        'hashlib.pbkdf2_hmac("sha256", password, salt, 600_000).hex()',
        "slow-digest",
    ),
    ("", "token, x", "return token == x", "hmac.compare_digest(token, x)", "constant-time"),
    ("", "token, x", "return token != x", "not hmac.compare_digest(token, x)", "constant-time"),
    ("", "token, x", "return token == x", "hmac.compare_digest(token.encode(), x.encode())", "constant-time"),
    # files
    (
        "import tempfile",
        "",
        "return tempfile.mktemp('.x', dir='d')",
        "tempfile.NamedTemporaryFile(suffix='.x', dir='d', delete=False).name",
        "private-file",
    ),
    ("", "x", "return open('/tmp/' + x, 'w')", '"x")', "private-file"),
    ("import os", "x", "os.chmod(x, 0o777)", "os.chmod(x, 0o700)", "narrow-mode"),
    (
        "import os, stat",
        "x",
        "os.chmod(x, stat.S_IRUSR | stat.S_IWUSR | stat.S_IWOTH)",
        "os.chmod(x, 0o600)",
        "narrow-mode",
    ),
    ("import os", "x", "os.makedirs(x, mode=0o777)", "mode=0o700", "narrow-mode"),
    ("import os", "x", "return os.open(x, os.O_CREAT, 0o666)", "os.O_CREAT, 0o600)", "narrow-mode"),
    # what is shown
    ("", "x", "return f'<b>{x}</b>'", "html.escape(str(x))", "escape-markup"),
    ("", "x: str", "return '<b>%s</b>' % x", "html.escape(x)", "escape-markup"),
    ("", "html", "return '<b>' + html + '</b>'", "html_.escape(str(html))", "escape-markup"),
    (
        "from markupsafe import Markup",
        "x",
        "return Markup(f'<b>{x}</b>')",
        'Markup("<b>{}</b>").format(x)',
        "escape-markup",
    ),
    (
        "from jinja2 import Environment",
        "x",
        "return Environment(loader=x)",
        "Environment(loader=x, autoescape=True)",
        "escape-markup",
    ),
    (
        "from jinja2 import Template",
        "x",
        "return Template(f'Hi {x}').render()",
        'Template("Hi {{ x }}").render(x=x)',
        "template-value",
    ),
    ("", "x, user", "return x.format(user=user)", "string.Formatter().parse(x)", "refuse-fields"),
    ("", "r, x", "r.headers['A'] = x", '.replace("\\n", "")', "one-line"),
    ("", "log, x", "log.info(f'user {x}')", "''.join(str(x).splitlines())", "one-line"),
    ("", "r, x", "r.headers['A'] = x", 'if "\\r" in str(x) or "\\n" in str(x):', "refuse-line-break"),
    # patterns
    ("import re", "x", "return re.match(r'^(a+)+$', x)", "^(a+)$", "linear-pattern"),
    (
        "import re",
        "x",
        "return re.compile(r'^(\\w+\\s?)*$').match(x)",
        "(?:\\w+(?:\\s\\w+)*\\s?)?",
        "linear-pattern",
    ),
    ("import re", "x", "return re.match(r'^(a+)+$', x)", "if len(x) > 1000:", "length-limit"),
]


@pytest.mark.parametrize(("needs", "given", "line", "piece", "operator"), LINES, ids=[row[3] for row in LINES])
def test_a_line_is_mended(needs: str, given: str, line: str, piece: str, operator: str) -> None:
    found = one(f"{needs}\ndef f({given}):\n    {line}\n", piece)
    assert found.operator == operator
    ast.parse(found.module)
    assert found.refused == ()


def test_every_operator_is_in_the_table_and_fits_some_weakness() -> None:
    named = {row[4] for row in LINES} | {"refuse-entities", "plain-replace"}
    assert named <= OPERATORS.keys()
    assert fitting(89) == {"query-parameters", "query-name"}
    assert fitting(4711) == frozenset()
    assert fitting(0) is None
    for cwe in (78, 22, 79, 89, 502, 611, 330, 327, 208, 377, 732, 1333, 113, 601, 918, 134, 295, 95):
        assert fitting(cwe) and fitting(cwe) <= OPERATORS.keys()


def test_only_what_mends_the_weakness_is_proposed() -> None:
    module = "import sqlite3\ndef f(c, x):\n    return c.execute(f\"SELECT '<b>' FROM t WHERE a = '{x}'\")\n"
    assert {found.operator for found in proposed(module, cwe=89)} == {"query-parameters"}
    assert {found.operator for found in proposed(module, cwe=79)} == {"escape-markup"}


def test_a_slip_is_mended_by_other_edits() -> None:
    module = "import os\ndef f(x):\n    os.system('ls ' + x)\n    return x > 1\n"
    correct = {found.operator for found in proposed(module, Category.CORRECTNESS)}
    assert "quote-argument" not in correct
    assert "swap-comparison" in correct
    assert "delete-statement" not in {found.operator for found in proposed(module)}


# ------------------------------------------------------------------------------------------ what it does


@pytest.fixture
def table() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER, name TEXT, city TEXT)")
    rows = [(1, "ann", "Rome"), (2, "bob", "Oslo"), (3, "o'neil", "Rome"), (4, "50%", "Bern")]
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    return connection


def queried(module: str, piece: str):
    before = loaded(module)
    found = one(module, piece)
    assert found.refused == ()
    return before, found.run()


def test_a_parameter_answers_as_the_text_did_and_keeps_an_attack_out(table: sqlite3.Connection) -> None:
    module = (
        "import sqlite3\n"
        "def f(c, name, city=''):\n"
        "    q = \"SELECT id FROM t WHERE name LIKE '%{n}%' AND city <> '{}'\".format(city, n=name)\n"
        "    return c.execute(q).fetchall()\n"
    )
    before, after = queried(module, '(f"%{name}%", city)')
    for given in (("ann",), ("b", "Rome"), ("",), ("n", "Oslo")):
        assert before(table, *given) == after(table, *given)
    attack = "zz%' OR 1=1 --"
    assert len(before(table, attack)) == 4
    assert after(table, attack) == []
    assert after(table, "o'neil") == [(3,)]


def test_a_query_that_grows(table: sqlite3.Connection) -> None:
    module = (
        "import sqlite3\n"
        "def f(c, name=None, city=None):\n"
        "    query = 'SELECT id FROM t WHERE 1=1'\n"
        "    if name:\n"
        "        query += f\" AND name = '{name}'\"\n"
        "    if city:\n"
        "        query = query + \" AND city = '%s'\" % city\n"
        "    return c.execute(query).fetchall()\n"
    )
    before, after = queried(module, "values += [city]")
    for given in ((), ("ann",), (None, "Rome"), ("ann", "Rome")):
        assert before(table, *given) == after(table, *given)
    assert len(before(table, "x' OR '1'='1")) == 4
    assert after(table, "x' OR '1'='1") == []


def test_a_list_of_values(table: sqlite3.Connection) -> None:
    module = (
        "import sqlite3\n"
        "def f(c, ids):\n"
        "    return c.execute(f\"SELECT name FROM t WHERE id IN ({','.join(str(i) for i in ids)})\").fetchall()\n"
    )
    before, after = queried(module, "list(ids)")
    for ids in ([1], [1, 3], [9], []):
        assert before(table, ids) == after(table, ids)
    assert len(before(table, ["0) OR (1=1"])) == 4
    assert after(table, ["0) OR (1=1"]) == []


def test_a_name_of_a_column(table: sqlite3.Connection) -> None:
    module = (
        "import sqlite3\ndef f(c, by):\n    return c.execute('SELECT id FROM t ORDER BY %s' % by).fetchall()\n"
    )
    before, after = queried(module, "isidentifier")
    assert before(table, "name") == after(table, "name")
    with pytest.raises(ValueError, match="not a name"):
        after(table, "(CASE WHEN 1 THEN id ELSE -id END)")


COMMANDS = [
    (
        "import subprocess\ndef f(x):\n"
        "    return subprocess.run('echo a %s' % x, shell=True, capture_output=True).stdout\n",
        '["echo", "a", x]',
    ),
    (
        "import subprocess\ndef f(x):\n    return subprocess.check_output(f\"echo a '{x}'\", shell=True)\n",
        '["echo", "a", x]',
    ),
    (
        "import subprocess\ndef f(x):\n    return subprocess.check_output(f'echo a \"{x}\" | cat', shell=True)\n",
        "shlex.quote(x)",
    ),
    ("import os\ndef f(x):\n    return os.popen('echo a ' + x).read()\n", "shlex.quote(x)"),
    (
        "import os\ndef f(x):\n    return os.popen('echo a ' + x).read()\n",
        'subprocess.run(["echo", "a", x], stdout=subprocess.PIPE, text=True).stdout',
    ),
]


@pytest.mark.parametrize(("module", "piece"), COMMANDS, ids=[piece for _, piece in COMMANDS])
def test_a_command_does_the_same_and_no_more(module: str, piece: str, tmp_path: Path) -> None:
    before, found = loaded(module), one(module, piece)
    after = found.run()
    assert found.refused == ()
    for harmless in ("b", "b.txt", "b-c"):
        assert before(harmless) == after(harmless)
    mark = tmp_path / "m"
    attacks = [f"; touch {mark}", f"'; touch {mark}; echo '", f'"; touch {mark}; echo "', f"$(touch {mark})"]
    for attack in attacks:
        after(attack)
        assert not mark.exists()
    for attack in attacks:
        with contextlib.suppress(subprocess.CalledProcessError):
            before(attack)
    assert mark.exists()


FOLDERS = [
    (
        "import os\ndef f(b, x):\n    p = os.path.join(b, x)\n    with open(p) as h:\n        return h.read()\n",
        "Path(p)",
    ),
    ("from pathlib import Path\ndef f(b, x):\n    return (Path(b) / x).read_text()\n", "is_relative_to"),
    ("def f(b, x):\n    with open(f'{b}/{x}') as h:\n        return h.read()\n", "os.path.commonpath"),
    (
        "import os\ndef f(b, x):\n    p = os.path.realpath(os.path.join(b, x))\n"
        "    if not p.startswith(b):\n        raise ValueError\n    return open(p).read()\n",
        'os.path.join(b, "")',
    ),
]


@pytest.mark.parametrize(("module", "piece"), FOLDERS, ids=[piece for _, piece in FOLDERS])
def test_a_path_stays_in_its_folder(module: str, piece: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "data-old").mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    (tmp_path / "data-old" / "secret.txt").write_text("secret")
    before, found = loaded(module), one(module, piece)
    after = found.run()
    assert found.refused == ()
    for harmless in ("a.txt", "sub/b.txt", "sub/../a.txt"):
        assert before(str(folder), harmless) == after(str(folder), harmless)
    assert before(str(folder), "../data-old/secret.txt") == "secret"
    with pytest.raises(ValueError):
        after(str(folder), "../data-old/secret.txt")


def test_members_of_an_archive_stay_in_the_folder(tmp_path: Path) -> None:
    def archive(name: str) -> str:
        path = tmp_path / "a.tar"
        with tarfile.open(path, "w") as tar:
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
        return str(path)

    module = "import tarfile\ndef f(p, d):\n    with tarfile.open(p) as tar:\n        tar.extractall(d)\n"
    for piece in ('filter="data"', "tar.getnames()"):
        after = one(module, piece).run()
        after(archive("ok.txt"), str(tmp_path / "out"))
        assert (tmp_path / "out" / "ok.txt").read_text() == "x"
        with pytest.raises((ValueError, tarfile.TarError)):
            after(archive("../evil.txt"), str(tmp_path / "out"))
        assert not (tmp_path / "evil.txt").exists()


def test_markup_is_escaped_and_what_is_markup_already_can_be_left() -> None:
    module = (
        "def f(name, items):\n"
        "    rows = ''.join(f'<li>{item}</li>' for item in items)\n"
        "    return '<h1>%s</h1><ul>%s</ul>' % (name, rows)\n"
    )
    texts = [found.run()("<i>", ["<b>"]) for found in proposed(module, cwe=79)]
    assert "<h1>&lt;i&gt;</h1><ul><li><b></li></ul>" in texts
    assert "<h1><i></h1><ul><li>&lt;b&gt;</li></ul>" in texts
    assert all(found.run()("ann", []) == loaded(module)("ann", []) for found in proposed(module, cwe=79))


def test_a_format_that_looks_into_things_is_refused() -> None:
    module = "def f(form, user):\n    return form.format(user=user)\n"
    for piece in ("string.Formatter", ".replace("):
        found = one(module, piece)
        assert found.refused == ()
        assert found.run()("Hi {user}!", "ann") == "Hi ann!"
    with pytest.raises(ValueError, match="not allowed"):
        one(module, "string.Formatter").run()("{user.__class__}", "ann")


def test_random_values_become_unpredictable_everywhere_at_once() -> None:
    module = (
        "import random, string\n"
        "def f(n):\n"
        "    random.seed(7)\n"
        "    head = random.choice(string.ascii_letters)\n"
        "    return head + ''.join(random.choice(string.digits) for _ in range(n)) + str(random.randint(1, 6))\n"
    )
    found = proposed(module, cwe=330)[0]
    assert "random." not in found.source.replace("SystemRandom", "")
    assert found.refused == ()
    values = {found.run()(6) for _ in range(5)}
    assert len(values) == 5
    assert all(re.fullmatch(r"[a-zA-Z]\d{6}[1-6]", value) for value in values)


def test_a_digest_is_made_by_another_function() -> None:
    module = "import hashlib\ndef f(x):\n    return hashlib.md5(x).hexdigest()\n"
    assert one(module, "sha256").run()(b"a") == hashlib.sha256(b"a").hexdigest()


def test_a_mode_lets_nobody_else_write(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    one("import os\ndef f(p):\n    os.chmod(p, 0o777)\n", "0o7").run()(path)
    assert path.stat().st_mode & 0o022 == 0
    assert os.access(path, os.X_OK)


PATTERNS = [
    (r"^(a+)+$", ["a", "aaa", ""], "a" * 40 + "!"),
    (r"^(\w+\s?)*$", ["one two", "one", "", "one  two", " one"], "a" * 40 + "!"),
    (r"^(?:\d+,?)+$", ["1,2,3", "1", "12,", ",1"], "1" * 40 + "x"),
    (r"^(a|a)*$", ["aa", "b"], "a" * 40 + "!"),
    (r"(\s*\w+)*;", ["a b;", ";", " a;", "a"], "a" * 40),
    (r"^([a-zA-Z0-9]+)*@x$", ["ab@x", "@x", "a"], "a" * 40),
]


@pytest.mark.parametrize(("pattern", "texts", "attack"), PATTERNS, ids=[row[0] for row in PATTERNS])
def test_a_pattern_is_as_before_and_quick(pattern: str, texts: list[str], attack: str) -> None:
    def quick(new: str) -> bool:
        began = time.perf_counter()
        re.search(new, attack[-22:])
        return time.perf_counter() - began < 0.05

    good = [
        new
        for new in alternatives(pattern)
        if all(bool(re.search(pattern, t)) == bool(re.search(new, t)) for t in texts) and quick(new)
    ]
    assert good, alternatives(pattern)


def test_a_pattern_without_a_trap_and_one_that_cannot_be_read() -> None:
    assert alternatives(r"^[a-z]{3}\d?$") == []
    assert alternatives("(") == []
    assert alternatives(r"^a\s+$")  # quadratic at worst: a possessive form is offered, nothing else is


def test_a_pattern_of_the_module_is_mended_where_it_is_used() -> None:
    module = "import re\nNAME = re.compile(r'^(\\w+ ?)*$', re.I)\ndef f(x):\n    return bool(NAME.match(x))\n"
    found = one(module, "re.compile(r")
    assert "re.I" in found.source
    assert found.run()("Ann Lee")
    assert not found.run()("a" * 50 + "!")


def test_what_switches_verification_off_goes_all_at_once() -> None:
    module = (
        "import ssl\n"
        "def f(plain):\n"
        "    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
        "    if plain:\n"
        "        context.check_hostname = False\n"
        "        context.verify_mode = ssl.CERT_NONE\n"
        "    return context\n"
    )
    for given in ("ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)", "ssl.create_default_context()"):
        piece = "context.load_default_certs()" if "SSLContext" in given else "        pass"
        found = one(module.replace("ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)", given), piece, cwe=295)
        assert found.refused == ()
        context = found.run()(True)
        assert context.check_hostname
        assert context.verify_mode == ssl.CERT_REQUIRED
