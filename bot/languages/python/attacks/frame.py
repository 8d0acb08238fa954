"""How an attack becomes a test module: payloads, sensors of a family, and a harness that all of them share.

A family is a function `(Subject) -> Iterator[Attack]`, a row in the table of `attacks/__init__.py`. It looks
at `subject.sites` for a reason, walks over `subject.targets`, and hands a `Proof` to `attack_of`. The sensors of
a proof are the text of two functions of the test module:

- `watch(tmp_path, monkeypatch)`: once, before the calls: patches sinks (`replaced`), makes files below `tmp_path`;
- `landed(payload, result, tmp_path)`: after each call: `(sink, place)` where the payload landed, else None.

They may use of the harness: `HITS`, a list that is emptied before each call, for what sinks saw; `place()`, the
repository's frames at this moment as [[path, line, name], ...]; `replaced(monkeypatch, owner, name, fake)`, which
patches a sink also where the module under test imported it by name; `StandIn`, a MagicMock for objects that
nobody recorded; `module`, the module under test; `ROOT`, the repository. `attempt` swallows whatever the function
raises (and gives None then), drains generators and runs coroutines. Where a stand-in was asked about a payload (a
validator that we don't have), no landing counts.

With `benign` values, a payload counts only after `reached(payload, result, tmp_path)`, a third function of the
sensors, was true for one of them. Everything in a module must run on Python 3.8.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.kinds import Attack
from bot.languages.python.attacks.subject import Subject, Target, ways

HARNESS = '''\
def place():
    """The repository's frames between the call and this moment, as [path, line, name], outermost first."""
    frame, found = sys._getframe(1), []
    while frame is not None and frame.f_code.co_name not in ("attempt", "pytest_pyfunc_call"):
        path = os.path.relpath(frame.f_code.co_filename, ROOT)
        ours = path.endswith(".py") and not path.startswith("..") and "site-packages" not in path
        if ours and os.path.join(ROOT, path) != os.path.abspath(__file__):
            found.insert(0, [path, frame.f_lineno, frame.f_code.co_name])
        frame = frame.f_back
    return found[-8:]
'''
REPLACED = '''\
def replaced(monkeypatch, owner, name, fake):
    """Puts `fake` in a sink's place, also where the module has imported it by name."""
    real = getattr(owner, name)
    monkeypatch.setattr(owner, name, fake)
    for key, value in list(vars(module).items()):
        if value is real:
            monkeypatch.setattr(module, key, fake)
'''
STAND_IN = '''\
class StandIn(mock.MagicMock):
    """In place of an object that is not there. What it would say of a payload is unknown: then nothing counts."""

    def __call__(self, *args, **kwargs):
        if "zq7hit" in repr((args, kwargs)) and self._mock_new_name not in HARMLESS:
            ASKED.append(self._mock_new_name)
        return super().__call__(*args, **kwargs)
'''
HARMLESS = "debug info warning error exception log print append add write send put execute"
AWAITED = """\
        made = super().__call__(*args, **kwargs)
        if isinstance(made, StandIn):
            made.__aenter__.return_value = made
        return made

    def __await__(self):
        yield from ()
        return self
"""
INSTANCE = '''\
def instance(kind, *ways):
    """An object of a class: made as callers do, else without its `__init__`, with stand-ins for what it lacks."""
    for way in ways:
        try:
            return way()
        except Exception:
            continue

    def missing(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, StandIn(_new_name=name))
        return self.__dict__[name]

    bare = type(kind.__name__, (kind,), {"__init__": lambda self: None, "__getattr__": missing})
    bare.__abstractmethods__ = frozenset()
    return bare()
'''
PREPARED = '''\
def prepared(self, step):
    """An object after another method was called on it."""
    step(self)
    return self
'''
GIVEN = '''\
def given(call, **names):
    """Makes a call with these names of the module in place."""
    with mock.patch.multiple(module, **names):
        return call()
'''
ATTEMPT = '''\
def attempt(call):
    """Makes a call, to its end. Whatever it raises is a refusal."""
    try:
        {body}
    except (Exception, SystemExit):
        return None
'''
JUDGE = """\
    for payload in PAYLOADS:
        for call in calls(payload, tmp_path):
            del HITS[:], ASKED[:]
            result = attempt(call)
            hit = landed(payload, result, tmp_path)
            if hit and not ASKED:
                told = {"payload": str(payload)[:120], "sink": hit[0], "stack": hit[1]}
                raise AssertionError("landed: " + json.dumps(told))
"""
REACHED = """\
    if not any(reached(b, attempt(c), tmp_path) for b in BENIGN for c in calls(b, tmp_path)):
        return  # it cannot be called so, and nothing is shown
"""
MOST_PLACES = 3
"""Dresses of a payload: the beginnings and ends that the function asks for."""


@dataclass(frozen=True)
class Proof:
    """What a family gives to make a test module."""

    question: str
    """In the module's caption behind the function's name: "Does `f` ..." + `run its argument `x` as a command`."""
    test: str
    """End of the test's name: `runs_no_command`."""
    payloads: Sequence[str]
    """Python source of each; all of them must be refused. A text holds `subject.MARK`."""
    sensors: str
    """Source of `watch` and `landed`."""
    imports: Sequence[str] = ()
    """Import statements of the sensors and payloads, `import x` each; json, os, sys are there."""
    benign: Sequence[str] = ()
    """Python source of values that must arrive first; with them, the sensors define `reached`."""
    stand_in: str = STAND_IN
    """Source of the class `StandIn`."""
    dressed: bool = True
    """Whether payloads are also tried behind the beginnings, and before the ends, that the function asks for."""


def attack_of(
    subject: Subject,
    target: Target | None,
    proof: Proof,
    *,
    rule: str,
    cwe: int,
    title: str,
    severity: str,
    why: str,
    line: int,
    limits: str = "",
    compared: bool = False,
) -> Attack:
    """The attack of a proof on a target (None: no argument is attacked)."""
    return Attack(
        rule=f"security/{rule}",
        cwe=cwe,
        title=title,
        code=module_text(subject, target, proof),
        payload=shown(proof.payloads[0]) if target is not None else "",
        parameter=target.label if target is not None else "",
        severity=severity,
        why=why,
        line=line,
        limits=limits,
        compared=compared,
    )


def shown(payload: str) -> str:
    """A payload for a reader: the text itself where it is a literal."""
    try:
        value = ast.literal_eval(payload)
    except (ValueError, SyntaxError):
        return payload
    return value if isinstance(value, str) else payload


def module_text(subject: Subject, target: Target | None, proof: Proof) -> str:
    """The whole test module."""
    made = ways(subject, target)
    calls = "\n".join(f"        lambda: {way}," for way in made)
    text = f"{calls}\n{proof.sensors}"
    parts = [REPLACED] if "replaced(" in proof.sensors else []
    if re.search(r"StandIn|instance\(", text):
        parts.append(stand_in_of(subject, proof))
        text += proof.stand_in
    if "instance(" in text:
        parts.append(INSTANCE)
    if "given(lambda" in calls:
        parts.append(GIVEN)
    if "prepared(" in calls:
        parts.append(PREPARED)
    parts += [attempt(subject), proof.sensors.strip("\n") + "\n"]
    parts.append(f"def calls(payload, tmp_path):\n    return [\n{calls}\n    ]\n")
    parts.append(test_text(subject, proof, stored="zq.txt" in calls))
    needed = ["import json", "import os", "import sys", *proof.imports]
    body = "".join(parts)
    for name, statement in (
        ("mock.", "from unittest import mock"),
        ("types.", "import types"),
        ("pathlib.", "import pathlib"),
        ("asyncio.", "import asyncio"),
        ("itertools.", "import itertools"),
    ):
        if name in body:
            needed.append(statement)
    needed = sorted(dict.fromkeys(needed), key=lambda each: (each.startswith("from"), each))
    head = [caption(subject, proof) + "\n"]
    head.append("\n".join(needed) + "\n")
    own = [f"import {subject.module} as module", *(need for need in subject.needs if not need.startswith("def "))]
    head.append("\n".join([*own, *("\n\n" + need + "\n" for need in subject.needs if need not in own)]) + "\n")
    head.append(constants(subject, target, proof, asks="StandIn" in text))
    return "\n".join(head) + "\n\n" + "\n\n".join([HARNESS, *parts])


def stand_in_of(subject: Subject, proof: Proof) -> str:
    """The class `StandIn`; for coroutines it can be awaited and entered, too."""
    if not subject.function.is_async:
        return proof.stand_in
    return proof.stand_in.replace("        return super().__call__(*args, **kwargs)\n", AWAITED)


def caption(subject: Subject, proof: Proof) -> str:
    """The module's docstring."""
    question = f"Does `{subject.name}` {proof.question}?"
    rest = "Red while a payload lands, green once none does: a call that raises has refused it."
    return f'"""{question}\n\n{rest}\n"""'


def constants(subject: Subject, target: Target | None, proof: Proof, *, asks: bool) -> str:
    """The module's constants: payloads, and the lists that sensors fill."""
    lines = ["ROOT, HITS, ASKED = os.getcwd(), [], []"]
    if asks and "HARMLESS" in proof.stand_in:
        lines.append(f'HARMLESS = "{HARMLESS}".split()')
    if proof.benign:
        lines.append(f"BENIGN = [{', '.join(proof.benign)}]")
    lines.append("PAYLOADS = [")
    lines += [f"    {payload}," for payload in proof.payloads]
    lines.append("]")
    dresses = dresses_of(subject, target) if proof.dressed and target is not None else ()
    if dresses:
        pairs = ", ".join(f"({start!r}, {end!r})" for start, end in dresses)
        lines.append(f"PAYLOADS += [a + payload + b for a, b in [{pairs}] for payload in PAYLOADS]")
        if proof.benign:
            lines.append(f"BENIGN += [a + benign + b for a, b in [{pairs}] for benign in BENIGN]")
    return "\n".join(lines) + "\n"


def dresses_of(subject: Subject, target: Target | None) -> tuple[tuple[str, str], ...]:
    """(beginning, end) around payloads: a recorded value of the argument, and texts that the function asks for."""
    if target is None or target.kind == "bytes":
        return ()
    found: dict[tuple[str, str], None] = {}
    for recorded in subject.recorded:
        value = recorded.get(target.parameter, "")
        try:
            text = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            continue
        if target.value == "payload" and isinstance(text, str) and 0 < len(text) <= 40:
            found[text, ""] = None
            break
    start = end = ""
    for site in subject.sites:
        first = site.node.args[0] if site.node.args else None
        if isinstance(first, ast.Tuple) and first.elts:
            first = first.elts[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and len(first.value) <= 40:
            start = start or (first.value if site.last == "startswith" else "")
            end = end or (first.value if site.last == "endswith" else "")
    if start or end:
        found[start, end] = None
    return tuple(found)[:MOST_PLACES]


def attempt(subject: Subject) -> str:
    """The function that makes a call, awaiting or draining what comes where the function is of that kind."""
    function = subject.function
    if function.is_async and function.is_generator:
        body = "result = call()\n\n        async def drained():\n"
        body += "            return [item async for item in result]\n\n"
        body += "        return asyncio.run(asyncio.wait_for(drained(), 5))"
    elif function.is_async:
        body = "return asyncio.run(asyncio.wait_for(call(), 5))"
    elif function.is_generator:
        body = "return list(itertools.islice(call(), 100))"
    else:
        body = "return call()"
    return ATTEMPT.replace("{body}", body)


def test_text(subject: Subject, proof: Proof, *, stored: bool) -> str:
    """The module's one test; `stored`: with a file there that calls name."""
    name = re.sub(r"\W+", "_", subject.name).strip("_").lower()
    lines = f"def test_{name}_{proof.test}(tmp_path, monkeypatch):\n    monkeypatch.chdir(tmp_path)\n"
    if stored:
        lines += "    (tmp_path / 'zq.txt').write_text('zq\\n')\n"
    lines += "    watch(tmp_path, monkeypatch)\n"
    return lines + (REACHED if proof.benign else "") + JUDGE
