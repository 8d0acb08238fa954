"""CWE-95, CWE-502, CWE-1336: arguments that become code: evaluated, unpickled, rendered as a template.

All three are shown alike: the payload says `sys.audit("zq7hit")`, which does nothing at all but tell the audit
hooks, ours among them. It is told when the argument's code ran, and never otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from bot.kinds import Attack
from bot.languages.python.attacks import frame
from bot.languages.python.attacks.subject import Site, Subject, Target

SENSORS = """\
def hook(event, args):
    if event == "zq7hit":
        HITS.append(place())


sys.addaudithook(hook)  # it cannot be taken away, and says nothing but of this event


def watch(tmp_path, monkeypatch):
    pass


def landed(payload, result, tmp_path):
    return ({sink!r}, HITS[0]) if HITS else None
"""

CALL = "__import__('sys').audit('zq7hit')"
ESCAPE = (
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__['sys'].audit('zq7hit')"
)
EXPRESSIONS = (
    CALL,
    f"0, {CALL}",
    f"zq if {CALL} else 0",
    f"0) or ({CALL}",
    f"zq'+str({CALL})+'",
    f'zq"+str({CALL})+"',
    f"0\n{CALL}\n",
    f"zq = 1; {CALL} #",
    f"zq(): pass\n{CALL}\ndef zq2",
    ESCAPE,
)
CODE = frozenset(
    {"code", "source", "src", "source_code", "program", "script", "snippet", "stmt", "statement", "python", "cmd"}
)
"""Names of parameters that are programs: who gives one means it to be run."""


def evaluation(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that evaluate text."""
    site = subject.site("eval", "exec", "builtins.eval", "builtins.exec")
    if site is None:
        return
    what = site.name.rpartition(".")[2]
    for target in subject.targets:
        if target.kind == "path" or target.parameter in CODE:
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"run Python that its argument `{target.label}` holds",
                test="evaluates_no_argument",
                payloads=tuple(map(repr, EXPRESSIONS)),
                sensors=SENSORS.replace("{sink!r}", repr(what)),
            ),
            rule="code-injection",
            cwe=95,
            title=f"`{subject.name}` runs Python that its argument `{target.label}` holds",
            severity="critical",
            why="Whoever chooses the argument runs code of his own inside this process.",
            line=site.line,
            limits="that the argument can come from a stranger is not shown",
        )


# ------------------------------------------------------------------------------------------- deserialising

PICKLES = frozenset({"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "pandas"})
FORMS = '''\
class Gadget:
    """Pickled, it says: call this function with that argument."""

    def __reduce__(self):
        return sys.audit, ("zq7hit",)


RAW = pickle.dumps(Gadget(), 2)
PACKED = zlib.compress(RAW)
FORMS = {
    "a pickle": lambda: RAW,
    "a pickle in base64": lambda: base64.b64encode(RAW),
    "a pickle in base64, as text": lambda: base64.b64encode(RAW).decode(),
    "a pickle in base64 for addresses": lambda: base64.urlsafe_b64encode(RAW).decode(),
    "a pickle in hexadecimal": lambda: RAW.hex(),
    "a pickle in latin-1": lambda: RAW.decode("latin-1"),
    "a packed pickle": lambda: PACKED,
    "a packed pickle in base64": lambda: base64.b64encode(PACKED).decode(),
    "a stream with a pickle": lambda: io.BytesIO(RAW),
    "a file with a pickle": lambda: "stored" + ENDS[0],
    "a file with a pickle and the right end": lambda: "stored" + ENDS[-1],
}
'''
YAML = """\
RAW = "!!python/object/apply:sys.audit ['zq7hit']"
FORMS = {
    "a YAML text": lambda: RAW,
    "a YAML text with a tagged item": lambda: "zq: " + RAW,
    "a list in YAML": lambda: "- " + RAW,
    "YAML as bytes": lambda: RAW.encode(),
    "a stream of YAML": lambda: io.StringIO(RAW),
    "a file of YAML": lambda: "stored" + ENDS[0],
    "a file of YAML with the right end": lambda: "stored" + ENDS[-1],
}
"""
JSON = """\
RAW = '{"py/reduce": [{"py/function": "sys.audit"}, {"py/tuple": ["zq7hit"]}]}'
FORMS = {
    "a text": lambda: RAW,
    "bytes": lambda: RAW.encode(),
    "a file": lambda: "stored" + ENDS[0],
    "a file with the right end": lambda: "stored" + ENDS[-1],
}
"""
STORED = """\
    (tmp_path / "given").mkdir()  # not where the function keeps files of its own
    monkeypatch.chdir(tmp_path / "given")
    for end in ENDS:
        with open("stored" + end, "wb") as out:
            out.write(RAW if isinstance(RAW, bytes) else RAW.encode())
"""


def deserialising(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that load objects of any class."""
    found = next(((site, kind) for site in subject.sites if (kind := loader(site))), None)
    if found is None:
        return
    site, (what, forms) = found
    names = re.findall(r"FORMS = \{(.*)\}", forms, re.DOTALL)[0]
    payloads = re.findall(r'^ +("[^"]+"): lambda', names, re.MULTILINE)
    ends = ["", *sorted(set(re.findall(r"\.[a-z]{2,8}\b(?=[\"'])", subject.function.source)))]
    sensors = SENSORS.replace("    pass\n", STORED).replace("{sink!r}", repr(site.name))
    sensors = f"ENDS = {ends!r}\n\n\n{forms}\n\n{sensors}"
    for target in subject.targets:
        path = "path" in (target.kind, target.parameter) or re.search("file|path", target.parameter)
        yield frame.attack_of(
            subject,
            delivered(target),
            frame.Proof(
                question=f"run code that what it loads from its argument `{target.label}` names",
                test="loads_no_code",
                payloads=payloads,
                sensors=sensors,
                imports=("import base64", "import io", "import pickle", "import zlib"),
                dressed=False,
            ),
            rule="unsafe-deserialization",
            cwe=502,
            title=f"`{subject.name}` runs code that is {what} in its argument `{target.label}`",
            severity="medium" if path else "high",
            why=f"Loading it calls any function that the data name: {site.name} is for data of one's own alone.",
            line=site.line,
            limits="that the data can come from a stranger is not shown",
        )


def loader(site: Site) -> tuple[str, str] | None:
    """(where the code lies, the forms in which it is given) for a call that loads objects of any class."""
    root, last = site.name.partition(".")[0], site.last
    if root in PICKLES and last in ("load", "loads", "Unpickler", "read_pickle"):
        return "pickled", FORMS
    if last == "load" and root == "numpy" and site.true("allow_pickle"):
        return "pickled", FORMS
    if root == "jsonpickle" and last in ("decode", "loads"):
        return "encoded", JSON
    if root in ("yaml", "ruamel") and last in ("load", "load_all", "unsafe_load", "unsafe_load_all", "full_load"):
        return "tagged", YAML
    return None


def delivered(target: Target) -> Target:
    """The target with its payload in one of the forms."""
    value = target.value.replace("payload.encode()", "payload").replace("payload", "FORMS[payload]()")
    return replace(target, value=value)


# ------------------------------------------------------------------------------------------------ templates

TEMPLATES = {
    "jinja2": (
        "zq{{ cycler.__init__.__globals__.os.sys.audit('zq7hit') }}",
        "{{ lipsum.__globals__['os'].sys.audit('zq7hit') }}",
        "zq {% if cycler.__init__.__globals__.os.sys.audit('zq7hit') %}{% endif %}",
        "zq' ~ cycler.__init__.__globals__.os.sys.audit('zq7hit') ~ '",
        "zq }}{{ cycler.__init__.__globals__.os.sys.audit('zq7hit') }}{{ 1",
    ),
    "mako": (f"zq${{{CALL}}}", f"\n<% {CALL} %>\n", f"\n% if {CALL}:\n% endif\n"),
    "tornado": (f"zq{{{{ {CALL} }}}}", f"{{% raw {CALL} %}}"),
}
TEMPLATES["flask"] = TEMPLATES["jinja2"]
MADE = frozenset({"Template", "from_string", "render_template_string"})
BY_CONTRACT = frozenset({"template", "tpl", "tmpl", "template_string", "template_text", "template_source"})


def templates(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that make a template out of an argument."""
    site = next((each for each in subject.sites if each.last in MADE and engine_of(subject, each)), None)
    if site is None:
        return
    for target in subject.targets:
        if target.kind == "path" or target.parameter in (CODE | BY_CONTRACT):
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"take its argument `{target.label}` for a template",
                test="takes_no_argument_for_a_template",
                payloads=tuple(map(repr, TEMPLATES[engine_of(subject, site)])),
                sensors=SENSORS.replace("{sink!r}", repr(site.last)),
            ),
            rule="template-injection",
            cwe=1336,
            title=f"`{subject.name}` takes its argument `{target.label}` for a template, and runs what it says",
            severity="critical",
            why="A template can reach every object of the process: whoever chooses the argument runs code.",
            line=site.line,
            limits="that the argument can come from a stranger is not shown",
        )


def engine_of(subject: Subject, site: Site) -> str:
    """The library whose template a call makes; empty where it is none that we know."""
    root = site.name.partition(".")[0]
    if root in TEMPLATES:
        return root
    if site.last == "from_string":
        return next((name for name in ("jinja2", "flask") if subject.imports(name)), "")
    return ""
