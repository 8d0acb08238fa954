"""CWE-611, CWE-776, CWE-134: documents that read files or grow, and formats that walk through objects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from bot.kinds import Attack
from bot.languages.python.attacks import frame
from bot.languages.python.attacks.subject import Subject, Target

PARSERS = frozenset(
    {"parse", "fromstring", "XML", "parseString", "iterparse", "XMLParser", "make_parser", "feed", "ParserCreate"}
    | {"parse_string", "fromstringlist"}
)
WAYS = ('"a document"', '"a document as bytes"', '"a stream"', '"a stream of bytes"', '"a file"')
TEXT_OF = '''\
def text_of(result):
    """The text that an answer holds: of a document, its nodes; of anything else, what it looks like."""
    if hasattr(result, "getroot"):
        result = result.getroot()
    if hasattr(result, "itertext"):
        return "".join(result.itertext())
    if hasattr(result, "toxml"):
        return result.toxml()
    return str(result) + repr(getattr(result, "__dict__", ""))
'''
FORMS = """\
FORMS = {
    "a document": lambda: DOCUMENT,
    "a document as bytes": lambda: DOCUMENT.encode(),
    "a stream": lambda: io.StringIO(DOCUMENT),
    "a stream of bytes": lambda: io.BytesIO(DOCUMENT.encode()),
    "a file": lambda: "stored.xml",
}
"""
WATCH = """\
def watch(tmp_path, monkeypatch):
    (tmp_path / "zq7hit.txt").write_text("what zq7hit keeps")
    (tmp_path / "stored.xml").write_text(DOCUMENT)


"""
ENTITY = (
    """STATE = {}
DOCUMENT = '<!DOCTYPE {root} [<!ENTITY x SYSTEM "zq7hit.txt">]>{filled}'
"""
    + FORMS
    + "\n\n"
    + TEXT_OF
    + "\n\n"
    + """\
def seen(event, args):
    if event == "open" and "on" in STATE and str(args[0]).endswith("zq7hit.txt"):
        HITS.append(place())


sys.addaudithook(seen)


"""
    + WATCH.rstrip()
    + """
    monkeypatch.setitem(STATE, "on", True)


def landed(payload, result, tmp_path):
    if HITS or "what zq7hit keeps" in text_of(result):
        return {sink!r}, (HITS or [[]])[0]
    return None
"""
)
GROWING = (
    """\
NESTED = "".join('<!ENTITY x%d "%s">' % (n, "&x%d;" % (n - 1) * {times}) for n in range(1, 5))
NESTED = '<!ENTITY x0 "%s">' % ("zq7hit " * {times}) + NESTED.replace("<!ENTITY x4 ", "<!ENTITY x ")
DOCUMENT = "<!DOCTYPE {root} [%s]>%s" % (NESTED, '{filled}')
"""
    + FORMS
    + "\n\n"
    + TEXT_OF
    + "\n\n"
    + WATCH
    + '''\
def landed(payload, result, tmp_path):
    """Measures the answer against the document: what libraries limit stays below a thousand times its size."""
    return ({sink!r}, []) if len(text_of(result)) > 1000 * len(DOCUMENT) else None
'''
)

TIMES = {False: "20", True: "11"}
"""How often an entity holds the one below: 22 MB of it, or 1 MB where expat stops at 8 MB."""
TAG = re.compile(r"^[A-Za-z_][\w-]{0,30}$")
PATH = re.compile(r"^\.?/{0,2}[A-Za-z_][\w/-]{0,60}$")
MOST_TAGS = 16
MOST_GROWN = 5
"""Places in one document that grow."""


def filled(subject: Subject, target: Target) -> tuple[str, str]:
    """(name of the root, a document with an entity in the place of its texts): as recorded, or made of names."""
    for call in subject.recorded:
        try:
            value = ast.literal_eval(call.get(target.parameter, "None"))
        except (ValueError, SyntaxError):
            continue
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if not isinstance(text, str) or "<!DOCTYPE" in text or len(text) > 400:
            continue
        text = re.sub(r"<\?xml[^>]*\?>", "", text).strip().replace("\n", " ").replace("'", '"')
        root = re.match(r"<([A-Za-z_][\w:.-]*)", text)
        changed = re.sub(r">[^<>]*[A-Za-z][^<>]*<", ">&x;<", text)
        if root is not None and "&x;" in changed and "\\" not in changed:
            return root.group(1), changed
    inner = ""
    for text in [name for name in named(subject.tree) if name != "id"][:MOST_TAGS]:
        parts = [part for part in text.split("/") if part not in ("", ".")]
        inner += "".join(f"<{part}>" for part in parts) + "&x;" + "".join(f"</{part}>" for part in reversed(parts))
    return "a", f'<a><name>&x;</name>{inner}<b id="1">&x;</b></a>'


def named(tree: ast.Module) -> list[str]:
    """Texts of a file by which elements may be asked for: of calls and comparisons, names and paths of names."""
    found: dict[str, None] = {}
    for each in ast.walk(tree):
        asked = each.args if isinstance(each, ast.Call) else []
        if isinstance(each, ast.Compare):
            asked = [part for other in each.comparators for part in [other, *getattr(other, "elts", [])]]
        for part in asked:
            text = part.value if isinstance(part, ast.Constant) else None
            if isinstance(text, str) and (TAG.match(text) or PATH.match(text)):
                found[text] = None
    return list(found)


def documents(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that read XML."""
    site = next((each for each in subject.sites if each.last in PARSERS), None)
    known = any(subject.imports(name) for name in ("xml", "lxml"))
    guarded = not subject.imports("lxml")
    if site is None or not known:
        return
    for target in subject.targets:
        path = target.kind == "path"
        for rule, cwe, sensors, severity, what, why in (
            (
                "xml-external-entity",
                611,
                ENTITY,
                "high",
                "reads files that the document in its argument `{}` names",
                "A document from outside can copy any file that this process may read into the answer.",
            ),
            (
                "xml-entity-expansion",
                776,
                GROWING,
                "low",
                "lets the document in its argument `{}` grow more than a thousandfold",
                "A short document from outside fills the memory of this process.",
            ),
        ):
            title = what.format(target.label)
            limited = cwe == 776 and guarded  # expat limits growth, but lets the first megabytes pass
            root, document = filled(subject, target)
            if cwe == 776:
                first, *more = document.split("&x;")
                document = "&x;".join([first, *more[:MOST_GROWN]]) + "".join(more[MOST_GROWN:])
            text = sensors.replace("{sink!r}", repr(site.name)).replace("{times}", TIMES[limited])
            yield frame.attack_of(
                subject,
                delivered(target),
                frame.Proof(
                    question=title.replace("reads", "read", 1).replace("lets", "let", 1),
                    test="refuses_entities",
                    payloads=('"a file"',)
                    if path
                    else (
                        '"a document"',
                        '"a document as bytes"',
                        '"a stream"',
                        '"a stream of bytes"',
                        '"a file"',
                    ),
                    sensors=text.replace("{root}", root).replace("{filled}", document),
                    imports=("import io",),
                    dressed=False,
                ),
                rule=rule,
                cwe=cwe,
                title=f"`{subject.name}` {title}",
                severity=severity,
                why=why,
                line=site.line,
                limits="that the document can come from a stranger is not shown",
                compared=limited,
            )


def delivered(target: Target) -> Target:
    """The target with its payload in one of the forms."""
    value = target.value.replace("payload.encode()", "payload").replace("payload", "FORMS[payload]()")
    return replace(target, value=value)


# ------------------------------------------------------------------------------------------------- formats

FORMATTED = '''\
def watch(tmp_path, monkeypatch):
    pass


def landed(payload, result, tmp_path):
    """Looks for the name of a module that the payload has walked to, through an object's class."""
    told = re.search(r"zq7hit<([\\w.]+)>", str(result))
    ours = told and told.group(1) in sys.modules and told.group(1) not in (__name__, "unittest.mock")
    return ("str.format", []) if ours else None
'''


def formats(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that take an argument for a format and give objects to it."""
    own = {target.parameter for target in subject.targets}
    for site in subject.sites:
        func = site.node.func
        if site.last not in ("format", "format_map") or not isinstance(func, ast.Attribute):
            continue
        if isinstance(func.value, ast.Constant):
            continue
        fields = [str(number) for number in range(len(site.node.args))]
        fields += [keyword.arg for keyword in site.node.keywords if keyword.arg]
        if site.last == "format_map":
            fields = [own_name for own_name in ("self", "user", "item", "obj") if own_name in subject.text]
        payloads = [repr(f"zq7hit<{{{field}.__class__.__init__.__globals__[__name__]}}>") for field in fields]
        if not payloads or not own:
            continue
        for target in subject.targets:
            if target.kind == "path":
                continue
            yield frame.attack_of(
                subject,
                target,
                frame.Proof(
                    question=f"take its argument `{target.label}` for a format that walks through objects",
                    test="takes_no_argument_for_a_format",
                    payloads=payloads,
                    sensors=FORMATTED,
                    imports=("import re",),
                ),
                rule="format-string",
                cwe=134,
                title=f"`{subject.name}` lets its argument `{target.label}` read through what it formats",
                severity="medium",
                why="A format reaches attributes: from an object to its class, its module, and the secrets there.",
                line=site.line,
                limits="that the argument can come from a stranger is not shown",
            )
        return
