"""Plain code, near to what attacks look for and with nothing to exploit: whatever is tried, nothing lands."""

from __future__ import annotations

from pathlib import Path

from attacked import run

HARMLESS = {
    "add": "def add(a, b):\n    return a + b\n",
    "slug": "import re\ndef slug(text):\n    return re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')\n",
    "read": "def read(path):\n    with open(path) as stream:\n        return stream.read()\n",
    "write": "def write(path, text):\n    with open(path, 'w') as out:\n        out.write(text)\n",
    "from_json": "import json\ndef load(text):\n    return json.loads(text)\n",
    "json_file": "import json\ndef load(path):\n    with open(path) as f:\n        return json.load(f)\n",
    "version": """
        import subprocess
        def version(tool):
            out = subprocess.run(["git", "--version"], capture_output=True, text=True).stdout
            return f"{tool}: {out.strip()}"
    """,
    "shell_constant": """
        import subprocess
        def count(name):
            out = subprocess.check_output("ls | wc -l", shell=True)
            return name, int(out or 0)
    """,
    "listed": "import subprocess\ndef grep(word, path):\n    return subprocess.run(['grep', '--', word, path])\n",
    "checksum": """
        import hashlib
        def checksum(data):
            return hashlib.md5(data, usedforsecurity=False).hexdigest()
    """,
    "shuffled": "import random\ndef shuffled(items):\n    return random.sample(list(items), len(items))\n",
    "literal": "import ast\ndef parse(text):\n    return ast.literal_eval(text)\n",
    "compiled": "import re\ndef find(pattern, text):\n    return re.findall(pattern, text)\n",
    "compiles": """
        import ast
        def names(source):
            return [n.id for n in ast.walk(ast.parse(source)) if hasattr(n, 'id')]
    """,
    "model": """
        class Model:
            def eval(self):
                return self
            def score(self, name):
                self.eval()
                return len(name)
    """,
    "executes": """
        class Command:
            def __init__(self, steps=()):
                self.steps = steps
            def execute(self, name):
                return [step.execute(name) for step in self.steps] + [f"done {name}"]
    """,
    "runs": """
        def run(job, name):
            return job.run(f"task {name}")
    """,
    "query": """
        def search(client, term):
            return client.query(f"title:{term}")
    """,
    "formatted": "def label(name, count):\n    return '{}: {}'.format(name, count)\n",
    "formats": "def render(template, name):\n    return template.format(name=name)\n",
    "dates": """
        import datetime
        def day(text, pattern):
            return datetime.datetime.strptime(text, pattern).date()
    """,
    "sorted_rows": """
        def rows(conn, name):
            return sorted(conn.execute('SELECT * FROM t WHERE a = ?', (name,)))
    """,
    "columns": """
        COLUMNS = ("id", "name")
        def insert(conn, values):
            marks = ", ".join("?" * len(COLUMNS))
            conn.execute(f"INSERT INTO t ({', '.join(COLUMNS)}) VALUES ({marks})", values)
    """,
    "limited": "def page(conn, n: int):\n    return conn.execute(f'SELECT * FROM t LIMIT {n}').fetchall()\n",
    "enum_order": """
        def page(conn, descending):
            order = "DESC" if descending else "ASC"
            return conn.execute(f"SELECT * FROM t ORDER BY id {order}").fetchall()
    """,
    "copied": "import copy, pickle\ndef clone(value):\n    return pickle.loads(pickle.dumps(value))\n",
    "saved": """
        import pickle
        def save(path, value):
            with open(path, 'wb') as f:
                pickle.dump(value, f)
    """,
    "logged": """
        import logging
        log = logging.getLogger(__name__)
        def greet(name):
            log.info("hello %s", name)
            return name.title()
    """,
    "getter": "def get(obj, name):\n    return getattr(obj, name, None)\n",
    "imported": """
        import importlib
        PLUGINS = {"csv": "csv", "json": "json"}
        def plugin(name):
            return importlib.import_module(PLUGINS[name])
    """,
    "template_value": """
        import string
        def mail(name):
            return string.Template("Hello $name").substitute(name=name)
    """,
    "tree": """
        import xml.etree.ElementTree as ET
        def titles(text):
            return [node.text for node in ET.fromstring(text).iter("title")]
    """,
    "tree_file": """
        from xml.etree import ElementTree
        def root(path):
            return ElementTree.parse(path).getroot()
    """,
    "environment": "import os\ndef env(name, default=None):\n    return os.environ.get(name, default)\n",
    "joined": "def path(parts: list[str]) -> str:\n    return '/'.join(parts)\n",
    "generator": """
        def chunks(text, size):
            for i in range(0, len(text), size):
                yield text[i:i + size]
    """,
    "coroutine": "import asyncio\nasync def later(value):\n    await asyncio.sleep(0)\n    return value\n",
    "cached": "import functools\n@functools.lru_cache\ndef upper(text):\n    return text.upper()\n",
    "endless": "def wait(flag):\n    n = 0\n    while not flag and n < 10:\n        n += 1\n    return n\n",
    "leaves": "import sys\ndef main(name):\n    print(name)\n    sys.exit(0)\n",
    "asks": "def ask(prompt):\n    return input(prompt)\n",
    "quoted_shell": """
        import shlex, subprocess
        class Runner:
            def __init__(self, shell="/bin/sh"):
                self.shell = shell
            def _quoted(self, words):
                return " ".join(shlex.quote(w) for w in words)
            def run(self, name: str, *words: str):
                return subprocess.run(self._quoted([name, *words]) + " | sort", shell=True)
    """,
    "validated": """
        import re, subprocess
        NAME = re.compile(r"^[\\\\w-]+$")
        def check(name):
            if not NAME.fullmatch(name):
                raise ValueError(name)
            return name
        def run(name):
            return subprocess.run("ls " + check(name), shell=True)
    """,
    "mapped_command": """
        import os
        COMMANDS = {"up": "docker up", "down": "docker down"}
        def run(name):
            return os.system(COMMANDS[name])
    """,
    "lookup": "def call(name, table=None):\n    return (table or {'a': len})[name](name)\n",
    "raises": "def todo(name):\n    raise NotImplementedError(name)\n",
}


def test_nothing_lands_in_harmless_code(tmp_path: Path) -> None:
    results = run(tmp_path, HARMLESS)
    wrong = [
        (case, each.attack.rule, each.message[:300])
        for case, ran in results.items()
        for each in ran
        if each.outcome != "passed"
    ]
    assert not wrong, "\n".join(map(str, wrong))
    assert sum(map(len, results.values())) > 15, "attacks were tried at all"
