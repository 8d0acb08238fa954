"""CWE-611, CWE-776, CWE-134: documents that read files or grow, and formats that walk through objects."""

from __future__ import annotations

import ast
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
    """DOCUMENT = '<!DOCTYPE a [<!ENTITY x SYSTEM "zq7hit.txt">]><a><name>&x;</name><b id="1">&x;</b></a>'\n"""
    + FORMS
    + "\n\n"
    + TEXT_OF
    + "\n\n"
    + WATCH
    + """\
def landed(payload, result, tmp_path):
    return ({sink!r}, []) if "what zq7hit keeps" in text_of(result) else None
"""
)
GROWING = (
    """\
NESTED = "".join('<!ENTITY x%d "%s">' % (n, "&x%d;" % (n - 1) * 20) for n in range(1, 5))
DOCUMENT = '<!DOCTYPE a [<!ENTITY x0 "%s">%s]><a><name>&x4;</name></a>' % ("zq7hit " * 20, NESTED)
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

LIMITED = """

if pyexpat.version_info >= (2, 4, 1):
    PAYLOADS.clear()  # this expat limits growth by itself
"""


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
                    sensors=sensors.replace("{sink!r}", repr(site.name))
                    + (LIMITED if cwe == 776 and guarded else ""),
                    imports=("import io", "import pyexpat"),
                    dressed=False,
                ),
                rule=rule,
                cwe=cwe,
                title=f"`{subject.name}` {title}",
                severity=severity,
                why=why,
                line=site.line,
                limits="that the document can come from a stranger is not shown",
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
