"""What a proof is told as: a finding, in the words of what ran."""

from __future__ import annotations

import math
from collections import Counter

from bot import identity, wire
from bot.domain import Call, Category, Evidence, Finding, Frame, Outcome, Severity, Witness
from bot.steps.witness.seen import Landing, Proof, innermost, landing, lines_of

WORDS = 400
"""Characters of a model's own words that a finding shows."""
CAPS = {Category.CORRECTNESS: Severity.HIGH, Category.PERFORMANCE: Severity.MEDIUM}
"""The most severe that a model may call what it found."""


def finding_of(proof: Proof, evidence: Evidence, repeats: int) -> Finding:
    """The finding that a proof makes of a suspicion, told by what ran; the model's words are quoted as such."""
    item, suspicion = proof.placed, proof.placed.suspicion
    line = line_of(proof)
    landed = landing(proof.head.result) if item.probe.kind == "attack" else None
    return Finding(
        rule=suspicion.rule,
        category=suspicion.category,
        severity=severity_of(proof),
        function=suspicion.function,
        start_line=line,
        end_line=line,
        title=item.probe.title if item.probe.ours else title_of(proof),
        message=told(proof, landed) if item.probe.ours else message_of(proof),
        witness=Witness(
            kind=item.probe.kind if item.probe.ours else "test",
            tests=(item.test,),
            command=f"python -m pytest {item.test}",
            failure=proof.head.result.message if proof.head.result is not None else "",
            repeats=repeats,
            code=item.probe.code,
            path=item.path,
            payload=(landed.payload or item.probe.payload) if landed is not None else "",
            sink=landed.sink if landed is not None else "",
            stack=landed.stack if landed is not None else own_frames(proof),
        ),
        suspicious_lines=suspicious_lines(proof, evidence),
        # What we made ourselves is made anew at each push: no memory has to keep it.
        probe=None if item.probe.ours else item.probe,
        cwe=item.probe.cwe,
        anchor=item.probe.call if item.probe.kind == "attack" else anchor_of(proof, line),
    )


def anchor_of(proof: Proof, line: int) -> str:
    """What stays the same when a model writes the witness anew, under another name: the exception and the code
    that raises it, where one comes out of the function; else the code that the finding points at."""
    function, result = proof.placed.function.head, proof.head.result
    raised = innermost(function, result) if result is not None else None
    lines = function.source.split("\n")
    place = (line if raised is None else raised) - function.start_line
    text = lines[place] if 0 <= place < len(lines) else ""
    return f"{result.exception if result is not None and raised is not None else 'code'}: {identity.code(text)}"


def severity_of(proof: Proof) -> Severity:
    """What the model called it, capped by its kind, and lower where nothing but the model says what is right."""
    probe, category = proof.placed.probe, proof.placed.suspicion.category
    if probe.ours:
        return probe.severity
    cap = CAPS.get(category, Severity.CRITICAL)
    if proof.base is None:
        cap = min(cap, Severity.MEDIUM, key=lambda severity: severity.rank)
    return min(probe.severity, cap, key=lambda severity: severity.rank)


def line_of(proof: Proof) -> int:
    """The model's line where the change touched it; else the changed line in which it failed, or that it runs."""
    function, probe = proof.placed.function, proof.placed.probe
    changed = sorted(function.changed_lines)
    if probe.line and (line := function.head.start_line + probe.line - 1) in changed:
        return line
    landed = landing(proof.head.result)
    if landed is not None:
        at = [frame.line for frame in landed.stack if frame.path == function.head.path]
        if hit := [line for line in reversed(at) if line in changed]:
            return hit[0]
    ran = [line for line in changed if line in proof.head.covered.get(function.head.path, ())]
    failed = innermost(function.head, proof.head.result) if proof.head.result is not None else None
    ordered = [*(line for line in changed if line == failed), *ran, *changed]
    return ordered[0] if ordered else function.head.def_line


def suspicious_lines(proof: Proof, evidence: Evidence) -> dict[int, float]:
    """Lines of the function that the witness executes -> Ochiai score: the fewer green tests execute it, the more
    suspicious. With one failing test that is 1 / sqrt(1 + green tests)."""
    function = proof.placed.function.head
    green = [t.id for t in evidence.head.tests if t.outcome.good and t.id not in evidence.flaky]
    counts = Counter(n for test in green for n in set(evidence.head.covered.get(test, {}).get(function.path, ())))
    ran = [n for n in proof.head.covered.get(function.path, ()) if n in lines_of(function)]
    return {line: 1 / math.sqrt(1 + counts[line]) for line in sorted(set(ran))}


def title_of(proof: Proof) -> str:
    """A heading: what happens, in the fewest words."""
    name, result = proof.placed.function.head.qualname, proof.head.result
    new = "now " if proof.base is not None else ""
    if result is not None and result.outcome is Outcome.TIMEOUT:
        return f"`{name}` {new}does not end in time"
    if result is not None and innermost(proof.placed.function.head, result) is not None:
        return f"`{name}` {new}raises {result.exception}"
    call, _ = told_calls(proof)
    if call is not None and not call.raised and len(call.arguments) + len(call.result) <= 60:
        return f"`{name}({plain(call.arguments)})` {new}returns `{plain(call.result)}`"
    return f"`{name}` answers otherwise than " + ("at base" if proof.base is not None else "it is said to")


def message_of(proof: Proof) -> str:
    """What was called, what came, what base gave; then the model's own words, as such."""
    name, probe = proof.placed.function.head.qualname, proof.placed.probe
    call, before = told_calls(proof)
    parts = []
    if call is not None:
        parts.append(f"`{name}({plain(call.arguments)})` {came_of(call)} at head")
        if before is not None:
            parts[-1] += f"; at base it {came_of(before)}"
        parts[-1] += "."
    if proof.head.result is not None and proof.head.result.message:
        parts.append(f"The failure: `{plain(proof.head.said)}`.")
    if proof.base is not None:
        parts.append("The same test passes at base.")
    elif probe.fixed:
        parts.append("Base cannot say what is right: a version that the model wrote passes it.")
    else:
        parts.append(
            f"Base cannot say what is right: that `{plain(probe.expected)}` is expected is the model's word."
        )
    who = probe.source.partition(" at ")[0]  # where the endpoint is, is nobody's business
    claim = plain(probe.claim, WORDS).rstrip(".")
    if claim:
        parts.append(f"{who or 'The model'} says: \u201c{claim}\u201d.")
    return " ".join(parts)


def own_frames(proof: Proof) -> tuple[Frame, ...]:
    """For an input that base answers: where the failure came from, without the frames of the test itself."""
    if proof.placed.probe.kind != "input" or proof.head.result is None:
        return ()
    return tuple(
        frame for frame in proof.head.result.frames if "/" in frame.path and frame.path != proof.placed.path
    )


def told(proof: Proof, landed: Landing | None) -> str:
    """What a witness of ours shows: what happens, with which input, and why it matters."""
    probe = proof.placed.probe
    parts = [probe.claim]
    if landed is not None and landed.sink:
        where = next((f" at {frame.path}:{frame.line}" for frame in reversed(landed.stack)), "")
        parts.insert(
            0, f"Given `{plain(landed.payload or probe.payload)}`, it reaches {plain(landed.sink)}{where}."
        )
    if proof.base is not None:
        parts.append("The same test passes at base.")
    return " ".join(part for part in parts if part)


def told_calls(proof: Proof) -> tuple[Call | None, Call | None]:
    """(the call at head that tells most, the same call at base): the first that ends otherwise, else the last."""
    at_base = {call.digest or call.arguments: call for call in (proof.base.calls if proof.base else ())}
    pairs = [(call, at_base.get(call.digest or call.arguments)) for call in proof.head.calls]
    for call, before in pairs:
        if before is not None and (call.result, call.raised) != (before.result, before.raised):
            return call, before
    return pairs[-1] if pairs else (None, None)


def came_of(call: Call) -> str:
    """`returns X` or `raises X`."""
    return f"raises {plain(call.raised)}" if call.raised else f"returns `{plain(call.result)}`"


def plain(text: str, size: int = 200) -> str:
    """Foreign text on one line, without the marks that would end a span of code."""
    return wire.clean(" ".join(text.replace("`", "'").split()), size)
