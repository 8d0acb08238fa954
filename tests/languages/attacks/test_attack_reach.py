"""Attacks behind what a function asks first: a member, a suffix, a mode, another method's value."""

from __future__ import annotations

from pathlib import Path

from attacked import made, run

from bot.domain import Call
from bot.languages.python.attacks.pumping import pumps

HEADER_BOX = """
    class Message:
        def __init__(self):
            self.fields = {{}}
        def set(self, name, value):
            self.fields[name] = {value}
            return self
        def text(self):
            return "".join("%s: %s\\r\\n" % pair for pair in self.fields.items()) + "\\r\\n"
"""
ATTRIBUTE = """
    import html
    def image(source, alt):
        if not source.startswith("https://"):
            return ""
        return '<img src="' + {source} + '" alt="' + html.escape(alt) + '">'
"""
SEARCH = """
    class People:
        def __init__(self, connection):
            self.connection = connection
        def _filter(self, name):
            return "(&(objectClass=person)(cn=" + {name} + "))"
        def find(self, name):
            return self.connection.search("dc=x", self._filter(name))
"""
MEMBERS = """
    import io, json, os, zipfile
    def load(data, target):
        with zipfile.ZipFile(io.BytesIO(data)) as bundle:
            meta = json.loads(bundle.read("manifest.json"))
            for name in bundle.namelist():
                if name.endswith(".html"):
                    place = os.path.join(target, {name})
                    os.makedirs(os.path.dirname(place), exist_ok=True)
                    with open(place, "wb") as out:
                        out.write(bundle.read(name))
        return meta
"""
RED = {
    "header_box": ("header-injection", HEADER_BOX.format(value="value")),
    "image": ("cross-site-scripting", ATTRIBUTE.format(source="html.escape(source, quote=False)")),
    "vector": ("cross-site-scripting", "def dot(name):\n    return f'<svg><text>{name}</text></svg>'\n"),
    "people": ("ldap-injection", SEARCH.format(name="name")),
    "group": ("ldap-injection", "def group(cn):\n    return '(&(objectClass=group)(cn=%s))' % cn\n"),
    "bundle": ("archive-traversal", MEMBERS.format(name="name")),
    "existing": (
        "command-injection",
        """
        import os, subprocess
        def head(path, word):
            if not os.path.isfile(path):
                raise FileNotFoundError(path)
            return subprocess.run(f"grep '{word}' {path}", shell=True)
        """,
    ),
    "chosen_mode": (
        "command-injection",
        """
        import os
        def convert(name, tool="builtin"):
            if tool == "builtin":
                return name.upper()
            if tool != "external":
                raise ValueError(tool)
            return os.system("convert " + name)
        """,
    ),
    "recovery": (
        "predictable-secret",
        """
        import random
        class Recovery:
            def issue(self, count=3):
                alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
                codes = ["".join(random.choices(alphabet, k=10)) for _ in range(count)]
                return codes
        """,
    ),
    "elements": (
        "xml-external-entity",
        """
        import io
        import xml.sax, xml.sax.handler
        class Total(xml.sax.handler.ContentHandler):
            count = 0
            def startElement(self, name, attrs):
                self.count += name == "entry"
        def entries(text):
            parser, seen = xml.sax.make_parser(), Total()
            parser.setFeature(xml.sax.handler.feature_external_ges, True)
            parser.setContentHandler(seen)
            parser.parse(io.StringIO(text))
            return seen.count
        """,
    ),
    "prefix": (
        "path-traversal",
        """
        import os
        def locate(folder, name):
            path = os.path.abspath(os.path.join(folder, name))
            return path if path.startswith(os.path.abspath(folder)) else None if name else None
        def find(base, name):
            path = os.path.normpath(os.path.join(base, name))
            if not path.startswith(base):
                return None
            return path
        """,
    ),
    "allowed": (
        "timing-of-comparison",
        """
        import secrets
        def allowed(given):
            key = secrets.token_hex(8)
            return given == key
        """,
    ),
    "approvals": (
        "weak-hash",
        """
        import hashlib
        class Images:
            trusted = frozenset()
            def name(self, data: bytes):
                return hashlib.sha1(data).hexdigest()
        """,
    ),
    "token_file": (
        "exposed-secret-file",
        """
        import os
        def save_token(path, text):
            with open(path, "w") as out:
                out.write(text)
            os.chmod(path, 0o644)
        """,
    ),
    "address": (
        "regular-expression",
        """
        import re
        def is_pair(text):
            return text.count("=") == 1 and re.match(r"^(\\w+\\.?)+=\\d+$", text) is not None
        """,
    ),
}
GREEN = {
    "header_checked": HEADER_BOX.format(value="value.replace('\\r', '').replace('\\n', '')"),
    "image_escaped": ATTRIBUTE.format(source="html.escape(source)"),
    "vector_escaped": "import html\ndef dot(name):\n    return f'<svg><text>{html.escape(name)}</text></svg>'\n",
    "people_escaped": SEARCH.format(name="name.replace('(', '\\\\28').replace(')', '\\\\29')"),
    "filter_given": "def both(filter):\n    return f'(&(objectClass=person){filter})'\n",
    "bundle_flat": MEMBERS.format(name="os.path.basename(name)"),
    "prefix_parted": """
        import os
        def find(base, name):
            path = os.path.normpath(os.path.join(base, name))
            if not path.startswith(base + os.sep):
                return None
            return path
    """,
    "words": """
        import random
        class Chain:
            def next(self, words):
                token = random.choice(sorted(words))
                return token
    """,
    "cards": "import random\nclass Deck:\n    def draw(self):\n        return random.choice('23456789TJQ') * 4\n",
    "lexer": """
        class Lexer:
            def matches(self, kind):
                return kind == self.current_token
            current_token = "name"
    """,
    "shard": "import hashlib\ndef shard(name):\n    return hashlib.md5(name.encode()).hexdigest()[:2]\n",
    "reads_key": "def read_key(path):\n    with open(path) as text:\n        return text.read()\n",
    "public_key": """
        import os
        def save_public_key(path, text):
            with open(path, "w") as out:
                out.write(text)
            os.chmod(path, 0o644)
    """,
    "pair_linear": """
        import re
        def is_pair(text):
            return text.count("=") == 1 and re.match(r"^\\w+(\\.\\w+)*=\\d+$", text) is not None
    """,
    "entries_inside": """
        import xml.etree.ElementTree as ET
        def entries(text):
            return [each.text for each in ET.fromstring(text).findall("./list/entry")]
    """,
    "unpacks": "import zlib\ndef unpack(data: bytes):\n    return zlib.decompress(data)\n",
}
"""All of it as new code: what only a stricter base makes a weakness is not told."""
LAXER = {
    "unpacked": (
        "decompression-bomb",
        "import zlib\ndef body(data: bytes):\n    return zlib.decompress(data)\n",
    ),
    "unpacked_stream": (
        "decompression-bomb",
        "import gzip\ndef body(source):\n    with gzip.open(source) as text:\n        return text.read()\n",
    ),
    "unpacked_late": (
        "decompression-bomb",
        """
        import gzip
        def body(data: bytes):
            text = gzip.decompress(data)
            if len(text) > 1000:
                raise ValueError("too large")
            return text
        """,
    ),
    "key_of_all": (
        "exposed-secret-file",
        "def write_key(path, text):\n    with open(path, 'w') as out:\n        out.write(text)\n",
    ),
    "digested": (
        "weak-hash",
        "import hashlib\ndef name(data: bytes):\n    return hashlib.md5(data).hexdigest()\n",
    ),
    "grown": (
        "xml-entity-expansion",
        """
        from xml.etree import ElementTree
        def notes(text):
            return [each.text for each in ElementTree.fromstring(text).iter("note")]
        """,
    ),
}
STRICT = {
    "unpack_bounded": (
        "decompression-bomb",
        """
        import zlib
        def body(data: bytes):
            stream = zlib.decompressobj()
            text = stream.decompress(data, 1000000)
            if stream.unconsumed_tail:
                raise ValueError("too large")
            return text
        """,
    ),
    "unpack_read": (
        "decompression-bomb",
        "import gzip\ndef body(source):\n    with gzip.open(source) as text:\n        return text.read(1000000)\n",
    ),
    "key_of_one": (
        "exposed-secret-file",
        """
        import os
        def write_key(path, text):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
                out.write(text)
        """,
    ),
    "doctype_refused": (
        "xml-entity-expansion",
        """
        from xml.etree import ElementTree
        def notes(text):
            if "<!DOCTYPE" in text:
                raise ValueError("no document types")
            return [each.text for each in ElementTree.fromstring(text).iter("note")]
        """,
    ),
}


def test_attacks_reach_behind_what_is_asked_first(tmp_path: Path) -> None:
    results = run(tmp_path, {**{case: text for case, (_, text) in RED.items()}, **GREEN})
    landed = {case: {each.attack.rule for each in ran if each.landed} for case, ran in results.items()}
    missed = [case for case, (rule, _) in RED.items() if f"security/{rule}" not in landed[case]]
    assert not missed
    assert not {case: landed[case] for case in GREEN if landed[case]}
    broken = [
        (case, each.message[:300]) for case, ran in results.items() for each in ran if each.outcome == "error"
    ]
    assert not broken


def test_what_only_a_stricter_base_refuses(tmp_path: Path) -> None:
    cases = {**LAXER, **STRICT}
    results = run(tmp_path, {case: text for case, (_, text) in cases.items()}, compared=True)
    for case, (rule, _) in cases.items():
        ran = [each for each in results[case] if each.attack.rule == f"security/{rule}"]
        assert all(each.outcome == "passed" or each.landed for each in ran), (case, [each.message for each in ran])
        assert any(each.landed for each in ran) == (case in LAXER), (case, [each.message[:300] for each in ran])
        assert all(each.attack.compared for each in ran), case


def test_recorded_paths_of_a_test_lie_in_the_folder_of_this_one() -> None:
    text = "import os\ndef save_token(path, text):\n    open(path, 'w').write(text)\n    os.chmod(path, 0o666)\n"
    call = Call(
        "", "", "", "", "", source="('/tmp/pytest-of-me/pytest-7/test_it0/keys/a', 'text that is asked for')"
    )
    code = made(text, calls=[call])[0].code
    assert "path=str(tmp_path / 'keys/a'), text='text that is asked for'" in code
    assert "pytest-of-me" not in code


def test_folders_of_several_ways_are_not_mixed_up(tmp_path: Path) -> None:
    text = """
        import tarfile
        from pathlib import Path
        def unpack_theme(archive, folder):
            folder = Path(folder).resolve()
            with tarfile.open(archive) as theme:
                for member in theme:
                    target = {target}
                    if folder not in target.parents:
                        raise ValueError(member.name)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(theme.extractfile(member).read())
    """
    kept = "'/tmp/pytest-of-me/pytest-7/test_it0/"
    recorded = Call("", "", "", "", "", source=f"({kept}t.tar', {kept}out')")
    cases = {
        "resolved": text.format(target="(folder / member.name).resolve()"),
        "as_named": text.format(target="folder / member.name"),
    }
    results = run(tmp_path, cases, calls=dict.fromkeys(cases, (recorded,)))
    rule = "security/archive-traversal"
    landed = {
        case for case, ran in results.items() if any(each.landed and each.attack.rule == rule for each in ran)
    }
    assert landed == {"as_named"}


def test_a_pump_also_fails_behind_all_that_a_pattern_asks_for() -> None:
    ends = {pump.end for pump in pumps(r"(?:(\w+\.?)+@[a-z]+\.[a-z]{2,})\Z", search=False)}
    assert "\x00" in ends
    assert any(end.count("@") == 1 and end.endswith("\x00") for end in ends)
